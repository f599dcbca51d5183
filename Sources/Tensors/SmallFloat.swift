/// A floating-point format of at most 16 bits, given by its fields: how bits become numbers and back.
///
/// bfloat16, the float8 formats of the OCP and FNUZ families, and float4E2M1.
struct SmallFloat: Sendable {
  /// What stands for infinity and NaN.
  enum Specials: Sendable {
    /// The largest exponent: infinity, and NaN with any fraction.
    case ieee
    /// No infinity; NaN is all ones.
    case allOnesNaN
    /// No infinity, no negative zero; NaN is the sign bit alone.
    case negativeZeroNaN
    /// Neither.
    case none
  }

  let exponentBits: Int
  let fractionBits: Int
  let bias: Int
  let specials: Specials
  /// The largest finite number, and its bits.
  let maximum: Double
  let maximumBits: UInt16

  static let bfloat16 = SmallFloat(8, 7, bias: 127, .ieee, maximumBits: 0x7F7F)
  static let float8E4M3FN = SmallFloat(4, 3, bias: 7, .allOnesNaN, maximumBits: 0x7E)
  static let float8E4M3FNUZ = SmallFloat(4, 3, bias: 8, .negativeZeroNaN, maximumBits: 0x7F)
  static let float8E5M2 = SmallFloat(5, 2, bias: 15, .ieee, maximumBits: 0x7B)
  static let float8E5M2FNUZ = SmallFloat(5, 2, bias: 16, .negativeZeroNaN, maximumBits: 0x7F)
  static let float4E2M1 = SmallFloat(2, 1, bias: 1, .none, maximumBits: 0x7)

  private init(_ exponentBits: Int, _ fractionBits: Int, bias: Int, _ specials: Specials, maximumBits: UInt16)
  {
    self.exponentBits = exponentBits
    self.fractionBits = fractionBits
    self.bias = bias
    self.specials = specials
    self.maximumBits = maximumBits
    maximum = Self.finite(maximumBits, fractionBits, bias)
  }

  init?(_ type: DataType) {
    switch type {
    case .bfloat16: self = .bfloat16
    case .float8E4M3FN: self = .float8E4M3FN
    case .float8E4M3FNUZ: self = .float8E4M3FNUZ
    case .float8E5M2: self = .float8E5M2
    case .float8E5M2FNUZ: self = .float8E5M2FNUZ
    case .float4E2M1: self = .float4E2M1
    default: return nil
    }
  }

  private var signBit: UInt16 { 1 << UInt16(exponentBits + fractionBits) }

  private var nanBits: UInt16 {
    switch specials {
    case .ieee: infinityBits | (1 << UInt16(fractionBits - 1))
    case .allOnesNaN: signBit - 1
    case .negativeZeroNaN: signBit
    case .none: 0
    }
  }

  private var infinityBits: UInt16 { ((1 << UInt16(exponentBits)) - 1) << UInt16(fractionBits) }

  /// The number of a magnitude's bits, taken as finite.
  private static func finite(_ bits: UInt16, _ fractionBits: Int, _ bias: Int) -> Double {
    let exponent = Int(bits >> UInt16(fractionBits))
    let fraction = Double(bits & ((1 << UInt16(fractionBits)) - 1))
    // Subnormals have the exponent of the smallest normal numbers and no leading one.
    let scale = powerOfTwo(max(exponent, 1) - bias - fractionBits)
    return (exponent == 0 ? fraction : fraction + Double(1 << fractionBits)) * scale
  }

  /// 2^exponent, for exponents of normal `Double`s.
  private static func powerOfTwo(_ exponent: Int) -> Double {
    Double(bitPattern: UInt64(exponent + 1023) << 52)
  }

  func decode(_ bits: UInt16) -> Double {
    let magnitude = bits & (signBit - 1)
    let isNegative = bits & signBit != 0
    switch specials {
    case .ieee where magnitude >= infinityBits:
      return magnitude > infinityBits ? .nan : (isNegative ? -.infinity : .infinity)
    case .allOnesNaN where magnitude == nanBits: return .nan
    case .negativeZeroNaN where bits == nanBits: return .nan
    default: break
    }
    let value = Self.finite(magnitude, fractionBits, bias)
    return isNegative ? -value : value
  }

  /// The nearest number, ties to even. What is too large becomes the largest number when `saturates`, else
  /// infinity, or NaN where there is none.
  func encode(_ value: Double, saturates: Bool) -> UInt16 {
    let sign = value.sign == .minus ? signBit : 0
    if value.isNaN {
      return specials == .ieee || specials == .allOnesNaN ? nanBits | sign : nanBits
    }
    let magnitude = value.magnitude
    if magnitude == 0 { return specials == .negativeZeroNaN ? 0 : sign }
    if magnitude.isInfinite { return tooLarge(sign, saturates) }
    let exponent = Swift.max(Int(magnitude.exponent), 1 - bias)
    // Scaling by a power of two is exact here: the quotient of a number that is far too small rounds to zero
    // anyway.
    let steps = (magnitude * Self.powerOfTwo(fractionBits - exponent)).rounded(.toNearestOrEven)
    if steps * Self.powerOfTwo(exponent - fractionBits) > maximum { return tooLarge(sign, saturates) }
    // `steps` holds the leading one of a normal number, which counts up the exponent field; a carry does so
    // once more.
    let bits = UInt16(exponent + bias - 1) << UInt16(fractionBits) + UInt16(steps)
    return specials == .negativeZeroNaN && bits == 0 ? 0 : bits | sign
  }

  private func tooLarge(_ sign: UInt16, _ saturates: Bool) -> UInt16 {
    if saturates || specials == .none { return maximumBits | sign }
    switch specials {
    case .ieee: return infinityBits | sign
    case .allOnesNaN: return nanBits | sign
    case .negativeZeroNaN, .none: return nanBits
    }
  }
}

/// float8E8M0: powers of two from 2^−127 to 2^127, and NaN.
enum PowerOfTwoFloat {
  static func decode(_ bits: UInt8) -> Double {
    bits == 0xFF ? .nan : Double(bitPattern: UInt64(Int(bits) - 127 + 1023) << 52)
  }

  /// The smallest power of two that is not below the magnitude, as ONNX's round mode `up`.
  static func encode(_ value: Double, saturates: Bool) -> UInt8 {
    if value.isNaN { return 0xFF }
    let magnitude = value.magnitude
    if magnitude.isInfinite || magnitude > decode(0xFE) { return saturates ? 0xFE : 0xFF }
    if magnitude < decode(0) { return saturates || magnitude > 0 ? 0 : 0xFF }
    let exponent = Int(magnitude.exponent) + (magnitude.significand > 1 ? 1 : 0)
    return UInt8(exponent + 127)
  }
}
