/// The type of one element of a tensor, named as in ONNX.
public enum DataType: String, Hashable, Codable, Sendable, CaseIterable {
  case float32, float64, float16, bfloat16
  case float8E4M3FN, float8E4M3FNUZ, float8E5M2, float8E5M2FNUZ, float8E8M0, float4E2M1
  case int64, int32, int16, int8, int4, int2
  case uint64, uint32, uint16, uint8, uint4, uint2
  case complex64, complex128
  case bool, string

  /// Bits of one element; nil for strings. Elements below eight bits are packed, lowest bits first.
  public var bitWidth: Int? {
    switch self {
    case .complex128: 128
    case .float64, .int64, .uint64, .complex64: 64
    case .float32, .int32, .uint32: 32
    case .float16, .bfloat16, .int16, .uint16: 16
    case .float8E4M3FN, .float8E4M3FNUZ, .float8E5M2, .float8E5M2FNUZ, .float8E8M0, .int8, .uint8, .bool: 8
    case .float4E2M1, .int4, .uint4: 4
    case .int2, .uint2: 2
    case .string: nil
    }
  }

  /// Bytes of `count` elements, ⌈count · bits ÷ 8⌉; nil for strings and when the size does not fit an `Int`.
  public func byteCount(of count: Int) -> Int? {
    guard count >= 0, let bitWidth else { return nil }
    if bitWidth >= 8 {
      let (bytes, overflow) = count.multipliedReportingOverflow(by: bitWidth / 8)
      return overflow ? nil : bytes
    }
    let perByte = 8 / bitWidth
    return count / perByte + (count % perByte == 0 ? 0 : 1)
  }

  public var isFloatingPoint: Bool {
    switch self {
    case .float32, .float64, .float16, .bfloat16, .float8E4M3FN, .float8E4M3FNUZ, .float8E5M2,
      .float8E5M2FNUZ,
      .float8E8M0, .float4E2M1:
      true
    default: false
    }
  }

  public var isInteger: Bool { isSignedInteger || isUnsignedInteger }

  public var isSignedInteger: Bool {
    switch self {
    case .int64, .int32, .int16, .int8, .int4, .int2: true
    default: false
    }
  }

  public var isUnsignedInteger: Bool {
    switch self {
    case .uint64, .uint32, .uint16, .uint8, .uint4, .uint2: true
    default: false
    }
  }

  public var isComplex: Bool { self == .complex64 || self == .complex128 }
}
