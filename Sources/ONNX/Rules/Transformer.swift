import IR
import Operators
import Tensors

extension ImportRules {
  static let transformer: [ImportRule] = [
    ImportRule("RMSNormalization", since: 23, inputs: 2...2) { n throws(Unsupported.Reason) in
      try n.require("stash_type", 1)
      try n.add(
        RMSNormalization(axis: try n.int("axis", default: -1), epsilon: try n.real("epsilon", default: 1e-5)))
    },
    ImportRule("GroupNormalization", 18...20, inputs: 3...3) { n throws(Unsupported.Reason) in
      try n.add(try groupNormalization(n, scalesGroups: true))
    },
    ImportRule("GroupNormalization", since: 21, inputs: 3...3) { n throws(Unsupported.Reason) in
      try n.require("stash_type", 1)
      try n.add(try groupNormalization(n, scalesGroups: false))
    },
    ImportRule("RotaryEmbedding", since: 23, inputs: 3...4) { n throws(Unsupported.Reason) in
      let heads = try n.int("num_heads", default: 0)
      try n.add(
        RotaryEmbedding(
          heads: heads == 0 ? nil : heads, size: try n.int("rotary_embedding_dim", default: 0),
          interleaved: try n.flag("interleaved", default: false)))
    },
    ImportRule("LinearAttention", since: 27, inputs: 3...6, outputs: 1...2) { n throws(Unsupported.Reason) in
      n.ignore("chunk_size")
      let scale = try n.real("scale", default: 0)
      try n.add(
        LinearAttention(
          queryHeads: try n.int("q_num_heads"), keyHeads: try n.int("kv_num_heads"),
          scale: scale == 0 ? nil : scale,
          rule: try n.word(
            "update_rule", default: "gated_delta",
            ["linear": .linear, "gated": .gated, "delta": .delta, "gated_delta": .gatedDelta])))
    },
    ImportRule("TensorScatter", since: 24, inputs: 2...3) { n throws(Unsupported.Reason) in
      try n.add(
        TensorScatter(
          axis: try n.int("axis", default: -2),
          circular: try n.word("mode", default: "linear", ["linear": false, "circular": true])))
    },
    ImportRule("SwiGLU", since: 28, inputs: 2...2) { n throws(Unsupported.Reason) in
      let alpha = try n.real("alpha", default: 1)
      if let a = n.operand(0)?.shape, let b = n.operand(1)?.shape, a != b {
        throw .form("its operands differ in shape")
      }
      let gate = n.insert(Unary(alpha == 1 ? .silu : .swish(alpha)), [n.inputs[0]], suffix: "gate")
      try n.add(Binary(.mul), [gate, n.inputs[1]])
    },
    ImportRule("CausalConvWithState", since: 27, inputs: 2...4, outputs: 1...2) {
      n throws(Unsupported.Reason) in
      try causalConvolution(n)
    },
    ImportRule("FlexAttention", domain: "ai.onnx.preview", inputs: 3...3) { n throws(Unsupported.Reason) in
      try flexAttention(n)
    },
  ]

  private static func groupNormalization(
    _ n: NodeContext, scalesGroups: Bool
  ) throws(Unsupported.Reason) -> GroupNormalization {
    GroupNormalization(
      groups: try n.positive("num_groups"), epsilon: try n.real("epsilon", default: 1e-5),
      scalesGroups: scalesGroups)
  }

  /// A depthwise convolution of the rows that were, or zeros, and the new ones; the last of them are the new state.
  private static func causalConvolution(_ n: NodeContext) throws(Unsupported.Reason) {
    guard let weights = n.operand(1)?.shape, weights.count == 3, let channels = weights[0].fixed,
      let kernel = weights[2].fixed, kernel > 0, channels > 0
    else { throw .form("needs weights [channels, 1, k] of known sizes") }
    let before = kernel - 1
    let past = n.inputs.count > 3 ? n.inputs[3] : nil
    let whole =
      if let past {
        n.insert(Concat(axis: 2), [past, n.inputs[0]], suffix: "whole")
      } else {
        n.insert(Pad(pads: [0, 0, before, 0, 0, 0]), [n.inputs[0]], suffix: "whole")
      }
    let activates = try n.word("activation", default: "none", ["none": false, "silu": true, "swish": true])
    var convolution: [ValueID?] = [whole, n.inputs[1]]
    if n.inputs.count > 2, let bias = n.inputs[2] { convolution.append(bias) }
    var result = n.insert(
      Convolution(window: Window(kernel: [kernel]), groups: channels), convolution, suffix: "convolution")
    if activates { result = n.insert(Unary(.silu), [result], suffix: "activation") }
    // The last k − 1 rows; of k = 1, none.
    let state =
      n.outputs.count < 2 || n.outputs[1] == nil
      ? nil
      : n.insert(
        before == 0
          ? Slice(starts: [0], ends: [0], axes: [2]) : Slice(starts: [-before], ends: [Int.max], axes: [2]),
        [whole], suffix: "state")
    try n.finish([result, state])
  }

  private static func flexAttention(_ n: NodeContext) throws(Unsupported.Reason) {
    let scale = try n.optionalReal("scale")
    let precision = try precision(n)
    if !n.has("score_mod"), !n.has("prob_mod") {
      for i in 0..<3 where try n.requiredRank(i) != 4 { throw .form("operand \(i) is not of rank 4") }
      try n.add(Attention(scale: scale, softmaxPrecision: precision))
      return
    }
    guard let type = n.operand(0)?.tensor?.dataType, let q = n.operand(0)?.shape, let k = n.operand(1)?.shape,
      q.count == 4, k.count == 4, let size = q[3].fixed, let heads = q[1].fixed, let shared = k[1].fixed,
      size > 0,
      shared > 0, heads % shared == 0, heads <= 1 << 16
    else { throw .form("needs operands of rank 4 with known heads") }
    let wide = precision ?? (type == .float64 ? .float64 : .float32)
    var operands = Array(n.inputs.prefix(3))
    if heads != shared {
      let order = (0..<heads).map { Int64($0 / (heads / shared)) }
      let indices = n.constant(try integers(order), suffix: "heads")
      for i in 1..<3 {
        operands[i] = n.insert(Gather(axis: 1), [operands[i], indices], suffix: "shared\(i)")
      }
    }
    let turned = n.insert(Transpose(permutation: [0, 1, 3, 2]), [operands[1]], suffix: "turned")
    let product = n.insert(MatMul(), [operands[0], turned], suffix: "product")
    let factor = n.constant(
      try scalar(scale?.value ?? 1 / Double(size).squareRoot(), type), suffix: "scale")
    var scores = n.insert(Binary(.mul), [product, factor], suffix: "scaled")
    if wide != type { scores = n.insert(Cast(to: wide), [scores], suffix: "wide") }
    if n.has("score_mod") { scores = try n.inline("score_mod", [scores]) }
    var weights = n.insert(Softmax(axis: -1), [scores], suffix: "weights")
    if n.has("prob_mod") { weights = try n.inline("prob_mod", [weights]) }
    let values = wide == type ? operands[2] : n.insert(Cast(to: wide), [operands[2]], suffix: "values")
    if wide == type { return try n.add(MatMul(), [weights, values]) }
    let result = n.insert(MatMul(), [weights, values], suffix: "result")
    try n.add(Cast(to: type), [result])
  }

  static func scalar(_ value: Double, _ type: DataType) throws(Unsupported.Reason) -> Tensor {
    guard let tensor = try? Tensor.fromDoubles([value], dataType: type, sizes: []) else {
      throw .form("elements of type \(type.rawValue)")
    }
    return tensor
  }

  static func integers(_ values: [Int64]) throws(Unsupported.Reason) -> Tensor {
    guard let tensor = try? Tensor.fromInt64s(values, dataType: .int64, sizes: [values.count]) else {
      throw .form("\(values.count) indices")
    }
    return tensor
  }
}
