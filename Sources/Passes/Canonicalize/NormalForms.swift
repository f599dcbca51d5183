import IR
import Operators
import Tensors

/// One form for things that files write in several ways:
///
///     Variadic[sum](a, b, c)         →  Binary[add](Binary[add](a, b), c)
///     Flatten(x), Unsqueeze(x), …    →  Reshape[target=…](x)
///     Gemm[alpha=2](x, @w, @c)       →  Gemm(x, @w·2, @c)
///     Softmax[flattens](x)           →  Softmax(x), where the flattened axes but one have size 1
///     Reduce[mean, axes=[2,3]](x)    →  GlobalAveragePool(x), where the axes stay
enum NormalForms {
  static let rules: [Rewrite] = [
    variadic, flatten, moveAxes(Squeeze.self, "squeeze-to-reshape"),
    moveAxes(Unsqueeze.self, "unsqueeze-to-reshape"),
    gemmFactors, softmax, mean,
  ]

  private static let variadic: Rewrite = {
    let find = Find(Variadic.self)
    return Rewrite("variadic-to-binary", at: find) { (graph, match, patch) throws(GraphError) in
      let node = graph[match.node(find)]
      let op = match.op(find, in: graph)
      let operands = node.inputs.compactMap { $0 }
      guard let first = operands.first, operands.count == node.inputs.count else {
        return .declined("no operands")
      }
      let function: BinaryFunction =
        switch op.function {
        case .sum, .mean: .add
        case .max: .max
        case .min: .min
        }
      var result = first
      for (i, operand) in operands.enumerated().dropFirst() {
        let name = i == operands.count - 1 && op.function != .mean ? node.name : "\(node.name).\(i)"
        result = try patch.insert(Binary(function), [result, operand], named: name, in: graph)[0]
      }
      if op.function == .mean, operands.count > 1 {
        guard let type = graph.tensorType(match[find]), type.isFoldableFloat else {
          return .declined("a mean of \(graph[match[find]].type)")
        }
        let count = patch.constant(
          try .filled(Double(operands.count), dataType: type.dataType, sizes: []), named: "\(node.name).count"
        )
        result = try patch.insert(Binary(.div), [result, count], named: node.name, in: graph)[0]
      }
      patch.replace(match[find], with: result)
      return .changed
    }
  }()

  private static let flatten: Rewrite = {
    let x = Anything()
    let find = Find(Flatten.self, x)
    return Rewrite("flatten-to-reshape", at: find) { (graph, match, patch) throws(GraphError) in
      guard let shape = graph.shape(match[find]),
        let target = ReshapeTarget.target(for: shape, from: graph.shape(match[x]))
      else { return .declined("its sizes are not known") }
      try patch.replace(
        match[find], by: Reshape(target: target), [match[x]], named: graph[match.node(find)].name, in: graph)
      return .changed
    }
  }()

  /// Sizes computed on the way keep their own operators, which know the elements while they are still
  /// formulas.
  private static func moveAxes<Op: Operator>(_ type: Op.Type, _ name: String) -> Rewrite {
    let x = Anything()
    let find = Find(type, x)
    return Rewrite(name, at: find) { (graph, match, patch) throws(GraphError) in
      let node = graph[match.node(find)]
      if graph[match[find]].contents != nil { return .ignored }
      guard graph.operandCount(node.id) == 1 else { return .declined("its axes are not known yet") }
      guard let shape = graph.shape(match[find]),
        let target = ReshapeTarget.target(for: shape, from: graph.shape(match[x]))
      else { return .declined("its sizes are not known") }
      try patch.replace(match[find], by: Reshape(target: target), [match[x]], named: node.name, in: graph)
      return .changed
    }
  }

  /// alpha goes into constant weights, beta into a constant addend.
  private static let gemmFactors: Rewrite = {
    let find = Find(
      Gemm.self, Anything(), AnyConstant(), anyEpilogue: true, where: { $0.alpha != 1 || $0.beta != 1 })
    return Rewrite("gemm-factors", at: find) { (graph, match, patch) throws(GraphError) in
      let node = graph[match.node(find)]
      var op = match.op(find, in: graph)
      var inputs = node.inputs
      func fold(_ factor: Real, into index: Int) throws(GraphError) -> Bool {
        guard index < inputs.count, let input = inputs[index] else { return true }
        if factor == 1 { return true }
        guard let constant = graph.constant(input), constant.type.isFoldableFloat else { return false }
        let scale = try Constant.filled(factor.value, dataType: constant.type.dataType, sizes: [1])
        let product = try constant.scaled(by: scale, "scale", along: 1) { _ in 0 }
        inputs[index] = patch.constant(product, named: graph[input].name)
        return true
      }
      guard try fold(op.alpha, into: 1), try fold(op.beta, into: 2) else {
        return .declined("its factors belong to values that are not constant floats")
      }
      op.alpha = 1
      op.beta = 1
      try patch.substitute(node, op: op, inputs: inputs, in: graph)
      return .changed
    }
  }()

  private static let softmax: Rewrite = {
    let x = Anything()
    let find = Find(Softmax.self, x, anyEpilogue: true, where: \.flattens)
    return Rewrite("softmax-axis", at: find) { (graph, match, patch) throws(GraphError) in
      guard let shape = graph.shape(match[x]) else { return .declined("its rank is not known") }
      let axis = match.op(find, in: graph).axis
      let first = axis < 0 ? axis + shape.count : axis
      guard (0..<shape.count).contains(first) else { return .declined("its axis is the end") }
      let wide = (first..<shape.count).filter { shape[$0].fixed != 1 }
      if wide.count > 1 { return .declined("it flattens several axes") }
      try patch.substitute(
        graph[match.node(find)], op: Softmax(axis: wide.first ?? shape.count - 1), in: graph)
      return .changed
    }
  }()

  private static let mean: Rewrite = {
    let x = Anything()
    let find = Find(Reduce.self, x, anyEpilogue: true, where: { $0.function == .mean && $0.keepDims })
    return Rewrite("mean-to-global-average-pool", at: find) { (graph, match, patch) throws(GraphError) in
      let node = graph[match.node(find)]
      guard let type = graph.tensorType(match[x]), type.isFoldableFloat, let rank = type.shape?.count,
        rank >= 4,
        graph.operandCount(node.id) == 1, let axes = match.op(find, in: graph).axes,
        axes.map({ $0 < 0 ? $0 + rank : $0 }).sorted() == Array(2..<rank)
      else { return .ignored }
      try patch.substitute(node, op: GlobalAveragePool(), in: graph)
      return .changed
    }
  }()
}
