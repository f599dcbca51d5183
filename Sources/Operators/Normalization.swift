import IR
import Tensors

/// ONNX `BatchNormalization` in inference form. Operands: x [N, C, …], scale, bias, mean, variance, each [C].
package struct BatchNormalization: Operator {
  package static let name = "BatchNormalization"
  package var epsilon: Real
  package init(epsilon: Real) { self.epsilon = epsilon }
  package var traits: OperatorTraits { [.pure, .acceptsEpilogue] }
}

/// x · scale + shift along one axis: what a batch normalization of constants means. Operands: x, scale [C],
/// shift [C].
package struct ScaleShift: Operator {
  package static let name = "ScaleShift"
  package var axis: Int
  package init(axis: Int) { self.axis = axis }
  package var traits: OperatorTraits { [.pure, .acceptsEpilogue] }
}

/// ONNX `InstanceNormalization`. Operands: x [N, C, …], scale [C], bias [C].
package struct InstanceNormalization: Operator {
  package static let name = "InstanceNormalization"
  package var epsilon: Real
  package init(epsilon: Real) { self.epsilon = epsilon }
  package var traits: OperatorTraits { [.pure, .acceptsEpilogue] }
}

/// ONNX `LayerNormalization` over the axes from `axis` on. Operands: x, scale, bias?. Results: y, mean?,
/// 1/deviation?.
package struct LayerNormalization: Operator {
  package static let name = "LayerNormalization"
  package var axis: Int
  package var epsilon: Real

  package init(axis: Int, epsilon: Real) {
    self.axis = axis
    self.epsilon = epsilon
  }

  package var traits: OperatorTraits { [.pure, .acceptsEpilogue] }
}

/// ONNX `LRN`, local response normalization across channels.
package struct LRN: Operator {
  package static let name = "LRN"
  package var size: Int
  package var alpha: Real
  package var beta: Real
  package var bias: Real

  package init(size: Int, alpha: Real, beta: Real, bias: Real) {
    self.size = size
    self.alpha = alpha
    self.beta = beta
    self.bias = bias
  }

  package var traits: OperatorTraits { [.pure, .acceptsEpilogue] }
}

/// ONNX `LpNormalization`: x divided by its norm along one axis; 0 where the norm is 0.
package struct LpNormalization: Operator {
  package static let name = "LpNormalization"
  package var axis: Int
  /// 1 or 2.
  package var p: Int

  package init(axis: Int = -1, p: Int = 2) {
    self.axis = axis
    self.p = p
  }

  package var traits: OperatorTraits { [.pure] }
}
