import Testing

@testable import Tensors

@Suite struct ChecksumTests {
  private func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 7) }
  }

  private func checksum(_ bytes: [UInt8]) -> UInt64 {
    bytes.withUnsafeBytes { Checksum.of(Bytes(base: $0.baseAddress!, count: $0.count)) }
  }

  @Test func sumsOfRunsAddUp() {
    let bytes = bytes(64 * 40 + 17)
    bytes.withUnsafeBytes { buffer in
      let whole = Bytes(base: buffer.baseAddress!, count: buffer.count)
      for cuts in [[0, 40], [0, 1, 40], [0, 13, 13, 27, 40], Array(0...40)] {
        var sums = Checksum.Sums()
        for (from, to) in zip(cuts, cuts.dropFirst()) {
          sums.append(Checksum.Sums(of: Bytes(base: whole.base + 64 * from, count: 64 * (to - from))))
        }
        #expect(Checksum.finish(sums, whole) == Checksum.of(whole))
      }
    }
  }

  @Test func changedMovedAndLostWordsShow() {
    let original = bytes(64 * 6 + 9)
    let expected = checksum(original)
    for i in original.indices {
      var changed = original
      changed[i] ^= 0x10
      #expect(checksum(changed) != expected)
    }
    var moved = original
    moved.replaceSubrange(0..<64, with: original[64..<128])
    moved.replaceSubrange(64..<128, with: original[0..<64])
    #expect(checksum(moved) != expected)
    #expect(checksum(Array(original.dropLast())) != expected)
    #expect(checksum(Array(original.dropFirst(64))) != expected)
  }
}
