import Kernels
import Operators
import Tensors

extension NegativeLogLikelihoodLoss: NaiveOperator {
  static let naiveName = "negative-log-likelihood-loss"
  static let elements = Elements.floats

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    let classes = try call.operand(1)
    guard x.rank >= 2, classes.dataType.isInteger, classes.sizes == [x.sizes[0]] + x.sizes[2...] else {
      throw .malformed
    }
    let count = x.sizes[1]
    let weights = try call.reals(call.optional(2))
    guard weights.map({ $0.count == count }) ?? true, let codec = ElementCodec(classes.dataType) else {
      throw .malformed
    }
    let y = try call.result(0, x.dataType, reduction == .none ? classes.sizes : [])
    let values = try call.reals(x)
    let inner = try x.sizes[2...].product
    var losses = try call.zeros(classes.elementCount)
    var (sum, total) = (0.0, 0.0)
    for i in losses.indices {
      let label = Int(codec.int64(at: i, in: classes.bytes.base))
      if label == ignoredClass { continue }
      guard 0..<count ~= label else { throw .indexOutOfRange(operand: 1) }
      let weight = weights?[label] ?? 1
      losses[i] = -values[(i / inner * count + label) * inner + i % inner] * weight
      sum += losses[i]
      total += weight
    }
    switch reduction {
    case .none: try y.write(losses)
    case .sum: try y.write([sum])
    case .mean: try y.write([sum / total])
    }
  }
}
