/// A named size that is known only when a model is bound to inputs, such as the batch.
public struct Symbol: Hashable, Codable, Sendable {
  public let name: String
  public init(_ name: String) { self.name = name }
}

/// The result of a size computation does not fit, or its formula grew beyond its budget.
public struct SizeOverflow: Error, Sendable {
  public init() {}
}

/// A size: a number, or a formula over symbols in normal form, so that two sizes are equal when their
/// formulas are.
///
/// `2*N`, `N+1` and `floor(H/2)` are dimensions. Only type inference computes with them; binding every symbol
/// yields plain numbers.
public struct Dimension: Hashable, Sendable {
  public indirect enum Atom: Hashable, Sendable {
    case symbol(Symbol)
    /// ⌊a ÷ b⌋
    case floor(Dimension, Dimension)
    /// Both are equal, or one of them is 1; checked when bound.
    case broadcast(Dimension, Dimension)
    case maximum(Dimension, Dimension)
    case minimum(Dimension, Dimension)
  }

  public struct Term: Hashable, Sendable {
    public var factors: [Atom]
    public var coefficient: Int
  }

  /// Sorted by text, no coefficient zero.
  public private(set) var terms: [Term]

  /// Longer formulas are refused: a hostile graph could double them at every node.
  static let termLimit = 48
  static let factorLimit = 16
  static let textLimit = 1024

  public init(_ number: Int) { terms = number == 0 ? [] : [Term(factors: [], coefficient: number)] }
  public init(_ symbol: Symbol) { terms = [Term(factors: [.symbol(symbol)], coefficient: 1)] }
  private init(terms: [Term]) { self.terms = terms }
  private init(checked atom: Atom) throws(SizeOverflow) {
    if atom.text.utf8.count > Self.textLimit { throw SizeOverflow() }
    terms = [Term(factors: [atom], coefficient: 1)]
  }

  /// The number, when no symbol is left.
  public var fixed: Int? {
    if terms.isEmpty { return 0 }
    return terms.count == 1 && terms[0].factors.isEmpty ? terms[0].coefficient : nil
  }
}

// MARK: - Arithmetic

extension Dimension {
  private static func normal(_ terms: [Term]) throws(SizeOverflow) -> Dimension {
    var sums: [Term] = []
    for var term in terms {
      if term.factors.count > factorLimit { throw SizeOverflow() }
      term.factors.sort { $0.text < $1.text }
      if let i = sums.firstIndex(where: { $0.factors == term.factors }) {
        let (sum, overflow) = sums[i].coefficient.addingReportingOverflow(term.coefficient)
        if overflow { throw SizeOverflow() }
        sums[i].coefficient = sum
      } else {
        sums.append(term)
      }
      if sums.count > termLimit { throw SizeOverflow() }
    }
    let kept = sums.filter { $0.coefficient != 0 }.map { ($0.factorText, $0) }
    if kept.reduce(0, { $0 + $1.0.utf8.count }) > textLimit { throw SizeOverflow() }
    return Dimension(terms: kept.sorted { $0.0 < $1.0 }.map(\.1))
  }

  public static func + (a: Dimension, b: Dimension) throws(SizeOverflow) -> Dimension {
    if let x = a.fixed, let y = b.fixed {
      let (sum, overflow) = x.addingReportingOverflow(y)
      if overflow { throw SizeOverflow() }
      return Dimension(sum)
    }
    return try normal(a.terms + b.terms)
  }

  public static func - (a: Dimension, b: Dimension) throws(SizeOverflow) -> Dimension {
    try a + b * Dimension(-1)
  }

  public static func * (a: Dimension, b: Dimension) throws(SizeOverflow) -> Dimension {
    if a.terms.count * b.terms.count > termLimit { throw SizeOverflow() }
    var terms: [Term] = []
    for x in a.terms {
      for y in b.terms {
        let (product, overflow) = x.coefficient.multipliedReportingOverflow(by: y.coefficient)
        if overflow { throw SizeOverflow() }
        terms.append(Term(factors: x.factors + y.factors, coefficient: product))
      }
    }
    return try normal(terms)
  }

  /// ⌊a ÷ b⌋, exact where a monomial divides every term: `Reshape`'s −1 over a symbolic batch.
  ///
  /// Over a number, whole parts leave the quotient and nested quotients become one, so that ⌊(H+2−3)/2⌋+1
  /// equals ⌈H/2⌉ and two windows of stride 2 equal one of stride 4. Throws when `b` is a number that is not
  /// positive.
  public static func floor(_ a: Dimension, _ b: Dimension) throws(SizeOverflow) -> Dimension {
    if let y = b.fixed {
      if y <= 0 { throw SizeOverflow() }
      return try a.flooredQuotient(y)
    }
    if b.terms.count == 1, let divided = a.dividedExactly(by: b.terms[0]) { return divided }
    return try Dimension(checked: .floor(a, b))
  }

  private func flooredQuotient(_ divisor: Int) throws(SizeOverflow) -> Dimension {
    if divisor == 1 { return self }
    // ⌊(q·b + r) ÷ b⌋ = q + ⌊r ÷ b⌋ for whole q, with each coefficient of r in 0..<b.
    var whole: [Term] = []
    var rest: [Term] = []
    for term in terms {
      let truncated = term.coefficient % divisor
      let remainder = truncated < 0 ? truncated + divisor : truncated
      // A symbol keeps its full coefficient unless it leaves entirely: ⌊3N/2⌋ rather than N + ⌊N/2⌋.
      if remainder == 0 || term.factors.isEmpty {
        let quotient = term.coefficient / divisor - (truncated < 0 ? 1 : 0)
        if quotient != 0 { whole.append(Term(factors: term.factors, coefficient: quotient)) }
        if remainder != 0 { rest.append(Term(factors: term.factors, coefficient: remainder)) }
      } else {
        rest.append(term)
      }
    }
    let quotient = Dimension(terms: whole)
    let remaining = Dimension(terms: rest)
    if let number = remaining.fixed, number >= 0 { return quotient }
    return try quotient + remaining.nestedQuotient(divisor)
  }

  /// ⌊(⌊x ÷ y⌋ + c) ÷ b⌋ = ⌊(x + c·y) ÷ (y·b)⌋ for positive numbers y and b.
  private func nestedQuotient(_ divisor: Int) throws(SizeOverflow) -> Dimension {
    let symbolic = terms.filter { !$0.factors.isEmpty }
    if symbolic.count == 1, symbolic[0].coefficient == 1, symbolic[0].factors.count == 1,
      case .floor(let x, let y) = symbolic[0].factors[0], let inner = y.fixed
    {
      let (product, overflow) = inner.multipliedReportingOverflow(by: divisor)
      if !overflow {
        let constant = terms.first { $0.factors.isEmpty }?.coefficient ?? 0
        return try Dimension.floor(x + Dimension(constant) * y, Dimension(product))
      }
    }
    return try Dimension(checked: .floor(self, Dimension(divisor)))
  }

  /// ⌈a ÷ b⌉
  public static func ceil(_ a: Dimension, _ b: Dimension) throws(SizeOverflow) -> Dimension {
    try floor(a + b - Dimension(1), b)
  }

  private func dividedExactly(by divisor: Term) -> Dimension? {
    var quotient: [Term] = []
    for var term in terms {
      let (remainder, overflow) = term.coefficient.remainderReportingOverflow(dividingBy: divisor.coefficient)
      guard !overflow, remainder == 0 else { return nil }
      let (divided, tooLarge) = term.coefficient.dividedReportingOverflow(by: divisor.coefficient)
      guard !tooLarge else { return nil }
      term.coefficient = divided
      for factor in divisor.factors {
        guard let i = term.factors.firstIndex(of: factor) else { return nil }
        term.factors.remove(at: i)
      }
      quotient.append(term)
    }
    return Dimension(terms: quotient.sorted { $0.factorText < $1.factorText })
  }

  /// The size that two sizes broadcast to by the NumPy rule. Throws when they are numbers that conflict.
  public static func broadcast(_ a: Dimension, _ b: Dimension) throws(SizeOverflow) -> Dimension {
    if a == b || b.fixed == 1 { return a }
    if a.fixed == 1 { return b }
    if a.fixed != nil && b.fixed != nil { throw SizeOverflow() }
    // A number that is not 1 is the result: the other is the same number or 1.
    if a.fixed != nil || b.isBroadcastPart(of: a) { return a }
    if b.fixed != nil || a.isBroadcastPart(of: b) { return b }
    return try Dimension(checked: a.text < b.text ? .broadcast(a, b) : .broadcast(b, a))
  }

  private func isBroadcastPart(of other: Dimension) -> Bool {
    guard other.terms.count == 1, other.terms[0].coefficient == 1, other.terms[0].factors.count == 1,
      case .broadcast(let a, let b) = other.terms[0].factors[0]
    else { return false }
    return self == a || self == b
  }

  public static func maximum(_ a: Dimension, _ b: Dimension) throws(SizeOverflow) -> Dimension {
    if (try? a - b)?.lowerBound ?? -1 >= 0 { return a }
    if (try? b - a)?.lowerBound ?? -1 >= 0 { return b }
    return try Dimension(checked: a.text < b.text ? .maximum(a, b) : .maximum(b, a))
  }

  public static func minimum(_ a: Dimension, _ b: Dimension) throws(SizeOverflow) -> Dimension {
    if (try? b - a)?.lowerBound ?? -1 >= 0 { return a }
    if (try? a - b)?.lowerBound ?? -1 >= 0 { return b }
    return try Dimension(checked: a.text < b.text ? .minimum(a, b) : .minimum(b, a))
  }

  /// Replaces the symbols in `sizes` by their numbers; other symbols stay.
  public func bound(_ sizes: [Symbol: Int]) throws(SizeOverflow) -> Dimension {
    if fixed != nil { return self }
    var sum = Dimension(0)
    for term in terms {
      var product = Dimension(term.coefficient)
      for factor in term.factors { product = try product * factor.bound(sizes) }
      sum = try sum + product
    }
    return sum
  }

  /// The symbols of the formula, in the order of the text.
  public var symbols: [Symbol] {
    var found: [Symbol] = []
    for term in terms {
      for factor in term.factors {
        for symbol in factor.symbols where !found.contains(symbol) { found.append(symbol) }
      }
    }
    return found
  }
}

extension Dimension.Atom {
  fileprivate func bound(_ sizes: [Symbol: Int]) throws(SizeOverflow) -> Dimension {
    switch self {
    case .symbol(let s): sizes[s].map { Dimension($0) } ?? Dimension(s)
    case .floor(let a, let b): try Dimension.floor(a.bound(sizes), b.bound(sizes))
    case .broadcast(let a, let b): try Dimension.broadcast(a.bound(sizes), b.bound(sizes))
    case .maximum(let a, let b): try Dimension.maximum(a.bound(sizes), b.bound(sizes))
    case .minimum(let a, let b): try Dimension.minimum(a.bound(sizes), b.bound(sizes))
    }
  }

  fileprivate var symbols: [Symbol] {
    switch self {
    case .symbol(let s): [s]
    case .floor(let a, let b), .broadcast(let a, let b), .maximum(let a, let b), .minimum(let a, let b):
      a.symbols + b.symbols
    }
  }
}

// MARK: - Text

extension Dimension: CustomStringConvertible {
  /// The formula, such as `2*N` or `floor(H/2)`.
  public var text: String {
    if let fixed { return "\(fixed)" }
    return terms.map(\.text).joined(separator: "+")
  }
  public var description: String { text }
}

extension Dimension.Term {
  fileprivate var factorText: String { factors.map(\.text).joined(separator: "*") }

  fileprivate var text: String {
    if factors.isEmpty { return "\(coefficient)" }
    return coefficient == 1 ? factorText : "\(coefficient)*\(factorText)"
  }
}

extension Dimension.Atom {
  fileprivate var text: String {
    switch self {
    case .symbol(let s): s.name
    case .floor(let a, let b): "floor(\(a.text)/\(b.text))"
    case .broadcast(let a, let b): "broadcast(\(a.text),\(b.text))"
    case .maximum(let a, let b): "max(\(a.text),\(b.text))"
    case .minimum(let a, let b): "min(\(a.text),\(b.text))"
    }
  }
}

extension Dimension: ExpressibleByIntegerLiteral {
  public init(integerLiteral value: Int) { self.init(value) }
}

// MARK: - Bounds

extension Dimension {
  /// A number that the size is never below, given that symbols, being sizes, are not negative; nil: none is
  /// known.
  public var lowerBound: Int? {
    var bound = 0
    for term in terms {
      if term.factors.isEmpty {
        bound += term.coefficient
      } else if term.coefficient < 0 || !term.factors.allSatisfy(\.isNotNegative) {
        return nil
      }
    }
    return bound
  }
}

extension Dimension.Atom {
  fileprivate var isNotNegative: Bool {
    func isNotNegative(_ size: Dimension) -> Bool { (size.lowerBound ?? -1) >= 0 }
    return switch self {
    case .symbol: true
    case .floor(let a, let b), .broadcast(let a, let b), .minimum(let a, let b):
      isNotNegative(a) && isNotNegative(b)
    case .maximum(let a, let b): isNotNegative(a) || isNotNegative(b)
    }
  }
}
