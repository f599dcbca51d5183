import IR
import Operators
import Tensors
import TestSupport

extension OperatorSuite {
  private static func step(
    _ label: String, _ op: TrainingStep, count: Double, _ values: [Double], gives results: [Double]
  ) -> OperatorCase {
    let scalars = [Grid([], [0.5]).value(), Grid([], [count]).value(.int64)]
    return OperatorCase(
      "TrainingStep/\(label)", op, scalars + values.map { Grid([1], [$0]).value() },
      gives: results.map { Grid([1], [$0]).value() }, .float32)
  }

  static let training: [OperatorCase] = [
    step(
      "adagrad", TrainingStep(.adagrad, epsilon: 1, penalty: 0.5, decay: 1), count: 1, [2, 3, 0],
      gives: [1.8, 16]),
    step("momentum", TrainingStep(.momentum, alpha: 0.5, beta: 0.25), count: 3, [2, 4, 6], gives: [0, 4]),
    step("first", TrainingStep(.momentum, alpha: 0.5, beta: 0.25), count: 0, [2, 4, 6], gives: [-1.5, 7]),
    step("nesterov", TrainingStep(.nesterov, alpha: 0.5, beta: 0.25), count: 3, [2, 4, 6], gives: [-1, 4]),
    step(
      "adam", TrainingStep(.adam, alpha: 0.5, beta: 0.75, penaltyAfter: 0.5), count: 1, [2, 2, 0, 0],
      gives: [0.5 * (2 - 0.5 * 0.5 / 0.5 * 1 / 1), 1, 1]),
    OperatorCase(
      "TrainingStep/empty", TrainingStep(.momentum),
      [Grid([], [1]).value(), Grid([], [0]).value(.int64)] + (0..<3).map { _ in Grid([0], []).value() },
      gives: [Grid([0], []).value(), Grid([0], []).value()]),
  ]
}
