import IR
import Tensors

/// Nodes that do the same to the same values are done once:
///
///     Unary[exp](x), Unary[exp](x)  →  Unary[exp](x), twice used
///
/// Attributes and small constants are compared by their bits, so 0 and −0 stay two. A node takes over for
/// another when it has every result that the other is wanted for.
package struct CommonSubexpressions: Pass {
  package let name = "common-subexpressions"
  package init() {}

  private struct Key: Hashable {
    var op: AnyOperator
    var inputs: [ValueID?]
    var epilogue: Epilogue
    var epilogueInputs: [ValueID]
    var outputCount: Int
  }

  package func run(on graph: inout Graph, in context: PassContext, log: inout PassLog) throws(GraphError)
    -> Int
  {
    var changes = try graph.rewriteRegions { (region) throws(GraphError) in
      try run(on: &region, in: context, log: &log)
    }
    changes += try mergeConstants(of: &graph)
    var first: [Key: NodeID] = [:]
    for id in try graph.order() {
      guard let node = graph.node(id), node.op.traits.contains(.pure), node.regions.isEmpty else { continue }
      // Data-dependent sizes of two nodes are two symbols, though their values agree.
      if node.op.traits.contains(.dataDependent) { continue }
      let key = Key(
        op: AnyOperator(node.op), inputs: Self.sorted(node), epilogue: node.epilogue,
        epilogueInputs: node.epilogueInputs, outputCount: node.outputs.count)
      guard let earlier = first[key], let kept = graph.node(earlier) else {
        first[key] = id
        continue
      }
      if zip(node.outputs, kept.outputs).contains(where: { $0 != nil && $1 == nil }) {
        log.decline(name, at: node.name, "\(kept.name) does not make all of its results")
        continue
      }
      var patch = Patch(for: graph)
      for (old, new) in zip(node.outputs, kept.outputs) {
        if let old, let new { patch.replace(old, with: new) }
      }
      try graph.apply(patch)
      log.hit(name)
      changes += 1
    }
    return changes
  }

  /// Operands in the order of their ids where the order does not matter.
  private static func sorted(_ node: Node) -> [ValueID?] {
    guard node.op.traits.contains(.commutative), node.inputs.count == 2, let a = node.inputs[0],
      let b = node.inputs[1]
    else { return node.inputs }
    return a < b ? [a, b] : [b, a]
  }

  /// Constants of one identity, and small ones of the same type and bytes, become one value.
  private func mergeConstants(of graph: inout Graph) throws(GraphError) -> Int {
    var byIdentity: [ConstantID: ValueID] = [:]
    var byBytes: [Small: ValueID] = [:]
    var changes = 0
    var patch = Patch(for: graph)
    for id in graph.valueIDs where !graph.uses(of: id).isEmpty {
      guard let constant = graph.constant(id) else { continue }
      var kept = byIdentity[constant.id]
      if let same = kept, graph.tensorType(same) != constant.type { kept = nil }
      if kept == nil, let small = Small(constant) {
        kept = byBytes[small]
        if kept == nil { byBytes[small] = id }
      }
      if let kept {
        patch.replace(id, with: kept)
        changes += 1
      } else {
        byIdentity[constant.id] = id
      }
    }
    if changes > 0 { try graph.apply(patch) }
    return changes
  }

  /// A small constant by its bits.
  private struct Small: Hashable {
    let type: TensorType
    let bytes: [UInt8]

    init?(_ constant: Constant) {
      guard let tensor = constant.stored, tensor.dataType != .string, tensor.byteCount <= 256,
        tensor.format == .rowMajor(tensor.dataType)
      else { return nil }
      type = constant.type
      bytes = tensor.withBytes { Array(UnsafeRawBufferPointer(start: $0.base, count: $0.count)) }
    }
  }
}
