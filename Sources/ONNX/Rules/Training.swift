import IR
import Operators
import Tensors

extension ImportRules {
  private static func rule(
    _ name: String, _ make: @escaping @Sendable (NodeContext) throws(Unsupported.Reason) -> TrainingStep
  ) -> ImportRule {
    ImportRule(name, domain: "ai.onnx.preview.training", since: 1, inputs: 3...Int.max, outputs: 1...Int.max)
    {
      n throws(Unsupported.Reason) in
      let op = try make(n)
      // Rate and count are followed by all tensors, then all gradients, then all states.
      let kinds = 2 + op.stateCount
      let count = (n.inputs.count - 2) / kinds
      if n.inputs.count != 2 + count * kinds || n.inputs.contains(nil) {
        throw .inputCount(
          expected: 2 + max(count, 1) * kinds...2 + max(count, 1) * kinds, found: n.inputs.count)
      }
      var results = [ValueID?](repeating: nil, count: count * (1 + op.stateCount))
      for i in 0..<count {
        let operands = n.inputs.prefix(2) + (0..<kinds).map { n.inputs[2 + $0 * count + i] }
        let made = n.insertAll(op, Array(operands), count: 1 + op.stateCount, suffix: "step_\(i)")
        for (kind, id) in made.enumerated() { results[kind * count + i] = id }
      }
      if n.proto.outputs.count > results.count {
        throw .outputCount(expected: 1...results.count, found: n.proto.outputs.count)
      }
      try n.finish(Array(results.prefix(n.proto.outputs.count)))
    }
  }

  static let training: [ImportRule] = [
    rule("Adagrad") { n throws(Unsupported.Reason) in
      TrainingStep(
        .adagrad, epsilon: try n.real("epsilon", default: 1e-6),
        penalty: try n.real("norm_coefficient", default: 0),
        decay: try n.real("decay_factor", default: 0))
    },
    rule("Adam") { n throws(Unsupported.Reason) in
      TrainingStep(
        .adam, alpha: try n.real("alpha", default: 0.9), beta: try n.real("beta", default: 0.999),
        epsilon: try n.real("epsilon", default: 1e-6), penalty: try n.real("norm_coefficient", default: 0),
        penaltyAfter: try n.real("norm_coefficient_post", default: 0))
    },
    rule("Momentum") { n throws(Unsupported.Reason) in
      guard let alpha = try n.optionalReal("alpha") else { throw .missingAttribute("alpha") }
      guard let beta = try n.optionalReal("beta") else { throw .missingAttribute("beta") }
      guard let penalty = try n.optionalReal("norm_coefficient") else {
        throw .missingAttribute("norm_coefficient")
      }
      let method = try n.word(
        "mode", default: "", ["standard": TrainingStep.Method.momentum, "nesterov": .nesterov])
      return TrainingStep(method, alpha: alpha, beta: beta, penalty: penalty)
    },
    ImportRule(
      "Gradient", domain: "ai.onnx.preview.training", since: 1, inputs: 1...Int.max, outputs: 1...Int.max
    ) { n throws(Unsupported.Reason) in try n.gradient() },
  ]
}

extension NodeContext {
  /// The gradient of the value that `y` names with respect to those in `xs`, at the operands, which are values for `xs` and
  /// then for `zs`. The rest of what determines `y` is constant.
  fileprivate func gradient() throws(Unsupported.Reason) {
    func value(_ attribute: String, _ name: String) throws(Unsupported.Reason) -> ValueID {
      if let id = builder.value(named: name) { return id }
      throw .attribute(name: attribute, expected: "names of values of this graph", found: name)
    }
    guard let target = try optionalText("y") else { throw .missingAttribute("y") }
    guard let xs = try texts("xs") else { throw .missingAttribute("xs") }
    let zs = try texts("zs") ?? []
    let operands = inputs.compactMap { $0 }
    let count = xs.count + zs.count
    guard operands.count == count, inputs.count == count else {
      throw .inputCount(expected: count...count, found: inputs.count)
    }
    if outputs.count > xs.count { throw .outputCount(expected: 1...max(xs.count, 1), found: outputs.count) }
    var variables: [ValueID] = []
    for name in xs { variables.append(try value("xs", name)) }
    for name in zs { variables.append(try value("zs", name)) }
    let y = try value("y", target)
    let asked = outputs.indices.filter { outputs[$0] != nil }
    let tape = Tape(self)
    var differentiation = try Differentiation(
      tape, variables: variables, at: operands, wanted: Set(asked.map { variables[$0] }))
    let gradients = try differentiation.gradients(of: y)
    for i in asked {
      var gradient = gradients[variables[i]]
      // y does not depend on it.
      if gradient == nil { gradient = try tape.term(operands[i]).filled(with: 0) }
      _ = try add(Identity(), [gradient?.id], makes: i, suffix: xs[i])
    }
  }
}
