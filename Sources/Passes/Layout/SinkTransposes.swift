import IR
import Operators
import Tensors

/// Transpositions move towards the outputs, where they meet their inverse or go into weights:
///
///     Unary(Transpose(x))                  →  Transpose(Unary(x)), and so Clip, Cast, ScaleShift
///     Binary(Transpose(x), Transpose(y))   →  Transpose(Binary(x, y))
///     Binary(Transpose(x), @c)             →  Transpose(Binary(x, @c transposed back))
///     Concat, Pad, Slice, Reduce, ArgReduce of Transpose(x)  →  the same over the axes of x, then Transpose
///
/// A transposition that others read too sinks only where they all let it through.
enum SinkTransposes {
  static let rules: [Rewrite] = [
    rule("sink-transpose-unary", Unary.self) { op, _, _ in op },
    rule("sink-transpose-clip", Clip.self) { op, _, _ in op },
    rule("sink-transpose-cast", Cast.self) { op, _, _ in op },
    rule("sink-transpose-scale-shift", ScaleShift.self) { op, permutation, _ in
      permutation.indices.contains(op.axis) ? ScaleShift(axis: permutation[op.axis]) : nil
    },
    rule("sink-transpose-pad", Pad.self) { op, permutation, isStatic in
      guard isStatic, op.pads != nil, let axes = mapped(op.axes ?? Array(permutation.indices), permutation)
      else { return nil }
      return Pad(mode: op.mode, pads: op.pads, axes: axes, value: op.value)
    },
    rule("sink-transpose-slice", Slice.self) { op, permutation, isStatic in
      guard isStatic, let starts = op.starts, let ends = op.ends,
        let axes = mapped(op.axes ?? Array(starts.indices), permutation)
      else { return nil }
      return Slice(starts: starts, ends: ends, axes: axes, steps: op.steps)
    },
    reduce, argReduce, binary, concat,
  ]

  /// The axes of the operand that axes of the transposed one are; nil when one is out of range.
  static func mapped(_ axes: [Int], _ permutation: [Int]) -> [Int]? {
    var result: [Int] = []
    for axis in axes {
      let axis = axis < 0 ? axis + permutation.count : axis
      guard permutation.indices.contains(axis) else { return nil }
      result.append(permutation[axis])
    }
    return result
  }

  static func inverse(_ permutation: [Int]) -> [Int] {
    var inverse = [Int](repeating: 0, count: permutation.count)
    for (i, axis) in permutation.enumerated() { inverse[axis] = i }
    return inverse
  }

  /// The operand and the permutation of a transposition that makes `value`.
  static func transposition(_ value: ValueID, in graph: borrowing Graph) -> (
    operand: ValueID, permutation: [Int]
  )? {
    guard let node = graph.producer(of: value), let op = node.op as? Transpose,
      let operand = node.inputs.first,
      let operand, let rank = graph.rank(operand)
    else { return nil }
    let permutation = op.permutation ?? Array((0..<rank).reversed())
    return permutation.sorted() == Array(0..<rank) ? (operand, permutation) : nil
  }

  /// Whether a value is transposed, or computed element by element from values that are: their transpositions
  /// will sink to it.
  private static func comesTransposed(_ value: ValueID, depth: Int, in graph: borrowing Graph) -> Bool {
    guard depth > 0, let node = graph.producer(of: value), node.epilogue.isEmpty else { return false }
    switch node.op {
    case is Transpose: return true
    case is Unary, is Clip, is Cast, is ScaleShift, is Binary:
      for case let input? in node.inputs where graph.constant(input) == nil {
        if !comesTransposed(input, depth: depth - 1, in: graph) { return false }
      }
      return true
    default: return false
    }
  }

  /// Whether every reader of a transposed value lets it through.
  static func maySink(_ value: ValueID, in graph: borrowing Graph) -> Bool {
    let uses = graph.uses(of: value)
    if uses.count == 1 { return true }
    return uses.allSatisfy { use in
      guard case .operand(let id, _) = use, graph[id].epilogue.isEmpty else { return false }
      switch graph[id].op {
      case is Unary, is Clip, is Cast, is ScaleShift, is Transpose, is Reduce, is ArgReduce: return true
      case is Binary, is Concat:
        return graph[id].inputs.allSatisfy { input in
          input.map { graph[$0].constant != nil || comesTransposed($0, depth: 6, in: graph) } ?? false
        }
      default: return false
      }
    }
  }

  /// A rule for an operator whose first operand decides: `move` gives the operator on the untransposed
  /// operand.
  private static func rule<Op: Operator>(
    _ name: String, _ type: Op.Type, _ move: @escaping @Sendable (Op, [Int], _ isStatic: Bool) -> Op?
  ) -> Rewrite {
    let transpose = Find(Transpose.self, Anything())
    let find = Find(type, transpose)
    return Rewrite(name, at: find) { (graph, match, patch) throws(GraphError) in
      let node = graph[match.node(find)]
      guard let (x, permutation) = transposition(match[transpose], in: graph) else {
        return .declined("the rank is not known")
      }
      guard maySink(match[transpose], in: graph) else {
        return .declined("the transposed value is used elsewhere")
      }
      guard let op = move(match.op(find, in: graph), permutation, graph.operandCount(node.id) == 1) else {
        return .declined("its parameters are not known yet")
      }
      var inputs = node.inputs
      inputs[0] = x
      try finish(op, inputs, permutation, node, replacing: match[find], &patch, in: graph)
      return .changed
    }
  }

  /// Adds the moved operator and the transposition after it.
  private static func finish(
    _ op: some Operator, _ inputs: [ValueID?], _ permutation: [Int], _ node: Node, replacing old: ValueID,
    _ patch: inout Patch, in graph: borrowing Graph
  ) throws(GraphError) {
    let moved = try patch.insert(op, inputs, named: node.name, in: graph)
    try patch.replace(
      old, by: Transpose(permutation: permutation), [moved[0]], named: "\(node.name).transposed", in: graph)
  }

  /// What is left of a permutation when axes of the operand are gone.
  private static func remaining(_ permutation: [Int], without axes: [Int]) -> [Int] {
    let kept = permutation.filter { !axes.contains($0) }
    let order = kept.sorted()
    return kept.map { axis in order.firstIndex(of: axis) ?? 0 }
  }

  private static let reduce: Rewrite = {
    let transpose = Find(Transpose.self, Anything())
    let find = Find(Reduce.self, transpose)
    return Rewrite("sink-transpose-reduce", at: find) { (graph, match, patch) throws(GraphError) in
      let node = graph[match.node(find)]
      var op = match.op(find, in: graph)
      guard graph.operandCount(node.id) == 1, let given = op.axes, !given.isEmpty,
        let (x, permutation) = transposition(match[transpose], in: graph),
        let axes = mapped(given, permutation)
      else { return .declined("its axes are not known yet, or are all of them") }
      guard maySink(match[transpose], in: graph) else {
        return .declined("the transposed value is used elsewhere")
      }
      op.axes = axes
      let rest = op.keepDims ? permutation : remaining(permutation, without: axes)
      try finish(op, [x], rest, node, replacing: match[find], &patch, in: graph)
      return .changed
    }
  }()

  private static let argReduce: Rewrite = {
    let transpose = Find(Transpose.self, Anything())
    let find = Find(ArgReduce.self, transpose)
    return Rewrite("sink-transpose-arg-reduce", at: find) { (graph, match, patch) throws(GraphError) in
      var op = match.op(find, in: graph)
      guard let (x, permutation) = transposition(match[transpose], in: graph),
        let axes = mapped([op.axis], permutation)
      else { return .declined("the rank is not known") }
      guard maySink(match[transpose], in: graph) else {
        return .declined("the transposed value is used elsewhere")
      }
      op.axis = axes[0]
      let rest = op.keepDims ? permutation : remaining(permutation, without: axes)
      try finish(op, [x], rest, graph[match.node(find)], replacing: match[find], &patch, in: graph)
      return .changed
    }
  }()

  private static let binary: Rewrite = {
    let find = Find(Binary.self)
    return Rewrite("sink-transpose-binary", at: find) { (graph, match, patch) throws(GraphError) in
      let node = graph[match.node(find)]
      guard node.inputs.count == 2, let left = node.inputs[0], let right = node.inputs[1],
        let (_, permutation) = transposition(left, in: graph) ?? transposition(right, in: graph)
      else { return .ignored }
      var inputs: [ValueID?] = []
      for value in [left, right] {
        if let (x, other) = transposition(value, in: graph), other == permutation {
          guard maySink(value, in: graph) else { return .declined("the transposed value is used elsewhere") }
          inputs.append(x)
        } else if let sizes = graph.tensorType(value)?.sizes, sizes.count <= permutation.count,
          sizes.allSatisfy({ $0 == 1 })
        {
          inputs.append(value)
        } else if let constant = graph.constant(value), let sizes = constant.type.sizes,
          sizes.count <= permutation.count
        {
          let full = [Int](repeating: 1, count: permutation.count - sizes.count) + sizes
          let moved = try constant.reshaped(to: full).transposed(inverse(permutation))
          inputs.append(patch.constant(moved, named: graph[value].name))
        } else {
          return .declined("the other operand is not transposed alike")
        }
      }
      try finish(
        match.op(find, in: graph), inputs, permutation, node, replacing: match[find], &patch, in: graph)
      return .changed
    }
  }()

  private static let concat: Rewrite = {
    let find = Find(Concat.self)
    return Rewrite("sink-transpose-concat", at: find) { (graph, match, patch) throws(GraphError) in
      let node = graph[match.node(find)]
      var common: [Int]?
      for case let input? in node.inputs {
        if let (_, permutation) = transposition(input, in: graph) {
          common = permutation
          break
        }
      }
      guard let common else { return .ignored }
      guard let axis = mapped([match.op(find, in: graph).axis], common)?[0] else {
        return .declined("the axis is out of range")
      }
      var inputs: [ValueID?] = []
      for case let input? in node.inputs {
        if let (x, permutation) = transposition(input, in: graph), permutation == common {
          guard maySink(input, in: graph) else { return .declined("a transposed operand is used elsewhere") }
          inputs.append(x)
        } else if let constant = graph.constant(input), constant.type.shape?.count == common.count {
          inputs.append(patch.constant(try constant.transposed(inverse(common)), named: graph[input].name))
        } else {
          return .declined("its operands are not all transposed alike")
        }
      }
      try finish(Concat(axis: axis), inputs, common, node, replacing: match[find], &patch, in: graph)
      return .changed
    }
  }()
}
