import Glibc
import Kernels
import Operators
import Tensors

extension TrainingStep: NaiveOperator {
  static let naiveName = "training-step"
  static let elements = Elements.floats

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    guard let rate = try call.reals(call.operand(0)).first, let count = try call.reals(call.operand(1)).first
    else {
      throw .malformed
    }
    let x = try call.operand(2)
    var operands = [x]
    for i in 3..<4 + stateCount {
      operands.append(try call.operand(i))
      guard operands[i - 2].sizes == x.sizes, operands[i - 2].dataType == x.dataType else { throw .malformed }
    }
    guard let codec = ElementCodec(x.dataType) else { throw .notRepresentable }
    var results: [Tensor] = []
    for i in 0...stateCount { results.append(try call.result(i, x.dataType, x.sizes)) }
    for i in 0..<x.elementCount {
      let values = operands.map { codec.double(at: i, in: $0.bytes.base) }
      for (result, value) in zip(results, step(values, rate: rate, count: count)) {
        codec.store(value, at: i, in: result.base)
      }
    }
  }

  /// From x, gradient and state to x and state.
  private func step(_ values: [Double], rate: Double, count: Double) -> [Double] {
    let (x, state) = (values[0], values[2])
    let gradient = penalty.value * x + values[1]
    switch method {
    case .adagrad:
      let squares = state + gradient * gradient
      return [
        x - rate / (1 + count * decay.value) * gradient / (squares.squareRoot() + epsilon.value), squares,
      ]
    case .adam:
      let momentum = alpha.value * state + (1 - alpha.value) * gradient
      let squares = beta.value * values[3] + (1 - beta.value) * gradient * gradient
      let corrected =
        count > 0 ? rate * (1 - pow(beta.value, count)).squareRoot() / (1 - pow(alpha.value, count)) : rate
      let next = x - corrected * momentum / (squares.squareRoot() + epsilon.value)
      return [(1 - penaltyAfter.value) * next, momentum, squares]
    case .momentum, .nesterov:
      let momentum = alpha.value * state + (count > 0 ? beta.value : 1) * gradient
      return [x - rate * (method == .momentum ? momentum : gradient + alpha.value * momentum), momentum]
    }
  }
}
