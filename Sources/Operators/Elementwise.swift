import IR
import Tensors

/// Any elementwise function of one operand: ONNX `Relu`, `Sigmoid`, `Erf`, `Gelu`, ….
package struct Unary: Operator {
  package static let name = "Unary"
  package var function: UnaryFunction
  package init(_ function: UnaryFunction) { self.function = function }
  package var traits: OperatorTraits { [.pure, .elementwise, .acceptsEpilogue] }
}

/// Any elementwise function of two operands that broadcast: ONNX `Add`, `Pow`, `Less`, `PRelu`, ….
package struct Binary: Operator {
  package static let name = "Binary"
  package var function: BinaryFunction
  package init(_ function: BinaryFunction) { self.function = function }

  package var traits: OperatorTraits {
    function.isCommutative
      ? [.pure, .elementwise, .acceptsEpilogue, .commutative] : [.pure, .elementwise, .acceptsEpilogue]
  }
}

/// ONNX `Sum`, `Mean`, `Max` and `Min` of any number of operands.
package struct Variadic: Operator {
  package enum Function: String, Hashable, Codable, Sendable { case sum, mean, max, min }
  package static let name = "Variadic"
  package var function: Function
  package init(_ function: Function) { self.function = function }
  package var traits: OperatorTraits { [.pure, .elementwise, .acceptsEpilogue] }
}

/// ONNX `Clip`: min(max(x, lower), upper). Operands: x, lower?, upper?; bounds that are attributes have no
/// operand.
package struct Clip: Operator {
  package static let name = "Clip"
  package var lower: Real?
  package var upper: Real?

  package init(lower: Real? = nil, upper: Real? = nil) {
    self.lower = lower
    self.upper = upper
  }

  package var traits: OperatorTraits { [.pure, .elementwise, .acceptsEpilogue] }
}

/// ONNX `Where`: operands condition, x, y.
package struct Where: Operator {
  package static let name = "Where"
  package init() {}
  package var traits: OperatorTraits { [.pure, .elementwise, .acceptsEpilogue] }
}

/// ONNX `Cast`. Floats to integers truncate; to float8 they saturate when asked.
package struct Cast: Operator {
  package static let name = "Cast"
  package var to: DataType
  package var saturate: Bool

  package init(to: DataType, saturate: Bool = true) {
    self.to = to
    self.saturate = saturate
  }

  package var traits: OperatorTraits { [.pure, .elementwise, .acceptsEpilogue] }
}

/// ONNX `BitCast`: the same bits read as another type of the same width.
package struct BitCast: Operator {
  package static let name = "BitCast"
  package var to: DataType
  package init(to: DataType) { self.to = to }
  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `Identity`, of any value.
package struct Identity: Operator {
  package static let name = "Identity"
  package init() {}
  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `Dropout` in inference form. Results: y, mask? (all true).
package struct Dropout: Operator {
  package static let name = "Dropout"
  package init() {}
  package var traits: OperatorTraits { [.pure] }
}
