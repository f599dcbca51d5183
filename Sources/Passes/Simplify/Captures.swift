import IR
import Operators

// Operands that a node only passes on to its regions.
extension DeadCode {
  /// Where the captured values of a node begin, among its operands and among its regions' inputs.
  private static func captures(of op: any Operator) -> (operand: Int, input: Int)? {
    switch op {
    case is If: (1, 0)
    case let loop as Loop: (2 + loop.carried, 2 + loop.carried)
    default: nil
    }
  }

  /// Constants are copied into the regions that capture them, and captures that no region reads are dropped.
  func dropCaptures(of graph: inout Graph, log: inout PassLog) throws(GraphError) -> Int {
    var changes = 0
    for id in try graph.order() {
      guard let node = graph.node(id), let first = Self.captures(of: node.op) else { continue }
      var inputs = node.inputs
      var regions = node.regions
      for index in inputs.indices.dropFirst(first.operand).reversed() {
        let port = index - first.operand + first.input
        guard regions.allSatisfy({ port < $0.inputs.count }) else { continue }
        if let input = inputs[index], let constant = graph.constant(input) {
          for r in regions.indices {
            let value = regions[r].inputs[port].value
            if regions[r].uses(of: value).isEmpty { continue }
            var patch = Patch(for: regions[r])
            patch.replace(value, with: patch.constant(constant, named: graph[input].name))
            try regions[r].apply(patch)
          }
        }
        guard regions.allSatisfy({ $0.uses(of: $0.inputs[port].value).isEmpty }) else { continue }
        for r in regions.indices { regions[r].removeInput(at: port) }
        inputs.remove(at: index)
        changes += 1
      }
      if inputs.count == node.inputs.count { continue }
      var patch = Patch(for: graph)
      try patch.substitute(node, inputs: inputs, regions: regions, in: graph)
      try graph.apply(patch)
      log.hit("drop-captures")
    }
    return changes
  }

  /// Results that nobody reads are no longer wanted, so that they need not be made.
  func dropResults(of graph: inout Graph, log: inout PassLog) throws(GraphError) -> Int {
    var changes = 0
    for id in try graph.order() {
      guard let node = graph.node(id), node.outputs.count(where: { $0 != nil }) > 1 else { continue }
      let used = node.outputs.map { $0.map { !graph.uses(of: $0).isEmpty } ?? false }
      if !used.contains(true) || zip(used, node.outputs).allSatisfy({ $0 == ($1 != nil) }) { continue }
      var patch = Patch(for: graph)
      let results = try patch.insert(
        any: node.op, node.inputs, epilogue: node.epilogue, with: node.epilogueInputs, regions: node.regions,
        wanted: used, named: node.name, in: graph)
      for (old, new) in zip(node.outputs, results) {
        if let old, let new { patch.replace(old, with: new) }
      }
      try graph.apply(patch)
      log.hit("drop-results")
      changes += 1
    }
    return changes
  }
}

/// An If whose condition is known is the branch that it takes:
///
///     If(@true, %x) regions { graph then(%a) -> (%r) {…} graph else… }  →  the nodes of then
enum InlineIf {
  static let rules: [Rewrite] = [
    {
      let condition = AnyConstant()
      let find = Find(If.self, condition)
      return Rewrite("inline-if", at: find) { (graph, match, patch) throws(GraphError) in
        let node = graph[match.node(find)]
        guard let value = graph.scalar(match[condition]), node.regions.count == 2 else {
          return .declined("its condition is not one element")
        }
        let results = try patch.inline(
          node.regions[value != 0 ? 0 : 1], Array(node.inputs.dropFirst()), in: graph)
        for (old, new) in zip(node.outputs, results) {
          guard let old else { continue }
          guard let new else { return .declined("a branch passes on a value that it is not given") }
          patch.replace(old, with: new)
        }
        return .changed
      }
    }()
  ]
}
