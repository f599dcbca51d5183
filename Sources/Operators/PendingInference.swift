import IR
import Tensors

extension Operator {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    throw GraphError(.malformed("\(Self.name) has no type inference"))
  }
}
