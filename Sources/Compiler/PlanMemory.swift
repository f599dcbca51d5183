import Tensors

/// Places blocks of bytes that live from one step to another: lifetimes in, offsets out. Pure.
struct PlanMemory: Sendable {
  struct Block: Sendable {
    var byteCount: Int
    var firstStep: Int
    var lastStep: Int
  }

  /// Offset of each block, in the order of the blocks.
  private(set) var offsets: [Int]
  private(set) var arenaByteCount: Int
  /// The most bytes that live at once: no plan can do with less.
  private(set) var liveByteCount: Int

  init(_ blocks: [Block], alignment: Int = TensorStorage.alignment) {
    func aligned(_ count: Int) -> Int { (count + alignment - 1) / alignment * alignment }
    offsets = [Int](repeating: 0, count: blocks.count)
    arenaByteCount = 0
    liveByteCount = Self.liveByteCount(blocks.map { Block(byteCount: aligned($0.byteCount), firstStep: $0.firstStep, lastStep: $0.lastStep) })
    // Large blocks first: the small ones fill the gaps between them.
    let order = blocks.indices.sorted {
      (blocks[$1].byteCount, blocks[$0].firstStep, $0) < (blocks[$0].byteCount, blocks[$1].firstStep, $1)
    }
    var placed: [Int] = []
    for i in order where blocks[i].byteCount > 0 {
      let block = blocks[i]
      var offset = 0
      // `placed` is sorted by offset: the first gap between neighbours in time that is wide enough.
      for j in placed {
        let other = blocks[j]
        guard other.firstStep <= block.lastStep, block.firstStep <= other.lastStep else { continue }
        if offset + block.byteCount <= offsets[j] { break }
        offset = max(offset, aligned(offsets[j] + other.byteCount))
      }
      offsets[i] = offset
      arenaByteCount = max(arenaByteCount, aligned(offset + block.byteCount))
      let position = placed.firstIndex { offsets[$0] > offset } ?? placed.count
      placed.insert(i, at: position)
    }
  }

  private static func liveByteCount(_ blocks: [Block]) -> Int {
    guard let last = blocks.map(\.lastStep).max() else { return 0 }
    var changes = [Int](repeating: 0, count: last + 2)
    for block in blocks where block.byteCount > 0 {
      changes[block.firstStep] += block.byteCount
      changes[block.lastStep + 1] -= block.byteCount
    }
    var live = 0
    var most = 0
    for change in changes {
      live += change
      most = max(most, live)
    }
    return most
  }
}
