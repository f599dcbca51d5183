import IR
import Tensors

/// ONNX `RNN`, `GRU` and `LSTM`: one law of three cells.
///
/// Operands: x [T, B, I], w [D, G·H, I], r [D, G·H, H], bias [D, 2·G·H]?, lengths [B]?, initial h [D, B, H]?, and of
/// an LSTM initial c [D, B, H]?, peepholes [D, 3·H]?. Results: y [T, D, B, H], last h [D, B, H], and of an LSTM last
/// c. T: time, B: batch, I: inputs, H: hidden, D: directions, G: gates.
package struct Recurrent: Operator {
  package enum Cell: String, Hashable, Codable, Sendable, CaseIterable {
    case rnn, gru, lstm

    package var gateCount: Int {
      switch self {
      case .rnn: 1
      case .gru: 3
      case .lstm: 4
      }
    }

    /// Activations of one direction when the file names none.
    package var usualActivations: [Activation] {
      switch self {
      case .rnn: [.init(.tanh)]
      case .gru: [.init(.sigmoid), .init(.tanh)]
      case .lstm: [.init(.sigmoid), .init(.tanh), .init(.tanh)]
      }
    }
  }

  package enum Direction: String, Hashable, Codable, Sendable {
    case forward, reverse, bidirectional

    package var count: Int { self == .bidirectional ? 2 : 1 }
  }

  /// A function of a gate, with the parameters that some of them take.
  package struct Activation: Hashable, Codable, Sendable {
    package enum Function: String, Hashable, Codable, Sendable, CaseIterable {
      case relu, tanh, sigmoid, affine, leakyRelu, thresholdedRelu, scaledTanh, hardSigmoid, elu, softsign,
        softplus
    }
    package var function: Function
    package var alpha: Real
    package var beta: Real

    package init(_ function: Function, alpha: Real = 0, beta: Real = 0) {
      self.function = function
      self.alpha = alpha
      self.beta = beta
    }
  }

  package static let name = "Recurrent"
  package var cell: Cell
  package var direction: Direction
  /// Those of the first direction, then those of the second.
  package var activations: [Activation]
  /// What the activations of gates are given lies in −clip…clip.
  package var clip: Real?
  /// x is [B, T, I], y [B, T, D, H], and states [B, D, H].
  package var batchFirst: Bool
  /// Of a GRU: the reset gate multiplies the product with r instead of its operand.
  package var linearBeforeReset: Bool
  /// Of an LSTM: the forget gate is 1 − input gate.
  package var couplesForget: Bool

  package init(
    _ cell: Cell, direction: Direction = .forward, activations: [Activation]? = nil, clip: Real? = nil,
    batchFirst: Bool = false, linearBeforeReset: Bool = false, couplesForget: Bool = false
  ) {
    self.cell = cell
    self.direction = direction
    let usual = cell.usualActivations
    self.activations = activations ?? (direction.count == 2 ? usual + usual : usual)
    self.clip = clip
    self.batchFirst = batchFirst
    self.linearBeforeReset = linearBeforeReset
    self.couplesForget = couplesForget
  }

  package var traits: OperatorTraits { [.pure] }
}
