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
      n.ignore("momentum")
      try n.require("training_mode", 0)
      try refuseStatistics(n)
      try n.add(BatchNormalization(epsilon: epsilon), outputs: 1)
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

  /// Statistics of a batch are results of training. Writers name them also where nobody reads them.
  private static func refuseStatistics(_ node: NodeContext) throws(Unsupported.Reason) {
    for case let name? in node.outputs.dropFirst() where node.builder.isRead(name) {
      throw .form("result '\(name)' exists in training only")
    }
  }
}
