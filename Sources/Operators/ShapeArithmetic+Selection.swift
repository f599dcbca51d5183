import IR
import Tensors

extension Shape: ShapeArithmetic {
  package func contents(_ context: InferenceContext) throws(GraphError) -> [[Dimension]?] {
    guard let shape = context.operand(0)?.shape else { return [nil] }
    return [Array(shape[resolvedRange(rank: shape.count)])]
  }
}

extension Size: ShapeArithmetic {
  package func contents(_ context: InferenceContext) throws(GraphError) -> [[Dimension]?] {
    guard let shape = context.operand(0)?.shape, let count = try? product(shape) else { return [nil] }
    return [[count]]
  }
}

extension Gather: ShapeArithmetic {
  package func contents(_ context: InferenceContext) throws(GraphError) -> [[Dimension]?] {
    guard let x = context.operand(0)?.contents, context.operand(0)?.shape?.count == 1,
      let indices = context.operand(1)?.numbers
    else { return [nil] }
    return [
      indices.map { index in
        let position = index < 0 && index >= -x.count ? index + x.count : index
        return x.indices.contains(position) ? x[position] : nil
      }.allKnown
    ]
  }
}

extension Concat: ShapeArithmetic {
  package func contents(_ context: InferenceContext) throws(GraphError) -> [[Dimension]?] {
    var joined: [Dimension] = []
    for operand in context.operands {
      guard let contents = operand?.contents else { return [nil] }
      joined += contents
    }
    return [joined]
  }
}

extension Split: ShapeArithmetic {
  package func contents(_ context: InferenceContext) throws(GraphError) -> [[Dimension]?] {
    let parts = context.wanted.count
    let unknown = [[Dimension]?](repeating: nil, count: parts)
    guard let x = context.operand(0)?.contents else { return unknown }
    let given = try context.numbers(sizes, or: 1)
    if given == nil && context.operand(1) != nil { return unknown }
    guard let counts = try? Split(axis: axis, sizes: given).resolvedSizes(size: x.count, parts: parts) else {
      return unknown
    }
    var rest = x[...]
    return counts.map { count in
      defer { rest = rest.dropFirst(count) }
      return Array(rest.prefix(count))
    }
  }
}

extension Slice: ShapeArithmetic {
  package func contents(_ context: InferenceContext) throws(GraphError) -> [[Dimension]?] {
    guard let x = context.operand(0)?.contents, context.operand(0)?.shape?.count == 1,
      let starts = try context.numbers(starts, or: 1), let ends = try context.numbers(ends, or: 2)
    else { return [nil] }
    let axes = try context.numbers(axes, or: 3)
    let steps = try context.numbers(steps, or: 4)
    if (axes == nil && context.operand(3) != nil) || (steps == nil && context.operand(4) != nil) {
      return [nil]
    }
    let known = Slice(starts: starts, ends: ends, axes: axes, steps: steps)
    guard let range = try? known.resolved(sizes: [x.count]) else { return [nil] }
    return [(0..<range.counts[0]).map { x[range.starts[0] + $0 * range.steps[0]] }]
  }
}

// Operators that keep the elements in order, under another shape.

extension Squeeze: ShapeArithmetic {
  package func contents(_ context: InferenceContext) throws(GraphError) -> [[Dimension]?] {
    [context.operand(0)?.contents]
  }
}

extension Unsqueeze: ShapeArithmetic {
  package func contents(_ context: InferenceContext) throws(GraphError) -> [[Dimension]?] {
    [context.operand(0)?.contents]
  }
}

extension Reshape: ShapeArithmetic {
  package func contents(_ context: InferenceContext) throws(GraphError) -> [[Dimension]?] {
    [context.operand(0)?.contents]
  }
}

extension Transpose: ShapeArithmetic {
  package func contents(_ context: InferenceContext) throws(GraphError) -> [[Dimension]?] {
    [context.operand(0)?.contents]
  }
}

// Operators that repeat or make elements.

extension Expand: ShapeArithmetic {
  package func contents(_ context: InferenceContext) throws(GraphError) -> [[Dimension]?] {
    guard let x = context.operand(0)?.contents, let target = try context.numbers(target, or: 1),
      let sizes = try? broadcastSizes([[x.count], target]), sizes.count == 1,
      sizes[0] <= Constant.contentsLimit
    else { return [nil] }
    return [x.count == sizes[0] ? x : [Dimension](repeating: x[0], count: sizes[0])]
  }
}

extension Tile: ShapeArithmetic {
  package func contents(_ context: InferenceContext) throws(GraphError) -> [[Dimension]?] {
    guard let x = context.operand(0)?.contents, let repeats = try context.numbers(repeats, or: 1),
      repeats.count == 1,
      (0...Constant.contentsLimit).contains(repeats[0]), x.count * repeats[0] <= Constant.contentsLimit
    else { return [nil] }
    return [(0..<repeats[0]).flatMap { _ in x }]
  }
}

extension Range: ShapeArithmetic {
  package func contents(_ context: InferenceContext) throws(GraphError) -> [[Dimension]?] {
    guard let type = context.operand(0)?.tensor?.dataType, let start = context.operand(0)?.contents?.first,
      let delta = context.operand(2)?.contents?.first,
      let count = try Range.size(context.operands, type)?.fixed, count <= Constant.contentsLimit
    else { return [nil] }
    return [(0..<count).map { try? start + delta * Dimension($0) }.allKnown]
  }
}

extension ConstantOfShape: ShapeArithmetic {
  package func contents(_ context: InferenceContext) throws(GraphError) -> [[Dimension]?] {
    guard let shape = try context.numbers(target, or: 0), shape.count <= 1,
      (0...Constant.contentsLimit).contains(shape.first ?? 1)
    else { return [nil] }
    let element: Dimension
    switch fill {
    case .integer(let number): element = Dimension(Int(number))
    case .real(let real):
      guard let number = Int(exactly: real.value) else { return [nil] }
      element = Dimension(number)
    }
    return [[Dimension](repeating: element, count: shape.first ?? 1)]
  }
}

extension Reduce: ShapeArithmetic {
  package func contents(_ context: InferenceContext) throws(GraphError) -> [[Dimension]?] {
    guard let x = context.operand(0)?.contents, let rank = context.operand(0)?.shape?.count else {
      return [nil]
    }
    let known = try context.numbers(axes, or: 1)
    if known == nil && context.operand(1) != nil { return [nil] }
    var reduction = self
    reduction.axes = known
    if (try? reduction.resolvedAxes(rank: rank))?.isEmpty != false && rank > 0 { return [x] }
    switch function {
    case .sum: return [Self.fold(x, from: 0) { try? $0 + $1 }]
    case .prod: return [Self.fold(x, from: 1) { try? $0 * $1 }]
    case .max: return [Self.fold(x, from: x.first) { try? Dimension.maximum($0, $1) }]
    case .min: return [Self.fold(x, from: x.first) { try? Dimension.minimum($0, $1) }]
    case .mean, .l1, .l2, .logSum, .logSumExp, .sumSquare: return [nil]
    }
  }

  private static func fold(
    _ x: [Dimension], from first: Dimension?, _ body: (Dimension, Dimension) -> Dimension?
  )
    -> [Dimension]?
  {
    x.reduce(first) { sum, next in sum.flatMap { body($0, next) } }.map { [$0] }
  }
}

extension [Dimension?] {
  /// The elements, when none is missing.
  fileprivate var allKnown: [Dimension]? {
    let known = compactMap { $0 }
    return known.count == count ? known : nil
  }
}
