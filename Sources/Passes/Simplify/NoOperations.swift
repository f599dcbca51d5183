import IR
import Operators
import Tensors

/// Nodes that give back their operand, bit for bit, are left out:
///
///     Identity(x)  Cast[to=float32](x: float32)  Reshape(x) to its own shape  Transpose[0,1,2](x)
///     Pad of nothing  Slice of everything  Concat of one  Expand, Tile to the same size  Clip without bounds
///     x · 1   x ÷ 1   x − 0   x + (−0)          →  x
///     Binary(x, Expand(y))                      →  Binary(x, y), where y broadcasts to x by itself
///
/// `x + 0` stays when x is a float: it turns −0 into 0.
enum NoOperations {
  static let rules: [Rewrite] = [
    drop("drop-identity", Identity.self),
    drop(
      "drop-dropout", Dropout.self,
      judge: { graph, node in
        node.outputs.count > 1 && node.outputs[1] != nil ? .declined("its mask is used") : .changed
      }),
    drop("drop-cast", Cast.self, judge: sameType),
    drop("drop-reshape", Reshape.self, judge: sameShape),
    drop("drop-squeeze", Squeeze.self, judge: sameShape),
    drop("drop-unsqueeze", Unsqueeze.self, judge: sameShape),
    drop("drop-flatten", Flatten.self, judge: sameShape),
    drop("drop-expand", Expand.self, judge: sameShape),
    drop("drop-tile", Tile.self, judge: sameShape),
    dropTranspose,
    drop("drop-pad", Pad.self, where: { $0.pads?.allSatisfy { $0 == 0 } ?? false }),
    drop(
      "drop-slice", Slice.self,
      judge: { graph, node in
        let outcome = sameShape(graph, node)
        guard outcome == .changed else { return outcome }
        guard let op = node.op as? Slice, graph.operandCount(node.id) == 1 else {
          return .declined("its parameters are not known yet")
        }
        return op.steps?.allSatisfy({ $0 == 1 }) ?? true ? .changed : .declined("it steps backwards")
      }),
    drop("drop-concat", Concat.self, judge: { _, node in node.inputs.count == 1 ? .changed : .ignored }),
    drop(
      "drop-split", Split.self,
      judge: { graph, node in node.outputs.count == 1 ? sameShape(graph, node) : .ignored }),
    drop(
      "drop-clip", Clip.self, where: { $0.lower == nil && $0.upper == nil },
      judge: { graph, node in
        graph.operandCount(node.id) == 1 ? .changed : .ignored
      }),
    drop("drop-variadic", Variadic.self, judge: { _, node in node.inputs.count == 1 ? .changed : .ignored }),
    neutralOperand, transposeOfOnes, expandedOperand,
  ]

  /// A rule that leaves the node out where `judge` says so.
  private static func drop<Op: Operator>(
    _ name: String, _ type: Op.Type, where holds: (@Sendable (Op) -> Bool)? = nil,
    judge: @escaping @Sendable (borrowing Graph, Node) -> Outcome = { _, _ in .changed }
  ) -> Rewrite {
    let x = Anything()
    let find = Find(type, x, where: holds ?? { _ in true })
    return Rewrite(name, at: find) { (graph, match, patch) throws(GraphError) in
      let outcome = judge(graph, graph[match.node(find)])
      if outcome == .changed { patch.replace(match[find], with: match[x]) }
      return outcome
    }
  }

  private static let sameType: @Sendable (borrowing Graph, Node) -> Outcome = { graph, node in
    guard let input = node.inputs[0], let output = node.outputs[0],
      let from = graph.tensorType(input)?.dataType
    else {
      return .declined("the element type is not known")
    }
    return from == graph.tensorType(output)?.dataType ? .changed : .ignored
  }

  private static let sameShape: @Sendable (borrowing Graph, Node) -> Outcome = { graph, node in
    guard let input = node.inputs[0], let output = node.outputs[0], let from = graph.shape(input),
      let to = graph.shape(output)
    else { return .declined("its rank is not known") }
    return from == to ? .changed : .ignored
  }

  static let dropTranspose = drop(
    "drop-transpose", Transpose.self, where: { $0.permutation.map { $0 == Array($0.indices) } ?? false })

  private static let neutralOperand: Rewrite = {
    let find = Find(Binary.self, where: { [.add, .sub, .mul, .div, .pow].contains($0.function) })
    return Rewrite("drop-neutral-operand", at: find) { (graph, match, patch) throws(GraphError) in
      let node = graph[match.node(find)]
      let function = match.op(find, in: graph).function
      guard node.inputs.count == 2, let left = node.inputs[0], let right = node.inputs[1] else {
        return .ignored
      }
      let swapped = function.isCommutative && graph.constant(left) != nil
      let (x, operand) = swapped ? (right, left) : (left, right)
      guard let constant = graph.constant(operand), let values = constant.smallValues else { return .ignored }
      let isFloat = constant.type.dataType.isFloatingPoint
      let isNeutral: (Double) -> Bool = { value in
        switch function {
        case .mul, .div, .pow: value == 1
        case .add: value == 0 && (!isFloat || value.sign == .minus)
        default: value == 0 && value.sign == .plus
        }
      }
      guard values.allSatisfy(isNeutral) else { return .ignored }
      guard graph[x].type == graph[match[find]].type, graph.shape(x) != nil else {
        return .declined("the operand enlarges the result")
      }
      patch.replace(match[find], with: x)
      return .changed
    }
  }()

  /// A transposition that moves only axes of size one moves no byte: it is a Reshape.
  static let transposeOfOnes: Rewrite = {
    let x = Anything()
    let find = Find(Transpose.self, x)
    return Rewrite("transpose-to-reshape", at: find) { (graph, match, patch) throws(GraphError) in
      guard let shape = graph.shape(match[x]), let result = graph.shape(match[find]) else {
        return .declined("its rank is not known")
      }
      let order = match.op(find, in: graph).permutation ?? Array(shape.indices.reversed())
      guard order.count == shape.count, order.allSatisfy({ shape.indices.contains($0) }) else {
        return .ignored
      }
      let moved = order.filter { shape[$0].fixed != 1 }
      if moved != moved.sorted() { return .ignored }
      guard let target = ReshapeTarget.target(for: result, from: shape) else {
        return .declined("its sizes are not known")
      }
      try patch.replace(
        match[find], by: Reshape(target: target), [match[x]], named: graph[match.node(find)].name, in: graph)
      return .changed
    }
  }()

  private static let expandedOperand: Rewrite = {
    let find = Find(Binary.self, anyEpilogue: true)
    return Rewrite("drop-expand-of-operand", at: find) { (graph, match, patch) throws(GraphError) in
      let node = graph[match.node(find)]
      guard node.inputs.count == 2, let result = graph.shape(match[find]) else { return .ignored }
      for side in 0...1 {
        guard let value = node.inputs[side], let other = node.inputs[1 - side],
          let expand = graph.producer(of: value),
          expand.op is Expand, let operand = expand.inputs.first, let operand
        else { continue }
        guard graph.shape(other) == result, Epilogues.broadcasts(graph.shape(operand), to: result) else {
          return .declined("the expanded operand enlarges the result, or its shape is not known")
        }
        var inputs = node.inputs
        inputs[side] = operand
        try patch.substitute(node, inputs: inputs, in: graph)
        return .changed
      }
      return .ignored
    }
  }()
}
