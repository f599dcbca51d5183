import IR
import Operators
import Tensors

extension ExportRules {
  static let transformer: [ExportRule] = [
    rule(Attention.self) { (op, n) throws(Unwritable.Reason) in
      let hasWindow = op.leftWindow != nil || op.rightWindow != nil
      var operands = n.inputs
      if n.has(3) { operands[3] = try n.rowsOfMask() }
      try n.emit(
        "Attention", operands, since: hasWindow ? 25 : n.has(6) ? 24 : 23,
        [
          op.queryHeads.map { .int("q_num_heads", $0) }, op.keyHeads.map { .int("kv_num_heads", $0) },
          op.scale.map { .real("scale", $0) }, op.softcap == 0 ? nil : .real("softcap", op.softcap),
          op.isCausal ? .flag("is_causal", true) : nil,
          op.softmaxPrecision.map { .type("softmax_precision", $0) },
          op.scores == .product ? nil : .int("qk_matmul_output_mode", op.scores.rawValue),
          op.leftWindow.map { .int("left_window_size", $0) },
          op.rightWindow.map { .int("right_window_size", $0) },
        ])
    },
    rule(RotaryEmbedding.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit(
        "RotaryEmbedding", since: 23,
        [
          op.heads.map { .int("num_heads", $0) }, op.size == 0 ? nil : .int("rotary_embedding_dim", op.size),
          op.interleaved ? .flag("interleaved", true) : nil,
        ])
    },
    rule(LinearAttention.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit(
        "LinearAttention", since: 27,
        [
          .int("q_num_heads", op.queryHeads), .int("kv_num_heads", op.keyHeads),
          op.scale.map { .real("scale", $0) },
          .text("update_rule", op.rule.rawValue),
        ])
    },
    rule(TensorScatter.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit(
        "TensorScatter", since: 24, [.int("axis", op.axis), op.circular ? .text("mode", "circular") : nil])
    },
  ]

  static let quantization: [ExportRule] = [
    rule(QuantizeLinear.self) { (op, n) throws(Unwritable.Reason) in
      let zero = try n.zeroPoint(n.input(2), like: n.operand(1)?.tensor, op.to)
      try n.emit(
        "QuantizeLinear", [n.input(0), n.input(1), zero.name],
        since: op.precision != nil ? 23 : op.blockSize != 0 || zero.type != nil ? 21 : op.saturate ? 13 : 19,
        [
          .int("axis", op.axis), op.blockSize == 0 ? nil : .int("block_size", op.blockSize),
          zero.type.map { .type("output_dtype", $0) }, op.saturate ? nil : .flag("saturate", false),
          op.precision.map { .type("precision", $0) },
        ])
    },
    rule(DequantizeLinear.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit(
        "DequantizeLinear", since: op.to != nil ? 23 : op.blockSize != 0 ? 21 : 13,
        [
          .int("axis", op.axis), op.blockSize == 0 ? nil : .int("block_size", op.blockSize),
          op.to.map { .type("output_dtype", $0) },
        ])
    },
    rule(DynamicQuantizeLinear.self) { (_, n) throws(Unwritable.Reason) in
      try n.emitAll("DynamicQuantizeLinear", n.inputs)
    },
    plain(MatMulInteger.self), plain(QLinearMatMul.self),
  ]

  static let recurrent: [ExportRule] = [
    rule(Recurrent.self) { (op, n) throws(Unwritable.Reason) in
      guard let hidden = n.operand(2)?.shape?.last?.fixed else { throw .form("needs weights of known sizes") }
      let usual = op.cell.usualActivations
      let isUsual = op.activations == (op.direction == .bidirectional ? usual + usual : usual)
      var names: [String] = []
      var alphas: [Real] = []
      var betas: [Real] = []
      for activation in op.activations {
        let name = activation.function.rawValue
        names.append(name.prefix(1).uppercased() + name.dropFirst())
        let (takesAlpha, takesBeta) = activation.function.parameters
        if takesAlpha { alphas.append(activation.alpha) }
        if takesBeta { betas.append(activation.beta) }
      }
      try n.emit(
        op.cell.rawValue.uppercased(), since: op.batchFirst ? 14 : 7,
        [
          .int("hidden_size", hidden),
          op.direction == .forward ? nil : .text("direction", op.direction.rawValue),
          isUsual ? nil : .texts("activations", names),
          isUsual || alphas.isEmpty ? nil : .reals("activation_alpha", alphas),
          isUsual || betas.isEmpty ? nil : .reals("activation_beta", betas),
          op.clip.map { .real("clip", $0) },
          op.batchFirst ? .flag("layout", true) : nil,
          op.linearBeforeReset ? .flag("linear_before_reset", true) : nil,
          op.couplesForget ? .flag("input_forget", true) : nil,
        ])
    }
  ]
}

extension ExportContext {
  /// The zero point that tells the type of what is quantized: zeros like the scale where there is none. The type itself
  /// as an attribute is newer, and readers differ on it.
  func zeroPoint(
    _ name: String, like scale: TensorType?, _ type: DataType?
  ) throws(Unwritable.Reason) -> (name: String, type: DataType?) {
    guard name.isEmpty, let type, type != .uint8 else { return (name, nil) }
    guard let sizes = scale?.sizes, let count = try? Tensor.elementCount(of: sizes), count <= 1 << 24,
      let zeros = try? Tensor.fromDoubles([Double](repeating: 0, count: count), dataType: type, sizes: sizes)
    else { return (name, type) }
    return (constant(zeros, suffix: "zero_point"), nil)
  }

  /// A mask with as many rows as there are queries: not every engine repeats a single one.
  fileprivate func rowsOfMask() throws(Unwritable.Reason) -> String {
    guard let mask = operand(3)?.shape, mask.count >= 2, mask[mask.count - 2] == 1,
      let query = operand(0)?.shape,
      query.count >= 3
    else { return input(3) }
    let axis = query.count - 2
    if query[axis] == 1 { return input(3) }
    let target: String
    if let rows = query[axis].fixed {
      target = try ints([rows, 1], suffix: "mask_shape")
    } else {
      let rows = try insert(
        "Shape", [input(0)], since: 15, suffix: "queries", [.int("start", axis), .int("end", axis + 1)])
      target = try insert(
        "Concat", [rows, try ints([1], suffix: "one")], suffix: "mask_shape", [.int("axis", 0)])
    }
    return try insert("Expand", [input(3), target], suffix: "mask")
  }
}

extension Recurrent.Activation.Function {
  /// Which parameters the function takes from the lists of the node.
  fileprivate var parameters: (alpha: Bool, beta: Bool) {
    switch self {
    case .affine, .scaledTanh, .hardSigmoid: (true, true)
    case .leakyRelu, .thresholdedRelu, .elu: (true, false)
    case .relu, .tanh, .sigmoid, .softsign, .softplus: (false, false)
    }
  }
}
