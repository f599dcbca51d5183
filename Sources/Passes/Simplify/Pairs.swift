import IR
import Operators
import Tensors

/// Two nodes in a row that are one, or none:
///
///     Transpose[b](Transpose[a](x))      →  Transpose[a∘b](x)
///     Reshape(Reshape(x))                →  Reshape(x)
///     Cast[C](Cast[B](x: A))             →  Cast[C](x), where B holds every A
///     Concat(Concat(x, y), z)            →  Concat(x, y, z), along one axis
///     neg(neg(x)), not(not(x))           →  x
///     relu(relu(x)), abs(abs(x)), …      →  the inner one
enum Pairs {
  static let rules: [Rewrite] = [transposes, reshapes, casts, concats, inverses]

  static let transposes: Rewrite = {
    let x = Anything()
    let inner = Find(Transpose.self, x)
    let outer = Find(Transpose.self, inner)
    return Rewrite("merge-transposes", at: outer) { (graph, match, patch) throws(GraphError) in
      guard let rank = graph.rank(match[x]) else { return .declined("the rank is not known") }
      let reversed = Array((0..<rank).reversed())
      let first = match.op(inner, in: graph).permutation ?? reversed
      let second = match.op(outer, in: graph).permutation ?? reversed
      guard first.count == rank, second.count == rank else { return .ignored }
      try patch.replace(
        match[outer], by: Transpose(permutation: second.map { first[$0] }), [match[x]],
        named: graph[match.node(outer)].name, in: graph)
      return .changed
    }
  }()

  private static let reshapes: Rewrite = {
    let x = Anything()
    let inner = Find(Reshape.self, x)
    let outer = Find(Reshape.self, inner)
    return Rewrite("merge-reshapes", at: outer) { (graph, match, patch) throws(GraphError) in
      guard let shape = graph.shape(match[outer]),
        let target = ReshapeTarget.target(for: shape, from: graph.shape(match[x]))
      else { return .declined("the sizes are not known") }
      try patch.replace(
        match[outer], by: Reshape(target: target), [match[x]], named: graph[match.node(outer)].name, in: graph
      )
      return .changed
    }
  }()

  private static let casts: Rewrite = {
    let x = Anything()
    let inner = Find(Cast.self, x)
    let outer = Find(Cast.self, inner)
    return Rewrite("merge-casts", at: outer) { (graph, match, patch) throws(GraphError) in
      guard let from = graph.tensorType(match[x])?.dataType else {
        return .declined("the element type is not known")
      }
      let through = match.op(inner, in: graph).to
      guard holds(through, every: from) else {
        return .declined("\(through.rawValue) does not hold every \(from.rawValue)")
      }
      try patch.replace(
        match[outer], by: match.op(outer, in: graph), [match[x]], named: graph[match.node(outer)].name,
        in: graph)
      return .changed
    }
  }()

  /// Whether every value of `narrow` is one of `wide`.
  static func holds(_ wide: DataType, every narrow: DataType) -> Bool {
    if wide == narrow { return true }
    // Bits that an integer needs besides its sign, and that a float holds exactly.
    func integerBits(_ type: DataType) -> (bits: Int, signed: Bool)? {
      guard let width = type.bitWidth else { return nil }
      if type == .bool { return (1, false) }
      return type.isSignedInteger ? (width - 1, true) : type.isUnsignedInteger ? (width, false) : nil
    }
    let precision: [DataType: Int] = [.float64: 53, .float32: 24, .float16: 11, .bfloat16: 8]
    if let (bits, signed) = integerBits(narrow) {
      if wide == .bool { return false }
      if let (wideBits, wideSigned) = integerBits(wide) { return wideBits >= bits && (wideSigned || !signed) }
      // Half precision overflows before it runs out of bits; leave it alone.
      return (wide == .float64 || wide == .float32) && bits <= precision[wide] ?? 0
    }
    switch (narrow, wide) {
    case (.float32, .float64), (.float16, .float32), (.float16, .float64), (.bfloat16, .float32),
      (.bfloat16, .float64):
      return true
    default: return false
    }
  }

  private static let concats: Rewrite = {
    let outer = Find(Concat.self)
    return Rewrite("merge-concats", at: outer) { (graph, match, patch) throws(GraphError) in
      let node = graph[match.node(outer)]
      var parts: [ValueID?] = []
      for case let input? in node.inputs {
        guard let inner = graph.producer(of: input), let op = inner.op as? Concat else {
          parts.append(input)
          continue
        }
        guard op == match.op(outer, in: graph) else { return .declined("\(inner.name) joins another axis") }
        guard graph.isUsedOnce(input) else { return .declined("\(inner.name) is used elsewhere") }
        parts += inner.inputs
      }
      if parts.count == node.inputs.count { return .ignored }
      if parts.count > 1024 { return .declined("\(parts.count) operands are too many") }
      try patch.substitute(node, inputs: parts, in: graph)
      return .changed
    }
  }()

  private static let inverses: Rewrite = {
    let x = Anything()
    let inner = Find(Unary.self, x)
    let outer = Find(Unary.self, inner)
    return Rewrite("merge-unaries", at: outer) { (graph, match, patch) throws(GraphError) in
      switch (match.op(inner, in: graph).function, match.op(outer, in: graph).function) {
      case (.neg, .neg), (.not, .not), (.bitwiseNot, .bitwiseNot): patch.replace(match[outer], with: match[x])
      case (.relu, .relu), (.abs, .abs), (.floor, .floor), (.ceil, .ceil), (.round, .round):
        patch.replace(match[outer], with: match[inner])
      default: return .ignored
      }
      return .changed
    }
  }()
}
