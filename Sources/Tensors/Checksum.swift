/// A check of bytes that a file holds, at the speed of memory: it finds accidents, not attackers.
///
/// Eight lanes of 64 bits, each with a sum and a sum of its sums (as Fletcher's checksum has), so that a changed, a
/// moved and a lost word all show.
public enum Checksum {
  public static func of(_ bytes: Bytes) -> UInt64 {
    finish(
      Sums(of: Bytes(base: bytes.base, count: bytes.count / Sums.blockByteCount * Sums.blockByteCount)), bytes
    )
  }

  public static func of(_ bytes: [UInt8]) -> UInt64 {
    bytes.withUnsafeBytes { buffer in
      buffer.baseAddress.map { of(Bytes(base: $0, count: buffer.count)) } ?? 0
    }
  }

  /// The checksum of `bytes`, of whose whole blocks `sums` are the sums.
  package static func finish(_ sums: Sums, _ bytes: Bytes) -> UInt64 {
    var result = UInt64(truncatingIfNeeded: bytes.count)
    func mix(_ word: UInt64) {
      result = (result ^ word) &* 0x9E37_79B9_7F4A_7C15
      result ^= result >> 29
    }
    for lane in 0..<8 {
      mix(sums.sums[lane])
      mix(sums.sumsOfSums[lane])
    }
    for i in sums.blockCount * Sums.blockByteCount..<bytes.count {
      mix(UInt64(bytes.base.load(fromByteOffset: i, as: UInt8.self)))
    }
    return result
  }

  /// The sums of a run of blocks. Those of runs that follow one another add up, so that several threads can share the
  /// check of one range of bytes.
  package struct Sums: Sendable, BitwiseCopyable {
    package static let blockByteCount = 64

    fileprivate var sums = SIMD8<UInt64>(repeating: 0)
    fileprivate var sumsOfSums = SIMD8<UInt64>(repeating: 0)
    fileprivate var blockCount = 0

    package init() {}

    /// Of the whole blocks of `bytes`.
    package init(of bytes: Bytes) {
      blockCount = bytes.count / Self.blockByteCount
      for i in 0..<blockCount {
        sums &+= bytes.base.loadUnaligned(fromByteOffset: i * Self.blockByteCount, as: SIMD8<UInt64>.self)
        sumsOfSums &+= sums
      }
    }

    /// Adds the sums of the blocks that come next: each of their sums begins with all that went before.
    package mutating func append(_ next: Sums) {
      sumsOfSums &+= next.sumsOfSums &+ sums &* UInt64(next.blockCount)
      sums &+= next.sums
      blockCount += next.blockCount
    }
  }
}
