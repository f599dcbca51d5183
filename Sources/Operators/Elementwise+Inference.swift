import IR
import Tensors

extension Unary {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(1...1)
    guard let x = try context.tensor(0, of: function.acceptedTypes) else { return [.unknown] }
    return [.tensor(function.isPredicate ? .bool : x.dataType, x.shape)]
  }
}

extension UnaryFunction {
  /// Element types of the operand.
  package var acceptedTypes: [DataType] {
    switch self {
    case .not: ElementTypes.bool
    case .bitwiseNot: ElementTypes.integers
    case .relu, .abs, .neg, .sign: ElementTypes.numbers
    case .shrink: ElementTypes.numbers
    case .isNaN, .isInf: ElementTypes.floats + [.float8E4M3FN, .float8E4M3FNUZ, .float8E5M2, .float8E5M2FNUZ]
    default: ElementTypes.floats
    }
  }
}

extension Binary {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(2...2)
    let x = try context.tensor(0)
    let y = try context.tensor(1)
    let accepted = function.acceptedTypes
    try x?.expect(accepted, operand: 0)
    try y?.expect(accepted, operand: 1)
    // The exponent alone may be of another type.
    if function != .pow { try context.expectSameType(0, 1..<2) }
    guard let type = x?.dataType ?? (function == .pow ? nil : y?.dataType) else { return [.unknown] }
    let shape: [Dimension]?
    if function == .prelu, let target = x?.shape, let slope = y?.shape {
      try checkBroadcast(slope, into: target, operand: 1)
      shape = target
    } else {
      shape = try broadcastShapes([x?.shape, y?.shape])
    }
    return [.tensor(function.isComparison ? .bool : type, shape)]
  }
}

extension BinaryFunction {
  /// Element types of the operands.
  package var acceptedTypes: [DataType] {
    switch self {
    case .and, .or, .xor: ElementTypes.bool
    case .bitwiseAnd, .bitwiseOr, .bitwiseXor: ElementTypes.integers
    case .shiftLeft, .shiftRight: ElementTypes.integers
    case .equal: ElementTypes.numbers + [.bool, .string]
    default: ElementTypes.numbers
    }
  }
}

extension Variadic {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(1...Int.max)
    try context.expectSameType(0, 1..<context.operands.count)
    var shapes: [[Dimension]?] = []
    var type: DataType?
    for i in context.operands.indices {
      let operand = try context.tensor(i, of: ElementTypes.numbers)
      shapes.append(operand?.shape)
      type = type ?? operand?.dataType
    }
    guard let type else { return [.unknown] }
    return [.tensor(type, try broadcastShapes(shapes))]
  }
}

extension Clip {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(1...3)
    let x = try context.tensor(0, of: ElementTypes.numbers)
    try context.expectSameType(0, 1..<3)
    for i in 1..<3 {
      // A bound is a scalar; models also give one element in a vector.
      if let shape = try context.optionalTensor(i)?.shape, !shape.isEmpty {
        try context.expectShape(i, [Dimension](repeating: 1, count: min(shape.count, 1)))
      }
    }
    return [x.map { .tensor($0) } ?? .unknown]
  }
}

extension Where {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(3...3)
    let condition = try context.tensor(0, of: ElementTypes.bool)
    let x = try context.tensor(1)
    let y = try context.tensor(2)
    try context.expectSameType(1, 2..<3)
    guard let type = x?.dataType ?? y?.dataType else { return [.unknown] }
    return [.tensor(type, try broadcastShapes([condition?.shape, x?.shape, y?.shape]))]
  }
}

extension Cast {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(1...1)
    let x = try context.tensor(0)
    if let found = x?.dataType, found.isComplex != to.isComplex {
      throw GraphError(.dataType(operand: 0, expected: [to], found: found))
    }
    return [.tensor(to, x?.shape)]
  }
}

extension BitCast {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(1...1)
    let x = try context.tensor(0)
    if let found = x?.dataType, found.bitWidth == nil || found.bitWidth != to.bitWidth {
      throw GraphError(
        .dataType(
          operand: 0, expected: DataType.allCases.filter { $0.bitWidth == to.bitWidth && $0 != .string },
          found: found))
    }
    return [.tensor(to, x?.shape)]
  }
}

extension Identity {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(1...1)
    guard let x = context.operand(0) else { throw GraphError(.missing(operand: 0)) }
    return [x.type]
  }
}

extension Dropout {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(1...3)
    try context.expectResults(1...2)
    guard let x = try context.tensor(0, of: ElementTypes.floats) else { return [.unknown, .unknown] }
    return [.tensor(x), .tensor(.bool, x.shape)]
  }
}
