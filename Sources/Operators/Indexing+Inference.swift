import IR
import Tensors

extension GatherElements {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(2...2)
    let x = try context.tensor(0)
    let indices = try context.tensor(1, of: ElementTypes.indices)
    try checkElements(context, axis: axis)
    guard let x else { return [.unknown] }
    if let shape = indices?.shape { return [.tensor(x.dataType, shape)] }
    guard let rank = x.shape?.count else { return [.tensor(x.dataType, nil)] }
    return [.tensor(x.dataType, try context.unknownSizes(rank))]
  }
}

extension ScatterElements {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(3...3)
    let x = try context.tensor(0)
    let indices = try context.tensor(1, of: ElementTypes.indices)
    try context.expectSameType(0, 2..<3)
    try checkElements(context, axis: axis)
    if let shape = indices?.shape { try context.expectShape(2, shape) }
    try checkReduction(reduction, x)
    return [x.map { .tensor($0) } ?? .unknown]
  }
}

/// Checks indices that name one element each: of the rank of x, and no longer than it along the other axes.
private func checkElements(_ context: InferenceContext, axis: Int) throws(GraphError) {
  guard let shape = try context.tensor(0)?.shape else { return }
  let axis = try resolved(axis: axis, rank: shape.count)
  guard let indices = try context.tensor(1)?.shape else { return }
  if indices.count != shape.count {
    throw GraphError(.rank(operand: 1, expected: shape.count, found: indices.count))
  }
  for i in shape.indices where i != axis {
    if let size = shape[i].fixed, let count = indices[i].fixed, count > size {
      throw GraphError(.dimension(operand: 1, axis: i, expected: shape[i], found: indices[i]))
    }
  }
}

private func checkReduction(_ reduction: ScatterReduction, _ x: TensorType?) throws(GraphError) {
  if reduction != .replace { try x?.expect(ElementTypes.numbers + ElementTypes.bool, operand: 0) }
}

extension GatherND {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(2...2)
    let x = try context.tensor(0)
    let indices = try context.tensor(1, of: ElementTypes.indices)
    guard let x else { return [.unknown] }
    if batchRank < 0 {
      throw GraphError(.attribute("batch_dims", expected: "a number from 0", found: "\(batchRank)"))
    }
    guard let shape = x.shape, let positions = indices?.shape else { return [.tensor(x.dataType, nil)] }
    guard batchRank < min(shape.count, positions.count) else {
      throw GraphError(
        .attribute(
          "batch_dims", expected: "less than the ranks \(shape.count) and \(positions.count)",
          found: "\(batchRank)"))
    }
    for axis in 0..<batchRank { try checkEqual(shape[axis], positions[axis], operand: 1, axis: axis) }
    guard let depth = try coordinateCount(positions, of: shape.count - batchRank) else {
      return [.tensor(x.dataType, nil)]
    }
    return [.tensor(x.dataType, positions.dropLast() + shape[(batchRank + depth)...])]
  }
}

extension ScatterND {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(3...3)
    let x = try context.tensor(0)
    let indices = try context.tensor(1, of: ElementTypes.indices)
    try context.expectSameType(0, 2..<3)
    try checkReduction(reduction, x)
    if let shape = x?.shape, let positions = indices?.shape {
      if positions.isEmpty { throw GraphError(.minimumRank(operand: 1, expected: 1, found: 0)) }
      if let depth = try coordinateCount(positions, of: shape.count) {
        try context.expectShape(2, positions.dropLast() + shape[depth...])
      }
    }
    return [x.map { .tensor($0) } ?? .unknown]
  }
}

/// How many coordinates the last axis of `positions` holds; nil when that is not known.
private func coordinateCount(_ positions: [Dimension], of rank: Int) throws(GraphError) -> Int? {
  guard let depth = positions.last?.fixed else { return nil }
  guard 1...max(rank, 1) ~= depth, depth <= rank else {
    throw GraphError(
      .malformed(
        "the last axis of the indices has size \(depth), expected a number of axes from 1 to \(rank)"))
  }
  return depth
}

extension OneHot {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(3...3)
    let indices = try context.tensor(0, of: ElementTypes.numbers)
    let depth = try context.tensor(1, of: ElementTypes.numbers)
    if let shape = depth?.shape, !shape.isEmpty { try context.expectShape(1, [1]) }
    try context.expectShape(2, [2])
    guard let values = try context.tensor(2) else { return [.unknown] }
    guard let shape = indices?.shape else { return [.tensor(values.dataType, nil)] }
    let axis = try resolved(axis: axis, rank: shape.count + 1)
    let count = context.operand(1)?.contents?.first ?? context.fresh(axis)
    if let number = count.fixed, number < 0 {
      throw GraphError(.malformed("the depth is \(number), expected a number from 0"))
    }
    return [.tensor(values.dataType, shape[..<axis] + [count] + shape[axis...])]
  }
}

extension Compress {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(2...2)
    let x = try context.tensor(0)
    let condition = try context.tensor(1, of: ElementTypes.bool)
    if let rank = condition?.shape?.count, rank != 1 {
      throw GraphError(.rank(operand: 1, expected: 1, found: rank))
    }
    guard let x else { return [.unknown] }
    guard let axis else { return [.tensor(x.dataType, [context.fresh(0)])] }
    guard var shape = x.shape else { return [.tensor(x.dataType, nil)] }
    let at = try resolved(axis: axis, rank: shape.count)
    shape[at] = context.fresh(at)
    return [.tensor(x.dataType, shape)]
  }
}

extension ReverseSequence {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(2...2)
    let x = try context.tensor(0)
    _ = try context.tensor(1, of: [.int64])
    guard (timeAxis == 0 && batchAxis == 1) || (timeAxis == 1 && batchAxis == 0) else {
      throw GraphError(
        .attribute("time_axis, batch_axis", expected: "0 and 1", found: "\(timeAxis) and \(batchAxis)"))
    }
    guard let x else { return [.unknown] }
    if let shape = x.shape {
      if shape.count < 2 { throw GraphError(.minimumRank(operand: 0, expected: 2, found: shape.count)) }
      try context.expectShape(1, [shape[batchAxis]])
    }
    return [.tensor(x)]
  }
}

extension CenterCropPad {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(2...2)
    let x = try context.tensor(0)
    let target = try context.parameter(nil, or: 1)
    guard let x else { return [.unknown] }
    guard var shape = x.shape else { return [.tensor(x.dataType, nil)] }
    let axes = try resolved(axes: axes ?? Array(shape.indices), rank: shape.count)
    if let count = target?.count ?? context.parameterCount(1), count != axes.count {
      throw GraphError(
        .dimension(operand: 1, axis: 0, expected: Dimension(axes.count), found: Dimension(count)))
    }
    for (i, axis) in axes.enumerated() {
      shape[axis] = target?[i] ?? context.fresh(axis)
      if let size = shape[axis].fixed, size < 0 {
        throw GraphError(.malformed("a target size is \(size), expected a number from 0"))
      }
    }
    return [.tensor(x.dataType, shape)]
  }
}
