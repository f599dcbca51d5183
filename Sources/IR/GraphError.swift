import Tensors

/// A graph that cannot be built, inferred or changed as asked.
///
/// Operators throw it without a subject; whoever holds the node adds its name.
package struct GraphError: Error, Sendable {
  package enum Reason: Sendable {
    case arity(expected: ClosedRange<Int>, found: Int)
    case resultCount(expected: ClosedRange<Int>, found: Int)
    /// A required operand is absent.
    case missing(operand: Int)
    case dataType(operand: Int, expected: [DataType], found: DataType)
    case rank(operand: Int, expected: Int, found: Int)
    case minimumRank(operand: Int, expected: Int, found: Int)
    /// A sequence where a tensor is needed, or the other way round.
    case kind(operand: Int, expected: String, found: ValueType)
    case dimension(operand: Int, axis: Int, expected: Dimension, found: Dimension)
    case attribute(String, expected: String, found: String)
    case sizeOverflow
    case replacedType(expected: ValueType, found: ValueType)
    case cycle
    case budget(String)
    /// A broken promise of the graph itself: an unknown name, a value without a source.
    case malformed(String)
  }

  package var node: String?
  package var reason: Reason

  package init(_ reason: Reason, node: String? = nil) {
    self.reason = reason
    self.node = node
  }

  /// Whether no choice of types could avoid it: the graph itself is wrong, or too much was asked.
  package var isStructural: Bool {
    switch reason {
    case .malformed, .budget, .cycle: true
    default: false
    }
  }

  package var isBudget: Bool {
    if case .budget = reason { return true }
    return false
  }

  package func at(_ node: String) -> GraphError { self.node == nil ? GraphError(reason, node: node) : self }
}

extension GraphError: CustomStringConvertible {
  package var description: String { (node.map { "\($0): " } ?? "") + reason.description }
}

extension GraphError.Reason: CustomStringConvertible {
  package var description: String {
    switch self {
    case .arity(let expected, let found):
      "expects \(expected.text) operands, found \(found)"
    case .resultCount(let expected, let found):
      "has \(expected.text) results, \(found) are named"
    case .missing(let operand): "operand \(operand) is missing"
    case .dataType(let operand, let expected, let found):
      "operand \(operand) is \(found.rawValue), expected \(expected.map(\.rawValue).joined(separator: " or "))"
    case .rank(let operand, let expected, let found):
      "operand \(operand) has rank \(found), expected \(expected)"
    case .minimumRank(let operand, let expected, let found):
      "operand \(operand) has rank \(found), expected at least \(expected)"
    case .kind(let operand, let expected, let found): "operand \(operand) is \(found), expected \(expected)"
    case .dimension(let operand, let axis, let expected, let found):
      "operand \(operand) has size \(found) on axis \(axis), expected \(expected)"
    case .attribute(let name, let expected, let found): "\(name) is \(found), expected \(expected)"
    case .sizeOverflow: "a size does not fit"
    case .replacedType(let expected, let found):
      "a replacement has type \(found), which does not refine \(expected)"
    case .cycle: "the graph has a cycle"
    case .budget(let what): "beyond the budget: \(what)"
    case .malformed(let what): what
    }
  }
}

/// Runs `body`, turning overflow of sizes into a graph error.
package func sized<T>(_ body: () throws(SizeOverflow) -> T) throws(GraphError) -> T {
  do { return try body() } catch { throw GraphError(.sizeOverflow) }
}

extension ClosedRange<Int> {
  /// `2`, `1 to 3`, or `at least 1`.
  fileprivate var text: String {
    if lowerBound == upperBound { return "\(lowerBound)" }
    return upperBound == .max ? "at least \(lowerBound)" : "\(lowerBound) to \(upperBound)"
  }
}
