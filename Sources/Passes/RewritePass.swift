import IR

/// A list of rules, tried in order at every node until none of them changes anything.
///
/// A change puts the nodes back on the list that could see it, so a sweep costs the nodes and the changes;
/// sweeps are repeated until one changes nothing, because what a rule asks for (a value used once, say) may
/// become true far away.
package struct RewritePass: Pass {
  package let name: String
  package let rules: [Rewrite]
  private let byOperator: [String: [Int]]
  private let anywhere: [Int]
  private let reach: Int

  /// A sweep that changes more than this per node has rules that undo each other.
  private static let changesPerNode = 16
  private static let sweepLimit = 64

  package init(_ name: String, _ rules: [Rewrite]) {
    self.name = name
    self.rules = rules
    let open = rules.indices.filter { rules[$0].root.operatorName == nil }
    var table: [String: [Int]] = [:]
    for i in rules.indices {
      if let name = rules[i].root.operatorName { table[name, default: open].append(i) }
    }
    byOperator = table.mapValues { $0.sorted() }
    anywhere = open
    reach = rules.map(\.depth).max() ?? 1
  }

  package func run(on graph: inout Graph, in context: PassContext, log: inout PassLog) throws(GraphError)
    -> Int
  {
    var changes = try graph.rewriteRegions { (region) throws(GraphError) in
      try run(on: &region, in: context, log: &log)
    }
    // Most graphs have no node for most passes.
    if anywhere.isEmpty, !graph.containsNode(where: { byOperator[$0.op.name] != nil }) { return changes }
    let outer = log.declines
    for _ in 0..<Self.sweepLimit {
      log.declines = outer
      let changed = try sweep(&graph, log: &log)
      changes += changed
      if changed == 0 { break }
    }
    return changes
  }

  /// Nodes wait on a stack: what a change made is looked at next, so that a node that moves along a chain
  /// meets the next one of its kind before that one moves too.
  private func sweep(_ graph: inout Graph, log: inout PassLog) throws(GraphError) -> Int {
    var stack = Array(try graph.order().reversed())
    var isWaiting = [Bool](repeating: true, count: graph.nodes.count)
    let limit = 1000 + Self.changesPerNode * stack.count
    var changes = 0
    while let id = stack.popLast() {
      isWaiting[Int(id.index)] = false
      guard graph.node(id) != nil else { continue }
      let firstNew = graph.nodes.count
      guard let touched = rewrite(&graph, at: id, log: &log) else { continue }
      changes += 1
      if changes > limit { throw GraphError(.budget("rules of \(name) undo each other"), node: name) }
      isWaiting += [Bool](repeating: false, count: graph.nodes.count - firstNew)
      func push(_ node: NodeID) {
        guard graph.node(node) != nil, !isWaiting[Int(node.index)] else { return }
        isWaiting[Int(node.index)] = true
        stack.append(node)
      }
      for node in affected(by: touched, in: graph).reversed() { push(node) }
      push(id)
      for node in (firstNew..<graph.nodes.count).reversed() { push(NodeID(node)) }
    }
    return changes
  }

  /// Tries the rules at a node. Returns the values that another rule may see otherwise now, nil when nothing
  /// changed.
  private func rewrite(_ graph: inout Graph, at id: NodeID, log: inout PassLog) -> [ValueID]? {
    for index in byOperator[graph[id].op.name] ?? anywhere {
      let rule = rules[index]
      guard let match = Match(rule.root, at: id, in: graph) else { continue }
      let name = graph[id].name
      var patch = Patch(for: graph)
      do throws(GraphError) {
        switch try rule.body(graph, match, &patch) {
        case .declined(let reason): log.decline(rule.name, at: name, reason)
        case .ignored: break
        case .changed:
          var touched = patch.replacements.map(\.new)
          for binding in match.bindings {
            guard let node = binding.node.flatMap({ graph.node($0) }) else { continue }
            touched += node.inputs.prefix(Self.fanLimit).compactMap { $0 } + node.epilogueInputs
          }
          try graph.apply(patch)
          log.hit(rule.name)
          return touched
        }
      } catch {
        log.fail(rule.name, at: name, error)
      }
    }
    return nil
  }

  /// Operands of a node that are looked at after a change.
  private static let fanLimit = 64

  /// Nodes that read the values, up to as many steps away as a pattern looks. Wide fans are left to the next
  /// sweep.
  private func affected(by values: [ValueID], in graph: borrowing Graph) -> [NodeID] {
    var found: [NodeID] = []
    var front = values
    for _ in 0..<reach {
      var next: [ValueID] = []
      for value in front where graph.value(value) != nil {
        let uses = graph.uses(of: value)
        if uses.count > 8 { continue }
        for case let node? in uses.map(\.node) where !found.contains(node) {
          found.append(node)
          next += graph[node].outputs.prefix(Self.fanLimit).compactMap { $0 }
        }
        if found.count > Self.fanLimit { return found }
      }
      front = next
    }
    return found
  }
}
