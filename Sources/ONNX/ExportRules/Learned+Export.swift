import IR
import Operators
import Tensors

extension ExportRules {
  /// Version of `ai.onnx.ml` that is written: the last one with ensembles whose leaves have several weights.
  private static let learnedVersion: Int64 = 3
  private static let domain = "ai.onnx.ml"

  static let learned: [ExportRule] = [
    rule(LabelEncoder.self) { (_, n) throws(Unwritable.Reason) in
      try n.emit(
        "LabelEncoder", domain: domain, [n.input(0)], since: try n.hasTensorTables() ? 4 : learnedVersion,
        [try n.table("keys", 1), try n.table("values", 2), try n.fallback()])
    },
    rule(OneHotEncoder.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit(
        "OneHotEncoder", domain: domain, [n.input(0)], since: learnedVersion,
        [try n.labels("cats_int64s", "cats_strings", 1), .flag("zeros", op.zeros)])
    },
    rule(ZipMap.self) { (_, n) throws(Unwritable.Reason) in
      try n.emit(
        "ZipMap", domain: domain, [n.input(0)], since: learnedVersion,
        [try n.labels("classlabels_int64s", "classlabels_strings", 1)])
    },
    rule(TransformScores.self) { (op, n) throws(Unwritable.Reason) in
      let last = n.operand(0)?.shape?.last?.fixed ?? 1
      if op.transform == .none { return try n.emit("Identity") }
      if op.transform == .logistic { return try n.emit("Sigmoid") }
      if op.transform == .softmax, last > 0 { return try n.emit("Softmax", since: 13, [.int("axis", -1)]) }
      try n.emit("Identity", [try n.softmaxZero(n.input(0), try n.dataType(0))])
    },
    rule(Classify.self) { (op, n) throws(Unwritable.Reason) in
      if let vectors = n.producer(of: 0), vectors.op is SupportVectors {
        return try n.supportVectorClassifier(op, vectors)
      }
      try n.classify(op)
    },
    rule(SupportVectors.self) { (op, n) throws(Unwritable.Reason) in
      if op.perClass != nil {
        // Written by the node that makes labels of it.
        for i in n.node.outputs.indices {
          guard let readers = n.readers(of: i), readers.allSatisfy({ $0.op is Classify }) else {
            throw .form("its scores are read before their labels are made")
          }
        }
        return
      }
      guard let count = n.operand(1)?.shape?.first?.fixed else { throw .form("needs vectors of known sizes") }
      try n.emit(
        "SVMRegressor", domain: domain, [n.input(0)], since: learnedVersion,
        try n.kernel(op) + [
          .int("n_supports", count), try n.list("support_vectors", 1), try n.list("coefficients", 2),
          try n.list("rho", 3),
        ])
    },
    rule(TreeEnsemble.self) { (op, n) throws(Unwritable.Reason) in try n.trees(op) },
  ]
}

extension ExportContext {
  /// Whether a table has no list of its type: version 4 has tensors for all.
  fileprivate func hasTensorTables() throws(Unwritable.Reason) -> Bool {
    let lists: [DataType] = [.string, .int64, .float32]
    let types = [try tensor(1).dataType, try tensor(2).dataType]
    return !types.allSatisfy { lists.contains($0) }
  }

  fileprivate func table(_ side: String, _ index: Int) throws(Unwritable.Reason) -> ExportAttribute {
    if try hasTensorTables() {
      return ExportAttribute(name: "\(side)_tensor", value: .tensor(try tensor(index)))
    }
    if try tensor(index).dataType == .float32 { return try list("\(side)_floats", index) }
    return try labels("\(side)_int64s", "\(side)_strings", index)
  }

  fileprivate func fallback() throws(Unwritable.Reason) -> ExportAttribute {
    let value = try tensor(3)
    if try hasTensorTables() {
      guard let one = try? value.reshaped(to: [1]) else { throw .form("a default that is not one element") }
      return ExportAttribute(name: "default_tensor", value: .tensor(one))
    }
    if value.dataType == .string {
      return ExportAttribute(name: "default_string", value: .string(value.strings.first ?? []))
    }
    if value.dataType == .float32, let number = try? value.floats().first {
      return ExportAttribute(name: "default_float", value: .float(number))
    }
    guard let number = try? value.int64s().first else { throw .form("a default that is no number") }
    return ExportAttribute(name: "default_int64", value: .int(number))
  }

  // MARK: - Scores

  /// Labels and scores as operators of ONNX.
  fileprivate func classify(_ op: Classify) throws(Unwritable.Reason) {
    let ranks = [try rank(0), has(2) ? try rank(2) : 2]
    if ranks != [2, 2] { throw .form("scores that are no matrix") }
    let decisive = has(2) ? input(2) : input(0)
    let scores = input(0)
    if isWanted(0) {
      let chosen: String
      if let threshold = op.threshold {
        let last = try scalar(-1, .int64, suffix: "last")
        let decision = try insert("Gather", [decisive, last], suffix: "decision", [.int("axis", 1)])
        let flag = try insert(
          "Greater", [decision, try scalar(threshold.value, .float32, suffix: "threshold")], suffix: "flag")
        chosen = try insert("Cast", [flag], suffix: "class", [.type("to", .int64)])
      } else {
        chosen = try insert(
          "ArgMax", [decisive], suffix: "class", [.int("axis", 1), .flag("keepdims", false)])
      }
      try put("Gather", [input(1), chosen], results()[0], suffix: "label")
    }
    guard isWanted(1) else { return }
    var values = scores
    if op.complement != .none {
      let other =
        op.complement == .probability && op.transform == .none
        ? try insert("Sub", [try scalar(1, .float32, suffix: "one"), scores], suffix: "other")
        : try insert("Neg", [scores], suffix: "other")
      values = try insert("Concat", [other, scores], suffix: "both", [.int("axis", 1)])
    }
    let output = results()[1]
    switch op.transform {
    case .none: try put("Identity", [values], output, suffix: "scores")
    case .logistic: try put("Sigmoid", [values], output, suffix: "scores")
    case .softmax: try put("Softmax", [values], output, since: 13, suffix: "scores", [.int("axis", -1)])
    case .softmaxZero:
      try put("Identity", [try softmaxZero(values, .float32)], output, suffix: "scores")
    }
  }

  /// A softmax along the last axis in which a score of zero stays near zero.
  fileprivate func softmaxZero(_ x: String, _ type: DataType) throws(Unwritable.Reason) -> String {
    let axis = try ints([-1], suffix: "axis")
    let largest = try insert("ReduceMax", [x, axis], since: 18, suffix: "largest")
    let power = try insert("Exp", [try insert("Sub", [x, largest], suffix: "below")], suffix: "power")
    let shrunk = try insert(
      "Mul", [x, try insert("Exp", [try insert("Neg", [largest], suffix: "negative")], suffix: "factor")],
      suffix: "shrunk")
    let size = try insert("Abs", [x], suffix: "size")
    let isZero = try insert(
      "LessOrEqual", [size, try scalar(1e-7, type, suffix: "tiny")], since: 12, suffix: "is_zero")
    let parts = try insert("Where", [isZero, shrunk, power], suffix: "parts")
    let sum = try insert("ReduceSum", [parts, axis], since: 13, suffix: "sum")
    let none = try insert("Equal", [sum, try scalar(0, type, suffix: "zero")], suffix: "none")
    let shares = try insert("Div", [parts, sum], suffix: "shares")
    return try insert("Where", [none, try scalar(0.5, type, suffix: "half"), shares], suffix: "transformed")
  }

  // MARK: - Support vectors

  fileprivate func kernel(_ op: SupportVectors) throws(Unwritable.Reason) -> [ExportAttribute?] {
    [
      .text("kernel_type", op.kernel.rawValue.uppercased()),
      .reals("kernel_params", [op.gamma, op.coefficient, op.degree]),
    ]
  }

  /// One operator for the vectors and the labels that are made of their votes.
  fileprivate func supportVectorClassifier(_ op: Classify, _ vectors: Node) throws(Unwritable.Reason) {
    guard let machine = vectors.op as? SupportVectors, let perClass = machine.perClass,
      vectors.outputs.count == 2,
      node.inputs.count == 3, node.inputs[0] == vectors.outputs[0], node.inputs[2] == vectors.outputs[1],
      op.complement == .none, op.threshold == nil
    else { throw .form("labels that are made otherwise of support vectors") }
    let source = ExportContext(vectors, in: writer)
    try emitAll(
      "SVMClassifier", domain: "ai.onnx.ml", [source.input(0)], since: 3,
      try source.kernel(machine) + [
        .ints("vectors_per_class", perClass), try source.list("support_vectors", 1),
        try source.list("coefficients", 2),
        try source.list("rho", 3), source.has(4) ? try source.list("prob_a", 4) : nil,
        source.has(5) ? try source.list("prob_b", 5) : nil, .text("post_transform", op.transform.onnx),
        try labels("classlabels_ints", "classlabels_strings", 1),
      ])
  }
}

extension ScoreTransform {
  fileprivate var onnx: String {
    switch self {
    case .none: "NONE"
    case .logistic: "LOGISTIC"
    case .softmax: "SOFTMAX"
    case .softmaxZero: "SOFTMAX_ZERO"
    }
  }
}
