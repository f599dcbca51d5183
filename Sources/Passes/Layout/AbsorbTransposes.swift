import IR
import Operators
import Tensors

/// Transpositions that matrix products can take in:
///
///     MatMul(Reshape[N,K](Transpose[0,2,3,1](x)), @w)  →  MatMul(Reshape[N,K](x), @w with its rows moved)
///     Gemm(Transpose[1,0](a), b)                       →  Gemm[transA](a, b)
///     MatMul(Transpose[1,0](a), b), both matrices      →  Gemm[transA](a, b)
enum AbsorbTransposes {
  static let rules: [Rewrite] = [flatten(MatMul.self), flatten(Gemm.self), gemm, matMul]

  /// The features of a flattened image come in the order of its axes: weights can have any.
  private static func flatten<Op: Operator>(_ type: Op.Type) -> Rewrite {
    let x = Anything()
    let transpose = Find(Transpose.self, x, usedOnce: true)
    let reshape = Find(Reshape.self, transpose, usedOnce: true)
    let weights = AnyConstant()
    let find = Find(type, reshape, weights, anyEpilogue: true)
    return Rewrite("absorb-transpose-of-features", at: find) { (graph, match, patch) throws(GraphError) in
      let node = graph[match.node(find)]
      guard let (_, permutation) = SinkTransposes.transposition(match[transpose], in: graph),
        let shape = graph.shape(match[x]), let flat = graph.shape(match[reshape])
      else { return .declined("the rank is not known") }
      let features = shape.dropFirst().map(\.fixed)
      guard permutation.first == 0, flat.count == 2, flat[0] == shape[0], !features.contains(nil) else {
        return .declined("it is not a batch of flattened features")
      }
      if (node.op as? Gemm)?.transA == true { return .declined("the features are columns") }
      guard let constant = graph.constant(match[weights]), let sizes = constant.type.sizes, sizes.count == 2
      else {
        return .declined("the weights are no matrix")
      }
      let isTransposed = (node.op as? Gemm)?.transB ?? false
      let sizesOfX = features.compactMap { $0 }
      let inner = permutation.dropFirst().map { $0 - 1 }
      guard sizesOfX.reduce(1, *) == sizes[isTransposed ? 1 : 0],
        let target = ReshapeTarget.target(for: flat, from: shape)
      else { return .declined("the weights have another number of features") }
      // Rows in the order of the transposed image, as axes; moved to the order of x; rows again.
      let unfolded = inner.map { sizesOfX[$0] }
      let back = SinkTransposes.inverse(inner)
      let moved: Constant
      if isTransposed {
        moved = try constant.reshaped(to: [sizes[0]] + unfolded).transposed([0] + back.map { $0 + 1 })
      } else {
        moved = try constant.reshaped(to: unfolded + [sizes[1]]).transposed(back + [inner.count])
      }
      var inputs = node.inputs
      inputs[0] = try patch.insert(
        Reshape(target: target), [match[x]], named: graph[match.node(reshape)].name, in: graph)[0]
      inputs[1] = patch.constant(try moved.reshaped(to: sizes), named: graph[match[weights]].name)
      try patch.substitute(node, inputs: inputs, in: graph)
      return .changed
    }
  }

  /// The matrix that a transposition swapped.
  private static func swapped(_ value: ValueID, in graph: borrowing Graph) -> ValueID? {
    guard let (operand, permutation) = SinkTransposes.transposition(value, in: graph), permutation == [1, 0]
    else { return nil }
    return operand
  }

  private static let gemm: Rewrite = {
    let find = Find(Gemm.self, anyEpilogue: true)
    return Rewrite("absorb-transpose-into-gemm", at: find) { (graph, match, patch) throws(GraphError) in
      let node = graph[match.node(find)]
      var op = match.op(find, in: graph)
      var inputs = node.inputs
      var isChanged = false
      if inputs.count > 1, let a = inputs[0], let x = swapped(a, in: graph) {
        inputs[0] = x
        op.transA.toggle()
        isChanged = true
      }
      if inputs.count > 1, let b = inputs[1], let x = swapped(b, in: graph) {
        inputs[1] = x
        op.transB.toggle()
        isChanged = true
      }
      if !isChanged { return .ignored }
      try patch.substitute(node, op: op, inputs: inputs, in: graph)
      return .changed
    }
  }()

  private static let matMul: Rewrite = {
    let (a, b) = (Anything(), Anything())
    let find = Find(MatMul.self, a, b, anyEpilogue: true)
    return Rewrite("absorb-transpose-into-matmul", at: find) { (graph, match, patch) throws(GraphError) in
      let (x, y) = (swapped(match[a], in: graph), swapped(match[b], in: graph))
      if x == nil && y == nil { return .ignored }
      guard graph.rank(match[a]) == 2, graph.rank(match[b]) == 2 else {
        return .declined("it has batch axes")
      }
      guard graph.tensorType(match[a])?.isFoldableFloat == true else {
        return .declined("its operands are no floats")
      }
      try patch.substitute(
        graph[match.node(find)], op: Gemm(transA: x != nil, transB: y != nil),
        inputs: [x ?? match[a], y ?? match[b]],
        in: graph)
      return .changed
    }
  }()
}
