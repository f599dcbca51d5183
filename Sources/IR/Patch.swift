import Tensors

/// Edits to one graph: nodes to insert, values to replace. It never holds the graph, so applying it copies
/// nothing.
package struct Patch: ~Copyable {
  struct Pending {
    var node: Node
    var results: [Operand]
  }

  private let nodeBase: Int
  private let valueBase: Int
  private(set) var constants: [(id: ValueID, name: String, constant: Constant)] = []
  private(set) var insertions: [Pending] = []
  package private(set) var replacements: [(old: ValueID, new: ValueID)] = []
  private var nextValue: Int
  private var operands: [Operand?] = []

  package init(for graph: borrowing Graph) {
    nodeBase = graph.nodes.count
    valueBase = graph.values.count
    nextValue = valueBase
  }

  package var isEmpty: Bool { insertions.isEmpty && replacements.isEmpty }

  package mutating func constant(_ constant: Constant, named name: String) -> ValueID {
    let id = newValue(Operand(.tensor(constant.type), constant: constant, contents: constant.smallContents))
    constants.append((id, name, constant))
    return id
  }

  /// Adds a node and infers its results' types, which may use values of the graph and of this patch.
  package mutating func insert(
    _ op: some Operator, _ inputs: [ValueID?], epilogue: Epilogue = Epilogue(),
    with epilogueInputs: [ValueID] = [],
    regions: [Graph] = [], outputs: Int = 1, named name: String, in graph: borrowing Graph
  ) throws(GraphError) -> [ValueID] {
    try insert(
      any: op, inputs, epilogue: epilogue, with: epilogueInputs, regions: regions,
      wanted: [Bool](repeating: true, count: outputs), named: name, in: graph
    ).compactMap { $0 }
  }

  /// The same for any operator, and with results that nobody wants.
  package mutating func insert(
    any op: any Operator, _ inputs: [ValueID?], epilogue: Epilogue, with epilogueInputs: [ValueID],
    regions: [Graph],
    wanted: [Bool], named name: String, in graph: borrowing Graph
  ) throws(GraphError) -> [ValueID?] {
    var inputOperands: [Operand?] = []
    for input in inputs { inputOperands.append(input.map { operand($0, in: graph) }) }
    var epilogueOperands: [Operand] = []
    for input in epilogueInputs { epilogueOperands.append(operand(input, in: graph)) }
    let results = try graph.inferResults(
      of: op, operands: inputOperands, epilogue: epilogue, epilogueOperands: epilogueOperands,
      regions: regions,
      wanted: wanted, name: name)
    var outputs: [ValueID?] = []
    for (i, isWanted) in wanted.enumerated() { outputs.append(isWanted ? newValue(results[i]) : nil) }
    let node = Node(
      id: NodeID(nodeBase + insertions.count), name: name, origins: Origins(), op: op, inputs: inputs,
      epilogue: epilogue, epilogueInputs: epilogueInputs, outputs: outputs, regions: regions)
    insertions.append(Pending(node: node, results: results))
    return outputs
  }

  /// Every use of `old`, but for those in this patch, becomes a use of `new`. Any number: Split, LSTM, three
  /// MatMuls.
  package mutating func replace(_ old: ValueID, with new: ValueID) { replacements.append((old, new)) }

  /// What is known of a value of the graph or of this patch.
  package func operand(_ id: ValueID, in graph: borrowing Graph) -> Operand {
    let index = Int(id.index)
    if index < valueBase { return graph[id].operand }
    guard let operand = operands[index - valueBase] else {
      preconditionFailure("a patch's value without a type")
    }
    return operand
  }

  private mutating func newValue(_ operand: Operand) -> ValueID {
    operands.append(operand)
    nextValue += 1
    return ValueID(nextValue - 1)
  }

  func matches(_ graph: borrowing Graph) -> Bool {
    nodeBase == graph.nodes.count && valueBase == graph.values.count
  }

  /// Operands of this patch's values, by their order.
  var newOperands: [Operand?] { operands }
}
