import IR

/// The identity of one place in a pattern: two places with the same token match the same value.
package final class Token: Sendable {
  package init() {}
}

/// A picture of values and the nodes that make them, which `Rewrite` looks for.
package protocol Pattern: Sendable {
  var token: Token { get }
  /// The operator that makes the value; nil: any, or none.
  var operatorName: String? { get }
  /// Patterns of the node's first operands; further operands are free.
  var operands: [any Pattern] { get }
  /// Which result of its node the value is.
  var output: Int { get }
  /// Whether the value may stand here, its operands aside.
  func admits(_ value: ValueID, in graph: borrowing Graph) -> Bool
}

extension Pattern {
  package var operatorName: String? { nil }
  package var operands: [any Pattern] { [] }
  package var output: Int { 0 }
  /// Nodes from this one to the farthest one it looks at.
  var depth: Int { 1 + (operands.map(\.depth).max() ?? 0) }
}

/// Any value.
package struct Anything: Pattern {
  package let token = Token()
  package init() {}
  package func admits(_ value: ValueID, in graph: borrowing Graph) -> Bool { true }
}

/// A value known at compile time.
package struct AnyConstant: Pattern {
  package let token = Token()
  package init() {}
  package func admits(_ value: ValueID, in graph: borrowing Graph) -> Bool { graph[value].constant != nil }
}

/// The result of any operator, such as every one that accepts an epilogue.
package struct AnyResult: Pattern {
  package let token = Token()
  let usedOnce: Bool
  let holds: @Sendable (Node) -> Bool

  package init(usedOnce: Bool = false, where holds: @escaping @Sendable (Node) -> Bool = { _ in true }) {
    self.usedOnce = usedOnce
    self.holds = holds
  }

  package func admits(_ value: ValueID, in graph: borrowing Graph) -> Bool {
    guard case .result(let id, index: 0) = graph[value].source else { return false }
    return (!usedOnce || graph.uses(of: value).count == 1) && holds(graph[id])
  }
}

/// A result of an operator of one type.
///
/// Matches nodes without an epilogue unless told otherwise: a rule that forgot to ask would be wrong. Both
/// orders of two operands are tried where the instance commutes.
///
/// ```swift
/// let conv = Find(Convolution.self, x, weights, usedOnce: true)
/// let sum = Find(Binary.self, conv, Anything(), where: { $0.function == .add })
/// ```
package struct Find<Op: Operator>: Pattern {
  package let token = Token()
  package let operands: [any Pattern]
  package let output: Int
  let usedOnce, anyEpilogue: Bool
  let holds: @Sendable (Op) -> Bool

  package init(
    _: Op.Type, _ operands: any Pattern..., output: Int = 0, usedOnce: Bool = false,
    anyEpilogue: Bool = false,
    where holds: @escaping @Sendable (Op) -> Bool = { _ in true }
  ) {
    self.operands = operands
    self.output = output
    self.usedOnce = usedOnce
    self.anyEpilogue = anyEpilogue
    self.holds = holds
  }

  package var operatorName: String? { Op.name }

  package func admits(_ value: ValueID, in graph: borrowing Graph) -> Bool {
    guard case .result(let id, let index) = graph[value].source, index == output else { return false }
    let node = graph[id]
    guard let op = node.op as? Op, anyEpilogue || node.epilogue.isEmpty else { return false }
    return (!usedOnce || graph.uses(of: value).count == 1) && holds(op)
  }
}
