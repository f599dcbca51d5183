import IR
import Tensors

/// ONNX `Attention`: softmax(scale · Q·Kᵀ + bias) · V for each item and head.
///
/// Operands: Q, K, V, mask?, past key?, past value?, valid keys? [batch]. Q, K and V are either [batch, heads, rows,
/// size], or [batch, rows, heads · size] with the numbers of heads as attributes. Each head of K and V serves as many
/// consecutive heads of Q. Keys are the past ones followed by K's rows, and so are values.
///
/// Results: Y, of the form of Q; present key? and present value?, [batch, heads, past + rows, size]; scores?
/// [batch, query heads, query rows, past + rows].
///
/// The bias is the sum of the mask, where a flag that is not set counts as −∞, and of −∞ for every key that
/// `isCausal`, the windows or the number of valid keys leave out. A query whose bias is −∞ for every key gives
/// zeros.
package struct Attention: Operator {
  package static let name = "Attention"

  /// What the fourth result holds.
  package enum Scores: Int, Hashable, Codable, Sendable, CaseIterable {
    case product, capped, biased, probabilities
  }

  /// With operands of rank 3 only.
  package var queryHeads: Int?
  package var keyHeads: Int?
  /// nil: 1 ÷ √size of a head.
  package var scale: Real?
  /// Scores s become cap · tanh(s ÷ cap) before the bias is added; 0: they stay.
  package var softcap: Real
  /// A query at position p sees the keys up to p. Positions count from the first key; the first query stands at the
  /// number of past keys, or where the last one stands at the last valid key.
  package var isCausal: Bool
  /// A query at position p sees no key before p − `leftWindow`, and none after p + `rightWindow`; nil: unbounded.
  package var leftWindow: Int?
  package var rightWindow: Int?
  /// At least this precision for the softmax.
  package var softmaxPrecision: DataType?
  package var scores: Scores

  package init(
    queryHeads: Int? = nil, keyHeads: Int? = nil, scale: Real? = nil, softcap: Real = 0,
    isCausal: Bool = false,
    leftWindow: Int? = nil, rightWindow: Int? = nil, softmaxPrecision: DataType? = nil,
    scores: Scores = .product
  ) {
    self.queryHeads = queryHeads
    self.keyHeads = keyHeads
    self.scale = scale
    self.softcap = softcap
    self.isCausal = isCausal
    self.leftWindow = leftWindow
    self.rightWindow = rightWindow
    self.softmaxPrecision = softmaxPrecision
    self.scores = scores
  }

  package var traits: OperatorTraits { [.pure] }
}

/// The sizes of an attention whose operands are bound, and where its elements are.
package struct AttentionGeometry: Hashable, Sendable {
  package let batch, queryHeads, keyHeads: Int
  /// Rows of Q, of the past keys, and of K.
  package let queries, past, incoming: Int
  /// Sizes of one head of Q and K, and of V.
  package let headSize, valueSize: Int
  /// Operands of rank 3: rows hold all heads.
  package let isMerged: Bool

  /// Elements between neighbours of a row-major operand.
  package struct Strides: Hashable, Sendable {
    package let batch, head, row: Int
  }

  /// nil for sizes that inference refuses.
  package init?(_ op: Attention, query: [Int], key: [Int], value: [Int], pastKey: [Int]?) {
    guard query.count == key.count, key.count == value.count else { return nil }
    let past: Int
    switch query.count {
    case 3:
      guard let heads = op.queryHeads, let shared = op.keyHeads, heads > 0, shared > 0, query[2] % heads == 0,
        key[2] % shared == 0, value[2] % shared == 0
      else { return nil }
      (queryHeads, keyHeads) = (heads, shared)
      (queries, incoming) = (query[1], key[1])
      (headSize, valueSize) = (query[2] / heads, value[2] / shared)
      guard key[2] / shared == headSize, value[1] == incoming else { return nil }
    case 4:
      (queryHeads, keyHeads) = (query[1], key[1])
      (queries, incoming) = (query[2], key[2])
      (headSize, valueSize) = (query[3], value[3])
      guard key[3] == headSize, value[1] == keyHeads, value[2] == incoming else { return nil }
    default: return nil
    }
    isMerged = query.count == 3
    batch = query[0]
    past = pastKey.map { $0.count == 4 ? $0[2] : -1 } ?? 0
    self.past = past
    guard past >= 0, key[0] == batch, value[0] == batch, keyHeads > 0, queryHeads % keyHeads == 0 else {
      return nil
    }
    if let pastKey, pastKey != [batch, keyHeads, past, headSize] { return nil }
    // Sizes of tensors without elements may be of any size: no product of these may overflow.
    let rows =
      Double(batch) * Double(max(queryHeads, 1)) * Double(max(queries, max(past, 1) + max(incoming, 1)))
    let width = Double(max(headSize, 1)) * Double(max(valueSize, 1))
    guard Double(past) + Double(incoming) < 0x1p60, max(rows, 1) * width * Double(max(keys, 1)) < 0x1p62
    else {
      return nil
    }
  }

  /// Keys that a query may see.
  package var keys: Int { past + incoming }

  /// Heads of Q that share one of K.
  package var sharing: Int { queryHeads / keyHeads }

  package var pastValueSizes: [Int] { [batch, keyHeads, past, valueSize] }
  package var scoreSizes: [Int] { [batch, queryHeads, queries, keys] }

  package var outputSizes: [Int] {
    isMerged ? [batch, queries, queryHeads * valueSize] : [batch, queryHeads, queries, valueSize]
  }

  /// Of an operand with `heads` heads of `size` elements in each of `rows` rows.
  package func strides(heads: Int, rows: Int, size: Int) -> Strides {
    isMerged
      ? Strides(batch: rows * heads * size, head: size, row: heads * size)
      : Strides(batch: rows * heads * size, head: rows * size, row: size)
  }
}
