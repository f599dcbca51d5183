import Tensors

/// An elementwise function of one argument, named as the ONNX operator.
package enum UnaryFunction: Hashable, Sendable {
  case relu, sigmoid, tanh, softplus, softsign, mish, silu, hardSwish, gelu, geluTanh
  case exp, log, sqrt, reciprocal, erf, abs, neg, sign, floor, ceil, round
  case sin, cos, tan, asin, acos, atan, sinh, cosh, asinh, acosh, atanh
  case not, bitwiseNot, isNaN
  case isInf(detectNegative: Bool, detectPositive: Bool)
  case leakyRelu(Real)
  case elu(Real)
  case celu(Real)
  case selu(alpha: Real, gamma: Real)
  case hardSigmoid(alpha: Real, beta: Real)
  case thresholdedRelu(Real)
  case shrink(lambda: Real, bias: Real)
  case swish(Real)

  /// Functions without parameters, in the order of their names in text.
  package static let plain: [UnaryFunction] = [
    .relu, .sigmoid, .tanh, .softplus, .softsign, .mish, .silu, .hardSwish, .gelu, .geluTanh, .exp, .log,
    .sqrt,
    .reciprocal, .erf, .abs, .neg, .sign, .floor, .ceil, .round, .sin, .cos, .tan, .asin, .acos, .atan, .sinh,
    .cosh, .asinh, .acosh, .atanh, .not, .bitwiseNot, .isNaN,
  ]

  /// The word and its parameters: `relu`, `leakyRelu(0.01)`.
  package var text: String {
    switch self {
    case .isInf(let negative, let positive): "isInf(\(negative ? 1 : 0),\(positive ? 1 : 0))"
    case .leakyRelu(let alpha): "leakyRelu(\(alpha.text))"
    case .elu(let alpha): "elu(\(alpha.text))"
    case .celu(let alpha): "celu(\(alpha.text))"
    case .selu(let alpha, let gamma): "selu(\(alpha.text),\(gamma.text))"
    case .hardSigmoid(let alpha, let beta): "hardSigmoid(\(alpha.text),\(beta.text))"
    case .thresholdedRelu(let alpha): "thresholdedRelu(\(alpha.text))"
    case .shrink(let lambda, let bias): "shrink(\(lambda.text),\(bias.text))"
    case .swish(let alpha): "swish(\(alpha.text))"
    default: String(describing: self)
    }
  }

  private static let plainByText = Dictionary(uniqueKeysWithValues: plain.map { ($0.text, $0) })

  package init?(text: String) {
    if let plain = Self.plainByText[text] {
      self = plain
      return
    }
    guard let open = text.firstIndex(of: "("), text.last == ")" else { return nil }
    let word = text[..<open]
    let numbers = text[text.index(after: open)...].dropLast().split(separator: ",").map { Double($0) }
    let p = numbers.compactMap { $0 }.map { Real($0) }
    guard p.count == numbers.count else { return nil }
    switch (word, p.count) {
    case ("isInf", 2): self = .isInf(detectNegative: p[0].value != 0, detectPositive: p[1].value != 0)
    case ("leakyRelu", 1): self = .leakyRelu(p[0])
    case ("elu", 1): self = .elu(p[0])
    case ("celu", 1): self = .celu(p[0])
    case ("selu", 2): self = .selu(alpha: p[0], gamma: p[1])
    case ("hardSigmoid", 2): self = .hardSigmoid(alpha: p[0], beta: p[1])
    case ("thresholdedRelu", 1): self = .thresholdedRelu(p[0])
    case ("shrink", 2): self = .shrink(lambda: p[0], bias: p[1])
    case ("swish", 1): self = .swish(p[0])
    default: return nil
    }
  }

  /// Results are bool whatever the operand is.
  package var isPredicate: Bool {
    switch self {
    case .isNaN, .isInf: true
    default: false
    }
  }
}

extension UnaryFunction: Codable {
  package init(from decoder: any Decoder) throws {
    let text = try decoder.singleValueContainer().decode(String.self)
    guard let function = UnaryFunction(text: text) else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "no function \(text)"))
    }
    self = function
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }
}

/// An elementwise function of two arguments that broadcast to each other.
package enum BinaryFunction: String, Hashable, Codable, Sendable, CaseIterable {
  case add, sub, mul, div, max, min, pow, prelu
  /// The result has the divisor's sign (`mod`) or the dividend's (`fmod`).
  case mod, fmod
  case and, or, xor
  case bitwiseAnd, bitwiseOr, bitwiseXor, shiftLeft, shiftRight
  case equal, less, lessOrEqual, greater, greaterOrEqual

  package var isCommutative: Bool {
    switch self {
    case .add, .mul, .max, .min, .and, .or, .xor, .bitwiseAnd, .bitwiseOr, .bitwiseXor, .equal: true
    default: false
    }
  }

  package var isComparison: Bool {
    switch self {
    case .equal, .less, .lessOrEqual, .greater, .greaterOrEqual: true
    default: false
    }
  }

  package var isLogical: Bool { self == .and || self == .or || self == .xor }
}
