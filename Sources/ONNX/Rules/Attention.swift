import IR
import Operators
import Tensors

extension ImportRules {
  static let attention: [ImportRule] = [
    ImportRule("Attention", 23...23, inputs: 3...6, outputs: 1...4) { n throws(Unsupported.Reason) in
      try n.add(try attention(n))
    },
    ImportRule("Attention", since: 24, inputs: 3...7, outputs: 1...4) { n throws(Unsupported.Reason) in
      try n.add(try attention(n))
    },
  ]

  private static func attention(_ n: NodeContext) throws(Unsupported.Reason) -> Attention {
    var op = Attention(
      queryHeads: try n.optionalInt("q_num_heads"), keyHeads: try n.optionalInt("kv_num_heads"),
      scale: try n.optionalReal("scale"), softcap: try n.real("softcap", default: 0),
      isCausal: try n.flag("is_causal", default: false), softmaxPrecision: try precision(n),
      scores: try scores(n))
    if n.version >= 25 {
      op.leftWindow = try window("left_window_size", n)
      op.rightWindow = try window("right_window_size", n)
    }
    return op
  }

  static func precision(_ n: NodeContext) throws(Unsupported.Reason) -> DataType? {
    guard let code = try n.optionalInt("softmax_precision") else { return nil }
    guard let number = Int32(exactly: code), let type = DataType(onnx: number),
      [.float32, .float64, .float16, .bfloat16].contains(type)
    else {
      throw .attribute(name: "softmax_precision", expected: "1, 10, 11 or 16", found: "\(code)")
    }
    return type
  }

  private static func scores(_ n: NodeContext) throws(Unsupported.Reason) -> Attention.Scores {
    let mode = try n.int("qk_matmul_output_mode", default: 0)
    guard let scores = Attention.Scores(rawValue: mode) else {
      throw .attribute(name: "qk_matmul_output_mode", expected: "0, 1, 2 or 3", found: "\(mode)")
    }
    return scores
  }

  /// −1 leaves a side unbounded.
  private static func window(_ name: String, _ n: NodeContext) throws(Unsupported.Reason) -> Int? {
    let size = try n.int(name, default: -1)
    if size < -1 { throw .attribute(name: name, expected: "-1 or more", found: "\(size)") }
    return size < 0 ? nil : size
  }
}
