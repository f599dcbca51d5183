import IR
import Tensors

/// ONNX `RMSNormalization` over the axes from `axis` on: x ÷ √(mean(x²) + ε) · scale. Operands: x, scale.
package struct RMSNormalization: Operator {
  package static let name = "RMSNormalization"
  package var axis: Int
  package var epsilon: Real

  package init(axis: Int, epsilon: Real) {
    self.axis = axis
    self.epsilon = epsilon
  }

  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `GroupNormalization`: channels in `groups` of neighbours, each of mean 0 and variance 1, then scaled and
/// shifted. Operands: x [N, C, …], scale and bias [C], or [groups] where `scalesGroups` (opset < 21).
package struct GroupNormalization: Operator {
  package static let name = "GroupNormalization"
  package var groups: Int
  package var epsilon: Real
  package var scalesGroups: Bool

  package init(groups: Int, epsilon: Real, scalesGroups: Bool = false) {
    self.groups = groups
    self.epsilon = epsilon
    self.scalesGroups = scalesGroups
  }

  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `RotaryEmbedding`: pairs of elements of a head turned by an angle that depends on the row.
///
/// Operands: x, cosines, sines, positions?. x is [batch, heads, rows, size], or [batch, rows, heads · size] with the
/// number of heads as attribute. With positions, [batch, rows], the tables are [positions, turned / 2]; without,
/// [batch, rows, turned / 2].
package struct RotaryEmbedding: Operator {
  package static let name = "RotaryEmbedding"
  package var heads: Int?
  /// Elements of a head that are turned, the first ones; 0: all.
  package var size: Int
  /// Pairs are neighbours, not elements half of `size` apart.
  package var interleaved: Bool

  package init(heads: Int? = nil, size: Int = 0, interleaved: Bool = false) {
    self.heads = heads
    self.size = size
    self.interleaved = interleaved
  }

  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `LinearAttention`: a matrix per head that every row changes and then is read with.
///
/// Operands: query [batch, rows, heads · k], key [batch, rows, shared heads · k], value [batch, rows, shared heads · v],
/// state? [batch, shared heads, k, v], decay? [batch, rows, shared heads · k or shared heads], rate? [batch, rows,
/// shared heads or 1]. Results: rows [batch, rows, heads · v], state.
package struct LinearAttention: Operator {
  package static let name = "LinearAttention"

  package enum Rule: String, Hashable, Codable, Sendable {
    case linear, gated, delta
    case gatedDelta = "gated_delta"

    /// The state is multiplied by exp(decay) first.
    package var decays: Bool { self == .gated || self == .gatedDelta }
    /// What the state says of the key is taken from the value, and the rest multiplied by the rate.
    package var corrects: Bool { self == .delta || self == .gatedDelta }
  }

  package var queryHeads: Int
  package var keyHeads: Int
  /// nil: 1 ÷ √k.
  package var scale: Real?
  package var rule: Rule

  package init(queryHeads: Int, keyHeads: Int, scale: Real? = nil, rule: Rule = .gatedDelta) {
    self.queryHeads = queryHeads
    self.keyHeads = keyHeads
    self.scale = scale
    self.rule = rule
  }

  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `TensorScatter`: a cache with some rows replaced, from an index on that each item has. Operands: cache, rows,
/// indices? [batch].
package struct TensorScatter: Operator {
  package static let name = "TensorScatter"
  package var axis: Int
  /// Rows beyond the end go to the start.
  package var circular: Bool

  package init(axis: Int = -2, circular: Bool = false) {
    self.axis = axis
    self.circular = circular
  }

  package var traits: OperatorTraits { [.pure] }
}
