import IR
import Tensors

/// What passes may ask of the outside.
package struct PassContext: Sendable {
  /// The meaning of one node, on given operands. Throws where it cannot be computed.
  package let evaluate: @Sendable (Node, [RuntimeValue?]) throws(GraphError) -> [RuntimeValue?]
  /// Constants are not folded into results of more bytes than this.
  package let foldBudgetBytes: Int
  /// Quantized constants are not folded into the numbers they stand for.
  package let keepsQuantized: Bool

  package init(
    foldBudgetBytes: Int = 64 << 20, keepsQuantized: Bool = false,
    evaluate: @escaping @Sendable (Node, [RuntimeValue?]) throws(GraphError) -> [RuntimeValue?]
  ) {
    self.evaluate = evaluate
    self.foldBudgetBytes = foldBudgetBytes
    self.keepsQuantized = keepsQuantized
  }
}

/// One step of the optimizer: changes a graph and keeps its meaning. Running it again changes nothing.
package protocol Pass: Sendable {
  var name: String { get }
  /// Returns how many changes it made.
  func run(on graph: inout Graph, in context: PassContext, log: inout PassLog) throws(GraphError) -> Int
}

/// What a pass did, where it refused, and what went wrong, rule by rule.
package struct PassLog: Sendable {
  package struct Hits: Hashable, Sendable {
    package var rule: String
    package var count: Int
  }
  package struct Refusal: Hashable, Sendable {
    package var rule: String
    package var node: String
    package var reason: String

    package init(rule: String, node: String, reason: String) {
      self.rule = rule
      self.node = node
      self.reason = reason
    }
  }

  package private(set) var hits: [Hits] = []
  /// Matches that a rule refused and that are still there.
  package var declines: [Refusal] = []
  /// Rules that threw; their changes were not made.
  package var failures: [Refusal] = []

  package init() {}

  package mutating func hit(_ rule: String, count: Int = 1) {
    if let i = hits.firstIndex(where: { $0.rule == rule }) {
      hits[i].count += count
    } else {
      hits.append(Hits(rule: rule, count: count))
    }
  }

  package mutating func decline(_ rule: String, at node: String, _ reason: String) {
    declines.append(Refusal(rule: rule, node: node, reason: reason))
  }

  package mutating func fail(_ rule: String, at node: String, _ error: GraphError) {
    let failure = Refusal(rule: rule, node: node, reason: error.description)
    if failures.count < 256, !failures.contains(failure) { failures.append(failure) }
  }

  /// Adds what a later round says: hits add up, the later declines are those that count.
  mutating func merge(_ later: PassLog) {
    for hits in later.hits { hit(hits.rule, count: hits.count) }
    declines = later.declines
    for failure in later.failures where !failures.contains(failure) { failures.append(failure) }
  }
}

extension Graph {
  /// Runs `body` on every region of every node, and puts back those that it changed.
  mutating func rewriteRegions(_ body: (inout Graph) throws(GraphError) -> Int) throws(GraphError) -> Int {
    var total = 0
    for i in nodes.indices {
      guard let node = nodes[i], !node.regions.isEmpty else { continue }
      var regions = node.regions
      var changes = 0
      for r in regions.indices { changes += try body(&regions[r]) }
      if changes > 0 { setRegions(regions, of: node.id) }
      total += changes
    }
    return total
  }
}
