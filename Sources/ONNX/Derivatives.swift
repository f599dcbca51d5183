import IR
import Operators
import Tensors

/// The derivatives of operators: by the type of the operator, nodes that make the gradients of its operands from those of
/// its results.
enum Derivatives {
  /// Whether the operator, in this form, has a derivative.
  typealias Rule = @Sendable (any Operator, inout DerivativeStep) throws(Unsupported.Reason) -> Bool

  static let rules: [ObjectIdentifier: Rule] = Dictionary(
    uniqueKeysWithValues: elementwise + linear + shaping)

  private static func rule<Op: Operator>(
    _ type: Op.Type,
    _ build: @escaping @Sendable (Op, inout DerivativeStep) throws(Unsupported.Reason) -> Bool
  ) -> (ObjectIdentifier, Rule) {
    (
      ObjectIdentifier(type),
      { (op, step) throws(Unsupported.Reason) in
        guard let op = op as? Op else { return false }
        return try build(op, &step)
      }
    )
  }

  // MARK: - Elementwise

  private static let elementwise: [(ObjectIdentifier, Rule)] = [
    rule(Unary.self) { (op, step) throws(Unsupported.Reason) in
      guard let g = step.g, let y = step.y else { return true }
      if op.function.hasNoSlope { return true }
      try step.give(0) { x throws(Unsupported.Reason) in try op.function.derivative(g, x, y) }
      return true
    },
    rule(Binary.self) { (op, step) throws(Unsupported.Reason) in try binary(op.function, &step) },
    rule(Variadic.self) { (op, step) throws(Unsupported.Reason) in
      guard let g = step.g, let y = step.y else { return true }
      switch op.function {
      case .sum: for i in step.operands.indices { try step.give(i) { _ throws(Unsupported.Reason) in g } }
      case .mean:
        let share = try g * (1 / Double(step.operands.count))
        for i in step.operands.indices { try step.give(i) { _ throws(Unsupported.Reason) in share } }
      case .max, .min: try shareOut(g, y, &step)
      }
      return true
    },
    rule(Where.self) { (_, step) throws(Unsupported.Reason) in
      guard let g = step.g, let condition = step.operand(0) else { return true }
      let zero = try g.scalar(0)
      try step.give(1) { _ throws(Unsupported.Reason) in try g.kept(where: condition, else: zero) }
      try step.give(2) { _ throws(Unsupported.Reason) in try zero.kept(where: condition, else: g) }
      return true
    },
    rule(Clip.self) { (op, step) throws(Unsupported.Reason) in
      guard let g = step.g else { return true }
      // The bounds are taken for constants.
      if step.isActive.dropFirst().contains(true) { return false }
      var (low, high) = (step.operand(1), step.operand(2))
      if let lower = op.lower { low = try g.scalar(lower.value) }
      if let upper = op.upper { high = try g.scalar(upper.value) }
      let (least, most) = (low, high)
      try step.give(0) { x throws(Unsupported.Reason) in
        var g = g
        if let least { g = try g.kept(where: x.with(least, .greaterOrEqual)) }
        if let most { g = try g.kept(where: x.with(most, .lessOrEqual)) }
        return g
      }
      return true
    },
    rule(Cast.self) { (op, step) throws(Unsupported.Reason) in
      guard let g = step.g, let from = step.operand(0)?.type?.dataType else { return false }
      // Numbers that are not of floating point do not move by little.
      if !from.isFloatingPoint || !op.to.isFloatingPoint { return true }
      try step.give(0) { _ throws(Unsupported.Reason) in try g.cast(to: from) }
      return true
    },
    rule(Identity.self) { (_, step) throws(Unsupported.Reason) in try pass(&step) },
    rule(Dropout.self) { (_, step) throws(Unsupported.Reason) in try pass(&step) },
    rule(Softmax.self) { (op, step) throws(Unsupported.Reason) in
      guard let g = step.g, let y = step.y else { return true }
      let axes = try axes(op.axis, op.flattens, y)
      try step.give(0) { _ throws(Unsupported.Reason) in try y * (g - (g * y).sum(axes)) }
      return true
    },
    rule(LogSoftmax.self) { (op, step) throws(Unsupported.Reason) in
      guard let g = step.g, let y = step.y else { return true }
      let axes = try axes(op.axis, op.flattens, y)
      try step.give(0) { _ throws(Unsupported.Reason) in try g - y.of(.exp) * g.sum(axes) }
      return true
    },
  ]

  private static func pass(_ step: inout DerivativeStep) throws(Unsupported.Reason) -> Bool {
    if let g = step.g { try step.give(0) { _ throws(Unsupported.Reason) in g } }
    return true
  }

  private static func axes(_ axis: Int, _ flattens: Bool, _ y: Term) throws(Unsupported.Reason) -> [Int] {
    let rank = try y.rank()
    let first = axis < 0 ? axis + rank : axis
    return flattens ? Array(first..<rank) : [first]
  }

  private static func binary(
    _ function: BinaryFunction, _ step: inout DerivativeStep
  ) throws(Unsupported.Reason) -> Bool {
    guard let g = step.g, let y = step.y, let a = step.operand(0), let b = step.operand(1) else {
      return true
    }
    func give(
      _ ofA: (Term) throws(Unsupported.Reason) -> Term, _ ofB: (Term) throws(Unsupported.Reason) -> Term
    ) throws(Unsupported.Reason) {
      try step.give(0, ofA)
      try step.give(1, ofB)
    }
    switch function {
    case .add: try give({ _ throws(Unsupported.Reason) in g }, { _ throws(Unsupported.Reason) in g })
    case .sub:
      try give({ _ throws(Unsupported.Reason) in g }, { _ throws(Unsupported.Reason) in try g.of(.neg) })
    case .mul:
      try give({ _ throws(Unsupported.Reason) in try g * b }, { _ throws(Unsupported.Reason) in try g * a })
    case .div:
      try give(
        { _ throws(Unsupported.Reason) in try g / b },
        { _ throws(Unsupported.Reason) in try g.of(.neg) * y / b })
    case .pow:
      let exponent = try b.cast(to: try a.elementType())
      try give(
        { a throws(Unsupported.Reason) in
          // The zeroth power is constant, also at 0.
          let slope = try g * exponent * a.with(exponent + -1, .pow)
          return try g.scalar(0).kept(where: exponent.compared(.equal, 0), else: slope)
        },
        { b throws(Unsupported.Reason) in try (g * y * a.of(.log)).cast(to: try b.elementType()) })
    case .prelu:
      let isPositive = try a.compared(.greater, 0)
      try give(
        { _ throws(Unsupported.Reason) in try g.kept(where: isPositive, else: g * b) },
        { _ throws(Unsupported.Reason) in try g.scalar(0).kept(where: isPositive, else: g * a) })
    case .max, .min: try shareOut(g, y, &step)
    case .mod, .fmod: return false
    case .and, .or, .xor, .bitwiseAnd, .bitwiseOr, .bitwiseXor, .shiftLeft, .shiftRight, .equal, .less,
      .lessOrEqual,
      .greater, .greaterOrEqual:
      break
    }
    return true
  }

  /// To each operand the part of the gradient where it is the result; operands that are equal there share it.
  private static func shareOut(_ g: Term, _ y: Term, _ step: inout DerivativeStep) throws(Unsupported.Reason)
  {
    let type = try y.elementType()
    var hits: [Term] = []
    for case let x? in step.operands { hits.append(try x.with(y, .equal).cast(to: type)) }
    let share = try g / step.tape.add(Variadic(.sum), hits)
    for i in step.operands.indices {
      try step.give(i) { _ throws(Unsupported.Reason) in try share * hits[i] }
    }
  }

  // MARK: - Products and sums

  private static let linear: [(ObjectIdentifier, Rule)] = [
    rule(MatMul.self) { (_, step) throws(Unsupported.Reason) in
      guard var g = step.g, let a = step.operand(0), let b = step.operand(1) else { return true }
      // Operands of rank 1 are a row and a column.
      let (isRow, isColumn) = (try a.rank() == 1, try b.rank() == 1)
      let (rows, columns) = (try a.unsqueezed(isRow ? [0] : []), try b.unsqueezed(isColumn ? [1] : []))
      g = try g.unsqueezed(isColumn ? [-1] : []).unsqueezed(isRow ? [-2] : [])
      try step.give(0) { a throws(Unsupported.Reason) in
        try g.product(columns.turned()).summed(to: rows).reshaped(like: a)
      }
      try step.give(1) { b throws(Unsupported.Reason) in
        try rows.turned().product(g).summed(to: columns).reshaped(like: b)
      }
      return true
    },
    rule(Gemm.self) { (op, step) throws(Unsupported.Reason) in
      guard let g = step.g, let a = step.operand(0), let b = step.operand(1) else { return true }
      func product(_ x: Term, _ y: Term, _ turnsX: Bool, _ turnsY: Bool) throws(Unsupported.Reason) -> Term {
        try g.tape.add(Gemm(transA: turnsX, transB: turnsY, alpha: op.alpha), [x, y])
      }
      try step.give(0) { _ throws(Unsupported.Reason) in
        try op.transA ? product(b, g, op.transB, true) : product(g, b, false, !op.transB)
      }
      try step.give(1) { _ throws(Unsupported.Reason) in
        try op.transB ? product(g, a, true, op.transA) : product(a, g, !op.transA, false)
      }
      try step.give(2) { _ throws(Unsupported.Reason) in try g * op.beta.value }
      return true
    },
    rule(Reduce.self) { (op, step) throws(Unsupported.Reason) in
      guard op.function != .prod else { return false }
      guard let g = step.g, let y = step.y, let x = step.operand(0) else { return true }
      let rank = try x.rank()
      guard let named = op.axes ?? step.operand(1)?.numbers ?? (step.operand(1) == nil ? [] : nil) else {
        throw .form("needs the axes of a reduction to be constant")
      }
      var axes = named.map { $0 < 0 ? $0 + rank : $0 }
      if axes.isEmpty, !op.noopWithEmptyAxes { axes = Array(0..<rank) }
      func spread(_ term: Term) throws(Unsupported.Reason) -> Term {
        try (op.keepDims ? term : term.unsqueezed(axes)).expanded(like: x)
      }
      try step.give(0) { x throws(Unsupported.Reason) in
        try derivative(of: op.function, spread(g), x, y, axes, spread: spread)
      }
      return true
    },
    rule(GlobalAveragePool.self) { (_, step) throws(Unsupported.Reason) in
      guard let g = step.g, let y = step.y else { return true }
      try step.give(0) { x throws(Unsupported.Reason) in try g.expanded(like: x) / count(x, per: y) }
      return true
    },
  ]

  /// How many elements of `x` there are for each of `y`.
  private static func count(_ x: Term, per y: Term) throws(Unsupported.Reason) -> Term {
    let type = try x.elementType()
    return try x.tape.add(Size(), [x]).cast(to: type) / x.tape.add(Size(), [y]).cast(to: type)
  }

  /// `g` has been spread to the shape of `x`.
  private static func derivative(
    of function: Reduce.Function, _ g: Term, _ x: Term, _ y: Term, _ axes: [Int],
    spread: (Term) throws(Unsupported.Reason) -> Term
  ) throws(Unsupported.Reason) -> Term {
    switch function {
    case .sum, .prod: return g
    case .mean: return try g / count(x, per: y)
    case .sumSquare: return try g * x * 2
    case .l1: return try g * x.of(.sign)
    case .l2:
      let norm = try spread(y)
      return try (g * x / norm).kept(where: norm.compared(.greater, 0))
    case .logSum: return try g / spread(y).of(.exp)
    case .logSumExp: return try g * (x - spread(y)).of(.exp)
    case .max, .min:
      let hits = try x.with(spread(y), .equal).cast(to: x.elementType())
      return try g * hits / hits.sum(axes)
    }
  }

  // MARK: - Shapes

  private static let shaping: [(ObjectIdentifier, Rule)] = [
    rule(Reshape.self) { (_, step) throws(Unsupported.Reason) in try reshape(&step) },
    rule(Flatten.self) { (_, step) throws(Unsupported.Reason) in try reshape(&step) },
    rule(Squeeze.self) { (_, step) throws(Unsupported.Reason) in try reshape(&step) },
    rule(Unsqueeze.self) { (_, step) throws(Unsupported.Reason) in try reshape(&step) },
    rule(Expand.self) { (_, step) throws(Unsupported.Reason) in try pass(&step) },
    // Sizes do not depend on elements.
    rule(Shape.self) { (_, _) throws(Unsupported.Reason) in true },
    rule(Size.self) { (_, _) throws(Unsupported.Reason) in true },
    rule(ConstantOfShape.self) { (_, _) throws(Unsupported.Reason) in true },
    rule(Transpose.self) { (op, step) throws(Unsupported.Reason) in
      guard let g = step.g else { return true }
      let rank = try g.rank()
      let order = op.permutation ?? Array((0..<rank).reversed())
      var inverse = order
      for (to, from) in order.enumerated() { inverse[from] = to }
      let back = inverse
      try step.give(0) { _ throws(Unsupported.Reason) in try g.tape.add(Transpose(permutation: back), [g]) }
      return true
    },
    rule(Concat.self) { (op, step) throws(Unsupported.Reason) in
      guard let g = step.g else { return true }
      let axis = op.axis < 0 ? op.axis + (try g.rank()) : op.axis
      var sizes: [Term] = []
      for case let x? in step.operands {
        sizes.append(try g.tape.add(Shape(start: axis, end: axis + 1), [x]))
      }
      let all = try g.tape.add(Concat(axis: 0), sizes)
      let parts = try g.tape.addAll(Split(axis: axis), [g.id, all.id], count: sizes.count)
      for (i, part) in parts.enumerated() {
        guard let part else { continue }
        try step.give(i) { _ throws(Unsupported.Reason) in g.tape.term(part) }
      }
      return true
    },
    rule(Split.self) { (op, step) throws(Unsupported.Reason) in
      var parts: [Term] = []
      for (g, y) in zip(step.gradients, step.results) {
        guard let y else { return false }
        if let g { parts.append(g) } else { parts.append(try y.filled(with: 0)) }
      }
      let whole = parts
      try step.give(0) { x throws(Unsupported.Reason) in try x.tape.add(Concat(axis: op.axis), whole) }
      return true
    },
  ]

  private static func reshape(_ step: inout DerivativeStep) throws(Unsupported.Reason) -> Bool {
    guard let g = step.g else { return true }
    try step.give(0) { x throws(Unsupported.Reason) in try g.reshaped(like: x) }
    return true
  }
}
