import IR
import Operators
import Tensors

extension ExportRules {
  static let elementwise: [ExportRule] = [
    rule(Unary.self) { (op, n) throws(Unwritable.Reason) in
      let type = (try? n.dataType(0)) ?? .float32
      try n.apply(op.function, to: n.input(0), type, makes: n.results()[0], suffix: nil)
    },
    rule(Binary.self) { (op, n) throws(Unwritable.Reason) in
      let row = op.function.onnx
      try n.emit(row.name, since: row.since, row.attributes)
    },
    rule(Variadic.self) { (op, n) throws(Unwritable.Reason) in
      let names: [Variadic.Function: String] = [.sum: "Sum", .mean: "Mean", .max: "Max", .min: "Min"]
      try n.emit(names[op.function] ?? "")
    },
    rule(Clip.self) { (op, n) throws(Unwritable.Reason) in
      func bound(_ value: Real?, _ index: Int, _ suffix: String) throws(Unwritable.Reason) -> String {
        guard let value else { return n.input(index) }
        // An end that is infinite bounds nothing.
        return value.value == (index == 1 ? -.infinity : .infinity)
          ? "" : try n.bound(value.value, try n.dataType(0), suffix: suffix)
      }
      try n.emit("Clip", [n.input(0), try bound(op.lower, 1, "least"), try bound(op.upper, 2, "most")])
    },
    plain(Where.self),
    rule(Cast.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit(
        "Cast", since: op.saturate ? 1 : 19,
        [.type("to", op.to), op.saturate ? nil : .flag("saturate", false)])
    },
    rule(BitCast.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit("BitCast", since: 26, [.type("to", op.to)])
    },
    plain(Identity.self),
    rule(Dropout.self) { (_, n) throws(Unwritable.Reason) in try n.emit("Dropout", [n.input(0)]) },
    // A change of the order of bytes changes no value.
    rule(Reorder.self) { (_, n) throws(Unwritable.Reason) in try n.emit("Identity") },
  ]
}

extension UnaryFunction {
  /// The operator of ONNX; nil: it is several.
  fileprivate var onnx: (name: String, since: Int64, attributes: [ExportAttribute?])? {
    switch self {
    case .silu, .swish: nil
    case .gelu: ("Gelu", 20, [])
    case .geluTanh: ("Gelu", 20, [.text("approximate", "tanh")])
    case .isNaN: ("IsNaN", 13, [])
    case .isInf(let negative, let positive):
      ("IsInf", 10, [.flag("detect_negative", negative), .flag("detect_positive", positive)])
    case .leakyRelu(let alpha): ("LeakyRelu", 1, [.real("alpha", alpha)])
    case .elu(let alpha): ("Elu", 1, [.real("alpha", alpha)])
    case .celu(let alpha): ("Celu", 12, [.real("alpha", alpha)])
    case .selu(let alpha, let gamma): ("Selu", 1, [.real("alpha", alpha), .real("gamma", gamma)])
    case .hardSigmoid(let alpha, let beta): ("HardSigmoid", 1, [.real("alpha", alpha), .real("beta", beta)])
    case .thresholdedRelu(let alpha): ("ThresholdedRelu", 10, [.real("alpha", alpha)])
    case .shrink(let lambda, let bias): ("Shrink", 9, [.real("lambd", lambda), .real("bias", bias)])
    default:
      // The rest is named as in ONNX, but for the case of its first letter.
      (text.prefix(1).uppercased() + text.dropFirst(), self == .mish ? 18 : 1, [])
    }
  }
}

extension BinaryFunction {
  /// The operator of ONNX.
  var onnx: (name: String, since: Int64, attributes: [ExportAttribute?]) {
    switch self {
    case .prelu: ("PRelu", 7, [])
    case .mod: ("Mod", 10, [])
    case .fmod: ("Mod", 10, [.flag("fmod", true)])
    case .shiftLeft: ("BitShift", 11, [.text("direction", "LEFT")])
    case .shiftRight: ("BitShift", 11, [.text("direction", "RIGHT")])
    default: (rawValue.prefix(1).uppercased() + rawValue.dropFirst(), 7, [])
    }
  }
}

extension ExportContext {
  /// Writes a function of one operand: the node's own where no suffix is given, else one of its steps.
  func apply(
    _ function: UnaryFunction, to x: String, _ type: DataType, makes y: String, suffix: String?
  ) throws(Unwritable.Reason) {
    if let row = function.onnx {
      if suffix == nil { return try emit(row.name, [x], since: row.since, row.attributes) }
      return try put(row.name, [x], y, since: row.since, suffix: suffix ?? "", row.attributes)
    }
    // x · sigmoid(alpha · x), which most engines know better than its name, Swish.
    var argument = x
    if case .swish(let alpha) = function {
      argument = try insert("Mul", [x, try scalar(alpha.value, type, suffix: "alpha")], suffix: "scaled")
    }
    let gate = try insert("Sigmoid", [argument], suffix: "gate")
    if suffix == nil { return try emit("Mul", [x, gate]) }
    try put("Mul", [x, gate], y, suffix: suffix ?? "")
  }
}
