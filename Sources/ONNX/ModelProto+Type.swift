/// A declared type.
package indirect enum TypeProto: Hashable, Sendable {
  case tensor(TensorTypeProto)
  case sparseTensor(TensorTypeProto)
  case sequence(TypeProto)
  case optional(TypeProto)
  case map(key: Int32, value: TypeProto)
  case opaque(domain: String, name: String)
  /// A message that names none of them.
  case none
}

/// A tensor's declared element type, as ONNX numbers it, and its shape; nil when the rank is not declared.
package struct TensorTypeProto: Hashable, Sendable {
  package enum Size: Hashable, Sendable {
    case value(Int64)
    case name(String)
    case missing
  }
  package var elementType: Int32 = 0
  package var shape: [Size]?
}

extension TypeProto {
  init(_ reader: inout WireReader) throws(WireError) {
    self = .none
    var seen = SeenFields()
    while let field = try reader.next("TypeProto") {
      switch field.number {
      case 1:
        try seen.insert(field, "TypeProto.tensor_type")
        self = .tensor(
          try reader.message(field, "TypeProto.tensor_type") { r throws(WireError) in try TensorTypeProto(&r)
          })
      case 4:
        try seen.insert(field, "TypeProto.sequence_type")
        self = .sequence(
          try reader.message(field, "TypeProto.sequence_type") { r throws(WireError) in
            try TypeProto(element: &r)
          })
      case 5:
        try seen.insert(field, "TypeProto.map_type")
        self = try reader.message(field, "TypeProto.map_type") { r throws(WireError) in try TypeProto(map: &r)
        }
      case 7:
        try seen.insert(field, "TypeProto.opaque_type")
        self = try reader.message(field, "TypeProto.opaque_type") { r throws(WireError) in
          try TypeProto(opaque: &r)
        }
      case 8:
        try seen.insert(field, "TypeProto.sparse_tensor_type")
        self = .sparseTensor(
          try reader.message(field, "TypeProto.sparse_tensor_type") { r throws(WireError) in
            try TensorTypeProto(&r)
          })
      case 9:
        try seen.insert(field, "TypeProto.optional_type")
        self = .optional(
          try reader.message(field, "TypeProto.optional_type") { r throws(WireError) in
            try TypeProto(element: &r)
          })
      default: try reader.skip(field, "TypeProto")
      }
    }
  }

  /// The element type of a sequence or an optional.
  private init(element reader: inout WireReader) throws(WireError) {
    self = .none
    var seen = SeenFields()
    while let field = try reader.next("TypeProto.Sequence") {
      if field.number == 1 {
        try seen.insert(field, "TypeProto.Sequence.elem_type")
        self = try reader.message(field, "TypeProto.Sequence.elem_type") { r throws(WireError) in
          try TypeProto(&r)
        }
      } else {
        try reader.skip(field, "TypeProto.Sequence")
      }
    }
  }

  private init(map reader: inout WireReader) throws(WireError) {
    var key: Int32 = 0
    var value = TypeProto.none
    var seen = SeenFields()
    while let field = try reader.next("TypeProto.Map") {
      switch field.number {
      case 1:
        try seen.insert(field, "TypeProto.Map.key_type")
        key = try reader.int32(field, "TypeProto.Map.key_type")
      case 2:
        try seen.insert(field, "TypeProto.Map.value_type")
        value = try reader.message(field, "TypeProto.Map.value_type") { r throws(WireError) in
          try TypeProto(&r)
        }
      default: try reader.skip(field, "TypeProto.Map")
      }
    }
    self = .map(key: key, value: value)
  }

  private init(opaque reader: inout WireReader) throws(WireError) {
    var domain = ""
    var name = ""
    while let field = try reader.next("TypeProto.Opaque") {
      switch field.number {
      case 1: domain = try reader.string(field, "TypeProto.Opaque.domain")
      case 2: name = try reader.string(field, "TypeProto.Opaque.name")
      default: try reader.skip(field, "TypeProto.Opaque")
      }
    }
    self = .opaque(domain: domain, name: name)
  }
}

extension TensorTypeProto {
  init(_ reader: inout WireReader) throws(WireError) {
    var seen = SeenFields()
    while let field = try reader.next("TypeProto.Tensor") {
      switch field.number {
      case 1:
        try seen.insert(field, "TypeProto.Tensor.elem_type")
        elementType = try reader.int32(field, "TypeProto.Tensor.elem_type")
      case 2:
        try seen.insert(field, "TypeProto.Tensor.shape")
        shape = try reader.message(field, "TypeProto.Tensor.shape") { r throws(WireError) in
          try TensorTypeProto.sizes(&r)
        }
      default: try reader.skip(field, "TypeProto.Tensor")
      }
    }
  }

  private static func sizes(_ reader: inout WireReader) throws(WireError) -> [Size] {
    var sizes: [Size] = []
    while let field = try reader.next("TensorShapeProto") {
      if field.number == 1 {
        sizes.append(
          try reader.message(field, "TensorShapeProto.dim") { r throws(WireError) in try Size(&r) })
      } else {
        try reader.skip(field, "TensorShapeProto")
      }
    }
    return sizes
  }
}

extension TensorTypeProto.Size {
  init(_ reader: inout WireReader) throws(WireError) {
    self = .missing
    var seen = SeenFields()
    while let field = try reader.next("TensorShapeProto.Dimension") {
      switch field.number {
      case 1:
        try seen.insert(field, "TensorShapeProto.Dimension.dim_value")
        self = .value(try reader.int64(field, "TensorShapeProto.Dimension.dim_value"))
      case 2:
        try seen.insert(field, "TensorShapeProto.Dimension.dim_param")
        self = .name(try reader.string(field, "TensorShapeProto.Dimension.dim_param"))
      default: try reader.skip(field, "TensorShapeProto.Dimension")
      }
    }
  }
}
