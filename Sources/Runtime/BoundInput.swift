import Tensors

/// A tensor whose elements a plan reads as row-major bytes, aligned for their type.
///
/// A tensor that has them is read in place. Of another one, `refresh()` copies the elements anew into memory that
/// is allocated once.
package struct BoundInput {
  package let tensor: Tensor
  /// Where the elements are copied to; nil where the tensor is read in place.
  let copy: Tensor?
  private let move: StridedCopy?

  /// Allocates the copy, where one is needed, and fills it.
  package init(_ tensor: Tensor) throws(RunError) {
    self.tensor = tensor
    let width = tensor.dataType.bitWidth ?? 8
    let isRowMajor = tensor.placement.sameBytes(as: .rowMajor(tensor.dataType))
    if tensor.dataType == .string || isRowMajor && tensor.bytes.isAligned(to: min(max(1, width / 8), 8)) {
      (copy, move) = (nil, nil)
      return
    }
    do {
      guard tensor.format.storage == tensor.dataType else {
        throw TensorError.unsupportedFormat("an input stored as \(tensor.format.storage.rawValue)")
      }
      let result = try Tensor(uninitialized: tensor.dataType, sizes: tensor.sizes)
      // Elements that share bytes have no strides: `refresh()` puts them in order one by one.
      if width < 8 {
        move = nil
      } else {
        guard let from = tensor.format.layout.strides(of: tensor.sizes),
          let to = result.format.layout.strides(of: tensor.sizes)
        else { throw TensorError.unsupportedFormat("an input in \(tensor.format)") }
        move = StridedCopy(strides: from, to: to, sizes: tensor.sizes, elementByteCount: width / 8)
      }
      copy = result
    } catch let error as TensorError { throw RunError("input", .tensor(error)) } catch {
      throw RunError("input", .malformed("\(error)"))
    }
    try refresh()
  }

  /// Copies the elements of now, where they are copied.
  package func refresh() throws(RunError) {
    guard let copy, let target = copy.mutableBytes else { return }
    if let move {
      tensor.withBytes { move.run(from: $0.base, to: target.base) }
      return
    }
    do {
      try tensor.reordered(to: .rowMajor(tensor.dataType)).withBytes {
        target.base.copyMemory(from: $0.base, byteCount: $0.count)
      }
    } catch { throw RunError("input", .tensor(error)) }
  }

  /// Valid while this value and the tensor are held.
  package var bytes: Bytes { (copy ?? tensor).bytes }
}
