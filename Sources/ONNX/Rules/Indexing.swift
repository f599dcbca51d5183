import IR
import Operators
import Tensors

extension ImportRules {
  static let indexing: [ImportRule] = [
    ImportRule("GatherElements", since: 11, inputs: 2...2) { n throws(Unsupported.Reason) in
      try n.add(GatherElements(axis: try n.int("axis", default: 0)))
    },
    ImportRule("GatherND", since: 11, inputs: 2...2) { n throws(Unsupported.Reason) in
      try n.add(GatherND(batchRank: n.version >= 12 ? try n.int("batch_dims", default: 0) : 0))
    },
    ImportRule("Scatter", 9...10, inputs: 3...3) { n throws(Unsupported.Reason) in
      try n.add(ScatterElements(axis: try n.int("axis", default: 0)))
    },
    // From opset 11 on another name of ScatterElements as it was then.
    ImportRule("Scatter", since: 11, inputs: 3...3) { n throws(Unsupported.Reason) in
      try n.add(ScatterElements(axis: try n.int("axis", default: 0)))
    },
    ImportRule("ScatterElements", since: 11, inputs: 3...3) { n throws(Unsupported.Reason) in
      try n.add(ScatterElements(axis: try n.int("axis", default: 0), reduction: try reduction(n)))
    },
    ImportRule("ScatterND", since: 11, inputs: 3...3) { n throws(Unsupported.Reason) in
      try n.add(ScatterND(reduction: try reduction(n)))
    },
    ImportRule("OneHot", since: 9, inputs: 3...3) { n throws(Unsupported.Reason) in
      try n.add(OneHot(axis: try n.int("axis", default: -1)))
    },
    ImportRule("Compress", since: 9, inputs: 2...2) { n throws(Unsupported.Reason) in
      try n.add(Compress(axis: try n.optionalInt("axis")))
    },
    ImportRule("ReverseSequence", since: 10, inputs: 2...2) { n throws(Unsupported.Reason) in
      try n.add(
        ReverseSequence(
          timeAxis: try n.int("time_axis", default: 0), batchAxis: try n.int("batch_axis", default: 1)))
    },
    ImportRule("CenterCropPad", since: 18, inputs: 2...2) { n throws(Unsupported.Reason) in
      try n.add(CenterCropPad(axes: try n.ints("axes")))
    },
  ]

  /// Reductions by the opset that brought them.
  private static func reduction(_ node: NodeContext) throws(Unsupported.Reason) -> ScatterReduction {
    if node.version < 16 { return .replace }
    let choices: KeyValuePairs<String, ScatterReduction> =
      node.version < 18
      ? ["none": .replace, "add": .add, "mul": .mul]
      : ["none": .replace, "add": .add, "mul": .mul, "max": .max, "min": .min]
    return try node.word("reduction", default: "none", choices)
  }

  static let ordering: [ImportRule] = [
    ImportRule("TopK", 1...9, inputs: 1...1, outputs: 2...2) { n throws(Unsupported.Reason) in
      let k = try n.int("k")
      guard k >= 0, let count = try? Tensor([Int64(k)], sizes: [1]) else {
        throw .attribute(name: "k", expected: "a number from 0", found: "\(k)")
      }
      let axis = try n.int("axis", default: -1)
      try n.add(TopK(axis: axis), [n.inputs[0], n.constant(count, suffix: "k")])
    },
    ImportRule("TopK", since: 10, inputs: 2...2, outputs: 2...2) { n throws(Unsupported.Reason) in
      let largest = n.version >= 11 ? try n.flag("largest", default: true) : true
      // Results in order are right also where no order is asked for.
      if n.version >= 11 { n.ignore("sorted") }
      try n.add(TopK(axis: try n.int("axis", default: -1), largest: largest))
    },
    ImportRule("Unique", since: 11, inputs: 1...1, outputs: 1...4) { n throws(Unsupported.Reason) in
      try n.add(Unique(axis: try n.optionalInt("axis"), sorted: try n.flag("sorted", default: true)))
    },
    ImportRule("Hardmax", 1...12, inputs: 1...1) { n throws(Unsupported.Reason) in
      try n.add(Hardmax(axis: try n.int("axis", default: 1), flattens: true))
    },
    ImportRule("Hardmax", since: 13, inputs: 1...1) { n throws(Unsupported.Reason) in
      try n.add(Hardmax(axis: try n.int("axis", default: -1)))
    },
    ImportRule("CumSum", since: 11, inputs: 2...2) { n throws(Unsupported.Reason) in
      try n.add(try cumulative(.sum, n))
    },
    ImportRule("CumProd", since: 26, inputs: 2...2) { n throws(Unsupported.Reason) in
      try n.add(try cumulative(.prod, n))
    },
  ]

  private static func cumulative(_ function: Cumulative.Function, _ node: NodeContext)
    throws(Unsupported.Reason) -> Cumulative
  {
    Cumulative(
      function, exclusive: try node.flag("exclusive", default: false),
      reverse: try node.flag("reverse", default: false))
  }

  static let matrices: [ImportRule] = [
    ImportRule("EyeLike", since: 9, inputs: 1...1) { n throws(Unsupported.Reason) in
      try n.add(EyeLike(dataType: try n.dataType("dtype"), k: try n.int("k", default: 0)))
    },
    ImportRule("Trilu", since: 14, inputs: 1...2) { n throws(Unsupported.Reason) in
      try n.add(Trilu(upper: try n.flag("upper", default: true)))
    },
    ImportRule("Det", since: 11, inputs: 1...1) { n throws(Unsupported.Reason) in try n.add(Det()) },
    ImportRule("Einsum", since: 12, inputs: 1...Int.max) { n throws(Unsupported.Reason) in
      guard let equation = try n.optionalText("equation") else { throw .missingAttribute("equation") }
      try n.add(Einsum(equation: equation))
    },
    ImportRule("BitCast", since: 26, inputs: 1...1) { n throws(Unsupported.Reason) in
      guard let type = try n.dataType("to") else { throw .missingAttribute("to") }
      try n.add(BitCast(to: type))
    },
    ImportRule("CastLike", since: 15, inputs: 2...2) { n throws(Unsupported.Reason) in
      let saturates = n.version >= 19 ? try n.flag("saturate", default: true) : true
      if n.version >= 24 { _ = try n.word("round_mode", default: "up", ["up": true]) }
      guard let type = n.operand(1)?.tensor?.dataType else {
        throw .form("needs operand 1 to have a known element type")
      }
      try n.add(Cast(to: type, saturate: saturates), [n.inputs[0]])
    },
  ]
}
