import Kernels
import Operators
import Tensors

extension NonMaxSuppression: NaiveOperator {
  static let naiveName = "non-max-suppression"

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let boxes = try call.operand(0)
    let scores = try call.operand(1)
    guard boxes.rank == 3, scores.rank == 3, boxes.dataType == .float32, scores.dataType == .float32,
      boxes.sizes[2] == 4, scores.sizes[0] == boxes.sizes[0], scores.sizes[2] == boxes.sizes[1]
    else { throw .malformed }
    // Without a number of boxes there are none.
    let most = max(try call.reals(call.optional(2))?.first ?? 0, 0)
    let threshold = try call.reals(call.optional(3))?.first ?? 0
    let lowest = try call.reals(call.optional(4))?.first
    let count = boxes.sizes[1]
    try call.takeScratch(boxes.sizes[0] * count, bytes: MemoryLayout<Box>.stride)
    try call.takeScratch(count, bytes: 24)
    var all: [Box] = []
    for i in 0..<boxes.sizes[0] * count {
      all.append(Box(boxes.pointer(Float.self) + i * 4, isCentered: centerPointBox))
    }
    var selected: [Int] = []
    var counted = 0
    for image in 0..<(count > 0 ? scores.sizes[0] : 0) {
      for label in 0..<scores.sizes[1] {
        let row = scores.pointer(Float.self) + (image * scores.sizes[1] + label) * count
        var order: [Int] = []
        for i in 0..<count where lowest.map({ Double(row[i]) > $0 }) ?? true { order.append(i) }
        order.sort { row[$0] == row[$1] ? $0 < $1 : row[$0] > row[$1] }
        var kept: [Box] = []
        // Every candidate is compared with all boxes that are kept so far.
        var pairs = 0
        for candidate in order where Double(kept.count) < most {
          let box = all[image * count + candidate]
          pairs += kept.count
          if pairs > Self.pairBatch {
            try call.takeSteps(Self.stepsPerPair * pairs)
            pairs = 0
          }
          if kept.contains(where: { $0.overlap(box) > threshold }) { continue }
          kept.append(box)
          selected += [image, label, candidate]
        }
        try call.takeSteps(Self.stepsPerPair * pairs)
        try call.takeScratch(selected.count - counted)
        counted = selected.count
      }
    }
    let y = try call.result(0, .int64, [selected.count / 3, 3])
    for (i, number) in selected.enumerated() { y.pointer(Int64.self)[i] = Int64(number) }
  }

  private static let pairBatch = 1 << 16
  private static let stepsPerPair = 3

  private struct Box {
    let low, high: (y: Double, x: Double)
    let area: Double

    init(_ corners: UnsafePointer<Float>, isCentered: Bool) {
      let (a, b, c, d) = (Double(corners[0]), Double(corners[1]), Double(corners[2]), Double(corners[3]))
      if isCentered {
        low = (b - d / 2, a - c / 2)
        high = (b + d / 2, a + c / 2)
      } else {
        low = (min(a, c), min(b, d))
        high = (max(a, c), max(b, d))
      }
      area = (high.y - low.y) * (high.x - low.x)
    }

    /// The intersection over the union; 0 when one of them has no area.
    func overlap(_ other: Box) -> Double {
      let height = min(high.y, other.high.y) - max(low.y, other.low.y)
      let width = min(high.x, other.high.x) - max(low.x, other.low.x)
      guard height > 0, width > 0, area > 0, other.area > 0 else { return 0 }
      let intersection = height * width
      return intersection / (area + other.area - intersection)
    }
  }
}
