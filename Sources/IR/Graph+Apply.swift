import Tensors

extension Graph {
  /// The only mutation of a built graph. Inserts, redirects the uses of replaced values, and removes what nobody reads
  /// any more. A replacement's type must refine the old one; origins of what disappears go to what replaces it.
  package mutating func apply(_ patch: consuming Patch) throws(GraphError) {
    precondition(patch.matches(self), "a patch for another state of the graph")
    for (old, new) in patch.replacements {
      let expected = self[old].type
      let found = patch.operand(new, in: self).type
      if !found.isCompatible(with: expected) { throw GraphError(.replacedType(expected: expected, found: found)) }
    }
    let firstNode = nodes.count
    let firstValue = values.count
    insertPending(patch.newOperands, patch.constants, patch.insertions)
    let replacements = patch.replacements
    var dead: [NodeID] = []
    for (old, new) in replacements where old != new {
      redirect(old, to: new, keepingUsesFrom: firstNode)
      if let producer = self[old].producer, uses(of: old).isEmpty { dead.append(producer) }
    }
    var lost = Origins()
    for (old, _) in replacements { lost = lost.union(self[old].origins) }
    removeUnused(from: dead, collecting: &lost)
    for i in firstNode..<nodes.count { nodes[i]?.origins = lost }
    for i in firstValue..<values.count { values[i]?.origins = lost }
    for (_, new) in replacements where Int(new.index) < firstValue {
      let merged = self[new].origins.union(lost)
      values[Int(new.index)]?.origins = merged
    }
  }

  private mutating func insertPending(
    _ operands: [Operand?], _ constants: [(id: ValueID, name: String, constant: Constant)],
    _ insertions: [Patch.Pending]
  ) {
    let base = values.count
    var created = [Value?](repeating: nil, count: operands.count)
    for (id, name, constant) in constants {
      created[Int(id.index) - base] = Value(
        name: name, type: .tensor(constant.type), contents: constant.smallContents, source: .constant(constant))
    }
    for pending in insertions {
      for (i, output) in pending.node.outputs.enumerated() {
        guard let output else { continue }
        created[Int(output.index) - base] = Value(
          name: i == 0 ? pending.node.name : "\(pending.node.name).\(i)", type: pending.results[i].type,
          contents: pending.results[i].contents, source: .result(of: pending.node.id, index: i))
      }
    }
    values.append(contentsOf: created)
    users.append(contentsOf: [[Use]](repeating: [], count: created.count))
    for pending in insertions { insert(pending.node) }
  }

  /// Uses by nodes from `firstKept` on stay: a patch may wrap the value that it replaces.
  private mutating func redirect(_ old: ValueID, to new: ValueID, keepingUsesFrom firstKept: Int) {
    var kept: [Use] = []
    for use in users[Int(old.index)] {
      if let node = use.node, Int(node.index) >= firstKept {
        kept.append(use)
        continue
      }
      switch use {
      case .operand(let node, let i): nodes[Int(node.index)]?.inputs[i] = new
      case .epilogue(let node, let i): nodes[Int(node.index)]?.epilogueInputs[i] = new
      case .result(let i): outputs[i].value = new
      }
      users[Int(new.index)].append(use)
    }
    users[Int(old.index)] = kept
    // The file's name goes with its meaning, so that a dump stays readable.
    guard let replaced = values[Int(old.index)], let mirrored = replaced.mirrors,
      var value = values[Int(new.index)], value.mirrors == nil
    else { return }
    value.mirrors = mirrored
    if value.producer != nil { value.name = replaced.name }
    values[Int(new.index)] = value
  }

  /// Removes the given nodes, and then their producers, as far as nobody reads their results.
  private mutating func removeUnused(from start: [NodeID], collecting origins: inout Origins) {
    var pending = start
    while let id = pending.popLast() {
      guard let node = nodes[Int(id.index)], node.op.traits.contains(.pure) else { continue }
      if node.outputs.contains(where: { $0.map { !users[Int($0.index)].isEmpty } ?? false }) { continue }
      origins = origins.union(node.origins)
      remove(node)
      for input in node.inputs.compactMap({ $0 }) + node.epilogueInputs {
        guard users[Int(input.index)].isEmpty else { continue }
        if let producer = values[Int(input.index)]?.producer {
          pending.append(producer)
        } else if case .constant? = values[Int(input.index)]?.source {
          values[Int(input.index)] = nil
        }
      }
    }
  }

  private mutating func remove(_ node: Node) {
    for (i, input) in node.inputs.enumerated() {
      if let input { users[Int(input.index)].removeAll { $0 == .operand(node.id, i) } }
    }
    for (i, input) in node.epilogueInputs.enumerated() {
      users[Int(input.index)].removeAll { $0 == .epilogue(node.id, i) }
    }
    for case let output? in node.outputs { values[Int(output.index)] = nil }
    nodes[Int(node.id.index)] = nil
  }

  /// Removes every pure node whose results nobody reads, and constants without uses. Returns how many nodes went.
  package mutating func removeDeadNodes() -> Int {
    let before = nodeCount
    var origins = Origins()
    removeUnused(
      from: liveNodes.filter { $0.outputs.allSatisfy { $0.map { uses(of: $0).isEmpty } ?? true } }.map(\.id),
      collecting: &origins)
    for i in values.indices {
      if case .constant? = values[i]?.source, users[i].isEmpty { values[i] = nil }
    }
    return before - nodeCount
  }

  /// Replaces the regions of a node, after a pass has rewritten them.
  package mutating func setRegions(_ regions: [Graph], of id: NodeID) { nodes[Int(id.index)]?.regions = regions }
}
