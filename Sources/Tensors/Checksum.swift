/// A check of bytes that a file holds, at the speed of memory: it finds accidents, not attackers.
///
/// Eight lanes of 64 bits, each with a sum and a sum of its sums (as Fletcher's checksum has), so that a changed, a
/// moved and a lost word all show.
public enum Checksum {
  public static func of(_ bytes: Bytes) -> UInt64 {
    var sums = SIMD8<UInt64>(repeating: 0)
    var sumsOfSums = SIMD8<UInt64>(repeating: 0)
    let blocks = bytes.count / 64
    for i in 0..<blocks {
      sums &+= bytes.base.loadUnaligned(fromByteOffset: i * 64, as: SIMD8<UInt64>.self)
      sumsOfSums &+= sums
    }
    var result = UInt64(truncatingIfNeeded: bytes.count)
    func mix(_ word: UInt64) {
      result = (result ^ word) &* 0x9E37_79B9_7F4A_7C15
      result ^= result >> 29
    }
    for lane in 0..<8 {
      mix(sums[lane])
      mix(sumsOfSums[lane])
    }
    for i in blocks * 64..<bytes.count {
      mix(UInt64(bytes.base.load(fromByteOffset: i, as: UInt8.self)))
    }
    return result
  }
}
