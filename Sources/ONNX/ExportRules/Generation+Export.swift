import IR
import Operators
import Tensors

extension ExportRules {
  static let generation: [ExportRule] = [
    rule(Shape.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit(
        "Shape", since: op.start == 0 && op.end == nil ? 1 : 15,
        [op.start == 0 ? nil : .int("start", op.start), op.end.map { .int("end", $0) }])
    },
    plain(Size.self),
    rule(Operators.Range.self) { (_, n) throws(Unwritable.Reason) in
      var operands = n.inputs
      // One element may have an axis here.
      for i in operands.indices where n.operand(i)?.shape?.isEmpty == false {
        if let constant = n.operand(i)?.constant {
          operands[i] = try n.reshaped(constant, to: [], named: operands[i])
        } else {
          operands[i] = try n.insert("Squeeze", [operands[i]], since: 13, suffix: "scalar")
        }
      }
      try n.emit("Range", operands)
    },
    rule(ConstantOfShape.self) { (op, n) throws(Unwritable.Reason) in
      let fill: Tensor?
      switch op.fill {
      case .real(let value): fill = try? Tensor.fromDoubles([value.value], dataType: op.dataType, sizes: [1])
      case .integer(let value): fill = try? Tensor.fromInt64s([value], dataType: op.dataType, sizes: [1])
      }
      guard let fill else { throw .form("elements of type \(op.dataType.rawValue)") }
      try n.emit(
        "ConstantOfShape", [try n.parameter(op.target, or: 0, suffix: "shape")],
        [ExportAttribute(name: "value", value: .tensor(fill))])
    },
  ]

  static let signal: [ExportRule] = [
    rule(DFT.self) { (op, n) throws(Unwritable.Reason) in
      let axis = try op.axis.map { (axis) throws(Unwritable.Reason) in
        try n.scalar(Double(axis), .int64, suffix: "axis")
      }
      try n.emit(
        "DFT", [n.input(0), n.input(1), axis ?? n.input(2)], since: 20,
        [.flag("inverse", op.inverse), .flag("onesided", op.onesided)])
    },
    rule(STFT.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit("STFT", since: 17, [.flag("onesided", op.onesided)])
    },
    rule(CosineWindow.self) { (op, n) throws(Unwritable.Reason) in
      let names: [CosineWindow.Kind: String] = [
        .hann: "HannWindow", .hamming: "HammingWindow", .blackman: "BlackmanWindow",
      ]
      try n.emit(
        names[op.kind] ?? "", since: 17,
        [.flag("periodic", op.periodic), .type("output_datatype", op.dataType)])
    },
    rule(MelWeightMatrix.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit("MelWeightMatrix", since: 17, [.type("output_datatype", op.dataType)])
    },
  ]

  static let random: [ExportRule] = [
    rule(RandomTensor.self) { (op, n) throws(Unwritable.Reason) in
      let name: String
      let parameters: [ExportAttribute?]
      switch op.distribution {
      case .uniform(let low, let high):
        (name, parameters) = ("RandomUniform", [.real("low", low), .real("high", high)])
      case .normal(let mean, let deviation):
        (name, parameters) = ("RandomNormal", [.real("mean", mean), .real("scale", deviation)])
      }
      let common = parameters + [.type("dtype", op.dataType), seed(op.seed)]
      guard let sizes = op.sizes else { return try n.emit("\(name)Like", common) }
      try n.emit(name, [], common + [.ints("shape", sizes)])
    },
    rule(Bernoulli.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit("Bernoulli", since: 15, [.type("dtype", op.dataType), seed(op.seed)])
    },
    rule(Multinomial.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit("Multinomial", [.int("sample_size", op.count), .type("dtype", op.dataType), seed(op.seed)])
    },
    rule(TrainingDropout.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit("Dropout", since: 12, [op.seed.map { .int("seed", $0) }])
    },
  ]

  /// Seeds are written as floats.
  private static func seed(_ seed: Int?) -> ExportAttribute? { seed.map { .real("seed", Real(Double($0))) } }
}
