import IR
import Operators
import Tensors

// Operators of ONNX Runtime's own domain that exporters of transformers write, as what they stand for.

extension ImportRules {
  static let contributed: [ImportRule] =
    contributedActivations + contributedNormalizations + contributedQuantized + contributedFusions + [
      contrib("MultiHeadAttention", inputs: 1...8, outputs: 1...4) { n throws(Unsupported.Reason) in
        try multiHeadAttention(n)
      },
      contrib("Attention", inputs: 2...7, outputs: 1...2) { n throws(Unsupported.Reason) in
        try projectedAttention(n)
      },
      contrib("QAttention", inputs: 5...9, outputs: 1...2) { n throws(Unsupported.Reason) in
        try quantizedAttention(n)
      },
      contrib("FusedMatMul", inputs: 2...2) { n throws(Unsupported.Reason) in try fusedProduct(n) },
      contrib("RotaryEmbedding", inputs: 4...4) { n throws(Unsupported.Reason) in try rotation(n) },
    ]

  static func contrib(
    _ name: String, inputs: ClosedRange<Int>, outputs: ClosedRange<Int> = 1...1,
    build: @escaping @Sendable (NodeContext) throws(Unsupported.Reason) -> Void
  ) -> ImportRule {
    ImportRule(name, domain: "com.microsoft", inputs: inputs, outputs: outputs, build: build)
  }

  // MARK: - Activations

  private static let contributedActivations: [ImportRule] = [
    contrib("Gelu", inputs: 1...1) { n throws(Unsupported.Reason) in try n.add(Unary(.gelu)) },
    contrib("BiasGelu", inputs: 2...2) { n throws(Unsupported.Reason) in try activate(n, .gelu) },
    contrib("FastGelu", inputs: 1...2) { n throws(Unsupported.Reason) in try activate(n, .geluTanh) },
    contrib("QuickGelu", inputs: 1...1) { n throws(Unsupported.Reason) in
      try n.add(Unary(.swish(try n.real("alpha", default: 1.702))))
    },
  ]

  /// A function of the sum with a bias that may be absent.
  private static func activate(_ n: NodeContext, _ function: UnaryFunction) throws(Unsupported.Reason) {
    let sum = n.inputs.count > 1 ? n.insert(Binary(.add), n.inputs, suffix: "sum") : n.inputs[0]
    try n.add(Unary(function), [sum])
  }

  // MARK: - Normalizations

  private static let contributedNormalizations: [ImportRule] = [
    contrib("SkipLayerNormalization", inputs: 3...5, outputs: 1...4) { n throws(Unsupported.Reason) in
      let sum = sum([n.inputs[0], n.inputs[1], operand(n, 4)], n)
      let op = LayerNormalization(axis: -1, epsilon: try n.real("epsilon", default: 1e-12))
      try finishSum(
        n, sum, n.insert(op, parameters([sum, n.inputs[2], operand(n, 3)]), suffix: "normalized"))
    },
    contrib("SkipSimplifiedLayerNormalization", inputs: 3...4, outputs: 1...4) {
      n throws(Unsupported.Reason) in
      let sum = sum([n.inputs[0], n.inputs[1], operand(n, 3)], n)
      let op = RMSNormalization(axis: -1, epsilon: try n.real("epsilon", default: 1e-12))
      try finishSum(n, sum, n.insert(op, [sum, n.inputs[2]], suffix: "normalized"))
    },
    simplifiedNormalization(domain: ""), simplifiedNormalization(domain: "com.microsoft"),
    contrib("EmbedLayerNormalization", inputs: 1...9, outputs: 1...3) { n throws(Unsupported.Reason) in
      try embed(n)
    },
  ]

  private static func simplifiedNormalization(domain: String) -> ImportRule {
    ImportRule("SimplifiedLayerNormalization", domain: domain, inputs: 2...2, outputs: 1...2) {
      n throws(Unsupported.Reason) in
      try n.require("stash_type", 1)
      try refuse(n, results: 1...1)
      let op = RMSNormalization(
        axis: try n.int("axis", default: -1), epsilon: try n.real("epsilon", default: 1e-5))
      try n.add(op, outputs: 1)
    }
  }

  /// The sum of words, positions and segments, normalized; and how many words each item has.
  private static func embed(_ n: NodeContext) throws(Unsupported.Reason) {
    n.ignore("mask_index_type")
    for i in [2, 3, 5, 6] where operand(n, i) == nil { throw .form("operand \(i) is missing") }
    let words = n.insert(Gather(axis: 0), [n.inputs[2], n.inputs[0]], suffix: "words")
    var places: ValueID?
    if let positions = operand(n, 8) {
      places = n.insert(Gather(axis: 0), [n.inputs[3], positions], suffix: "positions")
    } else {
      let start = n.constant(try integers([0]), suffix: "start")
      let end = n.insert(Shape(start: 1, end: 2), [n.inputs[0]], suffix: "end")
      places = n.insert(Slice(), [n.inputs[3], start, end, start], suffix: "positions")
    }
    var segments: ValueID?
    if let ids = operand(n, 1) {
      guard let table = n.inputs[4] else { throw .form("segments without a table") }
      segments = n.insert(Gather(axis: 0), [table, ids], suffix: "segments")
    }
    let sum = sum([words, places, segments], n)
    let op = LayerNormalization(axis: -1, epsilon: try n.real("epsilon", default: 1e-12))
    var results = [n.insert(op, [sum, n.inputs[5], n.inputs[6]], suffix: "normalized")]
    if n.outputs.count > 1 {
      if let mask = operand(n, 7) {
        results.append(n.insert(Reduce(.sum, axes: [1], keepDims: false), [mask], suffix: "count"))
      } else {
        try refuse(n, results: 1...1)
        results.append(nil)
      }
    }
    if n.outputs.count > 2 { results.append(sum) }
    try n.finish(results)
  }

  /// Results of a skip normalization: what it makes, two statistics of training, and the sum.
  private static func finishSum(_ n: NodeContext, _ sum: ValueID?, _ normalized: ValueID?) throws(Unsupported
    .Reason)
  {
    try refuse(n, results: 1...2)
    try n.finish(Array([normalized, nil, nil, sum].prefix(n.outputs.count)))
  }

  // MARK: - Attention

  /// Operands are projected already; a bias of the three projections may follow.
  private static func multiHeadAttention(_ n: NodeContext) throws(Unsupported.Reason) {
    guard n.inputs.count >= 3, n.inputs[1] != nil, n.inputs[2] != nil, try n.requiredRank(0) == 3 else {
      throw .form("packed queries, keys and values are not supported")
    }
    let heads = try n.positive("num_heads")
    var rows = Array(n.inputs.prefix(3))
    for i in 1..<3 where try n.requiredRank(i) != 3 {
      guard n.rank(i) == 4, let size = n.operand(i)?.shape?[3].fixed, let width = widthOf(heads, size) else {
        throw .form("packed keys and values are not supported")
      }
      let turned = n.insert(Transpose(permutation: [0, 2, 1, 3]), [rows[i]], suffix: "turned\(i)")
      rows[i] = n.insert(Reshape(target: [0, 0, width]), [turned], suffix: "rows\(i)")
    }
    if let bias = operand(n, 3) {
      var start = 0
      for i in 0..<3 {
        guard let shape = n.operand(i)?.shape, let last = shape.last?.fixed,
          let width = shape.count == 4 ? widthOf(heads, last) : last
        else { throw .form("needs known sizes to split the bias") }
        let part = n.insert(
          Slice(starts: [start], ends: [start + width], axes: [0]), [bias], suffix: "bias\(i)")
        rows[i] = n.insert(Binary(.add), [rows[i], part], suffix: "biased\(i)")
        start += width
      }
    }
    try refuse(n, results: 3...3)
    let mask = try mask(n, padding: 4, bias: 5, like: n.inputs[0])
    let results = n.insertAll(
      try attention(n, heads),
      [rows[0], rows[1], rows[2], mask.addends, operand(n, 6), operand(n, 7), mask.valid],
      count: min(3, n.outputs.count), suffix: "attention")
    try n.finish(Array((results + [nil]).prefix(n.outputs.count)))
  }

  private static func widthOf(_ heads: Int, _ size: Int) -> Int? {
    let (width, overflow) = heads.multipliedReportingOverflow(by: size)
    return overflow ? nil : width
  }

  /// The three projections are columns of one matrix; past and present keys and values are one tensor.
  private static func projectedAttention(_ n: NodeContext) throws(Unsupported.Reason) {
    n.ignore("rotary_embedding_dim")
    if operand(n, 6) != nil { throw .form("a shared buffer of past keys is not supported") }
    try projectedAttention(n, padding: 3, past: 4, bias: 5, widths: try n.ints("qkv_hidden_sizes")) {
      (columns, i) throws(Unsupported.Reason) in
      let weights = n.insert(columns.slice(axis: 1), [n.inputs[1]], suffix: "weights\(i)")
      return n.insert(MatMul(), [n.inputs[0], weights], suffix: "projected\(i)")
    }
  }

  /// The same of integers, whose products are scaled.
  private static func quantizedAttention(_ n: NodeContext) throws(Unsupported.Reason) {
    try projectedAttention(n, padding: 5, past: 8, bias: nil, widths: nil) {
      (columns, i) throws(Unsupported.Reason) in
      /// Of a number for each column; other operands stay.
      func part(_ operand: Int) throws(Unsupported.Reason) -> ValueID? {
        guard let id = self.operand(n, operand), n.rank(operand) == 1,
          n.operand(operand)?.shape?[0].fixed != 1
        else {
          return try one(n, operand)
        }
        return n.insert(columns.slice(axis: 0), [id], suffix: "part\(operand)_\(i)")
      }
      let weights = n.insert(columns.slice(axis: 1), [n.inputs[1]], suffix: "weights\(i)")
      return try integerProduct(
        n, [n.inputs[0], weights], zeros: [try one(n, 6), try part(7)], scales: [try one(n, 3), try part(4)],
        suffix: "\(i)")
    }
  }

  /// Some columns of a matrix.
  private struct Columns {
    let start, count: Int
    func slice(axis: Int) -> Slice { Slice(starts: [start], ends: [start + count], axes: [axis]) }
  }

  private static func projectedAttention(
    _ n: NodeContext, padding: Int, past: Int, bias: Int?, widths given: [Int]?,
    project: (Columns, Int) throws(Unsupported.Reason) -> ValueID?
  ) throws(Unsupported.Reason) {
    let heads = try n.positive("num_heads")
    try n.require("do_rotary", 0)
    try n.require("past_present_share_buffer", 0)
    guard let columns = n.operand(1)?.shape?.last?.fixed else { throw .form("needs weights of known sizes") }
    let widths = given ?? [columns / 3, columns / 3, columns / 3]
    var sum = 0
    for width in widths where 0...columns ~= width { sum += width }
    guard widths.count == 3, sum == columns, widths.allSatisfy({ $0 > 0 && $0 % heads == 0 }) else {
      throw .attribute(name: "qkv_hidden_sizes", expected: "three parts of \(columns)", found: "\(widths)")
    }
    var rows: [ValueID?] = []
    var start = 0
    for (i, width) in widths.enumerated() {
      let part = Columns(start: start, count: width)
      var row = try project(part, i)
      if let bias = operand(n, 2) {
        let addend = n.insert(part.slice(axis: 0), [bias], suffix: "bias\(i)")
        row = n.insert(Binary(.add), [row, addend], suffix: "biased\(i)")
      }
      rows.append(row)
      start += width
    }
    var before: [ValueID?] = [nil, nil]
    if let both = operand(n, past) {
      for i in 0..<2 {
        let index = n.constant(try scalar(Double(i), .int64), suffix: "index\(i)")
        before[i] = n.insert(Gather(axis: 0), [both, index], suffix: "past\(i)")
      }
    }
    let mask = try mask(n, padding: padding, bias: bias, like: rows[0])
    let keeps = n.outputs.count > 1 && n.outputs[1] != nil
    let results = n.insertAll(
      try attention(n, heads), rows + [mask.addends] + before + [mask.valid], count: keeps ? 3 : 1,
      suffix: "attention")
    var present: ValueID?
    if keeps {
      let parts = (1..<3).map { n.insert(Unsqueeze(axes: [0]), [results[$0]], suffix: "present\($0)") }
      present = n.insert(Concat(axis: 0), parts, suffix: "present")
    }
    try n.finish(Array([results[0], present].prefix(n.outputs.count)))
  }

  private static func attention(_ n: NodeContext, _ heads: Int) throws(Unsupported.Reason) -> Attention {
    let scale = try n.real("scale", default: 0)
    return Attention(
      queryHeads: heads, keyHeads: heads, scale: scale == 0 ? nil : scale,
      isCausal: try n.flag("unidirectional", default: false))
  }

  /// What is added to scores, or else the number of valid keys.
  private static func mask(
    _ n: NodeContext, padding: Int, bias: Int?, like queries: ValueID?
  ) throws(Unsupported.Reason) -> (addends: ValueID?, valid: ValueID?) {
    let filter = try n.real("mask_filter_value", default: -10000).value
    let isCausal = try n.flag("unidirectional", default: false)
    let other = bias.flatMap { operand(n, $0) }
    let queries = queries.flatMap { n.builder.graph[$0].type.tensor }
    guard let flags = operand(n, padding) else { return (other, nil) }
    guard let shape = n.operand(padding)?.shape, let type = queries?.dataType else {
      throw .form("needs a mask of known rank")
    }
    if shape.count == 1 {
      guard let batch = queries?.shape?[0], shape[0] == batch, !isCausal, other == nil else {
        throw .form("a mask of this form is not supported")
      }
      return (nil, n.insert(Cast(to: .int64), [flags], suffix: "valid"))
    }
    guard shape.count == 2 || shape.count == 3, let maskType = n.operand(padding)?.tensor?.dataType else {
      throw .form("a mask of rank \(shape.count) is not supported")
    }
    let zero = n.constant(try scalar(0, maskType), suffix: "zero")
    let isSet = n.insert(Binary(.greater), [flags, zero], suffix: "set")
    let addends = n.insert(
      Where(),
      [
        isSet, n.constant(try scalar(0, type), suffix: "kept"),
        n.constant(try scalar(filter, type), suffix: "filter"),
      ], suffix: "filtered")
    let axes = shape.count == 2 ? [1, 2] : [1]
    let spread = n.insert(Unsqueeze(axes: axes), [addends], suffix: "mask")
    return (sum([spread, other], n), nil)
  }

  // MARK: - Others

  /// alpha · A · B, either of them with its last two axes exchanged.
  private static func fusedProduct(_ n: NodeContext) throws(Unsupported.Reason) {
    try n.require("transBatchA", 0)
    try n.require("transBatchB", 0)
    var operands = n.inputs
    for (i, name) in ["transA", "transB"].enumerated() where try n.flag(name, default: false) {
      let rank = try n.requiredRank(i)
      if rank < 2 { continue }
      let order = Array(0..<rank - 2) + [rank - 1, rank - 2]
      operands[i] = n.insert(Transpose(permutation: order), [operands[i]], suffix: "turned\(i)")
    }
    let alpha = try n.real("alpha", default: 1)
    if alpha == 1 { return try n.add(MatMul(), operands) }
    guard let type = n.operand(0)?.tensor?.dataType else { throw .form("needs a known element type") }
    let factor = n.constant(try scalar(alpha.value, type), suffix: "alpha")
    let product = n.insert(MatMul(), operands, suffix: "product")
    try n.add(Binary(.mul), [product, factor])
  }

  private static func rotation(_ n: NodeContext) throws(Unsupported.Reason) {
    try n.require("is_packed_batching", 0)
    if try n.real("scale", default: 1) != 1 { throw .form("a scale other than 1 is not supported") }
    guard try n.requiredRank(1) == 2 else { throw .form("one position for all rows is not supported") }
    let size = try n.int("rotary_embedding_dim", default: 0)
    var heads: Int? = try n.int("num_heads", default: 0)
    if heads == 0 {
      heads = nil
      if try n.requiredRank(0) == 3 {
        // Heads are as wide as the table says.
        guard let width = n.operand(0)?.shape?[2].fixed, let half = n.operand(2)?.shape?.last?.fixed,
          half > 0,
          half <= width, width % (2 * half) == 0
        else { throw .form("needs known sizes to find the heads") }
        heads = width / (2 * half)
      }
    }
    try n.add(
      RotaryEmbedding(heads: heads, size: size, interleaved: try n.flag("interleaved", default: false)),
      [n.inputs[0], n.inputs[2], n.inputs[3], n.inputs[1]])
  }

  static func operand(_ n: NodeContext, _ i: Int) -> ValueID? {
    i < n.inputs.count ? n.inputs[i] : nil
  }

  /// Operands without absent ones at the end.
  static func parameters(_ operands: [ValueID?]) -> [ValueID?] {
    operands.last == .some(nil) ? operands.dropLast() : operands
  }

  /// The sum of those that are there; nil: none.
  private static func sum(_ operands: [ValueID?], _ n: NodeContext) -> ValueID? {
    var sum: ValueID?
    for case let operand? in operands {
      sum = sum.map { n.insert(Binary(.add), [$0, operand], suffix: "sum") } ?? operand
    }
    return sum
  }

  /// Throws where the file reads one of these results.
  static func refuse(_ n: NodeContext, results: ClosedRange<Int>) throws(Unsupported.Reason) {
    for case let name? in n.outputs.enumerated().filter({ results ~= $0.offset }).map(\.element)
    where n.builder.isRead(name) {
      throw .form("result '\(name)' is not supported")
    }
  }
}
