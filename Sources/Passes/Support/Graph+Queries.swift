import IR
import Tensors

// What rules ask of a value.
extension Graph {
  func tensorType(_ id: ValueID) -> TensorType? { self[id].type.tensor }
  func shape(_ id: ValueID) -> [Dimension]? { self[id].type.tensor?.shape }
  func rank(_ id: ValueID) -> Int? { shape(id)?.count }
  func constant(_ id: ValueID) -> Constant? { self[id].constant }

  /// Elements of a small integer tensor, when all are known.
  func numbers(_ id: ValueID) -> [Int]? { self[id].operand.numbers }

  /// The one element of a constant of any numeric type.
  func scalar(_ id: ValueID) -> Double? {
    guard let constant = constant(id), let sizes = constant.type.sizes, sizes.allSatisfy({ $0 == 1 }),
      let tensor = try? constant.tensor(), let values = try? tensor.doubles()
    else { return nil }
    return values.first
  }

  /// The operands that a node was given: absent ones at the end do not count.
  func operandCount(_ id: NodeID) -> Int { 1 + (self[id].inputs.lastIndex { $0 != nil } ?? -1) }

  func isUsedOnce(_ id: ValueID) -> Bool { uses(of: id).count == 1 }
}

extension TensorType {
  /// Arithmetic on constants of these types follows the engine's own: computed in double, rounded once.
  var isFoldableFloat: Bool { dataType == .float32 || dataType == .float64 }
}

/// Runs `body`, turning an error of a tensor into one of the graph.
func tensorial<T>(_ body: () throws(TensorError) -> T) throws(GraphError) -> T {
  do { return try body() } catch { throw GraphError(.malformed(error.description)) }
}

extension Patch {
  /// A node like `node` with something replaced, for the same wanted results; each result replaces the old
  /// one.
  package mutating func substitute(
    _ node: Node, op: (any Operator)? = nil, inputs: [ValueID?]? = nil, epilogue: Epilogue? = nil,
    with epilogueInputs: [ValueID]? = nil, regions: [Graph]? = nil, in graph: borrowing Graph
  ) throws(GraphError) {
    var inputs = inputs ?? node.inputs
    while let last = inputs.last, last == nil { inputs.removeLast() }
    let results = try insert(
      any: op ?? node.op, inputs, epilogue: epilogue ?? node.epilogue,
      with: epilogueInputs ?? node.epilogueInputs,
      regions: regions ?? node.regions, wanted: node.outputs.map { $0 != nil }, named: node.name, in: graph)
    for (old, new) in zip(node.outputs, results) {
      if let old, let new { replace(old, with: new) }
    }
  }

  /// One node with one result, instead of `value`.
  package mutating func replace(
    _ value: ValueID, by op: some Operator, _ inputs: [ValueID?], epilogue: Epilogue = Epilogue(),
    with epilogueInputs: [ValueID] = [], named name: String, in graph: borrowing Graph
  ) throws(GraphError) {
    let results = try insert(op, inputs, epilogue: epilogue, with: epilogueInputs, named: name, in: graph)
    replace(value, with: results[0])
  }
}
