import IR
import Tensors

// Scales and zero points are one number, one for each index of an axis, or one for each block of `blockSize`
// neighbours along an axis.

/// ONNX `QuantizeLinear`: saturate(round(x ÷ scale) + zero point). Operands: x, scale, zero point?.
package struct QuantizeLinear: Operator {
  package static let name = "QuantizeLinear"
  package var axis: Int
  /// 0: not in blocks.
  package var blockSize: Int
  /// nil: the type of the zero point, or uint8 without one.
  package var to: DataType?
  /// Counts for the float8 types alone.
  package var saturate: Bool
  /// The type that the quotient is rounded to; nil: that of the scale.
  package var precision: DataType?

  package init(
    axis: Int = 1, blockSize: Int = 0, to: DataType? = nil, saturate: Bool = true, precision: DataType? = nil
  ) {
    self.axis = axis
    self.blockSize = blockSize
    self.to = to
    self.saturate = saturate
    self.precision = precision
  }

  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `DequantizeLinear`: (x − zero point) · scale. Operands: x, scale, zero point?.
package struct DequantizeLinear: Operator {
  package static let name = "DequantizeLinear"
  package var axis: Int
  /// 0: not in blocks.
  package var blockSize: Int
  /// nil: the type of the scale.
  package var to: DataType?

  package init(axis: Int = 1, blockSize: Int = 0, to: DataType? = nil) {
    self.axis = axis
    self.blockSize = blockSize
    self.to = to
  }

  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `DynamicQuantizeLinear`. Results: y as uint8, scale, zero point.
package struct DynamicQuantizeLinear: Operator {
  package static let name = "DynamicQuantizeLinear"
  package init() {}
  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `MatMulInteger`. Operands: a, b, zero point of a?, zero point of b?. Result: int32.
package struct MatMulInteger: Operator {
  package static let name = "MatMulInteger"
  package init() {}
  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `QLinearMatMul`. Operands: a, its scale and zero point, b, its scale and zero point, scale and zero point of
/// the result.
package struct QLinearMatMul: Operator {
  package static let name = "QLinearMatMul"
  package init() {}
  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `ConvInteger`. Operands: x, weights, zero point of x?, zero point of the weights?. Result: int32.
package struct ConvInteger: Operator {
  package static let name = "ConvInteger"
  package var window: Window
  package var groups: Int

  package init(window: Window, groups: Int = 1) {
    self.window = window
    self.groups = groups
  }

  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `QLinearConv`. Operands: x, its scale and zero point, weights, their scale and zero point, scale and zero
/// point of the result, int32 bias?.
package struct QLinearConv: Operator {
  package static let name = "QLinearConv"
  package var window: Window
  package var groups: Int

  package init(window: Window, groups: Int = 1) {
    self.window = window
    self.groups = groups
  }

  package var traits: OperatorTraits { [.pure] }
}
