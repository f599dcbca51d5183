import IR
import Tensors

/// One node of the file as an import rule sees it: attributes by name, operands by position, and the graph to add to.
///
/// Attributes that no rule asks for are an error in the end, so a rule cannot forget one silently.
package final class NodeContext {
  package let proto: NodeProto
  /// The version of the operator set that the model uses.
  package let version: Int64
  /// nil: omitted. Trailing ones are gone.
  package let inputs: [ValueID?]
  package let name: String
  let builder: GraphBuilder
  private var attributes: [String: AttributeProto.Value] = [:]
  private var asked: Set<String> = []
  /// What the rule made, one per output of the file; set by `add` and `define`.
  private(set) var results: [ValueID?]?

  init(_ proto: NodeProto, version: Int64, inputs: [ValueID?], name: String, builder: GraphBuilder)
    throws(Unsupported.Reason)
  {
    self.proto = proto
    self.version = version
    self.inputs = inputs
    self.name = name
    self.builder = builder
    for attribute in proto.attributes {
      if case .reference(let outer) = attribute.value {
        throw .attribute(name: attribute.name, expected: "a value", found: "a reference to \(outer)")
      }
      if attributes.updateValue(attribute.value, forKey: attribute.name) != nil {
        throw .attribute(name: attribute.name, expected: "one value", found: "two")
      }
    }
  }

  // MARK: - Operands

  /// What is known of an operand; nil when it is omitted.
  package func operand(_ index: Int) -> Operand? {
    guard index < inputs.count, let id = inputs[index] else { return nil }
    return builder.graph[id].operand
  }

  package func rank(_ index: Int) -> Int? { operand(index)?.shape?.count }

  /// The rank, where the meaning depends on it.
  package func requiredRank(_ index: Int) throws(Unsupported.Reason) -> Int {
    guard let rank = rank(index) else { throw .form("needs operand \(index) to have a known rank") }
    return rank
  }

  /// The elements of an integer operand that is a constant.
  package func constantInts(_ index: Int) -> [Int]? { operand(index)?.numbers }

  /// Outputs of the file; nil: not wanted.
  package var outputs: [String?] { proto.outputs.map { $0.isEmpty ? nil : $0 } }

  // MARK: - Adding to the graph

  /// Adds the node itself, which makes the file's outputs.
  package func add(
    _ op: any Operator, _ inputs: [ValueID?]? = nil, regions: [Graph] = [], outputs: Int? = nil
  ) throws(Unsupported.Reason) {
    let names = outputs.map { Array(self.outputs.prefix($0)) } ?? self.outputs
    try refuseUnknownAttributes()
    results = builder.addNode(op, inputs ?? self.inputs, regions: regions, outputs: names, named: name)
  }

  /// Adds one of several nodes that stand for the node together: it makes output `index` of the file, or a value of
  /// our own where the file leaves that out.
  package func add(
    _ op: any Operator, _ inputs: [ValueID?], makes index: Int, suffix: String
  ) throws(Unsupported.Reason) -> ValueID? {
    try refuseUnknownAttributes()
    var made = results ?? [ValueID?](repeating: nil, count: proto.outputs.count)
    guard index < made.count, let output = outputs[index] else { return insert(op, inputs, suffix: suffix) }
    let value = builder.addNode(
      op, inputs, regions: [], outputs: [output], named: "\(name)/\(suffix)"
    ).first.flatMap { $0 }
    made[index] = value
    results = made
    return value
  }

  /// Adds a node of our own in front, such as a reshaping that the operator implies.
  package func insert(_ op: any Operator, _ inputs: [ValueID?], suffix: String) -> ValueID? {
    builder.addNode(
      op, inputs, regions: [], outputs: ["\(name)/\(suffix)"], named: "\(name)/\(suffix)", mirrors: false
    )
    .first.flatMap { $0 }
  }

  /// Adds a node with several results of our own.
  func insertAll(
    _ op: any Operator, _ inputs: [ValueID?], regions: [Graph] = [], count: Int, suffix: String
  ) -> [ValueID?] {
    let made = builder.addNode(
      op, inputs, regions: regions, outputs: (0..<count).map { "\(name)/\(suffix)_\($0)" },
      named: "\(name)/\(suffix)",
      mirrors: false)
    return made.isEmpty ? [ValueID?](repeating: nil, count: count) : made
  }

  /// Ends a rule whose results are those of inserted nodes, one per output of the file.
  func finish(_ values: [ValueID?]) throws(Unsupported.Reason) {
    try refuseUnknownAttributes()
    results = values
  }

  /// Adds the nodes of a graph that is an attribute, and returns what they make of `inputs`.
  func inline(_ attribute: String, _ inputs: [ValueID?]) throws(Unsupported.Reason) -> ValueID? {
    try builder.inline(try graph(attribute), inputs, named: "\(name)/\(attribute)")
  }

  /// Adds a constant of our own.
  package func constant(_ tensor: Tensor, suffix: String) -> ValueID {
    builder.graph.addConstant(
      "\(name)/\(suffix)", Constant(id: TensorReader.contentIdentity(of: tensor), tensor))
  }

  /// Adds a scalar of our own, of the element type of operand `index`.
  package func constant(_ value: Double, like index: Int, suffix: String) throws(Unsupported.Reason)
    -> ValueID
  {
    guard let type = operand(index)?.tensor?.dataType else {
      throw .form("needs operand \(index) to have a known element type")
    }
    guard let tensor = try? Tensor.fromDoubles([value], dataType: type, sizes: []) else {
      throw .form("operand \(index) holds \(type.rawValue), expected numbers")
    }
    return constant(tensor, suffix: suffix)
  }

  /// Makes the node's one output a constant.
  func define(_ decoded: TensorReader.Decoded) throws(Unsupported.Reason) {
    try refuseUnknownAttributes()
    results = [builder.addConstant(proto.outputs.first ?? "", decoded, origin: name)]
  }

  private func refuseUnknownAttributes() throws(Unsupported.Reason) {
    for attribute in proto.attributes where !asked.contains(attribute.name) {
      throw .unknownAttribute(attribute.name)
    }
  }

  // MARK: - Attributes

  /// The attribute's value, which counts as asked for.
  func attribute(_ name: String) -> AttributeProto.Value? {
    asked.insert(name)
    return attributes[name]
  }

  package func has(_ name: String) -> Bool { attributes[name] != nil }

  /// Passes over attributes that mean nothing for inference.
  package func ignore(_ names: String...) { asked.formUnion(names) }

  func mismatch(_ name: String, _ expected: String, _ found: AttributeProto.Value) -> Unsupported.Reason {
    .attribute(name: name, expected: expected, found: found.kind)
  }

  package func optionalInt(_ name: String) throws(Unsupported.Reason) -> Int? {
    guard let value = attribute(name) else { return nil }
    guard case .int(let number) = value else { throw mismatch(name, "INT", value) }
    return Int(number)
  }

  package func int(_ name: String, default fallback: Int) throws(Unsupported.Reason) -> Int {
    try optionalInt(name) ?? fallback
  }

  package func int(_ name: String) throws(Unsupported.Reason) -> Int {
    guard let value = try optionalInt(name) else { throw .missingAttribute(name) }
    return value
  }

  package func flag(_ name: String, default fallback: Bool) throws(Unsupported.Reason) -> Bool {
    switch try optionalInt(name) {
    case nil: return fallback
    case 0: return false
    case 1: return true
    case let found?: throw .attribute(name: name, expected: "0 or 1", found: "\(found)")
    }
  }

  /// An attribute of which only one value is supported.
  package func require(_ name: String, _ expected: Int) throws(Unsupported.Reason) {
    if let found = try optionalInt(name), found != expected {
      throw .attribute(name: name, expected: "\(expected)", found: "\(found)")
    }
  }

  /// An element type by its number in ONNX.
  package func dataType(_ name: String) throws(Unsupported.Reason) -> DataType? {
    guard let number = try optionalInt(name) else { return nil }
    guard let type = Int32(exactly: number).flatMap({ DataType(onnx: $0) }) else {
      throw .attribute(name: name, expected: "an element type", found: "\(number)")
    }
    return type
  }

  package func ints(_ name: String) throws(Unsupported.Reason) -> [Int]? {
    guard let value = attribute(name) else { return nil }
    guard case .ints(let numbers) = value else { throw mismatch(name, "INTS", value) }
    return numbers.map { Int($0) }
  }

  package func optionalReal(_ name: String) throws(Unsupported.Reason) -> Real? {
    guard let value = attribute(name) else { return nil }
    guard case .float(let number) = value else { throw mismatch(name, "FLOAT", value) }
    return Real(Double(number))
  }

  /// A number of the file's precision; the default is rounded to it too.
  package func real(_ name: String, default fallback: Float) throws(Unsupported.Reason) -> Real {
    try optionalReal(name) ?? Real(Double(fallback))
  }

  package func optionalText(_ name: String) throws(Unsupported.Reason) -> String? {
    guard let value = attribute(name) else { return nil }
    guard case .string(let bytes) = value else { throw mismatch(name, "STRING", value) }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// One of a few words.
  package func word<T>(
    _ name: String, default fallback: String, _ choices: KeyValuePairs<String, T>
  ) throws(Unsupported.Reason) -> T {
    let found = try optionalText(name) ?? fallback
    if let choice = choices.first(where: { $0.key == found }) { return choice.value }
    throw .attribute(name: name, expected: choices.map(\.key).joined(separator: " or "), found: found)
  }

  func tensor(_ name: String) throws(Unsupported.Reason) -> TensorReader.Decoded? {
    guard let value = attribute(name) else { return nil }
    guard case .tensor(let proto) = value else { throw mismatch(name, "TENSOR", value) }
    return try decoded(name) { () throws(TensorDecodeError) in try builder.session.tensors.decode(proto) }
  }

  func decoded(
    _ name: String, _ read: () throws(TensorDecodeError) -> TensorReader.Decoded
  ) throws(Unsupported.Reason) -> TensorReader.Decoded {
    do throws(TensorDecodeError) { return try read() } catch {
      builder.session.note(tensor: error, at: "node '\(self.name)', attribute \(name)")
      throw .attribute(name: name, expected: "a tensor", found: "\(error)")
    }
  }

  func graph(_ name: String) throws(Unsupported.Reason) -> GraphProto {
    guard let value = attribute(name) else { throw .missingAttribute(name) }
    guard case .graph(let proto) = value else { throw mismatch(name, "GRAPH", value) }
    return proto
  }
}
