/// A set of operators and its version: `("", 17)` is ONNX's own.
package struct OperatorSetProto: Hashable, Sendable {
  package var domain = ""
  package var version: Int64 = 0

  package init(domain: String = "", version: Int64 = 0) {
    self.domain = domain
    self.version = version
  }
}

/// A key and a value of free text.
package struct StringEntryProto: Hashable, Sendable {
  package var key = ""
  package var value = ""
}

/// An ONNX model as its file says it. Tensors are ranges of the file, not copies.
package struct ModelProto: Sendable {
  package var irVersion: Int64 = 0
  package var operatorSets: [OperatorSetProto] = []
  package var producerName = ""
  package var producerVersion = ""
  package var domain = ""
  package var modelVersion: Int64 = 0
  package var documentation = ""
  package var graph: GraphProto?
  package var metadata: [StringEntryProto] = []
  package var functions: [FunctionProto] = []
  package var hasTraining = false

  package init() {}

  /// Reads the fields up to the reader's end.
  package init(_ reader: inout WireReader) throws(WireError) {
    var seen = SeenFields()
    while let field = try reader.next("ModelProto") {
      switch field.number {
      case 1:
        try seen.insert(field, "ModelProto.ir_version")
        irVersion = try reader.int64(field, "ModelProto.ir_version")
      case 2:
        try seen.insert(field, "ModelProto.producer_name")
        producerName = try reader.string(field, "ModelProto.producer_name")
      case 3:
        try seen.insert(field, "ModelProto.producer_version")
        producerVersion = try reader.string(field, "ModelProto.producer_version")
      case 4:
        try seen.insert(field, "ModelProto.domain")
        domain = try reader.string(field, "ModelProto.domain")
      case 5:
        try seen.insert(field, "ModelProto.model_version")
        modelVersion = try reader.int64(field, "ModelProto.model_version")
      case 6:
        try seen.insert(field, "ModelProto.doc_string")
        documentation = try reader.string(field, "ModelProto.doc_string")
      case 7:
        try seen.insert(field, "ModelProto.graph")
        graph = try reader.message(field, "ModelProto.graph") { r throws(WireError) in try GraphProto(&r) }
      case 8:
        operatorSets.append(
          try reader.message(field, "ModelProto.opset_import") { r throws(WireError) in
            try OperatorSetProto(&r)
          })
      case 14:
        metadata.append(
          try reader.message(field, "ModelProto.metadata_props") { r throws(WireError) in
            try StringEntryProto(&r)
          })
      case 20:
        hasTraining = true
        try reader.skip(field, "ModelProto")
      case 25:
        functions.append(
          try reader.message(field, "ModelProto.functions") { r throws(WireError) in try FunctionProto(&r) })
      default: try reader.skip(field, "ModelProto")
      }
    }
  }

  /// Reads a whole file.
  package init(_ file: MappedFile, limits: WireLimits = WireLimits()) throws(WireError) {
    // The reader has an address only: the file may be the caller's last reference.
    defer { withExtendedLifetime(file) {} }
    var reader = WireReader(file.bytes, limits: limits)
    try self.init(&reader)
  }
}

/// A function of a model: nodes under a name, to be called like an operator.
package struct FunctionProto: Sendable {
  package var name = ""
  package var domain = ""
  package var overload = ""
  package var inputs: [String] = []
  package var outputs: [String] = []
  package var attributes: [String] = []
  /// Attributes with defaults.
  package var attributeDefaults: [AttributeProto] = []
  package var nodes: [NodeProto] = []
  package var operatorSets: [OperatorSetProto] = []

  package init() {}

  init(_ reader: inout WireReader) throws(WireError) {
    var seen = SeenFields()
    while let field = try reader.next("FunctionProto") {
      switch field.number {
      case 1:
        try seen.insert(field, "FunctionProto.name")
        name = try reader.string(field, "FunctionProto.name")
      case 4: inputs.append(try reader.string(field, "FunctionProto.input"))
      case 5: outputs.append(try reader.string(field, "FunctionProto.output"))
      case 6: attributes.append(try reader.string(field, "FunctionProto.attribute"))
      case 7:
        nodes.append(
          try reader.message(field, "FunctionProto.node") { r throws(WireError) in try NodeProto(&r) })
      case 9:
        operatorSets.append(
          try reader.message(field, "FunctionProto.opset_import") { r throws(WireError) in
            try OperatorSetProto(&r)
          })
      case 10:
        try seen.insert(field, "FunctionProto.domain")
        domain = try reader.string(field, "FunctionProto.domain")
      case 11:
        attributeDefaults.append(
          try reader.message(field, "FunctionProto.attribute_proto") { r throws(WireError) in
            try AttributeProto(&r)
          })
      case 13:
        try seen.insert(field, "FunctionProto.overload")
        overload = try reader.string(field, "FunctionProto.overload")
      default: try reader.skip(field, "FunctionProto")
      }
    }
  }
}

extension OperatorSetProto {
  init(_ reader: inout WireReader) throws(WireError) {
    var seen = SeenFields()
    while let field = try reader.next("OperatorSetIdProto") {
      switch field.number {
      case 1:
        try seen.insert(field, "OperatorSetIdProto.domain")
        domain = try reader.string(field, "OperatorSetIdProto.domain")
      case 2:
        try seen.insert(field, "OperatorSetIdProto.version")
        version = try reader.int64(field, "OperatorSetIdProto.version")
      default: try reader.skip(field, "OperatorSetIdProto")
      }
    }
  }
}

extension StringEntryProto {
  init(_ reader: inout WireReader) throws(WireError) {
    var seen = SeenFields()
    while let field = try reader.next("StringStringEntryProto") {
      switch field.number {
      case 1:
        try seen.insert(field, "StringStringEntryProto.key")
        key = try reader.string(field, "StringStringEntryProto.key")
      case 2:
        try seen.insert(field, "StringStringEntryProto.value")
        value = try reader.string(field, "StringStringEntryProto.value")
      default: try reader.skip(field, "StringStringEntryProto")
      }
    }
  }
}
