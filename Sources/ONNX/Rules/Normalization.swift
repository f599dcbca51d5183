import IR
import Operators
import Tensors

extension ImportRules {
  static let normalization: [ImportRule] = [
    ImportRule("BatchNormalization", 1...13, inputs: 5...5, outputs: 1...5) { n throws(Unsupported.Reason) in
      let epsilon = try n.real("epsilon", default: 1e-5)
      n.ignore("momentum", "consumed_inputs", "is_test")
      if n.version < 9, try !n.flag("spatial", default: true), n.rank(0) != 2 {
        throw .attribute(name: "spatial", expected: "1", found: "0")
      }
      try refuseStatistics(n)
      try n.add(BatchNormalization(epsilon: epsilon), outputs: 1)
    },
    ImportRule("BatchNormalization", since: 14, inputs: 5...5, outputs: 1...3) {
      n throws(Unsupported.Reason) in
      let epsilon = try n.real("epsilon", default: 1e-5)
      let momentum = try n.real("momentum", default: 0.9)
      if try n.flag("training_mode", default: false) { return try train(n, epsilon, momentum) }
      try refuseStatistics(n)
      try n.add(BatchNormalization(epsilon: epsilon), outputs: 1)
    },
    ImportRule("LpNormalization", inputs: 1...1) { n throws(Unsupported.Reason) in
      let p = try n.int("p", default: 2)
      guard p == 1 || p == 2 else { throw .attribute(name: "p", expected: "1 or 2", found: "\(p)") }
      try n.add(LpNormalization(axis: try n.int("axis", default: -1), p: p))
    },
    // Before opset 9 an experiment that files of opset 1 may hold, with other attributes.
    ImportRule("MeanVarianceNormalization", since: 9, inputs: 1...1) { n throws(Unsupported.Reason) in
      let axes = try n.ints("axes") ?? [0, 2, 3]
      let mean = n.insert(Reduce(.mean, axes: axes), n.inputs, suffix: "mean")
      let centered = n.insert(Binary(.sub), [n.inputs[0], mean], suffix: "centered")
      let squares = n.insert(Binary(.mul), [centered, centered], suffix: "squares")
      let variance = n.insert(Reduce(.mean, axes: axes), [squares], suffix: "variance")
      let deviation = n.insert(Unary(.sqrt), [variance], suffix: "deviation")
      let epsilon = try n.constant(1e-9, like: 0, suffix: "epsilon")
      let divisor = n.insert(Binary(.add), [deviation, epsilon], suffix: "divisor")
      try n.add(Binary(.div), [centered, divisor])
    },
    ImportRule("InstanceNormalization", inputs: 3...3) { n throws(Unsupported.Reason) in
      if n.version < 6 { n.ignore("consumed_inputs") }
      try n.add(InstanceNormalization(epsilon: try n.real("epsilon", default: 1e-5)))
    },
    ImportRule("LayerNormalization", since: 17, inputs: 2...3, outputs: 1...3) {
      n throws(Unsupported.Reason) in
      try n.require("stash_type", 1)
      try n.add(
        LayerNormalization(
          axis: try n.int("axis", default: -1), epsilon: try n.real("epsilon", default: 1e-5)))
    },
    ImportRule("LRN", inputs: 1...1) { n throws(Unsupported.Reason) in
      try n.add(
        LRN(
          size: try n.positive("size"), alpha: try n.real("alpha", default: 0.0001),
          beta: try n.real("beta", default: 0.75), bias: try n.real("bias", default: 1)))
    },
  ]

  /// Normalization by the statistics of the batch; what is known so far is moved towards them.
  private static func train(_ n: NodeContext, _ epsilon: Real, _ momentum: Real) throws(Unsupported.Reason) {
    let rank = try n.requiredRank(0)
    if rank < 2 { throw .form("operand 0 has rank \(rank), expected at least 2") }
    let axes = (0..<rank).filter { $0 != 1 }
    guard let type = n.operand(0)?.tensor?.dataType, let wide = n.operand(3)?.tensor?.dataType else {
      throw .form("needs operands of known element types")
    }
    let x = type == wide ? n.inputs[0] : n.insert(Cast(to: wide), [n.inputs[0]], suffix: "wide")
    let mean = n.insert(Reduce(.mean, axes: axes), [x], suffix: "mean")
    let centered = n.insert(Binary(.sub), [x, mean], suffix: "centered")
    let squares = n.insert(Binary(.mul), [centered, centered], suffix: "squares")
    let variance = n.insert(Reduce(.mean, axes: axes), [squares], suffix: "variance")
    let statistics = [mean, variance].map { n.insert(Squeeze(axes: axes), [$0], suffix: "statistic") }
    let keep = try n.constant(momentum.value, like: 3, suffix: "keep")
    let move = try n.constant(1 - momentum.value, like: 3, suffix: "move")
    _ = try n.add(
      BatchNormalization(epsilon: epsilon), Array(n.inputs.prefix(3)) + statistics, makes: 0, suffix: "y")
    for (i, statistic) in statistics.enumerated() where i + 1 < n.outputs.count && n.outputs[i + 1] != nil {
      let old = n.insert(Binary(.mul), [n.inputs[3 + i], keep], suffix: "old")
      let new = n.insert(Binary(.mul), [statistic, move], suffix: "new")
      _ = try n.add(Binary(.add), [old, new], makes: i + 1, suffix: "running")
    }
  }

  /// Statistics of a batch are results of training. Writers name them also where nobody reads them.
  private static func refuseStatistics(_ node: NodeContext) throws(Unsupported.Reason) {
    for case let name? in node.outputs.dropFirst() where node.builder.isRead(name) {
      throw .form("result '\(name)' exists in training only")
    }
  }
}
