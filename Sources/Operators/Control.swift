import IR
import Tensors

/// ONNX `If`. Operands: condition, then the captured values, which both regions take as their inputs.
package struct If: Operator {
  package static let name = "If"
  package init() {}
  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `Loop`. Operands: trip count?, condition?, carried values (`carried` of them), captured values.
/// Region inputs: iteration, condition, carried, captured; region outputs: condition, carried, scanned.
/// Results: carried, scanned.
package struct Loop: Operator {
  package static let name = "Loop"
  package var carried: Int
  package init(carried: Int) { self.carried = carried }
  package var traits: OperatorTraits { [.pure, .dataDependent] }
}
