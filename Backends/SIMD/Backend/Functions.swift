import IR
import SIMDMicrokernels
import Tensors

/// A function of one operand as the micro-kernels know it.
struct UnaryCode: Sendable {
  var function: Int32
  var p0: Float = 0
  var p1: Float = 0

  private init(_ function: Int, _ p0: Float = 0, _ p1: Float = 0) {
    self.function = Int32(function)
    self.p0 = p0
    self.p1 = p1
  }

  static func clamp(_ lower: Float, _ upper: Float) -> UnaryCode { UnaryCode(NT_CLAMP, lower, upper) }
  static func affine(scale: Float, shift: Float) -> UnaryCode { UnaryCode(NT_AFFINE, scale, shift) }

  init?(_ function: UnaryFunction) {
    switch function {
    case .relu: self.init(NT_RELU)
    case .sigmoid: self.init(NT_SIGMOID)
    case .tanh: self.init(NT_TANH)
    case .softplus: self.init(NT_SOFTPLUS)
    case .softsign: self.init(NT_SOFTSIGN)
    case .mish: self.init(NT_MISH)
    case .silu: self.init(NT_SILU)
    case .hardSwish: self.init(NT_HARD_SWISH)
    case .gelu: self.init(NT_GELU)
    case .geluTanh: self.init(NT_GELU_TANH)
    case .exp: self.init(NT_EXP)
    case .log: self.init(NT_LOG)
    case .sqrt: self.init(NT_SQRT)
    case .reciprocal: self.init(NT_RECIPROCAL)
    case .erf: self.init(NT_ERF)
    case .abs: self.init(NT_ABS)
    case .neg: self.init(NT_NEG)
    case .sign: self.init(NT_SIGN)
    case .floor: self.init(NT_FLOOR)
    case .ceil: self.init(NT_CEIL)
    case .round: self.init(NT_ROUND)
    case .leakyRelu(let slope): self.init(NT_LEAKY_RELU, slope.float)
    case .elu(let alpha): self.init(NT_ELU, alpha.float)
    case .celu(let alpha) where alpha.float != 0: self.init(NT_CELU, alpha.float)
    case .selu(let alpha, let gamma): self.init(NT_SELU, alpha.float, gamma.float)
    case .hardSigmoid(let alpha, let beta): self.init(NT_HARD_SIGMOID, alpha.float, beta.float)
    case .thresholdedRelu(let alpha): self.init(NT_THRESHOLDED_RELU, alpha.float)
    case .swish(let alpha) where alpha.value == 1: self.init(NT_SILU)
    default: return nil
    }
  }

  /// Whether the result has Naive's bits.
  static func isExact(_ function: UnaryFunction) -> Bool {
    switch function {
    case .relu, .sqrt, .reciprocal, .abs, .neg, .sign, .floor, .ceil, .round, .leakyRelu, .thresholdedRelu:
      true
    default: false
    }
  }
}

/// The micro-kernels' number of a function of two operands.
func binaryCode(_ function: BinaryFunction) -> Int32? {
  switch function {
  case .add: Int32(NT_ADD)
  case .sub: Int32(NT_SUB)
  case .mul: Int32(NT_MUL)
  case .div: Int32(NT_DIV)
  case .max: Int32(NT_MAX)
  case .min: Int32(NT_MIN)
  case .prelu: Int32(NT_PRELU)
  default: nil
  }
}
