import IR

extension UnaryFunction {
  /// Steps and predicates: the derivative is zero wherever there is one.
  var hasNoSlope: Bool {
    switch self {
    case .sign, .floor, .ceil, .round, .not, .bitwiseNot, .isNaN, .isInf: true
    default: false
    }
  }

  /// The gradient of x, where y = f(x) and `g` is the gradient of y. At a kink the side of smaller x counts, but for
  /// `Abs`, where it is zero.
  func derivative(_ g: Term, _ x: Term, _ y: Term) throws(Unsupported.Reason) -> Term {
    switch self {
    case .neg: try g.of(.neg)
    case .exp: try g * y
    case .log: try g / x
    case .sqrt: try g / (y * 2)
    case .reciprocal: try (g * y * y).of(.neg)
    case .abs: try g * x.of(.sign)
    case .erf: try g * (x * x).of(.neg).of(.exp) * (2 / Double.pi.squareRoot())
    case .sign, .floor, .ceil, .round, .not, .bitwiseNot, .isNaN, .isInf: try g * 0.0
    case .sin: try g * x.of(.cos)
    case .cos: try (g * x.of(.sin)).of(.neg)
    case .tan: try g * (y * y + 1)
    case .asin: try g / (1 - x * x).of(.sqrt)
    case .acos: try (g / (1 - x * x).of(.sqrt)).of(.neg)
    case .atan: try g / (x * x + 1)
    case .sinh: try g * x.of(.cosh)
    case .cosh: try g * x.of(.sinh)
    case .tanh: try g * (1 - y * y)
    case .asinh: try g / (x * x + 1).of(.sqrt)
    case .acosh: try g / (x * x + -1).of(.sqrt)
    case .atanh: try g / (1 - x * x)
    default: try activation(g, x, y)
    }
  }

  private func activation(_ g: Term, _ x: Term, _ y: Term) throws(Unsupported.Reason) -> Term {
    let isPositive = try x.compared(.greater, 0)
    switch self {
    case .sigmoid: return try g * y * (1 - y)
    case .softplus: return try g * x.of(.sigmoid)
    case .softsign:
      let base = try x.of(.abs) + 1
      return try g / (base * base)
    case .relu: return try g.kept(where: isPositive)
    case .leakyRelu(let alpha): return try g.kept(where: isPositive, else: g * alpha.value)
    case .elu(let alpha): return try g.kept(where: isPositive, else: g * (y + alpha.value))
    case .celu(let alpha): return try g.kept(where: isPositive, else: g * (x * (1 / alpha.value)).of(.exp))
    case .selu(let alpha, let gamma):
      return try (g * gamma.value).kept(where: isPositive, else: g * (y + alpha.value * gamma.value))
    case .thresholdedRelu(let alpha): return try g.kept(where: x.compared(.greater, alpha.value))
    case .shrink(let lambda, _): return try g.kept(where: x.of(.abs).compared(.greater, lambda.value))
    case .hardSigmoid(let alpha, _):
      return try (g * alpha.value).kept(where: y.compared(.greater, 0)).kept(where: y.compared(.less, 1))
    case .hardSwish:
      let inner = try (g * (x * (1.0 / 3) + 0.5)).kept(where: x.compared(.greater, -3))
      return try inner.kept(where: x.compared(.less, 3), else: g)
    case .silu, .swish:
      var slope = 1.0
      if case .swish(let alpha) = self { slope = alpha.value }
      let gate = try (x * slope).of(.sigmoid)
      return try g * (gate + y * (1 - gate) * slope)
    case .mish:
      let gate = try x.of(.softplus).of(.tanh)
      return try g * (gate + x * x.of(.sigmoid) * (1 - gate * gate))
    case .gelu:
      let gate = try (x * 0.5.squareRoot()).of(.erf) * 0.5 + 0.5
      let density = try (x * x * -0.5).of(.exp) * (1 / (2 * Double.pi).squareRoot())
      return try g * (gate + x * density)
    case .geluTanh:
      let (scale, cubic) = ((2 / Double.pi).squareRoot(), 0.044715)
      let gate = try (x * (x * x * cubic + 1) * scale).of(.tanh)
      let slope = try x * (1 - gate * gate) * (x * x * (3 * cubic) + 1) * (scale / 2)
      return try g * (gate * 0.5 + 0.5 + slope)
    default: throw .form("\(text) has no rule of differentiation")
    }
  }
}
