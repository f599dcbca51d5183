/// A tensor of a file: its name, sizes and where its elements are. Nothing is decoded before it is asked for.
package struct TensorProto: Sendable {
  /// The fields that hold elements one by one; `raw_data` and external data are apart.
  package enum TypedField: UInt32, Sendable {
    case floats = 4, int32s = 5, strings = 6, int64s = 7, doubles = 10, uint64s = 11
  }

  package var name = ""
  package var sizes: [Int64] = []
  /// The element type as ONNX numbers it.
  package var elementType: Int32 = 0
  /// Where in the file the bytes of `raw_data` are.
  package var raw: Range<Int>?
  /// The fields with typed elements, in order of their first appearance.
  package var typedFields: [TypedField] = []
  /// The elements are in another file, as `external` says.
  package var isExternal = false
  package var external: [StringEntryProto] = []
  package var isSegment = false
  /// Where in the file the message is: typed elements are read from it on demand.
  package var range: Range<Int> = 0..<0

  package init() {}

  package init(_ reader: inout WireReader) throws(WireError) {
    range = reader.position..<reader.end
    var seen = SeenFields()
    while let field = try reader.next("TensorProto") {
      switch field.number {
      case 1: try reader.int64s(field, "TensorProto.dims", into: &sizes)
      case 2:
        try seen.insert(field, "TensorProto.data_type")
        elementType = try reader.int32(field, "TensorProto.data_type")
      case 3:
        isSegment = true
        try reader.skip(field, "TensorProto.segment")
      case 4, 5, 6, 7, 10, 11:
        if let typed = TypedField(rawValue: field.number), !typedFields.contains(typed) {
          typedFields.append(typed)
        }
        try reader.skip(field, "TensorProto")
      case 8:
        try seen.insert(field, "TensorProto.name")
        name = try reader.string(field, "TensorProto.name")
      case 9:
        try seen.insert(field, "TensorProto.raw_data")
        raw = try reader.range(field, "TensorProto.raw_data")
      case 13:
        external.append(
          try reader.message(field, "TensorProto.external_data") { r throws(WireError) in
            try StringEntryProto(&r)
          })
      case 14:
        try seen.insert(field, "TensorProto.data_location")
        isExternal = try reader.int32(field, "TensorProto.data_location") == 1
      default: try reader.skip(field, "TensorProto")
      }
    }
  }
}

/// A tensor that lists its elements other than zero with their places.
package struct SparseTensorProto: Sendable {
  package var values: TensorProto?
  package var indices: TensorProto?
  package var sizes: [Int64] = []

  package init() {}

  init(_ reader: inout WireReader) throws(WireError) {
    var seen = SeenFields()
    while let field = try reader.next("SparseTensorProto") {
      switch field.number {
      case 1:
        try seen.insert(field, "SparseTensorProto.values")
        values = try reader.message(field, "SparseTensorProto.values") { r throws(WireError) in
          try TensorProto(&r)
        }
      case 2:
        try seen.insert(field, "SparseTensorProto.indices")
        indices = try reader.message(field, "SparseTensorProto.indices") { r throws(WireError) in
          try TensorProto(&r)
        }
      case 3: try reader.int64s(field, "SparseTensorProto.dims", into: &sizes)
      default: try reader.skip(field, "SparseTensorProto")
      }
    }
  }
}
