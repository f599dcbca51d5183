import IR
import Tensors

/// Finds what holds of both of two types: sizes that differ become fresh symbols, ranks that differ become
/// unknown.
///
/// Symbols that a region made for itself mean nothing outside of it, where another may have the same name:
/// they become fresh ones too.
struct TypeJoiner {
  private let context: InferenceContext
  private var seen: Set<Symbol>
  private(set) var nextSymbol: Int

  /// `operands`: the values whose symbols both types may use.
  init(_ context: InferenceContext, seenBy operands: [Operand?], firstSymbol: Int = 0) {
    self.context = context
    nextSymbol = firstSymbol
    seen = []
    for operand in operands {
      for dimension in (operand?.shape ?? []) + (operand?.contents ?? []) {
        seen.formUnion(dimension.symbols)
      }
    }
  }

  mutating func fresh() -> Dimension {
    nextSymbol += 1
    return context.fresh(nextSymbol - 1)
  }

  mutating func join(_ first: [ValueType], _ second: [ValueType]) throws(GraphError) -> [ValueType] {
    var joined: [ValueType] = []
    for (a, b) in zip(first, second) { joined.append(try join(a, b)) }
    return joined
  }

  mutating func join(_ a: ValueType, _ b: ValueType) throws(GraphError) -> ValueType {
    switch (a, b) {
    case (.tensor(let x), .tensor(let y)):
      if x.dataType != y.dataType {
        throw GraphError(
          .malformed("a result is \(x.dataType.rawValue) or \(y.dataType.rawValue), as it happens"))
      }
      guard let m = x.shape, let n = y.shape, m.count == n.count else { return .tensor(x.dataType, nil) }
      var shape: [Dimension] = []
      for (p, q) in zip(m, n) { shape.append(p == q ? sealed(p) : fresh()) }
      return .tensor(x.dataType, shape)
    case (.sequence(let x), .sequence(let y)): return .sequence(try join(x, y))
    case (.optional(let x), .optional(let y)): return .optional(try join(x, y))
    default: return .unknown
    }
  }

  /// Whether a joined type holds of another: their sizes are equal, or fresh in the joined one.
  func covers(_ joined: ValueType, _ other: ValueType) -> Bool {
    switch (joined, other) {
    case (.unknown, _): return true
    case (.sequence(let x), .sequence(let y)), (.optional(let x), .optional(let y)): return covers(x, y)
    case (.tensor(let x), .tensor(let y)):
      guard x.dataType == y.dataType else { return false }
      guard let m = x.shape else { return true }
      guard let n = y.shape, m.count == n.count else { return false }
      return zip(m, n).allSatisfy { p, q in p == q || (p.fixed == nil && !p.symbols.allSatisfy(seen.contains))
      }
    default: return false
    }
  }

  mutating func sealed(_ shape: [Dimension]?) -> [Dimension]? {
    guard let shape else { return nil }
    var result: [Dimension] = []
    for dimension in shape { result.append(sealed(dimension)) }
    return result
  }

  private mutating func sealed(_ dimension: Dimension) -> Dimension {
    dimension.symbols.allSatisfy { seen.contains($0) } ? dimension : fresh()
  }
}

extension ValueType {
  /// The same kind of value of any sizes.
  package var withoutShape: ValueType {
    switch self {
    case .tensor(let type): .tensor(type.dataType, nil)
    case .sequence(let element): .sequence(element.withoutShape)
    case .optional(let element): .optional(element.withoutShape)
    case .unknown: .unknown
    }
  }
}
