import Tensors

extension Graph {
  /// The only mutation of a built graph. Inserts, redirects the uses of replaced values, and removes what
  /// nobody reads any more. A replacement's type must refine the old one; origins of what disappears go to
  /// what replaces it.
  package mutating func apply(_ patch: consuming Patch) throws(GraphError) {
    precondition(patch.matches(self), "a patch for another state of the graph")
    for (old, new) in patch.replacements {
      let expected = self[old].type
      let found = patch.operand(new, in: self).type
      if !found.isCompatible(with: expected) {
        throw GraphError(.replacedType(expected: expected, found: found))
      }
    }
    if let node = cycleNear(patch) { throw GraphError(.cycle, node: node) }
    let firstNode = nodes.count
    let firstValue = values.count
    insertPending(patch.newOperands, patch.constants, patch.insertions)
    let replacements = patch.replacements.filter { $0.old != $0.new }
    var dead: [NodeID] = []
    var lost: [Int32] = []
    for (old, new) in replacements {
      redirect(old, to: new, keepingUsesFrom: firstNode)
      lost += self[old].origins.indices
      if let producer = self[old].producer, uses(of: old).isEmpty { dead.append(producer) }
    }
    var names: [(old: ValueID, new: ValueID, name: String)] = []
    for (old, new) in replacements {
      guard let mirrored = self[old].mirrors, self[new].mirrors == nil else { continue }
      values[Int(new.index)]?.mirrors = mirrored
      if self[new].producer != nil { names.append((old, new, self[old].name)) }
    }
    removeUnused(from: dead, collecting: &lost)
    for (old, _) in replacements where self.value(old)?.constant != nil && uses(of: old).isEmpty {
      values[Int(old.index)] = nil
    }
    // The file's name goes with its meaning, so that a dump stays readable, once its old owner is gone.
    for (old, new, name) in names where self.value(old) == nil { values[Int(new.index)]?.name = name }
    inherit(Origins(lost), replacements.map(\.new), firstNode: firstNode, firstValue: firstValue)
  }

  /// What disappeared goes on in what the patch made, and in what it put in the place of something.
  private mutating func inherit(_ origins: Origins, _ heirs: [ValueID], firstNode: Int, firstValue: Int) {
    for i in firstNode..<nodes.count { nodes[i]?.origins = origins }
    for i in firstValue..<values.count { values[i]?.origins = origins }
    for heir in heirs where Int(heir.index) < firstValue {
      guard let value = values[Int(heir.index)] else { continue }
      values[Int(heir.index)]?.origins = value.origins.union(origins)
      if let producer = value.producer, let node = nodes[Int(producer.index)] {
        nodes[Int(producer.index)]?.origins = node.origins.union(origins)
      }
    }
  }

  /// The name of a node that would read its own result after the patch, if one is found near its new values.
  ///
  /// A look at a few dozen nodes, which is where a rule that took a value from below goes wrong; `verify`
  /// sees all.
  private func cycleNear(_ patch: borrowing Patch) -> String? {
    var replaced: [ValueID: ValueID] = [:]
    for (old, new) in patch.replacements where old != new { replaced[old] = new }
    let insertions = patch.insertions
    var pending: [ValueID: Int] = [:]
    for (i, insertion) in insertions.enumerated() {
      for case let output? in insertion.node.outputs { pending[output] = i }
    }
    var isOpen: [NodeID: Bool] = [:]
    var visits = 0
    var stack: [(place: Place, next: Int)] = []
    func node(_ place: Place) -> Node? {
      switch place {
      case .inserted(let i): insertions[i].node
      case .present(let i): nodes[i]
      }
    }
    func push(_ value: ValueID) {
      if let i = pending[value] {
        stack.append((.inserted(i), 0))
      } else if Int(value.index) < values.count,
        case .result(let producer, _)? = values[Int(value.index)]?.source, nodes[Int(producer.index)] != nil
      {
        stack.append((.present(Int(producer.index)), 0))
      }
    }
    for (_, new) in patch.replacements {
      push(new)
      if let place = stack.last?.place, let id = node(place)?.id {
        if isOpen[id] != nil { stack.removeLast() } else { isOpen[id] = true }
      }
      while let (place, next) = stack.last, let node = node(place) {
        if next == node.inputs.count + node.epilogueInputs.count {
          isOpen[node.id] = false
          stack.removeLast()
          continue
        }
        stack[stack.count - 1].next = next + 1
        let read =
          next < node.inputs.count ? node.inputs[next] : node.epilogueInputs[next - node.inputs.count]
        guard let read else { continue }
        let depth = stack.count
        if case .inserted = place { push(read) } else { push(replaced[read] ?? read) }
        guard stack.count > depth, let id = stack.last.flatMap({ Self.id($0.place, insertions) }) else {
          continue
        }
        switch isOpen[id] {
        case true?: return node.name
        case false?: stack.removeLast()
        case nil:
          visits += 1
          if visits > 48 { return nil }
          isOpen[id] = true
        }
      }
    }
    return nil
  }

  /// A node of the graph, or one that a patch inserts.
  private enum Place {
    case present(Int)
    case inserted(Int)
  }

  private static func id(_ place: Place, _ insertions: [Patch.Pending]) -> NodeID {
    switch place {
    case .present(let i): NodeID(i)
    case .inserted(let i): insertions[i].node.id
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
        name: name, type: .tensor(constant.type), contents: constant.smallContents,
        source: .constant(constant))
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
    let uses = users[Int(old.index)]
    users[Int(old.index)] = []
    for use in uses {
      if let node = use.node, Int(node.index) >= firstKept {
        addUse(use, of: old)
        continue
      }
      switch use {
      case .operand(let node, let i): nodes[Int(node.index)]?.inputs[i] = new
      case .epilogue(let node, let i): nodes[Int(node.index)]?.epilogueInputs[i] = new
      case .result(let i): outputs[i].value = new
      }
      addUse(use, of: new)
    }
  }

  /// Removes the given nodes, and then their producers, as far as nobody reads their results.
  private mutating func removeUnused(from start: [NodeID], collecting origins: inout [Int32]) {
    var pending = start
    while let id = pending.popLast() {
      guard let node = nodes[Int(id.index)], node.op.traits.contains(.pure) else { continue }
      if node.outputs.contains(where: { $0.map { !users[Int($0.index)].isEmpty } ?? false }) { continue }
      origins += node.origins.indices
      remove(node, collecting: &origins)
      for input in node.inputs.compactMap({ $0 }) + node.epilogueInputs {
        guard users[Int(input.index)].isEmpty, let value = values[Int(input.index)] else { continue }
        if let producer = value.producer {
          pending.append(producer)
        } else if value.constant != nil {
          origins += value.origins.indices
          values[Int(input.index)] = nil
        }
      }
    }
  }

  private mutating func remove(_ node: Node, collecting origins: inout [Int32]) {
    for (i, input) in node.inputs.enumerated() {
      if let input { removeUse(.operand(node.id, i), of: input) }
    }
    for (i, input) in node.epilogueInputs.enumerated() { removeUse(.epilogue(node.id, i), of: input) }
    for case let output? in node.outputs {
      origins += values[Int(output.index)]?.origins.indices ?? []
      values[Int(output.index)] = nil
    }
    nodes[Int(node.id.index)] = nil
    usePositions[Int(node.id.index)] = []
    nodeCount -= 1
  }

  /// Removes every pure node whose results nobody reads, and constants without uses. Returns how many nodes
  /// went.
  package mutating func removeDeadNodes() -> Int {
    let before = nodeCount
    var origins: [Int32] = []
    removeUnused(
      from: liveNodes.filter { $0.outputs.allSatisfy { $0.map { uses(of: $0).isEmpty } ?? true } }.map(\.id),
      collecting: &origins)
    for i in values.indices {
      if case .constant? = values[i]?.source, users[i].isEmpty { values[i] = nil }
    }
    return before - nodeCount
  }

  /// Replaces the regions of a node, after a pass has rewritten them.
  package mutating func setRegions(_ regions: [Graph], of id: NodeID) {
    nodes[Int(id.index)]?.regions = regions
  }
}
