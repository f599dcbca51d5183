import Glibc
import IR
import Operators

/// Elementwise functions in double precision.
func reference(_ f: UnaryFunction, _ x: Double) -> Double {
  func softplus(_ x: Double) -> Double { max(x, 0) + log1p(exp(-abs(x))) }
  switch f {
  case .relu: return x.isNaN ? x : max(x, 0)
  case .sigmoid: return 1 / (1 + exp(-x))
  case .tanh: return tanh(x)
  case .softplus: return x.isNaN ? x : softplus(x)
  case .softsign: return x / (1 + abs(x))
  case .mish: return x.isNaN ? x : x * tanh(softplus(x))
  case .silu: return x / (1 + exp(-x))
  case .hardSwish: return x.isNaN ? x : x * min(max(x / 6 + 0.5, 0), 1)
  case .gelu: return 0.5 * x * erfc(-x / 2.0.squareRoot())
  case .geluTanh: return 0.5 * x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
  case .exp: return exp(x)
  case .log: return log(x)
  case .sqrt: return x.squareRoot()
  case .reciprocal: return 1 / x
  case .erf: return erf(x)
  case .abs: return abs(x)
  case .neg: return -x
  case .sign: return x.isNaN ? x : x > 0 ? 1 : x < 0 ? -1 : x
  case .floor: return x.rounded(.down)
  case .ceil: return x.rounded(.up)
  case .round: return x.rounded(.toNearestOrEven)
  case .leakyRelu(let a): return x < 0 ? Double(a.float) * x : x
  case .elu(let a): return x > 0 ? x : Double(a.float) * expm1(x)
  case .celu(let a): return x.isNaN ? x : max(0, x) + min(0, Double(a.float) * expm1(x / Double(a.float)))
  case .selu(let a, let g): return Double(g.float) * (x > 0 ? x : Double(a.float) * expm1(x))
  case .hardSigmoid(let a, let b): return x.isNaN ? x : min(max(Double(a.float) * x + Double(b.float), 0), 1)
  case .thresholdedRelu(let a): return x.isNaN ? x : x > Double(a.float) ? x : 0
  default: return .nan
  }
}

func reference(_ f: BinaryFunction, _ a: Double, _ b: Double) -> Double {
  switch f {
  case .add: a + b
  case .sub: a - b
  case .mul: a * b
  case .div: a / b
  case .max: a.isNaN || b.isNaN ? .nan : max(a, b)
  case .min: a.isNaN || b.isNaN ? .nan : min(a, b)
  case .prelu: a < 0 ? a * b : a
  default: .nan
  }
}
