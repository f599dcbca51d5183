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
  /// Where each use of a node (inputs, then epilogue inputs) and of each output lies within its value's
  /// `users`, so that one of a million uses goes in constant time.
  var usePositions: [[Int32]] = []
  var outputPositions: [Int32] = []
  /// The number of nodes that are there.
  package internal(set) var nodeCount = 0
  package internal(set) var inputs: [Port] = []
  package internal(set) var outputs: [Port] = []
  /// Names of nodes and values in the file, with paths such as `If_3/then/Conv_1`.
  package internal(set) var originNames: [String] = []

  package init(name: String = "") { self.name = name }

  // Lent where they lie: a copy counts the references of all parts.
  package subscript(_ id: ValueID) -> Value {
    _read {
      precondition(values[Int(id.index)] != nil, "the value was removed")
      yield values[Int(id.index)]!
    }
  }

  package subscript(_ id: NodeID) -> Node {
    _read {
      precondition(nodes[Int(id.index)] != nil, "the node was removed")
      yield nodes[Int(id.index)]!
    }
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

  /// Whether a node that is there passes the test.
  package func containsNode(where test: (Node) -> Bool) -> Bool {
    for i in nodes.indices where nodes[i] != nil && test(self[NodeID(i)]) { return true }
    return false
  }

  package var valueIDs: [ValueID] { values.indices.lazy.filter { values[$0] != nil }.map { ValueID($0) } }

  /// The symbols of the graph's inputs, in the order of their first appearance.
  package var symbols: [Symbol] {
    var found: [Symbol] = []
    var known: Set<Symbol> = []
    for port in inputs {
      for dimension in self[port.value].type.tensor?.shape ?? [] {
        for symbol in dimension.symbols where known.insert(symbol).inserted { found.append(symbol) }
      }
    }
    return found
  }

  /// Adds a name of the file to the origins. Returns its index.
  package mutating func originIndex(of name: String) -> Int32 {
    originNames.append(name)
    return Int32(originNames.count - 1)
  }
}

// MARK: - Building

extension Graph {
  package mutating func addInput(
    _ name: String, _ type: ValueType, mirrors: Int32? = nil, contents: [Dimension]? = nil
  )
    -> ValueID
  {
    let id = append(
      Value(name: name, type: type, contents: contents, source: .input(inputs.count), mirrors: mirrors))
    inputs.append(Port(name: name, value: id))
    return id
  }

  package mutating func addConstant(
    _ name: String, _ constant: Constant, mirrors: Int32? = nil, origins: Origins = Origins()
  )
    -> ValueID
  {
    append(
      Value(
        name: name, type: .tensor(constant.type), contents: constant.smallContents,
        source: .constant(constant),
        mirrors: mirrors, origins: origins))
  }

  /// Adds a node and infers the types of its results, which `outputs` names; nil: not wanted.
  package mutating func addNode(
    _ op: any Operator, _ inputs: [ValueID?], epilogue: Epilogue = Epilogue(),
    with epilogueInputs: [ValueID] = [],
    regions: [Graph] = [], outputs: [String?], named name: String, origins: Origins = Origins(),
    mirrors: [Int32?] = []
  ) throws(GraphError) -> [ValueID?] {
    let results = try inferResults(
      of: op, operands: inputs.map { $0.map { self[$0].operand } }, epilogue: epilogue,
      epilogueOperands: epilogueInputs.map { self[$0].operand }, regions: regions,
      wanted: outputs.map { $0 != nil },
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
            name: output, type: results[i].type, contents: results[i].contents,
            source: .result(of: id, index: i),
            mirrors: i < mirrors.count ? mirrors[i] : nil, origins: origins)))
    }
    insert(
      Node(
        id: id, name: name, origins: origins, op: op, inputs: inputs, epilogue: epilogue,
        epilogueInputs: epilogueInputs, outputs: ids, regions: regions))
    return ids
  }

  package mutating func addOutput(_ name: String, _ value: ValueID) {
    outputs.append(Port(name: name, value: value))
    outputPositions.append(0)
    addUse(.result(outputs.count - 1), of: value)
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
    nodeCount += 1
    usePositions.append([Int32](repeating: 0, count: node.inputs.count + node.epilogueInputs.count))
    for (i, input) in node.inputs.enumerated() {
      if let input { addUse(.operand(node.id, i), of: input) }
    }
    for (i, input) in node.epilogueInputs.enumerated() { addUse(.epilogue(node.id, i), of: input) }
  }
}

// MARK: - Uses

extension Graph {
  mutating func addUse(_ use: Use, of value: ValueID) {
    let position = users[Int(value.index)].count
    users[Int(value.index)].append(use)
    setPosition(position, of: use)
  }

  /// The last use moves into the gap.
  mutating func removeUse(_ use: Use, of value: ValueID) {
    let position = position(of: use)
    let last = users[Int(value.index)].removeLast()
    if position < users[Int(value.index)].count {
      users[Int(value.index)][position] = last
      setPosition(position, of: last)
    }
  }

  func position(of use: Use) -> Int {
    switch use {
    case .operand(let node, let i): Int(usePositions[Int(node.index)][i])
    case .epilogue(let node, let i):
      Int(usePositions[Int(node.index)][(nodes[Int(node.index)]?.inputs.count ?? 0) + i])
    case .result(let i): Int(outputPositions[i])
    }
  }

  mutating func setPosition(_ position: Int, of use: Use) {
    switch use {
    case .operand(let node, let i): usePositions[Int(node.index)][i] = Int32(position)
    case .epilogue(let node, let i):
      usePositions[Int(node.index)][(nodes[Int(node.index)]?.inputs.count ?? 0) + i] = Int32(position)
    case .result(let i): outputPositions[i] = Int32(position)
    }
  }
}

extension Constant {
  /// More elements are not carried from operand to operand.
  package static let contentsLimit = 64

  /// Elements of a small stored tensor of rank 0 or 1: integers, flags, or floats that are integers.
  package var smallContents: [Dimension]? {
    guard let tensor = stored, tensor.rank <= 1, tensor.elementCount <= Self.contentsLimit else { return nil }
    let type = tensor.dataType
    if type.isInteger || type == .bool {
      if type == .uint64 { return nil }
      return (try? tensor.int64s())?.map { Dimension(Int($0)) }
    }
    guard type == .float32 || type == .float64, let numbers = try? tensor.doubles(),
      numbers.allSatisfy({ $0.rounded() == $0 && $0.magnitude < 0x1p24 && !($0 == 0 && $0.sign == .minus) })
    else { return nil }
    return numbers.map { Dimension(Int($0)) }
  }
}
