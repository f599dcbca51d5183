import Tensors

/// Sets of element types that operators accept.
enum ElementTypes {
  static let floats: [DataType] = [.float32, .float16, .bfloat16, .float64]
  static let integers: [DataType] = [.int64, .int32, .int16, .int8, .uint64, .uint32, .uint16, .uint8]
  static let unsigned: [DataType] = [.uint64, .uint32, .uint16, .uint8]
  static let numbers = floats + integers
  static let indices: [DataType] = [.int64, .int32]
  static let bool: [DataType] = [.bool]
}
