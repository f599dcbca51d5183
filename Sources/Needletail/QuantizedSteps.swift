import Glibc
import IR
import Operators
import Tensors

extension Tolerance {
  /// How far results of a quantized network may lie apart. Sums that lie at the border of two steps fall to either side,
  /// by the order in which a library adds; what follows works with another step.
  package struct Steps: Hashable, Sendable, CustomStringConvertible {
    /// Steps that any element may be away.
    package var distance: Double
    /// Of all elements, those that may differ at all; one always may.
    package var share: Double
    /// The difference of neighbouring results: 1 for integers, a scale for floats.
    package var step: Double
    package var probability: Probability?

    package init(
      distance: Double = 4, share: Double = 0.01, step: Double = 1, probability: Probability? = nil
    ) {
      self.distance = distance
      self.share = share
      self.step = step
      self.probability = probability
    }

    /// A softmax over quantized scores: when scores move by steps, a probability p moves by up to p · (1 − p) · `gain`.
    package struct Probability: Hashable, Sendable {
      package var gain: Double
      /// What a probability of 1 is in results, and what one of 0 is.
      package var one: Double
      package var zero: Double

      package init(gain: Double, one: Double, zero: Double) {
        self.gain = gain
        self.one = one
        self.zero = zero
      }
    }

    /// Steps that a score of a softmax may move: its own rounding, and one from the layers before it.
    package static let scoreSteps = 2.0

    package var description: String {
      let share = "\((share * 1000).rounded() / 10) % of the elements"
      let softmax =
        probability == nil ? "" : ", and what \(Int(Self.scoreSteps)) steps of its scores move in the softmax"
      return "the result is quantized: \(Int(distance)) steps\(softmax) are allowed in \(share)"
    }
  }
}

extension Tolerance.Steps {
  func allow(_ actual: [Double], _ expected: [Double]) -> Bool {
    let limit = max(1, Int(Double(expected.count) * share))
    var count = 0
    for (a, e) in zip(actual, expected) where a != e && !(a.isNaN && e.isNaN) {
      let difference = abs(a - e)
      // Floats differ in their last places too, which is no step.
      if difference >= step / 2 { count += 1 }
      if !(difference <= step * 1.001 * distance(at: e)) { return false }
    }
    return count <= limit
  }

  private func distance(at expected: Double) -> Double {
    guard let probability, probability.one != probability.zero else { return distance }
    let p = (expected - probability.zero) / (probability.one - probability.zero)
    let moved = max(0, p * (1 - p)) * probability.gain * abs(probability.one - probability.zero)
    return max(distance, 1 + moved / step)
  }
}

extension Graph {
  /// What quantization makes of an output: the rounding of what other nodes computed, as integers or as the floats that
  /// stand for them; nil for other outputs.
  package func quantizedSteps(ofOutput output: Int) -> Tolerance.Steps? {
    guard nodeCount > 1, let end = pastMovement(outputs[output].value), let node = producer(of: end) else {
      return nil
    }
    switch node.op {
    case is QuantizeLinear: return steps(of: node, isFloat: false)
    case is QLinearConv, is QLinearMatMul: return Tolerance.Steps()
    case is DequantizeLinear:
      guard let source = node.inputs.first ?? nil, let rounding = roundingNode(source),
        let scale = scalar(node, 1), scale > 0
      else { return nil }
      var steps = steps(of: rounding, isFloat: true)
      steps.step = scale
      return steps
    default: return nil
    }
  }

  private func steps(of quantize: Node, isFloat: Bool) -> Tolerance.Steps {
    var steps = Tolerance.Steps()
    guard quantize.op is QuantizeLinear, let gain = softmaxGain(before: quantize) else { return steps }
    if isFloat {
      steps.probability = .init(gain: gain, one: 1, zero: 0)
    } else if let scale = scalar(quantize, 1), scale > 0 {
      let zero = scalar(quantize, 2) ?? 0
      steps.probability = .init(gain: gain, one: zero + 1 / scale, zero: zero)
    }
    return steps
  }

  /// The node that rounded a value.
  private func roundingNode(_ value: ValueID) -> Node? {
    guard let value = pastMovement(value), let node = producer(of: value),
      node.op is QuantizeLinear || node.op is QLinearConv || node.op is QLinearMatMul
    else { return nil }
    return node
  }

  /// Past changes from one quantization to another, up to a softmax whose scores are quantized.
  private func softmaxGain(before quantize: Node) -> Double? {
    var value = quantize.inputs.first ?? nil
    for _ in 0..<16 {
      guard let at = value.flatMap({ pastMovement($0) }), let node = producer(of: at) else { return nil }
      switch node.op {
      case is QuantizeLinear, is DequantizeLinear: value = node.inputs.first ?? nil
      case is Softmax:
        guard let scores = (node.inputs.first ?? nil).flatMap({ pastMovement($0) }),
          let dequantize = producer(of: scores), dequantize.op is DequantizeLinear,
          let scale = scalar(dequantize, 1), scale > 0
        else { return nil }
        // One score falls while the others rise.
        return min(exp(2 * Tolerance.Steps.scoreSteps * scale) - 1, 1)
      default: return nil
      }
    }
    return nil
  }

  /// What stands before nodes that only move elements.
  private func pastMovement(_ value: ValueID) -> ValueID? {
    var value = value
    for _ in 0..<64 {
      guard let node = producer(of: value), node.op is Reshape || node.op is Transpose || node.op is Identity,
        let source = node.inputs.first ?? nil
      else { return value }
      value = source
    }
    return nil
  }

  /// The only element of a constant operand.
  private func scalar(_ node: Node, _ operand: Int) -> Double? {
    guard node.inputs.count > operand, let id = node.inputs[operand],
      case .constant(let constant)? = self.value(id)?.source, let tensor = try? constant.tensor(),
      tensor.elementCount == 1
    else { return nil }
    return tensor.dataType.isInteger
      ? (try? tensor.int64s().first).map { Double($0) } : try? tensor.doubles().first
  }
}
