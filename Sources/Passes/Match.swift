import IR

/// Where a pattern was found: ids only, so that keeping one keeps no graph.
package struct Match: Sendable {
  struct Binding: Sendable {
    var token: ObjectIdentifier
    var value: ValueID
    var node: NodeID?
  }

  let bindings: [Binding]

  /// The value that stands at a place of the pattern.
  package subscript(_ pattern: some Pattern) -> ValueID { binding(pattern).value }

  /// The node that makes the value at a place.
  package func node(_ pattern: some Pattern) -> NodeID {
    guard let node = binding(pattern).node else { preconditionFailure("the pattern matches no node here") }
    return node
  }

  package func op<Op>(_ find: Find<Op>, in graph: borrowing Graph) -> Op {
    guard let op = graph[node(find)].op as? Op else {
      preconditionFailure("the graph changed after the match")
    }
    return op
  }

  private func binding(_ pattern: some Pattern) -> Binding {
    let key = ObjectIdentifier(pattern.token)
    guard let binding = bindings.first(where: { $0.token == key }) else {
      preconditionFailure("a place of another pattern")
    }
    return binding
  }

  /// Looks for `root` at a node. Tries every order of commuting operands, so that what is found does not
  /// depend on how the file wrote a sum.
  package init?(_ root: any Pattern, at node: NodeID, in graph: borrowing Graph) {
    let outputs = graph[node].outputs
    guard root.output < outputs.count, let value = outputs[root.output],
      let found = Self.search([(root, value)], [], in: graph)
    else { return nil }
    bindings = found
  }

  private static func search(
    _ pending: [(pattern: any Pattern, value: ValueID)], _ bindings: [Binding], in graph: borrowing Graph
  ) -> [Binding]? {
    guard let (pattern, value) = pending.last else { return bindings }
    let rest = Array(pending.dropLast())
    let key = ObjectIdentifier(pattern.token)
    if let known = bindings.first(where: { $0.token == key }) {
      return known.value == value ? search(rest, bindings, in: graph) : nil
    }
    guard pattern.admits(value, in: graph) else { return nil }
    let producer = graph[value].producer
    let extended = bindings + [Binding(token: key, value: value, node: producer)]
    let operands = pattern.operands
    if operands.isEmpty { return search(rest, extended, in: graph) }
    guard let producer else { return nil }
    let node = graph[producer]
    guard node.inputs.count >= operands.count else { return nil }
    var given: [ValueID] = []
    for input in node.inputs.prefix(operands.count) {
      guard let input else { return nil }
      given.append(input)
    }
    let inOrder = rest + zip(operands, given).reversed().map { (pattern: $0, value: $1) }
    if let found = search(inOrder, extended, in: graph) { return found }
    guard operands.count == 2, node.inputs.count == 2, node.op.traits.contains(.commutative) else {
      return nil
    }
    let swapped = rest + [(pattern: operands[1], value: given[0]), (pattern: operands[0], value: given[1])]
    return search(swapped, extended, in: graph)
  }
}
