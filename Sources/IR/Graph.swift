import Tensors

/// A network as a value: nodes, values and ports in dense arrays, whose ids are never reused.
///
/// Built once by an importer or the text reader; after that `apply(_:)` is the only way to change it.
package struct Graph: Sendable {
  package struct Port: Sendable {
    package var name: String
    package var value: ValueID
  }

  package internal(set) var name = ""
  package internal(set) var nodes: [Node?] = []
  package internal(set) var values: [Value?] = []
  package internal(set) var users: [[Use]] = []
  package internal(set) var inputs: [Port] = []
  package internal(set) var outputs: [Port] = []
  /// Names of nodes and values in the file, with paths such as `If_3/then/Conv_1`.
  package internal(set) var originNames: [String] = []

  package init(name: String = "") { self.name = name }

  package subscript(_ id: ValueID) -> Value {
    guard let value = values[Int(id.index)] else { preconditionFailure("value \(id.index) was removed") }
    return value
  }

  package subscript(_ id: NodeID) -> Node {
    guard let node = nodes[Int(id.index)] else { preconditionFailure("node \(id.index) was removed") }
    return node
  }

  package func node(_ id: NodeID) -> Node? { nodes[Int(id.index)] }
  package func value(_ id: ValueID) -> Value? { values[Int(id.index)] }
  package func uses(of id: ValueID) -> [Use] { users[Int(id.index)] }

  /// The node that makes a value, if one does.
  package func producer(of id: ValueID) -> Node? {
    guard case .result(let node, _)? = values[Int(id.index)]?.source else { return nil }
    return nodes[Int(node.index)]
  }

  /// The nodes that are there, by id.
  package var liveNodes: [Node] { nodes.compactMap { $0 } }
  package var nodeCount: Int { nodes.reduce(0) { $0 + ($1 == nil ? 0 : 1) } }

  package var valueIDs: [ValueID] { values.indices.lazy.filter { values[$0] != nil }.map { ValueID($0) } }

  /// The symbols of the graph's inputs, in the order of their first appearance.
  package var symbols: [Symbol] {
    var found: [Symbol] = []
    for port in inputs {
      for dimension in self[port.value].type.tensor?.shape ?? [] {
        for symbol in dimension.symbols where !found.contains(symbol) { found.append(symbol) }
      }
    }
    return found
  }

  /// The index of `name` among the origins, added when new.
  package mutating func originIndex(of name: String) -> Int32 {
    originNames.append(name)
    return Int32(originNames.count - 1)
  }
}

// MARK: - Building

extension Graph {
  package mutating func addInput(_ name: String, _ type: ValueType, mirrors: Int32? = nil, contents: [Dimension]? = nil)
    -> ValueID
  {
    let id = append(
      Value(name: name, type: type, contents: contents, source: .input(inputs.count), mirrors: mirrors))
    inputs.append(Port(name: name, value: id))
    return id
  }

  package mutating func addConstant(_ name: String, _ constant: Constant, mirrors: Int32? = nil, origins: Origins = Origins())
    -> ValueID
  {
    append(
      Value(
        name: name, type: .tensor(constant.type), contents: constant.smallContents, source: .constant(constant),
        mirrors: mirrors, origins: origins))
  }

  /// Adds a node and infers the types of its results, which `outputs` names; nil: not wanted.
  package mutating func addNode(
    _ op: any Operator, _ inputs: [ValueID?], epilogue: Epilogue = Epilogue(), with epilogueInputs: [ValueID] = [],
    regions: [Graph] = [], outputs: [String?], named name: String, origins: Origins = Origins(),
    mirrors: [Int32?] = []
  ) throws(GraphError) -> [ValueID?] {
    let results = try inferResults(
      of: op, operands: inputs.map { $0.map { self[$0].operand } }, epilogue: epilogue,
      epilogueOperands: epilogueInputs.map { self[$0].operand }, regions: regions, wanted: outputs.map { $0 != nil },
      name: name)
    let id = NodeID(nodes.count)
    var ids: [ValueID?] = []
    for (i, output) in outputs.enumerated() {
      guard let output else {
        ids.append(nil)
        continue
      }
      ids.append(
        append(
          Value(
            name: output, type: results[i].type, contents: results[i].contents, source: .result(of: id, index: i),
            mirrors: i < mirrors.count ? mirrors[i] : nil, origins: origins)))
    }
    insert(
      Node(
        id: id, name: name, origins: origins, op: op, inputs: inputs, epilogue: epilogue,
        epilogueInputs: epilogueInputs, outputs: ids, regions: regions))
    return ids
  }

  package mutating func addOutput(_ name: String, _ value: ValueID) {
    users[Int(value.index)].append(.result(outputs.count))
    outputs.append(Port(name: name, value: value))
  }

  /// Replaces the type of a value by one that says more, such as a declared shape where inference knows none.
  package mutating func refine(_ id: ValueID, to type: ValueType) {
    values[Int(id.index)]?.type = type
  }

  /// How a value is stored, decided when kernels are assigned.
  package mutating func setFormat(_ format: Format?, of id: ValueID) {
    values[Int(id.index)]?.format = format
  }

  mutating func rename(_ id: ValueID, to name: String) { values[Int(id.index)]?.name = name }

  mutating func append(_ value: Value) -> ValueID {
    values.append(value)
    users.append([])
    return ValueID(values.count - 1)
  }

  mutating func insert(_ node: Node) {
    nodes.append(node)
    for (i, input) in node.inputs.enumerated() {
      if let input { users[Int(input.index)].append(.operand(node.id, i)) }
    }
    for (i, input) in node.epilogueInputs.enumerated() { users[Int(input.index)].append(.epilogue(node.id, i)) }
  }
}

extension Constant {
  /// Elements of a stored integer tensor of rank 0 or 1 and at most 64 elements: shapes, axes, pads.
  package var smallContents: [Dimension]? {
    guard let tensor = stored, tensor.rank <= 1, tensor.elementCount <= 64,
      tensor.dataType == .int64 || tensor.dataType == .int32
    else { return nil }
    let base = tensor.bytes.base
    return (0..<tensor.elementCount).map { i in
      tensor.dataType == .int64
        ? Dimension(Int(base.loadUnaligned(fromByteOffset: i * 8, as: Int64.self)))
        : Dimension(Int(base.loadUnaligned(fromByteOffset: i * 4, as: Int32.self)))
    }
  }
}
