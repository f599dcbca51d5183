/// A named attribute of a node.
package struct AttributeProto: Sendable {
  package enum Value: Sendable {
    case float(Float)
    case int(Int64)
    case string([UInt8])
    case tensor(TensorProto)
    case graph(GraphProto)
    case sparseTensor(SparseTensorProto)
    case type(TypeProto)
    case floats([Float])
    case ints([Int64])
    case strings([[UInt8]])
    case tensors([TensorProto])
    case graphs([GraphProto])
    case sparseTensors([SparseTensorProto])
    case types([TypeProto])
    /// The attribute of the enclosing function that has this name.
    case reference(String)
    /// Neither a kind nor a value.
    case none
  }

  package var name = ""
  package var value = Value.none

  package init() {}

  init(_ reader: inout WireReader) throws(WireError) {
    var seen = SeenFields()
    var parts = Parts()
    let start = reader.position
    while let field = try reader.next("AttributeProto") {
      switch field.number {
      case 1:
        try seen.insert(field, "AttributeProto.name")
        name = try reader.string(field, "AttributeProto.name")
      case 21:
        try seen.insert(field, "AttributeProto.ref_attr_name")
        parts.reference = try reader.string(field, "AttributeProto.ref_attr_name")
      case 20:
        try seen.insert(field, "AttributeProto.type")
        parts.declared = try reader.int32(field, "AttributeProto.type")
      default: try parts.read(field, &seen, &reader)
      }
    }
    value = try parts.value(at: start)
  }
}

extension AttributeProto.Value {
  /// The kinds as ONNX numbers and names them.
  static func kindName(_ number: Int32) -> String? {
    switch number {
    case 1: "FLOAT"
    case 2: "INT"
    case 3: "STRING"
    case 4: "TENSOR"
    case 5: "GRAPH"
    case 6: "FLOATS"
    case 7: "INTS"
    case 8: "STRINGS"
    case 9: "TENSORS"
    case 10: "GRAPHS"
    case 11: "SPARSE_TENSOR"
    case 12: "SPARSE_TENSORS"
    case 13: "TYPE_PROTO"
    case 14: "TYPE_PROTOS"
    default: nil
    }
  }

  package var kind: String {
    switch self {
    case .float: "FLOAT"
    case .int: "INT"
    case .string: "STRING"
    case .tensor: "TENSOR"
    case .graph: "GRAPH"
    case .floats: "FLOATS"
    case .ints: "INTS"
    case .strings: "STRINGS"
    case .tensors: "TENSORS"
    case .graphs: "GRAPHS"
    case .sparseTensor: "SPARSE_TENSOR"
    case .sparseTensors: "SPARSE_TENSORS"
    case .type: "TYPE_PROTO"
    case .types: "TYPE_PROTOS"
    case .reference: "a reference"
    case .none: "nothing"
    }
  }
}

/// What the fields of an attribute said, before the declared kind chooses among them.
private struct Parts {
  var declared: Int32 = 0
  var reference = ""
  /// The last singular value, and the lists; a well-formed attribute has one of them.
  var single: AttributeProto.Value?
  var floats: [Float] = []
  var ints: [Int64] = []
  var strings: [[UInt8]] = []
  var tensors: [TensorProto] = []
  var graphs: [GraphProto] = []
  var sparseTensors: [SparseTensorProto] = []
  var types: [TypeProto] = []

  mutating func read(
    _ field: WireField, _ seen: inout SeenFields, _ reader: inout WireReader
  ) throws(WireError) {
    switch field.number {
    case 2:
      try seen.insert(field, "AttributeProto.f")
      single = .float(try reader.float(field, "AttributeProto.f"))
    case 3:
      try seen.insert(field, "AttributeProto.i")
      single = .int(try reader.int64(field, "AttributeProto.i"))
    case 4:
      try seen.insert(field, "AttributeProto.s")
      single = .string(try reader.blob(field, "AttributeProto.s"))
    case 5:
      try seen.insert(field, "AttributeProto.t")
      single = .tensor(
        try reader.message(field, "AttributeProto.t") { r throws(WireError) in try TensorProto(&r) })
    case 6:
      try seen.insert(field, "AttributeProto.g")
      single = .graph(
        try reader.message(field, "AttributeProto.g") { r throws(WireError) in try GraphProto(&r) })
    case 7: try reader.floats(field, "AttributeProto.floats", into: &floats)
    case 8: try reader.int64s(field, "AttributeProto.ints", into: &ints)
    case 9: strings.append(try reader.blob(field, "AttributeProto.strings"))
    case 10:
      tensors.append(
        try reader.message(field, "AttributeProto.tensors") { r throws(WireError) in try TensorProto(&r) })
    case 11:
      graphs.append(
        try reader.message(field, "AttributeProto.graphs") { r throws(WireError) in try GraphProto(&r) })
    case 14:
      try seen.insert(field, "AttributeProto.tp")
      single = .type(
        try reader.message(field, "AttributeProto.tp") { r throws(WireError) in try TypeProto(&r) })
    case 15:
      types.append(
        try reader.message(field, "AttributeProto.type_protos") { r throws(WireError) in try TypeProto(&r) })
    case 22:
      try seen.insert(field, "AttributeProto.sparse_tensor")
      single = .sparseTensor(
        try reader.message(field, "AttributeProto.sparse_tensor") { r throws(WireError) in
          try SparseTensorProto(&r)
        })
    case 23:
      sparseTensors.append(
        try reader.message(field, "AttributeProto.sparse_tensors") { r throws(WireError) in
          try SparseTensorProto(&r)
        })
    default: try reader.skip(field, "AttributeProto")
    }
  }

  /// The value of the declared kind; of the kind that was set, where none is declared (files before IR 2).
  func value(at offset: Int) throws(WireError) -> AttributeProto.Value {
    if !reference.isEmpty { return .reference(reference) }
    let found = single ?? list
    if declared == 0 { return found }
    guard let kind = AttributeProto.Value.kindName(declared) else {
      throw WireError(.attributeType(declared), field: "AttributeProto.type", at: offset)
    }
    if found.kind == kind { return found }
    if case .none = found, let empty = Parts.empty(declared) { return empty }
    throw WireError(
      .attributeKind(declared: kind, found: found.kind), field: "AttributeProto.type", at: offset)
  }

  private var list: AttributeProto.Value {
    if !floats.isEmpty { return .floats(floats) }
    if !ints.isEmpty { return .ints(ints) }
    if !strings.isEmpty { return .strings(strings) }
    if !tensors.isEmpty { return .tensors(tensors) }
    if !graphs.isEmpty { return .graphs(graphs) }
    if !sparseTensors.isEmpty { return .sparseTensors(sparseTensors) }
    if !types.isEmpty { return .types(types) }
    return .none
  }

  /// A value that writers leave out: zero, empty text or an empty list.
  private static func empty(_ kind: Int32) -> AttributeProto.Value? {
    switch kind {
    case 1: .float(0)
    case 2: .int(0)
    case 3: .string([])
    case 6: .floats([])
    case 7: .ints([])
    case 8: .strings([])
    case 9: .tensors([])
    case 10: .graphs([])
    case 12: .sparseTensors([])
    case 14: .types([])
    default: nil
    }
  }
}
