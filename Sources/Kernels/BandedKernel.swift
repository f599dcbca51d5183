/// A kernel that can make some rows of its result from some rows of an operand, with the bits of a whole run: what chains
/// in row bands are built of.
///
/// Rows are those of images with channels innermost, counted through the batch: row y of image i is i · height + y.
package protocol BandedKernel: PreparedKernel {
  /// The rows of an operand (inputs, then epilogue inputs) that `rows` of the result are made from, which lie in one
  /// image; empty where windows see only padding. nil: the operand is not read by rows and must be there as a whole.
  func operandRows(_ operand: Int, for rows: Swift.Range<Int>) -> Swift.Range<Int>?
  /// Bytes of scratch for any `rows` rows.
  func scratchByteCount(rows: Int) -> Int
  /// Computes `rows` of the result, which lie in one image. Addresses in `call` are those of row 0 of the first image,
  /// as if everything were there; of an operand that is read by rows only `operandRows` may be touched.
  func run(_ call: borrowing KernelCall, rows: Swift.Range<Int>)
}
