import IR
import Tensors

extension GridSample {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(2...2)
    let x = try context.tensor(0, of: ElementTypes.numbers)
    let grid = try context.tensor(1, of: ElementTypes.floats)
    guard let x else { return [.unknown] }
    guard let shape = x.shape, let positions = grid?.shape else { return [.tensor(x.dataType, nil)] }
    if shape.count < 3 { throw GraphError(.minimumRank(operand: 0, expected: 3, found: shape.count)) }
    if positions.count != shape.count {
      throw GraphError(.rank(operand: 1, expected: shape.count, found: positions.count))
    }
    try checkEqual(Dimension(shape.count - 2), positions[shape.count - 1], operand: 1, axis: shape.count - 1)
    let batch = try merged(shape[0], positions[0], operand: 1, axis: 0)
    return [.tensor(x.dataType, [batch, shape[1]] + positions[1..<shape.count - 1])]
  }
}

extension AffineGrid {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(2...2)
    let theta = try context.tensor(0, of: ElementTypes.floats)
    let sizes = try context.parameter(nil, or: 1)
    guard let theta else { return [.unknown] }
    guard let count = sizes?.count ?? context.parameterCount(1) else { return [.tensor(theta.dataType, nil)] }
    guard 4...5 ~= count else {
      throw GraphError(.dimension(operand: 1, axis: 0, expected: 4, found: Dimension(count)))
    }
    let axes = Dimension(count - 2)
    try context.expectShape(0, [sizes?[0], axes, Dimension(count - 1)])
    guard let sizes else {
      return [.tensor(theta.dataType, try context.unknownSizes(count - 1) + [axes])]
    }
    if let bad = sizes.first(where: { ($0.fixed ?? 0) < 0 }) {
      throw GraphError(.malformed("a size of the grid is \(bad), expected a number from 0"))
    }
    return [.tensor(theta.dataType, [sizes[0]] + sizes[2...] + [axes])]
  }
}

/// The type [regions, channels, height, width] of what is pooled from regions.
private func inferRegions(
  _ context: InferenceContext, columns: Dimension, height: Int, width: Int
) throws(GraphError) -> ValueType {
  let x = try context.tensor(0, of: ElementTypes.floats)
  try context.expectSameType(0, 1..<2)
  try checkAttribute("output_height", [height], count: 1, atLeast: 1)
  try checkAttribute("output_width", [width], count: 1, atLeast: 1)
  guard let x else { return .unknown }
  try context.expectShape(0, [nil, nil, nil, nil])
  try context.expectShape(1, [nil, columns])
  return .tensor(
    x.dataType,
    [
      try context.tensor(1)?.shape?[0] ?? context.fresh(0), x.shape?[1] ?? context.fresh(1),
      Dimension(height),
      Dimension(width),
    ])
}

extension RoiAlign {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(3...3)
    try checkAttribute("sampling_ratio", [samplingRatio], count: 1, atLeast: 0)
    _ = try context.tensor(2, of: [.int64])
    let y = try inferRegions(context, columns: 4, height: height, width: width)
    if let regions = y.tensor?.shape?[0] { try context.expectShape(2, [regions]) }
    return [y]
  }
}

extension MaxRoiPool {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(2...2)
    return [try inferRegions(context, columns: 5, height: height, width: width)]
  }
}

extension DeformConv {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(3...5)
    let x = try context.tensor(0, of: ElementTypes.floats)
    let weights = try context.tensor(1)
    let offsets = try context.tensor(2)
    try context.expectSameType(0, 1..<5)
    try checkAttribute("group", [groups], count: 1, atLeast: 1)
    try checkAttribute("offset_group", [offsetGroups], count: 1, atLeast: 1)
    guard let type = x?.dataType ?? weights?.dataType ?? offsets?.dataType else { return [.unknown] }
    let shapes = try WindowedShapes(context, window, x: x, weights: weights)
    if let outputs = shapes.weights?[0], let perGroup = shapes.weights?[1] {
      try checkDivisible(outputs, by: groups, named: "group")
      let channels = try sized { () throws(SizeOverflow) in try perGroup * Dimension(groups) }
      if let found = shapes.x?[1] { try checkEqual(channels, found, operand: 0, axis: 1) }
      try context.expectShape(3, [outputs])
    }
    if let channels = shapes.x?[1] { try checkDivisible(channels, by: offsetGroups, named: "offset_group") }
    let spatial = try window.outputShape(for: shapes.spatial)
    let taps = try product(dimensions(window.kernel + [offsetGroups]))
    try context.expectShape(4, [shapes.batch, taps] + spatial)
    let coordinates = try sized { () throws(SizeOverflow) in try taps * Dimension(window.kernel.count) }
    try context.expectShape(2, [shapes.batch, coordinates] + spatial)
    return [.tensor(type, [shapes.batch, shapes.weights?[0] ?? context.fresh(1)] + spatial)]
  }
}

extension NonMaxSuppression {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(2...5)
    let boxes = try context.tensor(0, of: [.float32])
    _ = try context.tensor(1, of: [.float32])
    try context.expectShape(0, [nil, nil, 4])
    try context.expectShape(1, [boxes?.shape?[0], nil, boxes?.shape?[1]])
    try context.optionalTensor(2)?.expect([.int64], operand: 2)
    for i in 3..<5 { try context.optionalTensor(i)?.expect([.float32], operand: i) }
    return [.tensor(.int64, [context.fresh(0), 3])]
  }
}
