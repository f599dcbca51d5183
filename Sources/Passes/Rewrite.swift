import IR

/// What became of a match.
package enum Outcome: Hashable, Sendable {
  case changed
  /// The rule looked and refused; the reason is what `why` prints.
  case declined(String)
  /// The picture was too wide; there is nothing to say about this node.
  case ignored
}

/// A rule: a picture, and a body that describes the change in a patch, or declines.
package struct Rewrite: Sendable {
  package typealias Body = @Sendable (borrowing Graph, Match, inout Patch) throws(GraphError) -> Outcome
  package let name: String
  package let root: any Pattern
  let depth: Int
  let body: Body

  package init(_ name: String, at root: any Pattern, _ body: @escaping Body) {
    self.name = name
    self.root = root
    depth = root.depth
    self.body = body
  }
}
