import IR
import Operators
import Tensors

/// Attention that a file spells out, and the transpositions that take heads apart and together:
///
///     MatMul(Softmax(MatMul(q, kᵀ) · c + mask), v)           →  Attention[scale=c](q, k, v, mask)
///     Transpose(Attention(Transpose(q), Transpose(k), Transpose(v)))  →  Attention on rows that hold all heads
///
/// The scale may also be a quotient, or stand at q or kᵀ; the mask need not be there. A query whose mask is −∞ for
/// every key is NaN before, and 0 after.
enum RaiseAttention {
  static let rules: [Rewrite] = [attention, mergedHeads]

  private static let attention: Rewrite = {
    let (scores, value) = (Anything(), Anything())
    let weights = Find(
      Softmax.self, scores, usedOnce: true, where: { ($0.axis == -1 || $0.axis == 3) && !$0.flattens })
    let root = Find(MatMul.self, weights, value)
    return Rewrite("raise-attention", at: root) { (graph, match, patch) throws(GraphError) in
      guard graph.isUsedOnce(match[scores]) else { return .declined("the scores are used elsewhere") }
      let masked = addition(match[scores], in: graph)
      let scaled = scaling(masked?.scores ?? match[scores], in: graph)
      guard let node = graph.producer(of: scaled.value), node.op is MatMul, node.epilogue.isEmpty,
        let left = node.inputs[0], let right = node.inputs[1], graph.isUsedOnce(scaled.value)
      else { return .declined("the scores are no product") }
      let query = scaling(left, in: graph)
      let turned = scaling(right, in: graph)
      guard let (source, permutation) = SinkTransposes.transposition(turned.value, in: graph) else {
        return .declined("the keys are not transposed")
      }
      // Scalars may also stand below the transposition.
      let key = scaling(source, in: graph)
      guard permutation == [0, 2, 3, 1] || permutation == [0, 1, 3, 2] else {
        return .declined("the keys are transposed to \(permutation)")
      }
      guard let product = graph.shape(scaled.value), product.count == 4, let q = graph.shape(query.value),
        let v = graph.shape(match[value]), let k = graph.shape(turned.value),
        [q, k, v].allSatisfy({ $0.count == 4 && $0.prefix(2) == product.prefix(2) }),
        graph[match[scores]].type == graph[scaled.value].type
      else { return .declined("it is not on heads of items, of rank 4") }
      if let mask = masked?.mask {
        guard let shape = graph.shape(mask), shape.last == product[3],
          graph.tensorType(mask)?.isFoldableFloat == true
        else { return .declined("the mask has another number of keys") }
      }
      let name = graph[match.node(root)].name
      var keys = key.value
      if permutation == [0, 2, 3, 1] {
        keys = try patch.insert(
          Transpose(permutation: [0, 2, 1, 3]), [keys], named: "\(name).keys", in: graph)[0]
      }
      let scale = Real(Double(Float(scaled.factor * query.factor * turned.factor * key.factor)))
      try patch.replace(
        match[root], by: Attention(scale: scale),
        [query.value, keys, match[value]] + (masked.map { [$0.mask] } ?? []), named: name, in: graph)
      return .changed
    }
  }()

  /// The operands of a sum that nothing else reads: the one that is computed from a product, and the mask.
  private static func addition(_ value: ValueID, in graph: borrowing Graph) -> (
    scores: ValueID, mask: ValueID
  )? {
    guard let node = graph.producer(of: value), let op = node.op as? Binary, op.function == .add,
      node.epilogue.isEmpty, let a = node.inputs[0], let b = node.inputs[1]
    else { return nil }
    for (scores, mask) in [(a, b), (b, a)] where graph.isUsedOnce(scores) {
      guard graph.producer(of: scaling(scores, in: graph).value)?.op is MatMul else { continue }
      return (scores, mask)
    }
    return nil
  }

  /// A value without the scalars that it was multiplied with or divided by, and their product.
  private static func scaling(_ value: ValueID, in graph: borrowing Graph) -> (value: ValueID, factor: Double)
  {
    var result = (value: value, factor: 1.0)
    // A file may hold any number of them.
    for _ in 0..<4 {
      guard graph.isUsedOnce(result.value), let node = graph.producer(of: result.value),
        let op = node.op as? Binary, node.epilogue.isEmpty, let a = node.inputs[0], let b = node.inputs[1]
      else { break }
      if op.function == .mul || op.function == .div, let factor = graph.scalar(b),
        graph[a].type == graph[result.value].type, factor.isFinite, factor != 0
      {
        result = (a, result.factor * (op.function == .mul ? factor : 1 / factor))
      } else if op.function == .mul, let factor = graph.scalar(a), graph[b].type == graph[result.value].type,
        factor.isFinite
      {
        result = (b, result.factor * factor)
      } else {
        break
      }
    }
    return result
  }

  private static let mergedHeads: Rewrite = {
    let attention = Find(Attention.self, usedOnce: true)
    let root = Find(Transpose.self, attention, where: { $0.permutation == [0, 2, 1, 3] })
    return Rewrite("attention-of-merged-heads", at: root) { (graph, match, patch) throws(GraphError) in
      let node = graph[match.node(attention)]
      guard let result = graph.shape(match[root]), result.count == 4 else { return .ignored }
      var inputs = node.inputs
      var heads: [Int] = []
      for i in 0..<3 {
        guard let input = inputs[i],
          let (source, permutation) = SinkTransposes.transposition(input, in: graph),
          permutation == [0, 2, 1, 3], let shape = graph.shape(source), let count = shape[2].fixed, count > 0
        else { return .declined("an operand is not transposed from rows") }
        let width = try sized { () throws(SizeOverflow) in try shape[2] * shape[3] }
        guard let target = ReshapeTarget.target(for: [shape[0], shape[1], width], from: shape) else {
          return .declined("the size of the rows is not known")
        }
        heads.append(count)
        inputs[i] = try patch.insert(
          Reshape(target: target), [source], named: "\(node.name).rows\(i)", in: graph)[0]
      }
      var op = match.op(attention, in: graph)
      (op.queryHeads, op.keyHeads) = (heads[0], heads[1])
      let width = try sized { () throws(SizeOverflow) in try result[2] * result[3] }
      guard let target = ReshapeTarget.target(for: result, from: [result[0], result[1], width]) else {
        return .declined("the sizes of the result are not known")
      }
      let results = try patch.insert(
        any: op, inputs, epilogue: Epilogue(), with: [], regions: [], wanted: node.outputs.map { $0 != nil },
        named: node.name, in: graph)
      for (old, new) in zip(node.outputs, results).dropFirst() {
        if let old, let new { patch.replace(old, with: new) }
      }
      try patch.replace(
        match[root], by: Reshape(target: target), [results[0]], named: graph[match.node(root)].name, in: graph
      )
      return .changed
    }
  }()
}
