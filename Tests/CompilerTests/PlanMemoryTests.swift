import TestSupport
import Testing

@testable import Compiler

@Suite struct PlanMemoryTests {
  @Test(arguments: 0..<50)
  func blocksThatLiveTogetherAreDisjoint(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let blocks = (0..<Int.random(in: 1...60, using: &random)).map { _ in
      let first = Int.random(in: 0..<40, using: &random)
      return PlanMemory.Block(
        byteCount: Int.random(in: 0...5000, using: &random), firstStep: first,
        lastStep: first + Int.random(in: 0...8, using: &random))
    }
    let memory = PlanMemory(blocks)
    #expect(memory.arenaByteCount >= memory.liveByteCount)
    for i in blocks.indices {
      #expect(memory.offsets[i] % 64 == 0)
      #expect(memory.offsets[i] + blocks[i].byteCount <= memory.arenaByteCount)
      for j in blocks.indices where j < i {
        let meet = blocks[i].firstStep <= blocks[j].lastStep && blocks[j].firstStep <= blocks[i].lastStep
        guard meet, blocks[i].byteCount > 0, blocks[j].byteCount > 0 else { continue }
        let apart =
          memory.offsets[i] + blocks[i].byteCount <= memory.offsets[j]
          || memory.offsets[j] + blocks[j].byteCount <= memory.offsets[i]
        #expect(apart, "blocks \(i) and \(j) of seed \(seed)")
      }
    }
  }

  @Test func chainReachesTheLowerBound() {
    // a → b → c → d, each alive for two steps: two neighbours at once.
    let blocks = [(100, 0, 1), (200, 1, 2), (300, 2, 3), (64, 3, 4)].map {
      PlanMemory.Block(byteCount: $0.0, firstStep: $0.1, lastStep: $0.2)
    }
    let memory = PlanMemory(blocks)
    #expect(memory.liveByteCount == 256 + 320)
    #expect(memory.arenaByteCount == memory.liveByteCount)
  }
}
