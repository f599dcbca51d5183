import IR
import Tensors

extension Slice {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(1...5)
    guard let x = try context.tensor(0) else { return [.unknown] }
    guard let shape = x.shape else { return [.tensor(x.dataType, nil)] }
    let starts = try context.parameter(self.starts, or: 1)
    let ends = try context.parameter(self.ends, or: 2)
    let steps = try context.numbers(self.steps, or: 4)
    let areStepsKnown = steps != nil || context.operand(4) == nil
    let count = starts?.count ?? ends?.count ?? context.parameterCount(1)
    var axes = try context.numbers(self.axes, or: 3)
    if axes == nil && context.operand(3) == nil { axes = count.map { Array(0..<min($0, Tensor.rankLimit)) } }
    guard let axes else { return [.tensor(x.dataType, try context.unknownSizes(shape.count))] }
    let positions = try Operators.resolved(axes: axes, rank: shape.count)
    if let steps { try Self.check(steps, "steps", axes) }
    var result = shape
    guard let starts, let ends, areStepsKnown else {
      for axis in positions { result[axis] = context.fresh(axis) }
      return [.tensor(x.dataType, result)]
    }
    try Self.check(starts, "starts", axes)
    try Self.check(ends, "ends", axes)
    for (i, axis) in positions.enumerated() {
      result[axis] = try Self.count(shape[axis], starts[i], ends[i], step: steps?[i] ?? 1)
    }
    return [.tensor(x.dataType, result)]
  }

  private static func check<T>(_ values: [T], _ name: String, _ axes: [Int]) throws(GraphError) {
    if values.count != axes.count {
      throw GraphError(.attribute(name, expected: "\(axes.count) numbers", found: "\(values)"))
    }
  }

  /// The first position, the number of positions and the step on every axis. `starts` and `ends` must be
  /// given.
  package func resolved(sizes: [Int]) throws(GraphError) -> (starts: [Int], counts: [Int], steps: [Int]) {
    guard let starts, let ends else {
      throw GraphError(.attribute("starts", expected: "numbers", found: "nothing"))
    }
    let axes = self.axes ?? Array(starts.indices)
    let positions = try Operators.resolved(axes: axes, rank: sizes.count)
    try Self.check(starts, "starts", axes)
    try Self.check(ends, "ends", axes)
    if let steps { try Self.check(steps, "steps", axes) }
    var first = [Int](repeating: 0, count: sizes.count)
    var counts = sizes
    var strides = [Int](repeating: 1, count: sizes.count)
    for (i, axis) in positions.enumerated() {
      let step = steps?[i] ?? 1
      let range = try Self.range(sizes[axis], starts[i], ends[i], step: step)
      (first[axis], counts[axis], strides[axis]) = (range.first, range.count, step)
    }
    return (first, counts, strides)
  }

  /// Positions along one axis of `size` elements, by the rules of ONNX: a backward slice starts at 0 at the
  /// least.
  static func range(_ size: Int, _ start: Int, _ end: Int, step: Int) throws(GraphError) -> (
    first: Int, count: Int
  ) {
    if step == 0 { throw GraphError(.attribute("steps", expected: "a number that is not 0", found: "0")) }
    if size < 0 { throw GraphError(.sizeOverflow) }
    // Sums of a negative number and a size cannot overflow.
    let from = start < 0 ? start + size : start
    let to = end < 0 ? end + size : end
    let (first, span) =
      step > 0
      ? (min(max(from, 0), size), min(max(to, 0), size) - min(max(from, 0), size))
      : (min(max(from, 0), size - 1), min(max(from, 0), size - 1) - min(max(to, -1), size - 1))
    if span <= 0 || size == 0 { return (max(min(first, size - 1), 0), 0) }
    let stride = step.magnitude
    return (first, Int((UInt(span) - 1) / stride) + 1)
  }

  // MARK: - Symbolic sizes

  /// Bounds beyond this mean "to the end": exporters write the largest number of some type, or 10^9.
  private static let endless = 1 << 29

  /// The number of positions. Where a size is a formula, positions are taken to lie within it; binding
  /// decides.
  static func count(_ size: Dimension, _ start: Dimension, _ end: Dimension, step: Int) throws(GraphError)
    -> Dimension
  {
    if let size = size.fixed, let start = start.fixed, let end = end.fixed {
      return Dimension(try range(size, start, end, step: step).count)
    }
    if step == 0 { throw GraphError(.attribute("steps", expected: "a number that is not 0", found: "0")) }
    let count = try sized { () throws(SizeOverflow) in
      if step > 0 {
        let from = try position(start, size, past: size, isStart: true)
        let to = try position(end, size, past: size)
        return try Dimension.ceil(to - from, Dimension(step))
      }
      guard step > -endless else { throw SizeOverflow() }
      let from = try position(start, size, past: size - Dimension(1), isStart: true)
      // Before the first element there is -1, which only bounds that are very negative mean.
      let isBeforeAll = (end.fixed ?? 0) < -endless
      let to = isBeforeAll ? Dimension(-1) : try position(end, size, past: size - Dimension(1))
      return try Dimension.ceil(from - to, Dimension(-step))
    }
    return (count.fixed ?? 0) < 0 ? 0 : count
  }

  /// The position that a bound means, at most `past`. A start is taken to lie within the axis.
  private static func position(_ bound: Dimension, _ size: Dimension, past: Dimension, isStart: Bool = false)
    throws(SizeOverflow) -> Dimension
  {
    if let number = bound.fixed {
      if number < -endless { return 0 }
      if number < 0 {
        let sum = try size + bound
        return (sum.fixed ?? 0) < 0 ? 0 : sum
      }
      if number >= endless { return past }
      return isStart ? bound : try Dimension.minimum(past, bound)
    }
    let isNegative = bound.terms.allSatisfy { $0.coefficient < 0 }
    let position = try isNegative ? size + bound : bound
    return isStart ? position : try Dimension.minimum(past, position)
  }
}
