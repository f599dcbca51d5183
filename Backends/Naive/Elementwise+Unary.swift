import Glibc
import IR
import Kernels
import Operators
import Tensors

extension Unary: NaiveOperator {
  static let naiveName = "unary"

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    let y = try call.result(0, function.isPredicate ? .bool : x.dataType, x.sizes)
    try apply(function, x, into: y)
  }
}

/// y = function(x); they may be the same memory.
func apply(_ function: UnaryFunction, _ x: Tensor, into y: Tensor) throws(KernelFault) {
  if (function == .not) != (x.dataType == .bool) { throw .notRepresentable }
  try visit(x.dataType, UnaryMap(function: function, x: x.base, y: y.base, count: x.elementCount))
}

private struct UnaryMap: NumberVisitor {
  let function: UnaryFunction
  let x, y: UnsafeMutableRawPointer
  let count: Int

  func visitFloat<T: FloatNumber>(_: T.Type) throws(KernelFault) {
    switch function {
    case .isNaN: map(T.self) { $0.isNaN ? 1 : 0 as UInt8 }
    case .isInf(let negative, let positive):
      map(T.self) { $0.isInfinite && ($0 < 0 ? negative : positive) ? 1 : 0 as UInt8 }
    case .relu: map(T.self) { $0 < 0 ? 0 : $0 }
    case .abs: map(T.self) { $0.magnitude }
    case .neg: map(T.self) { -$0 }
    case .not, .bitwiseNot: throw .notRepresentable
    case .leakyRelu(let alpha): real(T.self) { [alpha = alpha.value] in $0 < 0 ? alpha * $0 : $0 }
    case .elu(let alpha): real(T.self) { [alpha = alpha.value] in $0 < 0 ? alpha * expm1($0) : $0 }
    case .celu(let alpha):
      real(T.self) { [alpha = alpha.value] in $0 < 0 ? alpha * expm1($0 / alpha) : $0 }
    case .selu(let alpha, let gamma):
      real(T.self) { [alpha = alpha.value, gamma = gamma.value] in
        gamma * ($0 <= 0 ? alpha * expm1($0) : $0)
      }
    case .hardSigmoid(let alpha, let beta):
      real(T.self) { [alpha = alpha.value, beta = beta.value] in clamp(alpha * $0 + beta, 0, 1) }
    case .thresholdedRelu(let alpha): real(T.self) { [alpha = alpha.value] in $0 > alpha ? $0 : 0 }
    case .shrink(let lambda, let bias): shrink(T.self, lambda.value, bias.value)
    case .swish(let alpha): real(T.self) { [alpha = alpha.value] in $0 * sigmoid(alpha * $0) }
    default: visitPlain(T.self)
    }
  }

  private func visitPlain<T: FloatNumber>(_: T.Type) {
    switch function {
    case .sigmoid: real(T.self) { sigmoid($0) }
    case .tanh: real(T.self) { tanh($0) }
    case .softplus: real(T.self) { softplus($0) }
    case .softsign: real(T.self) { $0 / (1 + $0.magnitude) }
    case .mish: real(T.self) { $0 * tanh(softplus($0)) }
    case .silu: real(T.self) { $0 * sigmoid($0) }
    case .hardSwish: real(T.self) { $0 * clamp($0 / 6 + 0.5, 0, 1) }
    case .gelu: real(T.self) { 0.5 * $0 * (1 + erf($0 * 0.5.squareRoot())) }
    case .geluTanh:
      real(T.self) { 0.5 * $0 * (1 + tanh((2 / Double.pi).squareRoot() * ($0 + 0.044715 * $0 * $0 * $0))) }
    case .exp: real(T.self) { exp($0) }
    case .log: real(T.self) { log($0) }
    case .sqrt: map(T.self) { $0.squareRoot() }
    case .reciprocal: map(T.self) { 1 / $0 }
    case .erf: real(T.self) { erf($0) }
    case .sign: map(T.self) { $0 > 0 ? 1 : $0 < 0 ? -1 : $0 }
    case .floor: map(T.self) { $0.rounded(.down) }
    case .ceil: map(T.self) { $0.rounded(.up) }
    case .round: map(T.self) { $0.rounded(.toNearestOrEven) }
    case .sin: real(T.self) { sin($0) }
    case .cos: real(T.self) { cos($0) }
    case .tan: real(T.self) { tan($0) }
    case .asin: real(T.self) { asin($0) }
    case .acos: real(T.self) { acos($0) }
    case .atan: real(T.self) { atan($0) }
    case .sinh: real(T.self) { sinh($0) }
    case .cosh: real(T.self) { cosh($0) }
    case .asinh: real(T.self) { asinh($0) }
    case .acosh: real(T.self) { acosh($0) }
    case .atanh: real(T.self) { atanh($0) }
    default: preconditionFailure("visitFloat handles the others")
    }
  }

  func visitInteger<T: IntegerNumber>(_: T.Type) throws(KernelFault) {
    switch function {
    case .relu: map(T.self) { $0 < 0 ? 0 : $0 }
    case .abs: map(T.self) { $0 < 0 ? 0 &- $0 : $0 }
    case .neg: map(T.self) { 0 &- $0 }
    case .sign: map(T.self) { $0.signum() }
    case .not: map(T.self) { $0 == 0 ? 1 : 0 as T }
    case .bitwiseNot: map(T.self) { ~$0 }
    case .floor, .ceil, .round: map(T.self) { $0 }
    case .shrink(let lambda, let bias): shrink(T.self, lambda.value, bias.value)
    default: throw .notRepresentable
    }
  }

  private func shrink<T: Number>(_: T.Type, _ lambda: Double, _ bias: Double) {
    real(T.self) { $0 < -lambda ? $0 + bias : $0 > lambda ? $0 - bias : 0 }
  }

  @inline(__always)
  private func map<T: BitwiseCopyable, R: BitwiseCopyable>(_: T.Type, _ body: (T) -> R) {
    let x = x.assumingMemoryBound(to: T.self)
    let y = y.assumingMemoryBound(to: R.self)
    for i in 0..<count { y[i] = body(x[i]) }
  }

  @inline(__always)
  private func real<T: Number>(_: T.Type, _ body: (Double) -> Double) {
    map(T.self) { T(real: body($0.real)) }
  }
}

private func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

/// log(1 + eˣ) without overflow.
private func softplus(_ x: Double) -> Double { x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)) }

/// min(max(x, lower), upper), also when lower > upper; NaN stays.
@inline(__always)
func clamp<T: Comparable>(_ x: T, _ lower: T, _ upper: T) -> T {
  let raised = x < lower ? lower : x
  return raised > upper ? upper : raised
}
