/// A graph of a model, or a region of a node.
package struct GraphProto: Sendable {
  package var name = ""
  package var nodes: [NodeProto] = []
  package var initializers: [TensorProto] = []
  package var sparseInitializers: [SparseTensorProto] = []
  package var inputs: [ValueInfoProto] = []
  package var outputs: [ValueInfoProto] = []
  /// Declared types of inner values.
  package var valueInfos: [ValueInfoProto] = []

  package init() {}

  init(_ reader: inout WireReader) throws(WireError) {
    var seen = SeenFields()
    while let field = try reader.next("GraphProto") {
      switch field.number {
      case 1:
        nodes.append(
          try reader.message(field, "GraphProto.node") { r throws(WireError) in try NodeProto(&r) })
      case 2:
        try seen.insert(field, "GraphProto.name")
        name = try reader.string(field, "GraphProto.name")
      case 5:
        initializers.append(
          try reader.message(field, "GraphProto.initializer") { r throws(WireError) in try TensorProto(&r) })
      case 11:
        inputs.append(
          try reader.message(field, "GraphProto.input") { r throws(WireError) in try ValueInfoProto(&r) })
      case 12:
        outputs.append(
          try reader.message(field, "GraphProto.output") { r throws(WireError) in try ValueInfoProto(&r) })
      case 13:
        valueInfos.append(
          try reader.message(field, "GraphProto.value_info") { r throws(WireError) in try ValueInfoProto(&r) }
        )
      case 15:
        sparseInitializers.append(
          try reader.message(field, "GraphProto.sparse_initializer") { r throws(WireError) in
            try SparseTensorProto(&r)
          })
      default: try reader.skip(field, "GraphProto")
      }
    }
  }
}

/// One application of an operator. An empty input is omitted, an empty output not wanted.
package struct NodeProto: Sendable {
  package var name = ""
  package var operatorName = ""
  package var domain = ""
  package var overload = ""
  package var inputs: [String] = []
  package var outputs: [String] = []
  package var attributes: [AttributeProto] = []

  package init() {}

  init(_ reader: inout WireReader) throws(WireError) {
    var seen = SeenFields()
    while let field = try reader.next("NodeProto") {
      switch field.number {
      case 1: inputs.append(try reader.string(field, "NodeProto.input"))
      case 2: outputs.append(try reader.string(field, "NodeProto.output"))
      case 3:
        try seen.insert(field, "NodeProto.name")
        name = try reader.string(field, "NodeProto.name")
      case 4:
        try seen.insert(field, "NodeProto.op_type")
        operatorName = try reader.string(field, "NodeProto.op_type")
      case 5:
        attributes.append(
          try reader.message(field, "NodeProto.attribute") { r throws(WireError) in try AttributeProto(&r) })
      case 7:
        try seen.insert(field, "NodeProto.domain")
        domain = try reader.string(field, "NodeProto.domain")
      case 8:
        try seen.insert(field, "NodeProto.overload")
        overload = try reader.string(field, "NodeProto.overload")
      default: try reader.skip(field, "NodeProto")
      }
    }
  }
}

/// A value's name and declared type.
package struct ValueInfoProto: Sendable {
  package var name = ""
  package var type: TypeProto?

  package init() {}

  init(_ reader: inout WireReader) throws(WireError) {
    var seen = SeenFields()
    while let field = try reader.next("ValueInfoProto") {
      switch field.number {
      case 1:
        try seen.insert(field, "ValueInfoProto.name")
        name = try reader.string(field, "ValueInfoProto.name")
      case 2:
        try seen.insert(field, "ValueInfoProto.type")
        type = try reader.message(field, "ValueInfoProto.type") { r throws(WireError) in try TypeProto(&r) }
      default: try reader.skip(field, "ValueInfoProto")
      }
    }
  }
}
