import IR
import Tensors

extension Softmax {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    [try inferAlongAxis(context, axis)]
  }
}

extension LogSoftmax {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    [try inferAlongAxis(context, axis)]
  }
}

private func inferAlongAxis(_ context: InferenceContext, _ axis: Int) throws(GraphError) -> ValueType {
  try context.expect(1...1)
  guard let x = try context.tensor(0, of: ElementTypes.floats) else { return .unknown }
  if let rank = x.shape?.count { _ = try resolved(axis: axis, rank: rank) }
  return .tensor(x)
}
