import Kernels
import Tensors
import Testing

/// Packed weights from a file are used only where their checksums are right, whoever compares them.
@Suite struct StoredWeightsTests {
  private static let byteCounts = [0, 1, 64, 100, 1 << 20, (1 << 20) + 63, 3 << 20, 5_000_003]

  private func key(_ i: Int) -> PackKey { PackKey([], format: "item \(i)") }

  private func stored(damaging damaged: Int? = nil) throws -> [PackKey: PackedWeights.Stored] {
    var items: [PackKey: PackedWeights.Stored] = [:]
    for (i, count) in Self.byteCounts.enumerated() {
      let storage = try TensorStorage.allocate(byteCount: count)
      let bytes = try #require(storage.mutableBytes)
      bytes.base.initializeMemory(as: UInt8.self, repeating: UInt8(i), count: count)
      let checksum = Checksum.of(storage.bytes)
      if i == damaged, count > 0 { bytes.base.storeBytes(of: 0xAA, toByteOffset: count - 1, as: UInt8.self) }
      items[key(i)] = PackedWeights.Stored(storage: storage, checksum: checksum)
    }
    return items
  }

  private func ask(_ weights: PackedWeights, _ positions: [Int]) throws {
    for i in positions {
      _ = try weights.packed(key(i), byteCount: Self.byteCounts[i]) { _ in Issue.record("packed anew") }
    }
  }

  @Test(arguments: [1, 2, 4], [false, true])
  func damageIsToldToWhoAsksForIt(threads: Int, isAhead: Bool) throws {
    for damaged in Self.byteCounts.indices where Self.byteCounts[damaged] > 0 {
      let weights = PackedWeights(stored: try stored(damaging: damaged))
      let ahead = isAhead ? weights.checkAhead(threads: threads) : nil
      let others = Self.byteCounts.indices.filter { $0 != damaged }
      try ask(weights, others)
      if damaged % 2 == 0 { ahead?.end() }
      try weights.check(threads: threads)
      for _ in 0..<2 {
        try ask(weights, [damaged])
        #expect(throws: KernelError.self) { try weights.check(threads: threads) }
      }
      ahead?.end()
    }
  }

  @Test func aheadIsBegunOnce() throws {
    let weights = PackedWeights(stored: try stored())
    #expect(PackedWeights().checkAhead(threads: 2) == nil)
    #expect(weights.checkAhead(threads: 1) == nil)
    let first = weights.checkAhead(threads: 2)
    #expect(weights.checkAhead(threads: 2) == nil)
    first?.end()
    try ask(weights, Array(Self.byteCounts.indices))
    try weights.check(threads: 2)
  }
}
