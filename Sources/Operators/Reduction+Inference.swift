import IR
import Tensors

extension Reduce {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(1...2)
    let accepted =
      function == .max || function == .min ? ElementTypes.numbers + [.bool] : ElementTypes.numbers
    guard let x = try context.tensor(0, of: accepted) else { return [.unknown] }
    let known = try context.numbers(axes, or: 1)
    guard let shape = x.shape else { return [.tensor(x.dataType, nil)] }
    if known == nil && context.operand(1) != nil {
      if keepDims { return [.tensor(x.dataType, try context.unknownSizes(shape.count))] }
      // No axes may mean all of them: the rank follows only from a number of axes that is not 0.
      guard let count = context.parameterCount(1), count > 0, count <= shape.count else {
        return [.tensor(x.dataType, nil)]
      }
      return [.tensor(x.dataType, try context.unknownSizes(shape.count - count))]
    }
    var reduction = self
    reduction.axes = known
    let reduced = try reduction.resolvedAxes(rank: shape.count)
    return [.tensor(x.dataType, without(reduced, shape, keepDims: keepDims))]
  }

  /// The axes that are reduced, counted from the front, in order. `axes` nil means all.
  package func resolvedAxes(rank: Int) throws(GraphError) -> [Int] {
    guard let axes, !axes.isEmpty else {
      return noopWithEmptyAxes ? [] : Array(0..<rank)
    }
    return try resolved(axes: axes, rank: rank).sorted()
  }

  /// The sizes of the result; `axes` nil means all.
  package func resolvedSizes(_ sizes: [Int]) throws(GraphError) -> [Int] {
    try numbers(without(try resolvedAxes(rank: sizes.count), dimensions(sizes), keepDims: keepDims))
  }
}

extension ArgReduce {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(1...1)
    guard let x = try context.tensor(0, of: ElementTypes.numbers) else { return [.tensor(.int64, nil)] }
    guard let shape = x.shape else { return [.tensor(.int64, nil)] }
    let axis = try resolvedAxis(rank: shape.count)
    if shape[axis].fixed == 0 {
      throw GraphError(.dimension(operand: 0, axis: axis, expected: 1, found: 0))
    }
    return [.tensor(.int64, without([axis], shape, keepDims: keepDims))]
  }

  package func resolvedAxis(rank: Int) throws(GraphError) -> Int { try resolved(axis: axis, rank: rank) }
}

private func without(_ axes: [Int], _ shape: [Dimension], keepDims: Bool) -> [Dimension] {
  if keepDims { return shape.enumerated().map { axes.contains($0) ? 1 : $1 } }
  return shape.indices.filter { !axes.contains($0) }.map { shape[$0] }
}
