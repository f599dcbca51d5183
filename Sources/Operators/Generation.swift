import IR
import Tensors

/// ONNX `Shape`: int64 sizes of the axes from `start` to before `end`.
package struct Shape: Operator {
  package static let name = "Shape"
  package var start: Int
  package var end: Int?

  package init(start: Int = 0, end: Int? = nil) {
    self.start = start
    self.end = end
  }

  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `Size`: the number of elements, an int64 scalar.
package struct Size: Operator {
  package static let name = "Size"
  package init() {}
  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `Range`. Operands: start, limit, delta.
package struct Range: Operator {
  package static let name = "Range"
  package init() {}
  package var traits: OperatorTraits { [.pure] }
}

/// One element of any numeric type, for fills.
package enum Scalar: Hashable, Codable, Sendable {
  case real(Real)
  case integer(Int64)
}

/// ONNX `ConstantOfShape`. Operand: shape, absent when `target` is given.
package struct ConstantOfShape: Operator {
  package static let name = "ConstantOfShape"
  package var dataType: DataType
  package var fill: Scalar
  package var target: [Int]?

  package init(dataType: DataType, fill: Scalar, target: [Int]? = nil) {
    self.dataType = dataType
    self.fill = fill
    self.target = target
  }

  package var traits: OperatorTraits { [.pure] }
}
