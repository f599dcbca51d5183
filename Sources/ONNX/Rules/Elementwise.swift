import IR
import Operators
import Tensors

extension ImportRules {
  /// Functions of one operand without attributes. `consumed_inputs` of opset 1 told memory planners of another time.
  // swift-format-ignore
  static let unary: [ImportRule] = [
    plain("Relu",       .relu),        plain("Sigmoid", .sigmoid),          plain("Tanh",  .tanh),
    plain("Softplus",   .softplus),    plain("Softsign", .softsign),
    plain("Mish",       .mish, 18),    plain("HardSwish", .hardSwish, 14),
    plain("Exp",        .exp),         plain("Log", .log),                  plain("Sqrt",  .sqrt),
    plain("Reciprocal", .reciprocal),  plain("Abs", .abs),                  plain("Neg",   .neg),
    plain("Floor",      .floor),       plain("Ceil", .ceil),                plain("Round", .round, 11),
    plain("Erf",        .erf, 9),      plain("Sign", .sign, 9),
    plain("Sin",        .sin, 7),      plain("Cos", .cos, 7),               plain("Tan",   .tan, 7),
    plain("Asin",       .asin, 7),     plain("Acos", .acos, 7),             plain("Atan",  .atan, 7),
    plain("Sinh",       .sinh, 9),     plain("Cosh", .cosh, 9),
    plain("Asinh",      .asinh, 9),    plain("Acosh", .acosh, 9),           plain("Atanh", .atanh, 9),
    plain("Not",        .not),         plain("BitwiseNot", .bitwiseNot, 18), plain("IsNaN", .isNaN, 9),

    function("IsInf", 10) { n throws(Unsupported.Reason) in
      .isInf(
        detectNegative: try n.flag("detect_negative", default: true),
        detectPositive: try n.flag("detect_positive", default: true))
    },
    function("Gelu", 20) { n throws(Unsupported.Reason) in
      try n.word("approximate", default: "none", ["none": UnaryFunction.gelu, "tanh": .geluTanh])
    },
    function("LeakyRelu") { n throws(Unsupported.Reason) in .leakyRelu(try n.real("alpha", default: 0.01)) },
    function("Elu") { n throws(Unsupported.Reason) in .elu(try n.real("alpha", default: 1)) },
    function("Celu", 12) { n throws(Unsupported.Reason) in .celu(try n.real("alpha", default: 1)) },
    function("Selu") { n throws(Unsupported.Reason) in
      .selu(
        alpha: try n.real("alpha", default: n.version < 6 ? 1.6732 : 1.673_263_2),
        gamma: try n.real("gamma", default: n.version < 6 ? 1.0507 : 1.050_701))
    },
    function("HardSigmoid") { n throws(Unsupported.Reason) in
      .hardSigmoid(alpha: try n.real("alpha", default: 0.2), beta: try n.real("beta", default: 0.5))
    },
    function("ThresholdedRelu", 10) { n throws(Unsupported.Reason) in
      .thresholdedRelu(try n.real("alpha", default: 1))
    },
    function("Shrink", 9) { n throws(Unsupported.Reason) in
      .shrink(lambda: try n.real("lambd", default: 0.5), bias: try n.real("bias", default: 0))
    },
    function("Swish", 24) { n throws(Unsupported.Reason) in
      let alpha = try n.real("alpha", default: 1)
      return alpha == 1 ? .silu : .swish(alpha)
    },
  ]

  private static func plain(_ name: String, _ unary: UnaryFunction, _ since: Int64 = 1) -> ImportRule {
    function(name, since) { _ in unary }
  }

  private static func function(
    _ name: String, _ since: Int64 = 1,
    _ make: @escaping @Sendable (NodeContext) throws(Unsupported.Reason) -> UnaryFunction
  ) -> ImportRule {
    ImportRule(name, since: since, inputs: 1...1) { node throws(Unsupported.Reason) in
      if node.version < 6 { node.ignore("consumed_inputs") }
      try node.add(Unary(try make(node)))
    }
  }

  // MARK: - Two operands

  // swift-format-ignore
  static let binary: [ImportRule] = [
    arithmetic("Add", .add), arithmetic("Sub", .sub), arithmetic("Mul", .mul), arithmetic("Div", .div),
    arithmetic("Pow", .pow),
    arithmetic("And", .and), arithmetic("Or", .or),   arithmetic("Xor", .xor),
    arithmetic("Equal", .equal), arithmetic("Less", .less), arithmetic("Greater", .greater),
    arithmetic("LessOrEqual", .lessOrEqual, 12), arithmetic("GreaterOrEqual", .greaterOrEqual, 12),
    arithmetic("BitwiseAnd", .bitwiseAnd, 18), arithmetic("BitwiseOr", .bitwiseOr, 18),
    arithmetic("BitwiseXor", .bitwiseXor, 18),

    ImportRule("Mod", since: 10, inputs: 2...2) { n throws(Unsupported.Reason) in
      try n.add(Binary(try n.flag("fmod", default: false) ? .fmod : .mod))
    },
    ImportRule("BitShift", since: 11, inputs: 2...2) { n throws(Unsupported.Reason) in
      try n.add(Binary(try n.word("direction", default: "", ["LEFT": BinaryFunction.shiftLeft, "RIGHT": .shiftRight])))
    },
    ImportRule("PRelu", inputs: 2...2) { n throws(Unsupported.Reason) in
      if n.version < 6 { n.ignore("consumed_inputs") }
      // Before opset 7 the slopes belong to the channels, not to the last axis.
      let isPerChannel = n.version < 7 && n.operand(1)?.shape?.count == 1 && n.operand(1)?.shape != [1]
      try n.add(Binary(.prelu), isPerChannel ? [n.inputs[0], try align(n, axis: 1)] : nil)
    },
  ]

  private static func arithmetic(_ name: String, _ function: BinaryFunction, _ since: Int64 = 1) -> ImportRule
  {
    ImportRule(name, since: since, inputs: 2...2) { node throws(Unsupported.Reason) in
      guard node.version < 7 else { return try node.add(Binary(function)) }
      node.ignore("consumed_inputs")
      let broadcasts = try node.flag("broadcast", default: false)
      guard let axis = try node.optionalInt("axis"), broadcasts else { return try node.add(Binary(function)) }
      try node.add(Binary(function), [node.inputs[0], try align(node, axis: axis)])
    }
  }

  /// The second operand with ones appended, so that its first axis meets `axis` of the first: what opsets before 7
  /// said by an attribute.
  private static func align(_ node: NodeContext, axis: Int) throws(Unsupported.Reason) -> ValueID? {
    let rank = try node.requiredRank(0)
    let own = try node.requiredRank(1)
    let start = axis < 0 ? axis + rank : axis
    let missing = rank - start - own
    guard start >= 0, missing >= 0 else {
      throw .attribute(
        name: "axis", expected: "an axis where rank \(own) fits into rank \(rank)", found: "\(axis)")
    }
    if missing == 0 { return node.inputs[1] }
    return node.insert(Unsqueeze(axes: Array(own..<own + missing)), [node.inputs[1]], suffix: "aligned")
  }

  // MARK: - More operands

  static let pointwise: [ImportRule] = [
    variadic("Sum", .sum), variadic("Mean", .mean), variadic("Max", .max), variadic("Min", .min),

    ImportRule("Clip", 1...10, inputs: 1...1) { n throws(Unsupported.Reason) in
      n.ignore("consumed_inputs")
      // Opset 6 gives the absent bounds values; before, absent means none.
      let widest: Real? = n.version < 6 ? nil : Real(Double(Float.greatestFiniteMagnitude))
      let lower = try n.optionalReal("min") ?? widest.map { Real(-$0.value) }
      try n.add(Clip(lower: lower, upper: try n.optionalReal("max") ?? widest))
    },
    ImportRule("Clip", since: 11, inputs: 1...3) { n throws(Unsupported.Reason) in try n.add(Clip()) },
    ImportRule("Where", since: 9, inputs: 3...3) { n throws(Unsupported.Reason) in try n.add(Where()) },
    ImportRule("Identity", inputs: 1...1) { n throws(Unsupported.Reason) in try n.add(Identity()) },

    ImportRule("Cast", 1...5, inputs: 1...1) { n throws(Unsupported.Reason) in
      let name = try n.optionalText("to") ?? ""
      guard let type = DataType(onnxName: name) else {
        throw .attribute(name: "to", expected: "an element type", found: name)
      }
      try n.add(Cast(to: type))
    },
    ImportRule("Cast", since: 6, inputs: 1...1) { n throws(Unsupported.Reason) in
      guard let type = try n.dataType("to") else { throw .missingAttribute("to") }
      let saturates = try n.flag("saturate", default: true)
      if n.version >= 24 { _ = try n.word("round_mode", default: "up", ["up": true]) }
      try n.add(Cast(to: type, saturate: saturates))
    },

    ImportRule("Dropout", inputs: 1...3, outputs: 1...2) { n throws(Unsupported.Reason) in
      n.ignore("ratio", "consumed_inputs", "is_test")
      let seed = try n.optionalInt("seed")
      if let training = n.operand(2), training.contents != [0] {
        return try n.add(TrainingDropout(seed: seed))
      }
      if n.version >= 10 { return try n.add(Dropout(), Array(n.inputs.prefix(1))) }
      // The mask was of numbers then. Writers name it also where nobody reads it.
      if n.outputs.count > 1, let mask = n.outputs[1], n.builder.isRead(mask) {
        throw .form("a mask of numbers (opset < 10) is not supported")
      }
      try n.add(Dropout(), Array(n.inputs.prefix(1)), outputs: 1)
    },
  ]

  private static func variadic(_ name: String, _ function: Variadic.Function) -> ImportRule {
    ImportRule(name, inputs: 1...Int.max) { node throws(Unsupported.Reason) in
      if node.version < 6 { node.ignore("consumed_inputs") }
      if node.inputs.contains(nil) { throw .form("an operand is left empty") }
      try node.add(Variadic(function))
    }
  }
}

extension DataType {
  /// The type by its name in ONNX, which `Cast` used before opset 6.
  fileprivate init?(onnxName name: String) {
    let names = [
      "FLOAT", "UINT8", "INT8", "UINT16", "INT16", "INT32", "INT64", "STRING", "BOOL", "FLOAT16", "DOUBLE",
      "UINT32", "UINT64", "COMPLEX64", "COMPLEX128",
    ]
    guard let index = names.firstIndex(of: name.uppercased()) else { return nil }
    self.init(onnx: Int32(index + 1))
  }
}
