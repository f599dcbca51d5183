import Tensors

/// Places blocks of bytes that live from one step to another: lifetimes in, offsets out. Pure.
struct PlanMemory: Sendable {
  struct Block: Sendable {
    var byteCount: Int
    var firstStep: Int
    var lastStep: Int
  }

  /// Offset of each block, in the order of the blocks.
  let offsets: [Int]
  let arenaByteCount: Int
  /// The most bytes that live at once: no plan can do with less.
  let liveByteCount: Int

  /// Beyond this number of blocks the quadratic placement is left out.
  private static let largeFirstLimit = 4_000

  init(_ given: [Block], alignment: Int = TensorStorage.alignment) {
    let blocks = given.map { block in
      var rounded = block
      rounded.byteCount = (block.byteCount + alignment - 1) / alignment * alignment
      return rounded
    }
    liveByteCount = Self.liveByteCount(blocks)
    var best = Self.inOrderOfTime(blocks)
    var bestEnd = Self.end(best, blocks)
    if blocks.count <= Self.largeFirstLimit, bestEnd > liveByteCount {
      let other = Self.largeFirst(blocks)
      let otherEnd = Self.end(other, blocks)
      if otherEnd < bestEnd { (best, bestEnd) = (other, otherEnd) }
    }
    offsets = best
    arenaByteCount = bestEnd
  }

  private static func end(_ offsets: [Int], _ blocks: [Block]) -> Int {
    zip(offsets, blocks).reduce(0) { max($0, $1.0 + $1.1.byteCount) }
  }

  /// Each block in the lowest gap among those that live when it is made.
  private static func inOrderOfTime(_ blocks: [Block]) -> [Int] {
    var offsets = [Int](repeating: 0, count: blocks.count)
    var live: [Int] = []
    let order = blocks.indices.sorted { (blocks[$0].firstStep, $0) < (blocks[$1].firstStep, $1) }
    for i in order where blocks[i].byteCount > 0 {
      live.removeAll { blocks[$0].lastStep < blocks[i].firstStep }
      place(i, among: &live, blocks, &offsets)
    }
    return offsets
  }

  /// Large blocks first: the small ones fill the gaps between them.
  private static func largeFirst(_ blocks: [Block]) -> [Int] {
    var offsets = [Int](repeating: 0, count: blocks.count)
    var placed: [Int] = []
    let order = blocks.indices.sorted {
      (blocks[$1].byteCount, blocks[$0].firstStep, $0) < (blocks[$0].byteCount, blocks[$1].firstStep, $1)
    }
    for i in order where blocks[i].byteCount > 0 { place(i, among: &placed, blocks, &offsets) }
    return offsets
  }

  /// Puts block `i` into the first gap between neighbours in time; `placed` is sorted by offset.
  private static func place(_ i: Int, among placed: inout [Int], _ blocks: [Block], _ offsets: inout [Int]) {
    let block = blocks[i]
    var offset = 0
    for j in placed {
      let other = blocks[j]
      guard other.firstStep <= block.lastStep, block.firstStep <= other.lastStep else { continue }
      if offset + block.byteCount <= offsets[j] { break }
      offset = max(offset, offsets[j] + other.byteCount)
    }
    offsets[i] = offset
    placed.insert(i, at: placed.firstIndex { offsets[$0] > offset } ?? placed.count)
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
