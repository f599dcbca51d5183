import IR
import Operators
import Tensors

extension ImportRules {
  static let recurrent: [ImportRule] = [
    cell("RNN", .rnn, inputs: 3...6), cell("GRU", .gru, inputs: 3...6), cell("LSTM", .lstm, inputs: 3...8),
  ]

  private static func cell(_ name: String, _ cell: Recurrent.Cell, inputs: ClosedRange<Int>) -> ImportRule {
    ImportRule(name, inputs: inputs, outputs: 0...(cell == .lstm ? 3 : 2)) { n throws(Unsupported.Reason) in
      let direction = try n.word(
        "direction", default: "forward",
        ["forward": Recurrent.Direction.forward, "reverse": .reverse, "bidirectional": .bidirectional])
      // It told whether y is wanted, which the names of the results tell too.
      if n.version < 7 { n.ignore("output_sequence") }
      // Newer cells name the size, older ones have it from the weights alone.
      if let hidden = try n.optionalInt("hidden_size"), let shape = n.operand(2)?.shape,
        let last = shape.last?.fixed,
        last != hidden
      {
        throw .attribute(name: "hidden_size", expected: "\(last) as r has it", found: "\(hidden)")
      }
      try n.add(
        Recurrent(
          cell, direction: direction, activations: try n.activations(cell, count: direction.count),
          clip: try n.optionalReal("clip"),
          batchFirst: n.version >= 14 ? try n.flag("layout", default: false) : false,
          linearBeforeReset: cell == .gru && n.version >= 3
            ? try n.flag("linear_before_reset", default: false) : false,
          couplesForget: cell == .lstm ? try n.flag("input_forget", default: false) : false))
    }
  }

  fileprivate struct ActivationRow {
    var function: Recurrent.Activation.Function
    /// Defaults of the parameters that the function takes.
    var alpha: Real?
    var beta: Real?
    /// The standard names no defaults, and engines differ: the file must give the parameters.
    var needsParameters = false
  }

  fileprivate static let activations: [String: ActivationRow] = [
    "relu": .init(function: .relu), "tanh": .init(function: .tanh), "sigmoid": .init(function: .sigmoid),
    "affine": .init(function: .affine, alpha: 1, beta: 0, needsParameters: true),
    "leakyrelu": .init(function: .leakyRelu, alpha: Real(0.01 as Float)),
    "thresholdedrelu": .init(function: .thresholdedRelu, alpha: 1, needsParameters: true),
    "scaledtanh": .init(function: .scaledTanh, alpha: 1, beta: 1, needsParameters: true),
    "hardsigmoid": .init(function: .hardSigmoid, alpha: Real(0.2 as Float), beta: 0.5),
    "elu": .init(function: .elu, alpha: 1), "softsign": .init(function: .softsign),
    "softplus": .init(function: .softplus),
  ]
}

extension NodeContext {
  /// Functions of the gates; parameters are given out in order to those that take some.
  fileprivate func activations(
    _ cell: Recurrent.Cell, count: Int
  ) throws(Unsupported.Reason) -> [Recurrent.Activation]? {
    var alphas = (try reals("activation_alpha") ?? [])[...]
    var betas = (try reals("activation_beta") ?? [])[...]
    guard let names = try texts("activations"), !names.isEmpty else { return nil }
    let expected = cell.usualActivations.count * count
    if names.count != expected {
      throw .attribute(name: "activations", expected: "\(expected) names", found: "\(names.count)")
    }
    var result: [Recurrent.Activation] = []
    for name in names {
      guard let row = ImportRules.activations[name.lowercased()] else {
        throw .attribute(name: "activations", expected: "names of activations", found: name)
      }
      if row.needsParameters, alphas.isEmpty || (row.beta != nil && betas.isEmpty) {
        throw .attribute(name: "activation_alpha", expected: "parameters of \(name)", found: "none")
      }
      var activation = Recurrent.Activation(row.function)
      if let fallback = row.alpha { activation.alpha = alphas.popFirst() ?? fallback }
      if let fallback = row.beta { activation.beta = betas.popFirst() ?? fallback }
      result.append(activation)
    }
    return result
  }
}
