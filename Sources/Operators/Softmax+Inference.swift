import IR
import Tensors

extension Softmax {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    [try inferAlongAxis(context, axis, flattens: flattens)]
  }
}

extension LogSoftmax {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    [try inferAlongAxis(context, axis, flattens: flattens)]
  }
}

/// The type of a function along one axis of its only operand. `flattens`: the axis may be the rank, too.
func inferAlongAxis(_ context: InferenceContext, _ axis: Int, flattens: Bool) throws(GraphError) -> ValueType
{
  try context.expect(1...1)
  guard let x = try context.tensor(0, of: ElementTypes.floats) else { return .unknown }
  if let rank = x.shape?.count, !(flattens && axis == rank) { _ = try resolved(axis: axis, rank: rank) }
  return .tensor(x)
}
