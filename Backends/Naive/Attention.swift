import Glibc
import Kernels
import Operators
import Tensors

extension Attention: NaiveOperator {
  static let naiveName = "attention"
  // Q and V may be of different types: each result is rounded to its own.
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let (q, k, v) = (try call.operand(0), try call.operand(1), try call.operand(2))
    let (pastKey, pastValue) = (try call.optional(4), try call.optional(5))
    guard
      let geometry = AttentionGeometry(
        self, query: q.sizes, key: k.sizes, value: v.sizes, pastKey: pastKey?.sizes),
      pastValue.map({ $0.sizes == geometry.pastValueSizes }) ?? (pastKey == nil)
    else { throw .malformed }
    let keys = try joined(pastKey, k, geometry, size: geometry.headSize, call)
    let values = try joined(pastValue, v, geometry, size: geometry.valueSize, call)
    let bias = try Bias(self, geometry, mask: try call.optional(3), valid: try call.integers(6), call)
    let shape = [geometry.batch, geometry.keyHeads, geometry.keys]
    if call.isWanted(1) { try call.set(1, keys, q.dataType, shape + [geometry.headSize]) }
    if call.isWanted(2) { try call.set(2, values, v.dataType, shape + [geometry.valueSize]) }
    let (output, scores) = try attend(
      try call.reals(q), keys, values, bias, geometry, keepsScores: call.isWanted(3), in: call)
    try call.set(0, output, q.dataType, geometry.outputSizes)
    if call.isWanted(3) { try call.set(3, scores, q.dataType, geometry.scoreSizes) }
  }

  private func attend(
    _ q: [Double], _ keys: [Double], _ values: [Double], _ bias: Bias, _ g: AttentionGeometry,
    keepsScores: Bool,
    in call: Evaluation
  ) throws(KernelFault) -> (output: [Double], scores: [Double]) {
    let factor = scale?.value ?? 1 / Double(g.headSize).squareRoot()
    let from = g.strides(heads: g.queryHeads, rows: g.queries, size: g.headSize)
    let to = g.strides(heads: g.queryHeads, rows: g.queries, size: g.valueSize)
    let rows = g.batch * g.queryHeads * g.queries
    if rows * g.valueSize == 0, !keepsScores || rows * g.keys == 0 { return ([], []) }
    try call.checkCount(rows * g.valueSize, of: .float64)
    if keepsScores { try call.checkCount(rows * g.keys, of: .float64) }
    try call.takeProducts([rows, g.keys, g.headSize + g.valueSize])
    try call.takeScratch((keepsScores ? rows * g.keys : 0) + g.keys)
    var output = try call.zeros(rows * g.valueSize)
    var kept: [Double] = []
    kept.reserveCapacity(keepsScores ? rows * g.keys : 0)
    var scores = [Double](repeating: 0, count: g.keys)
    for b in 0..<g.batch {
      for h in 0..<g.queryHeads {
        let first = (b * g.keyHeads + h / g.sharing) * g.keys
        for i in 0..<g.queries {
          let query = b * from.batch + h * from.head + i * from.row
          for j in 0..<g.keys {
            var sum = 0.0
            for d in 0..<g.headSize { sum += q[query + d] * keys[(first + j) * g.headSize + d] }
            scores[j] = sum * factor
          }
          if keepsScores, self.scores == .product { kept += scores }
          let cap = softcap.value
          if cap > 0 { for j in 0..<g.keys { scores[j] = cap * tanh(scores[j] / cap) } }
          if keepsScores, self.scores == .capped { kept += scores }
          var isMasked = true
          for j in 0..<g.keys {
            let addend = bias.at(b, h, i, j)
            // Left out whatever its score is, also NaN.
            scores[j] = addend == -.infinity ? addend : scores[j] + addend
            if addend != -.infinity { isMasked = false }
          }
          if keepsScores, self.scores == .biased { kept += scores }
          if isMasked { for j in 0..<g.keys { scores[j] = 0 } } else { normalize(&scores) }
          if keepsScores, self.scores == .probabilities { kept += scores }
          let result = b * to.batch + h * to.head + i * to.row
          for d in 0..<g.valueSize {
            var sum = 0.0
            for j in 0..<g.keys { sum += scores[j] * values[(first + j) * g.valueSize + d] }
            output[result + d] = sum
          }
        }
      }
    }
    return (output, kept)
  }

  /// exp(s − max) ÷ Σ exp(s − max); zeros where every score is −∞.
  private func normalize(_ scores: inout [Double]) {
    var highest = -Double.infinity
    for score in scores { highest = score.isNaN ? score : max(highest, score) }
    if highest == -.infinity { highest = 0 }
    var sum = 0.0
    for j in scores.indices {
      scores[j] = exp(scores[j] - highest)
      sum += scores[j]
    }
    if sum == 0 { sum = 1 }
    for j in scores.indices { scores[j] /= sum }
  }
}

/// The rows of the past followed by new ones, as [batch, heads, rows, size].
private func joined(
  _ past: Tensor?, _ incoming: Tensor, _ g: AttentionGeometry, size: Int, _ call: Evaluation
) throws(KernelFault) -> [Double] {
  if size == 0 { return [] }
  let (old, new) = (try call.reals(past) ?? [], try call.reals(incoming) as [Double])
  if old.isEmpty && new.isEmpty { return [] }
  let from = g.strides(heads: g.keyHeads, rows: g.incoming, size: size)
  try call.takeScratch(old.count + new.count)
  var result: [Double] = []
  result.reserveCapacity(old.count + new.count)
  for b in 0..<g.batch {
    for h in 0..<g.keyHeads {
      let block = g.past * size
      result += old[((b * g.keyHeads + h) * block)..<((b * g.keyHeads + h + 1) * block)]
      for i in 0..<g.incoming {
        let row = b * from.batch + h * from.head + i * from.row
        result += new[row..<row + size]
      }
    }
  }
  return result
}

/// What is added to a score.
private struct Bias {
  private let mask: [Double]
  private let sizes: [Int]
  private let strides: [Int]
  /// Of each item: the first key that the windows leave out on either side of query 0, and the keys there are.
  private let offsets, valid: [Int]
  private let before, after: Int?

  /// Larger than any number of rows, and far from overflow.
  private static let far = 1 << 48

  init(_ op: Attention, _ g: AttentionGeometry, mask: Tensor?, valid: [Int]?, _ call: Evaluation)
    throws(KernelFault)
  {
    guard (mask?.rank ?? 1) >= 1, (mask?.rank ?? 1) <= 4, (valid?.count ?? g.batch) == g.batch else {
      throw .malformed
    }
    let full = [Int](repeating: 1, count: 4 - (mask?.rank ?? 4)) + (mask?.sizes ?? g.scoreSizes)
    for (axis, size) in full.enumerated() {
      let limit = g.scoreSizes[axis]
      guard axis == 3 ? size <= limit : size == limit || size == 1 else { throw .malformed }
    }
    let numbers = try call.reals(mask) ?? []
    self.mask = mask?.dataType == .bool ? numbers.map { $0 == 0 ? -.infinity : 0 } : numbers
    sizes = full
    let steps = try rowMajorStrides(full)
    strides = full.indices.map { mask == nil || $0 < 3 && full[$0] == 1 ? 0 : steps[$0] }
    self.valid = (valid ?? [Int](repeating: g.keys, count: g.batch)).map { max(-Self.far, min(Self.far, $0)) }
    offsets = valid == nil ? [Int](repeating: g.past, count: g.batch) : self.valid.map { $0 - g.queries }
    before = op.leftWindow.map { max(-Self.far, min(Self.far, $0)) }
    let ahead = op.rightWindow.map { max(-Self.far, min(Self.far, $0)) }
    after = op.isCausal ? min(ahead ?? 0, 0) : ahead
  }

  func at(_ b: Int, _ h: Int, _ i: Int, _ j: Int) -> Double {
    let position = offsets[b] + i
    if j >= valid[b] || j >= sizes[3] { return -.infinity }
    if let after, j > position + after { return -.infinity }
    if let before, j < position - before { return -.infinity }
    return mask.isEmpty ? 0 : mask[b * strides[0] + h * strides[1] + i * strides[2] + j * strides[3]]
  }
}
