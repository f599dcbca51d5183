import IR
import Operators
import Tensors

// Quantized operators of ONNX Runtime's own domain, as what they stand for: operators on real numbers between
// DequantizeLinear and QuantizeLinear, and products of integers.

extension ImportRules {
  static let contributedQuantized: [ImportRule] = [
    contrib("QuantizeLinear", inputs: 2...3) { n throws(Unsupported.Reason) in
      try n.add(QuantizeLinear(axis: try n.int("axis", default: 1)))
    },
    contrib("DequantizeLinear", inputs: 2...3) { n throws(Unsupported.Reason) in
      try n.add(DequantizeLinear(axis: try n.int("axis", default: 1)))
    },
    contrib("QLinearAdd", inputs: 2...8) { n throws(Unsupported.Reason) in try quantizedPair(n, .add) },
    contrib("QLinearMul", inputs: 2...8) { n throws(Unsupported.Reason) in try quantizedPair(n, .mul) },
    quantizedFunction("QLinearSigmoid") { _ throws(Unsupported.Reason) in Unary(.sigmoid) },
    quantizedFunction("QLinearLeakyRelu") { n throws(Unsupported.Reason) in
      Unary(.leakyRelu(try n.real("alpha", default: 0.01)))
    },
    quantizedFunction("QLinearSoftmax") { n throws(Unsupported.Reason) in
      Softmax(axis: try n.int("axis", default: -1), flattens: try n.int("opset") < 13)
    },
    quantizedFunction("QLinearGlobalAveragePool") { n throws(Unsupported.Reason) in
      let isLast = try n.flag("channels_last", default: false)
      let rank = try n.requiredRank(0)
      if rank < 3 { throw .form("operand 0 has rank \(rank), expected at least 3") }
      return Reduce(.mean, axes: isLast ? Array(1..<rank - 1) : Array(2..<rank))
    },
    quantizedFunction("QLinearAveragePool") { n throws(Unsupported.Reason) in
      try n.require("channels_last", 0)
      return AveragePool(
        window: try n.window(dilates: false), ceilMode: try n.flag("ceil_mode", default: false),
        countIncludePad: try n.flag("count_include_pad", default: false))
    },
    contrib("QLinearConcat", inputs: 3...Int.max) { n throws(Unsupported.Reason) in
      guard n.inputs.count % 3 == 2, !n.inputs.contains(nil) else {
        throw .form("needs a scale and a zero point for each operand")
      }
      let axis = try n.int("axis")
      var parts: [ValueID?] = []
      for i in stride(from: 2, to: n.inputs.count, by: 3) { parts.append(try real(n, i)) }
      try quantize(n, n.insert(Concat(axis: axis), parts, suffix: "joined"), scale: 0, like: 2)
    },
    contrib("QLinearWhere", inputs: 9...9) { n throws(Unsupported.Reason) in
      let chosen = n.insert(Where(), [n.inputs[0], try real(n, 1), try real(n, 4)], suffix: "chosen")
      try quantize(n, chosen, scale: 7, like: 1)
    },
    contrib("QGemm", inputs: 6...9) { n throws(Unsupported.Reason) in
      var operands = [n.inputs[0], n.inputs[3]]
      for (i, name) in ["transA", "transB"].enumerated() where try n.flag(name, default: false) {
        operands[i] = n.insert(Transpose(permutation: [1, 0]), [operands[i]], suffix: "turned_\(i)")
      }
      let alpha = try n.real("alpha", default: 1)
      let y = try integerProduct(
        n, operands, zeros: [try one(n, 2), try one(n, 5)], scales: [try one(n, 1), try one(n, 4)],
        alpha: alpha.value,
        added: operand(n, 6))
      if operand(n, 7) == nil { return try n.add(Identity(), [y]) }
      try quantize(n, y, scale: 7, like: 0)
    },
    contrib("MatMulIntegerToFloat", inputs: 4...7) { n throws(Unsupported.Reason) in
      let y = try integerProduct(
        n, [n.inputs[0], n.inputs[1]], zeros: [try one(n, 4), try one(n, 5)],
        scales: [try one(n, 2), try one(n, 3)])
      try n.add(Binary(.add), or: Identity(), y, operand(n, 6))
    },
    contrib("DynamicQuantizeMatMul", inputs: 3...5) { n throws(Unsupported.Reason) in
      let a = n.insertAll(DynamicQuantizeLinear(), [n.inputs[0]], count: 3, suffix: "quantized")
      let y = try integerProduct(
        n, [a[0], n.inputs[1]], zeros: [a[2], try one(n, 3)], scales: [a[1], try one(n, 2)])
      try n.add(Binary(.add), or: Identity(), y, operand(n, 4))
    },
    contrib("MatMulNBits", inputs: 3...6) { n throws(Unsupported.Reason) in try blockProduct(n) },
  ]

  // MARK: - Between real numbers

  /// Operands x, its scale and zero point, and those of the result.
  private static func quantizedFunction(
    _ name: String, _ make: @escaping @Sendable (NodeContext) throws(Unsupported.Reason) -> any Operator
  ) -> ImportRule {
    contrib(name, inputs: 2...5) { n throws(Unsupported.Reason) in
      try quantize(n, n.insert(try make(n), [try real(n, 0)], suffix: "real"), scale: 3, like: 0)
    }
  }

  private static func quantizedPair(_ n: NodeContext, _ function: BinaryFunction) throws(Unsupported.Reason) {
    try quantize(
      n, n.insert(Binary(function), [try real(n, 0), try real(n, 3)], suffix: "real"), scale: 6, like: 0)
  }

  /// A scale or zero point for the whole tensor, as a scalar also where it is written as a vector of one.
  static func one(_ n: NodeContext, _ i: Int) throws(Unsupported.Reason) -> ValueID? {
    guard let id = operand(n, i), let shape = n.operand(i)?.shape, shape.count == 1, shape[0].fixed == 1
    else {
      return operand(n, i)
    }
    return n.insert(Squeeze(axes: [0]), [id], suffix: "one_\(i)")
  }

  /// Operand `i`, whose scale and zero point follow it, as real numbers.
  private static func real(_ n: NodeContext, _ i: Int) throws(Unsupported.Reason) -> ValueID? {
    guard let x = operand(n, i), let scale = try one(n, i + 1) else {
      throw .form("operand \(i + 1) is missing")
    }
    return n.insert(DequantizeLinear(), parameters([x, scale, try one(n, i + 2)]), suffix: "real_\(i)")
  }

  /// The result, whose scale is operand `scale`; of the type of operand `source`, where no zero point says another.
  private static func quantize(
    _ n: NodeContext, _ y: ValueID?, scale: Int, like source: Int
  ) throws(Unsupported.Reason) {
    guard let factor = try one(n, scale) else { throw .form("operand \(scale) is missing") }
    var zero = try one(n, scale + 1)
    if zero == nil { zero = try n.constant(0, like: source, suffix: "zero") }
    try n.add(QuantizeLinear(), [y, factor, zero])
  }

  // MARK: - Products of integers

  /// ((a − zero of a) · (b − zero of b) + added) · alpha · scale of a · scale of b.
  static func integerProduct(
    _ n: NodeContext, _ operands: [ValueID?], zeros: [ValueID?], scales: [ValueID?], alpha: Double = 1,
    added: ValueID? = nil, suffix: String = ""
  ) throws(Unsupported.Reason) -> ValueID? {
    let known = zeros[1] == nil ? parameters([operands[0], operands[1], zeros[0]]) : operands + zeros
    var sum = n.insert(MatMulInteger(), known, suffix: "product\(suffix)")
    if let added { sum = n.insert(Binary(.add), [sum, added], suffix: "sum\(suffix)") }
    var scale = n.insert(Binary(.mul), scales, suffix: "scales\(suffix)")
    if alpha != 1 {
      scale = n.insert(
        Binary(.mul), [scale, n.constant(try scalar(alpha, .float32), suffix: "alpha\(suffix)")],
        suffix: "scale\(suffix)")
    }
    let real = n.insert(Cast(to: .float32), [sum], suffix: "real\(suffix)")
    return n.insert(Binary(.mul), [real, scale], suffix: "scaled\(suffix)")
  }

  /// A · Bᵀ, where rows of B are blocks of 4 or 8 bits along k with a scale and a zero point each.
  private static func blockProduct(_ n: NodeContext) throws(Unsupported.Reason) {
    n.ignore("accuracy_level")
    try n.require("weight_prepacked", 0)
    let (rows, k, block) = (try n.positive("N"), try n.positive("K"), try n.positive("block_size"))
    let bits = try n.int("bits", default: 4)
    guard bits == 4 || bits == 8 else { throw .attribute(name: "bits", expected: "4 or 8", found: "\(bits)") }
    guard block % 2 == 0, rows < 1 << 31, k < 1 << 31, block < 1 << 31 else {
      throw .attribute(name: "block_size", expected: "an even size", found: "\(block)")
    }
    if operand(n, 4) != nil { throw .form("an order of rows (g_idx) is not supported") }
    let blocks = (k + block - 1) / block
    let type: DataType = bits == 4 ? .uint4 : .uint8
    let quantized = try packed(n, 1, type, [rows, blocks * block])
    let scales = n.insert(Reshape(target: [rows, blocks]), [n.inputs[2]], suffix: "scales")
    var zeros: ValueID?
    if operand(n, 3) != nil {
      // Rows begin at bytes.
      let width = bits == 4 ? (blocks + 1) / 2 * 2 : blocks
      zeros = try packed(n, 3, type, [rows, width])
      if width > blocks {
        zeros = n.insert(Slice(starts: [0], ends: [blocks], axes: [1]), [zeros], suffix: "zeros")
      }
    } else {
      let middle = [Int64](repeating: bits == 4 ? 8 : 128, count: rows * blocks)
      guard let tensor = try? Tensor.fromInt64s(middle, dataType: type, sizes: [rows, blocks]) else {
        throw .form("\(rows) rows of \(blocks) blocks")
      }
      zeros = n.constant(tensor, suffix: "zeros")
    }
    var weights = n.insert(
      DequantizeLinear(axis: 1, blockSize: block), [quantized, scales, zeros], suffix: "weights")
    if blocks * block > k {
      weights = n.insert(Slice(starts: [0], ends: [k], axes: [1]), [weights], suffix: "used")
    }
    let turned = n.insert(Transpose(permutation: [1, 0]), [weights], suffix: "turned")
    guard let bias = operand(n, 5) else { return try n.add(MatMul(), [n.inputs[0], turned]) }
    try n.add(Binary(.add), [n.insert(MatMul(), [n.inputs[0], turned], suffix: "product"), bias])
  }

  /// The bytes of a constant as elements of 4 or 8 bits, the lower half of a byte first.
  private static func packed(
    _ n: NodeContext, _ i: Int, _ type: DataType, _ sizes: [Int]
  ) throws(Unsupported.Reason) -> ValueID {
    guard let constant = n.operand(i)?.constant, constant.type.dataType == .uint8,
      let bytes = try? constant.tensor()
    else { throw .form("needs operand \(i) to be constant bytes") }
    guard let count = try? Tensor.elementCount(of: sizes), type.byteCount(of: count) == bytes.byteCount,
      let tensor = try? Tensor(
        dataType: type, sizes: sizes, storage: bytes.storage, byteOffset: bytes.byteOffset)
    else {
      throw .form(
        "operand \(i) holds \(bytes.byteCount) bytes, expected elements [\(sizes)] of \(type.rawValue)")
    }
    return n.constant(tensor, suffix: "packed_\(i)")
  }
}

extension NodeContext {
  /// The sum with a bias that may be absent.
  fileprivate func add(
    _ sum: Binary, or plain: Identity, _ x: ValueID?, _ bias: ValueID?
  ) throws(Unsupported.Reason) {
    if let bias { try add(sum, [x, bias]) } else { try add(plain, [x]) }
  }
}
