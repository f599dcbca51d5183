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

/// ONNX `SequenceConstruct`: a sequence of its operands.
package struct SequenceConstruct: Operator {
  package static let name = "SequenceConstruct"
  package init() {}
  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `SequenceAt`. Operands: sequence, position (negative counts from the end).
package struct SequenceAt: Operator {
  package static let name = "SequenceAt"
  package init() {}
  package var traits: OperatorTraits { [.pure, .dataDependent] }
}

/// ONNX `SequenceLength`, an int64 scalar.
package struct SequenceLength: Operator {
  package static let name = "SequenceLength"
  package init() {}
  package var traits: OperatorTraits { [.pure] }
}
