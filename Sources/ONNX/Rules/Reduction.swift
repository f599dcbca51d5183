import IR
import Operators
import Tensors

extension ImportRules {
  static let softmax: [ImportRule] = [
    // Before opset 13: over all axes from `axis` on together.
    ImportRule("Softmax", 1...12, inputs: 1...1) { n throws(Unsupported.Reason) in
      try n.add(Softmax(axis: try n.int("axis", default: 1), flattens: true))
    },
    ImportRule("Softmax", since: 13, inputs: 1...1) { n throws(Unsupported.Reason) in
      try n.add(Softmax(axis: try n.int("axis", default: -1)))
    },
    ImportRule("LogSoftmax", 1...12, inputs: 1...1) { n throws(Unsupported.Reason) in
      try n.add(LogSoftmax(axis: try n.int("axis", default: 1), flattens: true))
    },
    ImportRule("LogSoftmax", since: 13, inputs: 1...1) { n throws(Unsupported.Reason) in
      try n.add(LogSoftmax(axis: try n.int("axis", default: -1)))
    },
  ]

  static let reduction: [ImportRule] =
    reduce("ReduceSum", .sum, axesAreOperandSince: 13) + reduce("ReduceMean", .mean)
    + reduce("ReduceMax", .max)
    + reduce("ReduceMin", .min) + reduce("ReduceProd", .prod) + reduce("ReduceL1", .l1)
    + reduce("ReduceL2", .l2)
    + reduce("ReduceLogSum", .logSum) + reduce("ReduceLogSumExp", .logSumExp)
    + reduce("ReduceSumSquare", .sumSquare) + [argument("ArgMax", .max), argument("ArgMin", .min)]

  private static func reduce(
    _ name: String, _ function: Reduce.Function, axesAreOperandSince version: Int64 = 18
  ) -> [ImportRule] {
    [
      ImportRule(name, 1...version - 1, inputs: 1...1) { n throws(Unsupported.Reason) in
        try n.add(
          Reduce(function, axes: try n.ints("axes"), keepDims: try n.flag("keepdims", default: true)))
      },
      ImportRule(name, since: version, inputs: 1...2) { n throws(Unsupported.Reason) in
        try n.add(
          Reduce(
            function, axes: nil, keepDims: try n.flag("keepdims", default: true),
            noopWithEmptyAxes: try n.flag("noop_with_empty_axes", default: false)))
      },
    ]
  }

  private static func argument(_ name: String, _ function: ArgReduce.Function) -> ImportRule {
    ImportRule(name, inputs: 1...1) { n throws(Unsupported.Reason) in
      try n.add(
        ArgReduce(
          function, axis: try n.int("axis", default: 0), keepDims: try n.flag("keepdims", default: true),
          selectLast: n.version >= 12 ? try n.flag("select_last_index", default: false) : false))
    }
  }
}
