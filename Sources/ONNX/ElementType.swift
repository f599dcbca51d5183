import Tensors

extension DataType {
  /// The type that ONNX gives this number; nil for none, and for those of six bits.
  package init?(onnx number: Int32) {
    switch number {
    case 1: self = .float32
    case 2: self = .uint8
    case 3: self = .int8
    case 4: self = .uint16
    case 5: self = .int16
    case 6: self = .int32
    case 7: self = .int64
    case 8: self = .string
    case 9: self = .bool
    case 10: self = .float16
    case 11: self = .float64
    case 12: self = .uint32
    case 13: self = .uint64
    case 14: self = .complex64
    case 15: self = .complex128
    case 16: self = .bfloat16
    case 17: self = .float8E4M3FN
    case 18: self = .float8E4M3FNUZ
    case 19: self = .float8E5M2
    case 20: self = .float8E5M2FNUZ
    case 21: self = .uint4
    case 22: self = .int4
    case 23: self = .float4E2M1
    case 24: self = .float8E8M0
    case 25: self = .uint2
    case 26: self = .int2
    default: return nil
    }
  }

  /// The field of a TensorProto for elements of this type, where they are not raw bytes.
  var typedField: TensorProto.TypedField {
    switch self {
    case .float32, .complex64: .floats
    case .float64, .complex128: .doubles
    case .int64: .int64s
    case .uint32, .uint64: .uint64s
    case .string: .strings
    default: .int32s
    }
  }
}

extension TensorProto.TypedField {
  var fieldName: StaticString {
    switch self {
    case .floats: "TensorProto.float_data"
    case .int32s: "TensorProto.int32_data"
    case .strings: "TensorProto.string_data"
    case .int64s: "TensorProto.int64_data"
    case .doubles: "TensorProto.double_data"
    case .uint64s: "TensorProto.uint64_data"
    }
  }
}
