import IR
import Tensors

extension MaxPool {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expectResults(1...2)
    let types = try inferPool(
      context, window, ceilMode: ceilMode, types: ElementTypes.floats + [.int8, .uint8])
    guard let pooled = types.tensor else { return [types, .unknown] }
    return [types, .tensor(.int64, pooled.shape)]
  }
}

extension AveragePool {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    [try inferPool(context, window, ceilMode: ceilMode, types: ElementTypes.floats)]
  }
}

extension GlobalAveragePool {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    [try inferGlobalPool(context)]
  }
}

extension GlobalMaxPool {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    [try inferGlobalPool(context)]
  }
}

private func inferPool(_ context: InferenceContext, _ window: Window, ceilMode: Bool, types: [DataType])
  throws(GraphError) -> ValueType
{
  try context.expect(1...1)
  guard let x = try context.tensor(0, of: types) else { return .unknown }
  let shapes = try WindowedShapes(context, window, x: x, weights: nil)
  let channels = shapes.x?[1] ?? context.fresh(1)
  return .tensor(
    x.dataType, [shapes.batch, channels] + (try window.outputShape(for: shapes.spatial, ceilMode: ceilMode)))
}

private func inferGlobalPool(_ context: InferenceContext) throws(GraphError) -> ValueType {
  try context.expect(1...1)
  guard let x = try context.tensor(0, of: ElementTypes.floats) else { return .unknown }
  guard let shape = x.shape else { return .tensor(x.dataType, nil) }
  if shape.count < 2 { throw GraphError(.minimumRank(operand: 0, expected: 2, found: shape.count)) }
  return .tensor(x.dataType, shape.prefix(2) + [Dimension](repeating: 1, count: shape.count - 2))
}
