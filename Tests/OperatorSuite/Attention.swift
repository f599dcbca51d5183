import Glibc
import IR
import Operators
import Tensors
import TestSupport

extension OperatorSuite {
  static let attention: [OperatorCase] = all([plainAttention, maskedAttention, cachedAttention])

  /// Sizes of a case; `merged`: operands of rank 3.
  private struct Sizes {
    var batch = 2
    var heads = 3
    var keyHeads = 3
    var queries = 4
    var keys = 6
    var past = 0
    var size = 8
    var valueSize = 8
    var merged = false
  }

  private static func attentionCase(
    _ label: String, _ op: Attention = Attention(), _ s: Sizes = Sizes(), mask: Grid? = nil,
    maskType: DataType = .float32, valid: [Double]? = nil, wanted: Int = 1, type: DataType = .float32
  ) -> OperatorCase {
    let name = "Attention/\(label)"
    var generator = SeededGenerator(name)
    var op = op
    if s.merged { (op.queryHeads, op.keyHeads) = (s.heads, s.keyHeads) }
    func operand(_ heads: Int, _ rows: Int, _ size: Int) -> Grid {
      let sizes = s.merged ? [s.batch, rows, heads * size] : [s.batch, heads, rows, size]
      return Grid.integers(sizes, bound: 8, &generator).map { $0 / 8 }
    }
    let q = operand(s.heads, s.queries, s.size)
    let k = operand(s.keyHeads, s.keys, s.size)
    let v = operand(s.keyHeads, s.keys, s.valueSize)
    let pastSizes = [s.batch, s.keyHeads, s.past]
    let pastKey = s.past == 0 ? nil : Grid.integers(pastSizes + [s.size], bound: 2, &generator)
    let pastValue = s.past == 0 ? nil : Grid.integers(pastSizes + [s.valueSize], bound: 2, &generator)
    let total = s.past + s.keys
    /// Element `d` of row `i` of a head.
    func element(_ x: Grid, _ size: Int, _ b: Int, _ h: Int, _ i: Int, _ d: Int) -> Double {
      s.merged ? x.at([b, i, h * size + d]) : x.at([b, h, i, d])
    }
    func key(_ b: Int, _ h: Int, _ j: Int, _ d: Int) -> Double {
      j < s.past ? pastKey?.at([b, h, j, d]) ?? 0 : element(k, s.size, b, h, j - s.past, d)
    }
    func value(_ b: Int, _ h: Int, _ j: Int, _ d: Int) -> Double {
      j < s.past ? pastValue?.at([b, h, j, d]) ?? 0 : element(v, s.valueSize, b, h, j - s.past, d)
    }
    func bias(_ b: Int, _ h: Int, _ i: Int, _ j: Int) -> Double {
      let known = valid.map { Int($0[b]) } ?? total
      let position = i + (valid == nil ? s.past : known - s.queries)
      if j >= known || op.isCausal && j > position { return -.infinity }
      if let window = op.leftWindow, j < position - window { return -.infinity }
      if let window = op.rightWindow, j > position + window { return -.infinity }
      guard let mask else { return 0 }
      if j >= mask.sizes[mask.rank - 1] { return -.infinity }
      let addend = mask.broadcast(at: [b, h, i, j])
      return maskType == .bool ? (addend == 0 ? -.infinity : 0) : addend
    }
    let factor = op.scale?.value ?? 1 / sqrt(Double(s.size))
    let scoreSizes = [s.batch, s.heads, s.queries, total]
    func shared(_ head: Int) -> Int { head * s.keyHeads / s.heads }
    let product = Grid(scoreSizes) { (n: [Int]) -> Double in
      var sum = 0.0
      for d in 0..<s.size {
        sum += element(q, s.size, n[0], n[1], n[2], d) * key(n[0], shared(n[1]), n[3], d)
      }
      return sum * factor
    }
    let cap = op.softcap.value
    let capped = cap > 0 ? product.map { cap * tanh($0 / cap) } : product
    let biased = Grid(scoreSizes) { capped.at($0) + bias($0[0], $0[1], $0[2], $0[3]) }
    let probabilities = Grid(scoreSizes) { (n: [Int]) -> Double in
      let row = (0..<total).map { exp(biased.at([n[0], n[1], n[2], $0])) }
      let sum = row.reduce(0, +)
      return sum == 0 ? 0 : row[n[3]] / sum
    }
    let outputSizes =
      s.merged ? [s.batch, s.queries, s.heads * s.valueSize] : [s.batch, s.heads, s.queries, s.valueSize]
    let y = Grid(outputSizes) { (n: [Int]) -> Double in
      let (h, i) = s.merged ? (n[2] / s.valueSize, n[1]) : (n[1], n[2])
      let d = s.merged ? n[2] % s.valueSize : n[3]
      return (0..<total).reduce(0) {
        $0 + probabilities.at([n[0], h, i, $1]) * value(n[0], shared(h), $1, d)
      }
    }
    let keySizes = [s.batch, s.keyHeads, total]
    let scores = [product, capped, biased, probabilities][op.scores.rawValue]
    let results: [Grid] = [
      y, Grid(keySizes + [s.size]) { key($0[0], $0[1], $0[2], $0[3]) },
      Grid(keySizes + [s.valueSize]) { value($0[0], $0[1], $0[2], $0[3]) }, scores,
    ]
    var inputs: [RuntimeValue?] = [q.value(type), k.value(type), v.value(type), mask?.value(maskType)]
    inputs += [pastKey?.value(type), pastValue?.value(type)]
    inputs.append(valid.map { Grid([s.batch], $0).value(.int64) })
    while let last = inputs.last, last == nil { inputs.removeLast() }
    let error = type == .float16 ? 2e-3 : 3e-6
    return OperatorCase(
      name, op, inputs, gives: results.prefix(wanted).map { $0.value(type) },
      .close(relative: error, absolute: error))
  }

  private static let plainAttention: [OperatorCase] = [
    attentionCase("rank4"),
    attentionCase("rank3", Attention(), Sizes(merged: true)),
    attentionCase("rank3/value-size", Attention(), Sizes(valueSize: 10, merged: true)),
    attentionCase("shared", Attention(), Sizes(heads: 6, keyHeads: 2)),
    attentionCase("rank3/shared", Attention(), Sizes(heads: 4, keyHeads: 1, valueSize: 6, merged: true)),
    attentionCase("scale", Attention(scale: 0.25)),
    attentionCase("softcap", Attention(softcap: 2)),
    attentionCase("causal", Attention(isCausal: true)),
    attentionCase("windows", Attention(leftWindow: 1, rightWindow: 2)),
    attentionCase("causal/window", Attention(isCausal: true, leftWindow: 2, rightWindow: 4)),
    attentionCase("precision", Attention(softmaxPrecision: .float64)),
    attentionCase("float64", type: .float64),
    attentionCase("float16", type: .float16),
    attentionCase(
      "tiles", Attention(), Sizes(batch: 1, queries: 37, keys: 41, size: 16, valueSize: 32, merged: true)),
    attentionCase(
      "one", Attention(), Sizes(batch: 1, heads: 1, keyHeads: 1, queries: 1, keys: 1, size: 1, valueSize: 1)),
    attentionCase("batch0", Attention(), Sizes(batch: 0)),
    attentionCase("keys0", Attention(), Sizes(keys: 0, merged: true)),
  ]

  private static func reals(_ sizes: [Int]) -> Grid {
    var generator = SeededGenerator("mask \(sizes)")
    return Grid.reals(sizes, &generator)
  }

  /// Flags, of which row 1 has none set.
  private static func flags(_ sizes: [Int]) -> Grid {
    Grid(sizes) { (n: [Int]) -> Double in
      sizes.count > 1 && n[n.count - 2] == 1 ? 0 : n.reduce(1, +) % 3 == 0 ? 0 : 1
    }
  }

  private static let maskedAttention: [OperatorCase] = [
    attentionCase("mask", mask: reals([4, 6])),
    attentionCase("mask/batch", mask: reals([2, 1, 1, 6])),
    attentionCase("mask/head", Attention(), Sizes(merged: true), mask: reals([3, 4, 6])),
    attentionCase("mask/full", Attention(isCausal: true), mask: reals([2, 3, 4, 6])),
    attentionCase("mask/integers", mask: Grid([4, 6]) { Double($0[0] - $0[1]) }, maskType: .int32),
    attentionCase("flags", mask: flags([4, 6]), maskType: .bool),
    attentionCase("flags/row", mask: flags([6]), maskType: .bool),
    attentionCase("flags/batch", Attention(isCausal: true), mask: flags([2, 1, 4, 6]), maskType: .bool),
    attentionCase("short", mask: reals([4, 4])),
    attentionCase("short/flags", Attention(), Sizes(merged: true), mask: flags([4, 3]), maskType: .bool),
  ]

  private static let cachedAttention: [OperatorCase] = [
    attentionCase("past", Attention(), Sizes(past: 5), wanted: 3),
    attentionCase(
      "past/rank3", Attention(), Sizes(past: 5, valueSize: 6, merged: true), mask: reals([4, 11]), wanted: 3),
    attentionCase("past/causal", Attention(isCausal: true, leftWindow: 3), Sizes(past: 3), wanted: 3),
    attentionCase("valid", Attention(), Sizes(merged: true), valid: [3, 6]),
    attentionCase("valid/causal", Attention(isCausal: true), mask: reals([1, 6]), valid: [2, 5]),
    attentionCase("valid/window", Attention(leftWindow: 1), mask: reals([4, 5]), valid: [4, 5]),
    attentionCase("scores/product", Attention(softcap: 2), mask: reals([4, 6]), wanted: 4),
    attentionCase("scores/capped", Attention(softcap: 2, scores: .capped), mask: reals([4, 6]), wanted: 4),
    attentionCase(
      "scores/biased", Attention(softcap: 2, scores: .biased), Sizes(past: 2), mask: reals([4, 8]), wanted: 4),
    attentionCase(
      "scores/probabilities", Attention(scores: .probabilities), mask: flags([4, 6]), maskType: .bool,
      wanted: 4),
  ]
}
