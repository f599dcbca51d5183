import Operators
import Tensors

/// The rows of an operand under some rows of a sliding window's result.
struct Slab {
  var rows: Swift.Range<Int>
  var padBegin: Int
  var padEnd: Int

  /// Nil when the rows look at nothing but padding. `axis` counts spatial axes. All `count` rows together
  /// have all of the operand under them, also what the strides leave over: several images then lie as they do
  /// in the whole.
  init?(_ window: Window, axis: Int, input: Int, output: Swift.Range<Int>, of count: Int) {
    let first = output.lowerBound * window.strides[axis] - window.padsBegin[axis]
    let end = (output.upperBound - 1) * window.strides[axis] - window.padsBegin[axis] + window.reach(axis)
    let from = max(first, 0)
    let to = min(end, input)
    if from >= to { return nil }
    rows = output.count == count ? 0..<input : from..<to
    padBegin = from - first
    padEnd = max(end - to, 0)
  }
}

extension Window {
  /// Elements from the first to the last that the window covers.
  func reach(_ axis: Int) -> Int { (kernel[axis] - 1) * dilations[axis] + 1 }
}

extension Box {
  /// Where the box starts in a tensor of `sizes`, [N, C, …], in elements.
  func offset(in sizes: [Int], layout: Layout) -> Int {
    guard let strides = layout.strides(of: sizes) else { return 0 }
    return images.lowerBound * strides[0] + channels.lowerBound * strides[1]
      + (sizes.count > 2 ? rows.lowerBound * strides[2] : 0)
  }

  func sizes(of whole: [Int]) -> [Int] {
    var sizes = whole
    sizes[0] = images.count
    sizes[1] = channels.count
    if sizes.count > 2 { sizes[2] = rows.count }
    return sizes
  }

  static func whole(_ sizes: [Int]) -> Box {
    Box(images: 0..<sizes[0], rows: 0..<(sizes.count > 2 ? sizes[2] : 1), channels: 0..<sizes[1])
  }
}
