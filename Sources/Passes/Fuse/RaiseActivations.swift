import IR
import Operators
import Tensors

/// Activations that files spell out become the function that they are:
///
///     x · sigmoid(x)                                 →  silu(x)
///     x · tanh(softplus(x))                          →  mish(x)
///     x · hardSigmoid(x),  x · clip(x + 3, 0, 6) ÷ 6 →  hardSwish(x)
///     x · ½ · (1 + erf(x ÷ √2))                      →  gelu(x)
///     x · ½ · (1 + tanh(√(2/π) · (x + 0.044715·x³))) →  geluTanh(x)
///
/// Products in any order. Constants agree to a millionth, which is float32; others are left as they are.
enum RaiseActivations {
  static let rules: [Rewrite] = [silu, mish, hardSwish] + hardSwishes + gelus + tanhGelus

  private typealias BinaryFind = Find<Binary>

  private static func binary(_ function: BinaryFunction, _ a: any Pattern, _ b: any Pattern) -> BinaryFind {
    Find(Binary.self, a, b, where: { $0.function == function })
  }

  private static func unary(_ function: UnaryFunction, _ a: any Pattern) -> Find<Unary> {
    Find(Unary.self, a, where: { $0.function == function })
  }

  /// A rule that replaces `root` by a function of `x` where every constant is what it should be.
  private static func raise(
    _ name: String, _ root: BinaryFind, of x: Anything, to function: UnaryFunction,
    constants: [(place: AnyConstant, value: Double)] = []
  ) -> Rewrite {
    Rewrite(name, at: root) { (graph, match, patch) throws(GraphError) in
      for (place, expected) in constants {
        guard let value = graph.scalar(match[place]) else { return .declined("a factor is not one number") }
        if (value - expected).magnitude > 1e-6 * max(1, expected.magnitude) {
          return .declined("a factor is \(value), not \(expected)")
        }
      }
      guard graph[match[root]].type == graph[match[x]].type,
        graph.tensorType(match[x])?.dataType.isFloatingPoint == true
      else { return .declined("its operand has another shape, or is no float") }
      try patch.replace(
        match[root], by: Unary(function), [match[x]], named: graph[match.node(root)].name, in: graph)
      return .changed
    }
  }

  private static let silu: Rewrite = {
    let x = Anything()
    return raise("raise-silu", binary(.mul, x, unary(.sigmoid, x)), of: x, to: .silu)
  }()

  private static let mish: Rewrite = {
    let x = Anything()
    return raise("raise-mish", binary(.mul, x, unary(.tanh, unary(.softplus, x))), of: x, to: .mish)
  }()

  private static let hardSwish: Rewrite = {
    let x = Anything()
    let gate = Find(
      Unary.self, x,
      where: {
        guard case .hardSigmoid(let alpha, let beta) = $0.function else { return false }
        return (alpha.value - 1 / 6).magnitude < 1e-6 && beta.value == 0.5
      })
    return raise("raise-hard-swish", binary(.mul, x, gate), of: x, to: .hardSwish)
  }()

  private static let hardSwishes: [Rewrite] = [(BinaryFunction.div, 6.0), (.mul, 1.0 / 6)].flatMap {
    (function, value) in
    func gate(_ x: Anything, _ three: AnyConstant) -> Find<Clip> {
      Find(Clip.self, binary(.add, x, three), where: { $0.lower == 0 && $0.upper == 6 })
    }
    let (x, y, c, d, six, sixth) = (
      Anything(), Anything(), AnyConstant(), AnyConstant(), AnyConstant(), AnyConstant()
    )
    return [
      raise(
        "raise-hard-swish", binary(function, binary(.mul, x, gate(x, c)), six), of: x, to: .hardSwish,
        constants: [(c, 3), (six, value)]),
      raise(
        "raise-hard-swish", binary(.mul, y, binary(function, gate(y, d), sixth)), of: y, to: .hardSwish,
        constants: [(d, 3), (sixth, value)]),
    ]
  }

  /// x, ½ and `gate`, multiplied in each order.
  private static func products(_ x: Anything, _ half: AnyConstant, _ gate: any Pattern) -> [BinaryFind] {
    [
      binary(.mul, binary(.mul, x, gate), half), binary(.mul, x, binary(.mul, gate, half)),
      binary(.mul, binary(.mul, x, half), gate),
    ]
  }

  private static let gelus: [Rewrite] = [(BinaryFunction.div, 2.0.squareRoot()), (.mul, 0.5.squareRoot())]
    .flatMap {
      (function, factor) in
      (0..<3).map { order in
        let (x, root, one, half) = (Anything(), AnyConstant(), AnyConstant(), AnyConstant())
        let gate = binary(.add, unary(.erf, binary(function, x, root)), one)
        return raise(
          "raise-gelu", products(x, half, gate)[order], of: x, to: .gelu,
          constants: [(root, factor), (one, 1), (half, 0.5)])
      }
    }

  private static let tanhGelus: [Rewrite] = (0..<4).flatMap { cube in
    (0..<3).map { order in
      let (x, c, root, one, half, three) = (
        Anything(), AnyConstant(), AnyConstant(), AnyConstant(), AnyConstant(), AnyConstant()
      )
      var constants = [(c, 0.044715), (root, (2 / Double.pi).squareRoot()), (one, 1), (half, 0.5)]
      let term: BinaryFind
      switch cube {
      case 0:
        term = binary(.mul, binary(.pow, x, three), c)
        constants.append((three, 3))
      case 1: term = binary(.mul, binary(.mul, binary(.mul, x, x), x), c)
      case 2: term = binary(.mul, binary(.mul, binary(.mul, x, c), x), x)
      default: term = binary(.mul, binary(.mul, x, c), binary(.mul, x, x))
      }
      let gate = binary(.add, unary(.tanh, binary(.mul, binary(.add, x, term), root)), one)
      return raise(
        "raise-tanh-gelu", products(x, half, gate)[order], of: x, to: .geluTanh, constants: constants)
    }
  }
}
