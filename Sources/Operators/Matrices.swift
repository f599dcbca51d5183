import IR
import Tensors

/// ONNX `EyeLike`: 1 on diagonal `k` of a matrix of x's sizes, 0 elsewhere.
package struct EyeLike: Operator {
  package static let name = "EyeLike"
  /// nil: that of x.
  package var dataType: DataType?
  package var k: Int

  package init(dataType: DataType? = nil, k: Int = 0) {
    self.dataType = dataType
    self.k = k
  }

  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `Trilu` of matrices in the last two axes. Operands: x, k? (the diagonal, 0 when absent). The rest is
/// zero.
package struct Trilu: Operator {
  package static let name = "Trilu"
  package var upper: Bool
  package init(upper: Bool = true) { self.upper = upper }
  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `Det` of square matrices in the last two axes.
package struct Det: Operator {
  package static let name = "Det"
  package init() {}
  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `Einsum`: a sum of products, as `equation` says with one letter per axis.
package struct Einsum: Operator {
  package static let name = "Einsum"
  package var equation: String
  package init(equation: String) { self.equation = equation }
  package var traits: OperatorTraits { [.pure] }
}
