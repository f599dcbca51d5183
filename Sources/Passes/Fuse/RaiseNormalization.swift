import IR
import Operators
import Tensors

/// A layer normalization that a file spells out:
///
///     d = x − mean(x);  d ÷ √(mean(d²) + ε)   →  LayerNormalization(x, @1)
///     LayerNormalization(x, @1) · γ           →  LayerNormalization(x, γ)
///     LayerNormalization(x, γ) + β            →  LayerNormalization(x, γ, β)
///
/// with means over the last axes, which are those of γ and β.
enum RaiseNormalization {
  static let rules: [Rewrite] = variants + [scale, bias]

  private static let variants: [Rewrite] = [true, false].flatMap { isPower in
    [true, false].map { isDivision in layer(isPower: isPower, isDivision: isDivision) }
  }

  private static func binary(_ function: BinaryFunction, _ a: any Pattern, _ b: any Pattern) -> Find<Binary> {
    Find(Binary.self, a, b, where: { $0.function == function })
  }

  private static func layer(isPower: Bool, isDivision: Bool) -> Rewrite {
    let (x, two, epsilon) = (Anything(), AnyConstant(), AnyConstant())
    let mean = Find(Reduce.self, x, where: { $0.function == .mean && $0.keepDims })
    let difference = binary(.sub, x, mean)
    let square = isPower ? binary(.pow, difference, two) : binary(.mul, difference, difference)
    let variance = Find(Reduce.self, square, where: { $0.function == .mean && $0.keepDims })
    let deviation = Find(Unary.self, binary(.add, variance, epsilon), where: { $0.function == .sqrt })
    let root =
      isDivision
      ? binary(.div, difference, deviation)
      : binary(.mul, difference, Find(Unary.self, deviation, where: { $0.function == .reciprocal }))
    return Rewrite("raise-layer-normalization", at: root) { (graph, match, patch) throws(GraphError) in
      if isPower, graph.scalar(match[two]) != 2 { return .declined("the difference is not squared") }
      guard let epsilon = graph.scalar(match[epsilon]) else { return .declined("epsilon is not one number") }
      guard let type = graph.tensorType(match[x]), type.isFoldableFloat, let shape = type.shape,
        let axis = firstAxis(match.op(mean, in: graph), rank: shape.count),
        axis == firstAxis(match.op(variance, in: graph), rank: shape.count)
      else { return .declined("the means are not over the last axes") }
      guard let sizes = TensorType(type.dataType, Array(shape[axis...])).sizes else {
        return .declined("the sizes of the last axes are not known")
      }
      let name = graph[match.node(root)].name
      let ones = patch.constant(try .filled(1, dataType: type.dataType, sizes: sizes), named: "\(name).scale")
      try patch.replace(
        match[root], by: LayerNormalization(axis: axis, epsilon: Real(epsilon)), [match[x], ones],
        named: name, in: graph)
      return .changed
    }
  }

  /// The first of the axes that are reduced, when they are the last ones.
  private static func firstAxis(_ op: Reduce, rank: Int) -> Int? {
    guard let given = op.axes, !given.isEmpty else { return nil }
    let axes = given.map { $0 < 0 ? $0 + rank : $0 }.sorted()
    guard let first = axes.first, first >= 0, first < rank, axes == Array(first..<rank) else { return nil }
    return first
  }

  private static let scale: Rewrite = {
    let (gamma, ones) = (Anything(), AnyConstant())
    let norm = Find(LayerNormalization.self, Anything(), ones, usedOnce: true)
    let root = binary(.mul, norm, gamma)
    return Rewrite("layer-normalization-scale", at: root) { (graph, match, patch) throws(GraphError) in
      let node = graph[match.node(norm)]
      guard graph.operandCount(node.id) == 2, node.outputs.count(where: { $0 != nil }) == 1,
        graph.constant(match[ones])?.smallValues?.allSatisfy({ $0 == 1 }) == true
      else { return .declined("it has a scale, a bias, or other results") }
      guard graph[match[gamma]].type == graph[match[ones]].type,
        graph[match[root]].type == graph[match[norm]].type
      else {
        return .declined("the operand has another shape than the axes that are normalized")
      }
      try patch.replace(
        match[root], by: match.op(norm, in: graph), [node.inputs[0], match[gamma]],
        named: graph[match.node(root)].name, in: graph)
      return .changed
    }
  }()

  private static let bias: Rewrite = {
    let beta = Anything()
    let norm = Find(LayerNormalization.self, usedOnce: true)
    let root = binary(.add, norm, beta)
    return Rewrite("layer-normalization-bias", at: root) { (graph, match, patch) throws(GraphError) in
      let node = graph[match.node(norm)]
      guard graph.operandCount(node.id) == 2, node.outputs.count(where: { $0 != nil }) == 1,
        let scale = node.inputs[1]
      else {
        return .declined("it has a bias, or other results")
      }
      guard graph[match[beta]].type == graph[scale].type, graph.shape(scale) != nil,
        graph[match[root]].type == graph[match[norm]].type
      else { return .declined("the operand has another shape than the scale") }
      try patch.replace(
        match[root], by: match.op(norm, in: graph), [node.inputs[0], scale, match[beta]],
        named: graph[match.node(root)].name, in: graph)
      return .changed
    }
  }()
}
