import IR
import Tensors

/// One step of training: `ai.onnx.preview.training` `Adagrad`, `Adam` and `Momentum`, for one tensor.
///
/// Operands: learning rate, count of updates int64, x, its gradient, and state: of Adam the momentum and the squares, of
/// the others one. Results: x, and its state.
package struct TrainingStep: Operator {
  package enum Method: String, Hashable, Codable, Sendable { case adagrad, adam, momentum, nesterov }

  package static let name = "TrainingStep"
  package var method: Method
  /// Decay of the momentum.
  package var alpha: Real
  /// Decay of the squares of Adam, or the weight of a gradient.
  package var beta: Real
  package var epsilon: Real
  /// Of a penalty on the magnitude of x.
  package var penalty: Real
  /// The same, after the step.
  package var penaltyAfter: Real
  /// Of the learning rate.
  package var decay: Real

  package init(
    _ method: Method, alpha: Real = 0, beta: Real = 0, epsilon: Real = 0, penalty: Real = 0,
    penaltyAfter: Real = 0,
    decay: Real = 0
  ) {
    self.method = method
    self.alpha = alpha
    self.beta = beta
    self.epsilon = epsilon
    self.penalty = penalty
    self.penaltyAfter = penaltyAfter
    self.decay = decay
  }

  package var stateCount: Int { method == .adam ? 2 : 1 }
  package var traits: OperatorTraits { [.pure] }

  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(4 + stateCount...4 + stateCount)
    _ = try context.tensor(0, of: [.float32, .float64])
    _ = try context.tensor(1, of: [.int64])
    let x = try context.tensor(2, of: [.float32, .float64])
    try context.expectSameType(2, 3..<4 + stateCount)
    if let shape = x?.shape { for i in 3..<4 + stateCount { try context.expectShape(i, shape) } }
    return [ValueType](repeating: x.map { .tensor($0) } ?? .unknown, count: 1 + stateCount)
  }
}
