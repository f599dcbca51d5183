import IR
import Tensors

// Arithmetic on the elements of small tensors, so that Shape → Gather → Mul → Concat → Reshape stays known on
// a symbolic batch. Whatever cannot be said for sure is nil: never a wrong number, never an error.

extension Unary: ShapeArithmetic {
  package func contents(_ context: InferenceContext) throws(GraphError) -> [[Dimension]?] {
    guard let x = context.operand(0)?.contents else { return [nil] }
    switch function {
    case .neg: return [x.mapKnown { try? 0 - $0 }]
    case .floor, .ceil, .round: return [x]
    case .abs:
      return [
        x.mapKnown { element in (element.lowerBound ?? -1) >= 0 ? element : try? 0 - element }.flatMap(
          \.allNotNegative)
      ]
    case .relu: return [x.mapKnown { try? Dimension.maximum($0, 0) }]
    case .not: return [x.mapKnown { $0.fixed.map { Dimension($0 == 0 ? 1 : 0) } }]
    case .sign: return [x.mapKnown { $0.fixed.map { Dimension($0.signum()) } }]
    default: return [nil]
    }
  }
}

extension Binary: ShapeArithmetic {
  package func contents(_ context: InferenceContext) throws(GraphError) -> [[Dimension]?] {
    guard let x = context.operand(0)?.contents, let y = context.operand(1)?.contents,
      let type = context.operand(0)?.tensor?.dataType
    else { return [nil] }
    return [broadcastKnown([x, y]) { function.exact($0[0], $0[1], isFloat: type.isFloatingPoint) }]
  }
}

extension Variadic: ShapeArithmetic {
  package func contents(_ context: InferenceContext) throws(GraphError) -> [[Dimension]?] {
    var known: [[Dimension]] = []
    for operand in context.operands {
      guard let contents = operand?.contents else { return [nil] }
      known.append(contents)
    }
    let combine: BinaryFunction
    switch function {
    case .sum: combine = .add
    case .max: combine = .max
    case .min: combine = .min
    case .mean: return [nil]
    }
    return [
      broadcastKnown(known) { elements in
        elements.dropFirst().reduce(elements.first) { sum, next in
          sum.flatMap { combine.exact($0, next, isFloat: false) }
        }
      }
    ]
  }
}

extension BinaryFunction {
  /// The result for two elements, when it is an integer, or a flag, that is known.
  func exact(_ a: Dimension, _ b: Dimension, isFloat: Bool) -> Dimension? {
    switch self {
    case .add: return try? a + b
    case .sub: return try? a - b
    case .mul: return try? a * b
    case .div: return isFloat ? Self.exactQuotient(a, b) : Self.truncatedQuotient(a, b)
    case .max: return try? Dimension.maximum(a, b)
    case .min: return try? Dimension.minimum(a, b)
    case .mod, .fmod: return remainder(a, b)
    case .and, .or, .xor:
      guard let x = a.fixed, let y = b.fixed else { return nil }
      let isTrue = self == .and ? x != 0 && y != 0 : self == .or ? x != 0 || y != 0 : (x != 0) != (y != 0)
      return isTrue ? 1 : 0
    case .equal, .less, .lessOrEqual, .greater, .greaterOrEqual: return decided(a, b).map { $0 ? 1 : 0 }
    default: return nil
    }
  }

  private static func exactQuotient(_ a: Dimension, _ b: Dimension) -> Dimension? {
    guard let quotient = try? Dimension.floor(a, b), let product = try? quotient * b, product == a else {
      return nil
    }
    return quotient
  }

  /// Integer division cuts towards zero; on sizes that is the floor.
  private static func truncatedQuotient(_ a: Dimension, _ b: Dimension) -> Dimension? {
    if let x = a.fixed, let y = b.fixed {
      let (quotient, overflow) = x.dividedReportingOverflow(by: y)
      return y == 0 || overflow ? nil : Dimension(quotient)
    }
    guard (a.lowerBound ?? -1) >= 0, (b.lowerBound ?? -1) >= 0 else { return exactQuotient(a, b) }
    return try? Dimension.floor(a, b)
  }

  private func remainder(_ a: Dimension, _ b: Dimension) -> Dimension? {
    if let x = a.fixed, let y = b.fixed {
      let (rest, overflow) = x.remainderReportingOverflow(dividingBy: y)
      if y == 0 || overflow { return nil }
      return Dimension(self == .mod && rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest)
    }
    guard (a.lowerBound ?? -1) >= 0, let y = b.fixed, y > 0, let quotient = try? Dimension.floor(a, b),
      let whole = try? quotient * b
    else { return nil }
    return try? a - whole
  }

  /// A comparison that holds, or fails, for all values of the symbols.
  private func decided(_ a: Dimension, _ b: Dimension) -> Bool? {
    switch self {
    case .greater: return BinaryFunction.less.decided(b, a)
    case .greaterOrEqual: return BinaryFunction.lessOrEqual.decided(b, a)
    default: break
    }
    guard let difference = try? b - a, let opposite = try? a - b else { return nil }
    let isAbove = (difference.lowerBound ?? 0) > 0
    let isBelow = (opposite.lowerBound ?? 0) > 0
    switch self {
    case .equal: return difference.fixed == 0 ? true : isAbove || isBelow ? false : nil
    case .less: return isAbove ? true : (opposite.lowerBound ?? -1) >= 0 ? false : nil
    default: return (difference.lowerBound ?? -1) >= 0 ? true : isBelow ? false : nil
    }
  }
}

extension Where: ShapeArithmetic {
  package func contents(_ context: InferenceContext) throws(GraphError) -> [[Dimension]?] {
    guard let x = context.operand(1)?.contents, let y = context.operand(2)?.contents else { return [nil] }
    if let condition = context.operand(0)?.contents {
      return [
        broadcastKnown([condition, x, y]) { elements in
          elements[0].fixed.map { $0 != 0 ? elements[1] : elements[2] }
        }
      ]
    }
    return [x == y ? x : nil]
  }
}

extension Cast: ShapeArithmetic {
  package func contents(_ context: InferenceContext) throws(GraphError) -> [[Dimension]?] {
    guard let x = context.operand(0)?.contents else { return [nil] }
    switch to {
    case .int64, .float64, .float32: return [x]
    case .int32: return [x]
    case .bool:
      return [
        x.mapKnown { element in
          if let number = element.fixed { return number == 0 ? 0 : 1 }
          return (element.lowerBound ?? 0) > 0 ? 1 : nil
        }
      ]
    case .float16, .bfloat16, .int16, .int8, .uint8, .uint16, .uint32:
      // What every one of these types holds.
      return [x.mapKnown { (0...127).contains($0.fixed ?? -1) ? $0 : nil }]
    default: return [nil]
    }
  }
}

extension Identity: ShapeArithmetic {
  package func contents(_ context: InferenceContext) throws(GraphError) -> [[Dimension]?] {
    [context.operand(0)?.contents]
  }
}

extension [Dimension] {
  /// The elements, when none may be negative.
  fileprivate var allNotNegative: [Dimension]? { allSatisfy { ($0.lowerBound ?? -1) >= 0 } ? self : nil }

  /// The images of all elements, or nil when one has none.
  func mapKnown(_ body: (Dimension) -> Dimension?) -> [Dimension]? {
    let images = compactMap(body)
    return images.count == count ? images : nil
  }
}

/// Combines the elements at each position of vectors that broadcast to each other; nil when they do not or
/// one result is unknown.
private func broadcastKnown(_ operands: [[Dimension]], _ body: ([Dimension]) -> Dimension?) -> [Dimension]? {
  let counts = operands.map(\.count)
  guard let count = counts.first(where: { $0 != 1 }) ?? counts.first,
    counts.allSatisfy({ $0 == 1 || $0 == count })
  else { return nil }
  var result: [Dimension] = []
  for i in 0..<count {
    guard let element = body(operands.map { $0[$0.count == 1 ? 0 : i] }) else { return nil }
    result.append(element)
  }
  return result
}
