import IR
import Operators
import Tensors

// Operators of ONNX Runtime's own domain that join several of the standard, and attention with shared heads.

extension ImportRules {
  static let contributedFusions: [ImportRule] = [
    contrib("FusedConv", inputs: 2...4) { n throws(Unsupported.Reason) in
      let window = try n.window(kernel: try n.kernel(ofWeights: 1), ofWeights: true)
      let op = Convolution(window: window, groups: try n.positive("group", default: 1))
      let parameters = try n.reals("activation_params") ?? []
      let activation = try activation(n, parameters)
      var y = n.insert(op, convolved(n), suffix: "convolution")
      if let z = operand(n, 3) { y = n.insert(Binary(.add), [y, z], suffix: "sum") }
      try n.add(activation, [y])
    },
    contrib("FusedGemm", inputs: 2...3) { n throws(Unsupported.Reason) in
      let op = Gemm(
        transA: try n.flag("transA", default: false), transB: try n.flag("transB", default: false),
        alpha: try n.real("alpha", default: 1), beta: try n.real("beta", default: 1))
      var parameters: [Real] = []
      for name in ["activation_alpha", "activation_beta", "activation_gamma"] {
        if let value = try n.optionalReal(name) { parameters.append(value) }
      }
      let activation = try activation(n, parameters)
      try n.add(activation, [n.insert(op, n.inputs, suffix: "product")])
    },
    contrib("GatherND", inputs: 2...2) { n throws(Unsupported.Reason) in try n.add(GatherND()) },
    contrib("Trilu", inputs: 1...2) { n throws(Unsupported.Reason) in
      try n.add(Trilu(upper: try n.flag("upper", default: true)))
    },
    contrib("GroupQueryAttention", inputs: 1...16, outputs: 1...4) { n throws(Unsupported.Reason) in
      try groupQueryAttention(n)
    },
  ]

  /// Operands of a convolution: its bias may be left out.
  private static func convolved(_ n: NodeContext) -> [ValueID?] {
    parameters([n.inputs[0], n.inputs[1], operand(n, 2)])
  }

  private static func activation(
    _ n: NodeContext, _ parameters: [Real]
  ) throws(Unsupported.Reason) -> any Operator {
    let name = try n.optionalText("activation") ?? ""
    func parameter(_ i: Int, _ fallback: Float) -> Real {
      i < parameters.count ? parameters[i] : Real(Double(fallback))
    }
    switch name {
    case "": return Identity()
    case "Relu": return Unary(.relu)
    case "Sigmoid": return Unary(.sigmoid)
    case "Tanh": return Unary(.tanh)
    case "Softplus": return Unary(.softplus)
    case "LeakyRelu": return Unary(.leakyRelu(parameter(0, 0.01)))
    case "Elu": return Unary(.elu(parameter(0, 1)))
    case "HardSigmoid": return Unary(.hardSigmoid(alpha: parameter(0, 0.2), beta: parameter(1, 0.5)))
    case "Clip" where parameters.count == 2: return Clip(lower: parameters[0], upper: parameters[1])
    default: throw .attribute(name: "activation", expected: "a known function", found: name)
    }
  }

  // MARK: - Attention with shared heads

  /// Keys and values go to their places after the past ones; a query sees the keys up to its own place.
  private static func groupQueryAttention(_ n: NodeContext) throws(Unsupported.Reason) {
    n.ignore("qk_norm_epsilon")
    for name in ["smooth_softmax", "kv_cache_bit_width", "qk_output", "sliding_window_cache"] {
      try n.require(name, 0)
    }
    for name in ["k_quant_type", "v_quant_type"] { _ = try n.word(name, default: "NONE", ["NONE": true]) }
    try n.require("causal", 1)
    for i in 9..<16 where operand(n, i) != nil { throw .form("operand \(i) is not supported") }
    try refuse(n, results: 3...3)
    let (heads, shared) = (try n.positive("num_heads"), try n.positive("kv_num_heads"))
    let scale = try n.real("scale", default: 0)
    let window = try n.int("local_window_size", default: -1)
    guard heads % shared == 0, heads < 1 << 20, operand(n, 5) != nil, operand(n, 6) != nil else {
      throw .form("\(heads) heads share \(shared)")
    }
    guard n.rank(0) == 3, let last = n.operand(0)?.shape?[2].fixed else {
      throw .form("needs queries of known sizes")
    }
    var rows = [n.inputs[0], operand(n, 1), operand(n, 2)]
    let parts = rows[1] == nil ? heads + 2 * shared : heads
    guard last % parts == 0, (rows[1] == nil) == (rows[2] == nil) else {
      throw .form("needs queries of \(parts) heads, found \(last) columns")
    }
    let size = last / parts
    if rows[1] == nil {
      for (i, (from, count)) in [(0, heads), (heads, shared), (heads + shared, shared)].enumerated() {
        rows[i] = n.insert(
          Slice(starts: [from * size], ends: [(from + count) * size], axes: [2]), [n.inputs[0]],
          suffix: "part_\(i)")
      }
    }
    let places = try Places(n)
    if try n.flag("do_rotary", default: false) {
      guard operand(n, 7) != nil, operand(n, 8) != nil else { throw .form("do_rotary without tables") }
      let interleaved = try n.flag("rotary_interleaved", default: false)
      for (i, count) in [heads, shared].enumerated() {
        rows[i] = n.insert(
          RotaryEmbedding(heads: count, interleaved: interleaved),
          [rows[i], n.inputs[7], n.inputs[8], places.positions], suffix: "turned_\(i)")
      }
    } else {
      n.ignore("rotary_interleaved")
    }
    var split: [ValueID?] = []
    for (i, count) in [heads, shared, shared].enumerated() {
      let apart = n.insert(Reshape(target: [0, 0, count, size]), [rows[i]], suffix: "apart_\(i)")
      split.append(n.insert(Transpose(permutation: [0, 2, 1, 3]), [apart], suffix: "heads_\(i)"))
    }
    var stored = [split[1], split[2]]
    guard (operand(n, 3) == nil) == (operand(n, 4) == nil) else { throw .form("past keys without values") }
    for i in 0..<2 {
      guard let past = operand(n, 3 + i) else { continue }
      stored[i] = try places.store(split[1 + i], in: past, total: 6, suffix: i == 0 ? "keys" : "values")
    }
    let mask = try places.mask(keys: stored[0], window: window)
    let op = Attention(scale: scale == 0 ? nil : scale, softcap: try n.real("softcap", default: 0))
    let seen = n.insert(op, [split[0], stored[0], stored[1], mask], suffix: "attention")
    let joined = n.insert(Transpose(permutation: [0, 2, 1, 3]), [seen], suffix: "joined")
    let y = n.insert(Reshape(target: [0, 0, heads * size]), [joined], suffix: "output")
    try n.finish(Array([y, stored[0], stored[1], nil].prefix(n.outputs.count)))
  }

  /// Where the rows of each item stand among all of its words.
  private struct Places {
    let n: NodeContext
    /// [batch]: the place of the first row.
    let starts: ValueID?
    /// [batch, rows].
    let positions: ValueID?

    init(_ n: NodeContext) throws(Unsupported.Reason) {
      self.n = n
      let counts = n.insert(Reshape(target: [-1]), [n.inputs[5]], suffix: "counts")
      let lengths = n.insert(Cast(to: .int64), [counts], suffix: "lengths")
      let rows = n.insert(Shape(start: 1, end: 2), [n.inputs[0]], suffix: "rows")
      let one = n.constant(try ImportRules.integers([1]), suffix: "one")
      let zero = n.constant(try ImportRules.integers([0]), suffix: "zero")
      // The operand is the last place. Items that are shorter than the first rows begin at 0 too.
      let ends = n.insert(Binary(.add), [lengths, one], suffix: "ends")
      let firsts = n.insert(Binary(.sub), [ends, rows], suffix: "firsts")
      starts = n.insert(Variadic(.max), [firsts, zero], suffix: "starts")
      let column = n.insert(Unsqueeze(axes: [1]), [starts], suffix: "column")
      positions = n.insert(Binary(.add), [column, try Places.range(n, rows, "steps")], suffix: "positions")
    }

    /// 0, 1, … before the number that is a vector of one.
    private static func range(_ n: NodeContext, _ limit: ValueID?, _ suffix: String) throws(Unsupported
      .Reason) -> ValueID?
    {
      let limit = n.insert(Squeeze(axes: [0]), [limit], suffix: "\(suffix)_limit")
      let zero = n.constant(try ImportRules.scalar(0, .int64), suffix: "\(suffix)_zero")
      let one = n.constant(try ImportRules.scalar(1, .int64), suffix: "\(suffix)_one")
      return n.insert(Range(), [zero, limit, one], suffix: suffix)
    }

    /// [1]: how many rows keys or values have.
    private func size(of stored: ValueID?) -> ValueID? {
      stored.flatMap { n.insert(Shape(start: 2, end: 3), [$0], suffix: "row_count_\($0.index)") }
    }

    /// `past` with the new rows written after the words of each item; longer where there is no room for the total.
    func store(
      _ rows: ValueID?, in past: ValueID, total: Int, suffix: String
    ) throws(Unsupported.Reason) -> ValueID? {
      guard let type = n.builder.graph[past].type.tensor?.dataType else {
        throw .form("needs the type of past keys")
      }
      func axis(_ i: Int) -> ValueID? {
        n.insert(Shape(start: i, end: i + 1), [past], suffix: "\(suffix)_size_\(i)")
      }
      let room = axis(2)
      let words = n.insert(Reshape(target: [1]), [n.inputs[total]], suffix: "\(suffix)_words")
      let wide = n.insert(Cast(to: .int64), [words], suffix: "\(suffix)_total")
      let needed = n.insert(Binary(.sub), [wide, room], suffix: "\(suffix)_needed")
      let zero = n.constant(try ImportRules.integers([0]), suffix: "\(suffix)_zero")
      let missing = n.insert(Variadic(.max), [needed, zero], suffix: "\(suffix)_missing")
      let shape = n.insert(Concat(axis: 0), [axis(0), axis(1), missing, axis(3)], suffix: "\(suffix)_shape")
      let empty = n.insert(
        ConstantOfShape(dataType: type, fill: .real(0)), [shape], suffix: "\(suffix)_empty")
      let longer = n.insert(Concat(axis: 2), [past, empty], suffix: "\(suffix)_longer")
      // What lies beyond an item's words is zero.
      let row = n.insert(
        Unsqueeze(axes: [1]), [try Places.range(n, size(of: longer), "\(suffix)_rows")],
        suffix: "\(suffix)_row")
      let first = n.insert(Unsqueeze(axes: [1, 2, 3]), [starts], suffix: "\(suffix)_first")
      let isPast = n.insert(Binary(.less), [row, first], suffix: "\(suffix)_is_past")
      let kept = n.insert(
        Where(), [isPast, longer, n.constant(try ImportRules.scalar(0, type), suffix: "\(suffix)_nothing")],
        suffix: "\(suffix)_kept")
      return n.insert(TensorScatter(axis: 2), [kept, rows, starts], suffix: suffix)
    }

    /// [batch, 1, rows, keys]: up to the row's own place, and from `window` places before it on.
    func mask(keys: ValueID?, window: Int) throws(Unsupported.Reason) -> ValueID? {
      let places = try Places.range(n, size(of: keys), "key_places")
      let own = n.insert(Unsqueeze(axes: [1, 3]), [positions], suffix: "own_places")
      let isBefore = n.insert(Binary(.lessOrEqual), [places, own], suffix: "before")
      if window < 0 { return isBefore }
      let size = n.constant(try ImportRules.scalar(Double(window), .int64), suffix: "window")
      let first = n.insert(Binary(.sub), [own, size], suffix: "window_start")
      let isNear = n.insert(Binary(.greater), [places, first], suffix: "near")
      return n.insert(Binary(.and), [isBefore, isNear], suffix: "seen")
    }
  }
}
