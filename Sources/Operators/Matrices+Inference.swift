import IR
import Tensors

extension EyeLike {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(1...1)
    let x = try context.tensor(0)
    if let rank = x?.shape?.count, rank != 2 { throw GraphError(.rank(operand: 0, expected: 2, found: rank)) }
    guard let type = dataType ?? x?.dataType else { return [.unknown] }
    let types = ElementTypes.numbers + ElementTypes.bool
    if !types.contains(type) {
      throw GraphError(.attribute("dtype", expected: "a number or bool", found: type.rawValue))
    }
    if let shape = x?.shape { return [.tensor(type, shape)] }
    return [.tensor(type, try context.unknownSizes(2))]
  }
}

extension Trilu {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(1...2)
    let x = try context.tensor(0)
    _ = try context.parameter(nil, or: 1)
    guard let x else { return [.unknown] }
    if x.dataType == .string {
      throw GraphError(.dataType(operand: 0, expected: ElementTypes.numbers, found: .string))
    }
    if let rank = x.shape?.count, rank < 2 {
      throw GraphError(.minimumRank(operand: 0, expected: 2, found: rank))
    }
    return [.tensor(x)]
  }
}

extension Det {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(1...1)
    guard let x = try context.tensor(0, of: ElementTypes.floats) else { return [.unknown] }
    guard let shape = x.shape else { return [.tensor(x.dataType, nil)] }
    if shape.count < 2 { throw GraphError(.minimumRank(operand: 0, expected: 2, found: shape.count)) }
    try checkEqual(shape[shape.count - 2], shape[shape.count - 1], operand: 0, axis: shape.count - 1)
    return [.tensor(x.dataType, shape.dropLast(2))]
  }
}

extension Einsum {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(1...Int.max)
    try context.expectSameType(0, 1..<context.operands.count)
    var type: DataType?
    var ranks: [Int] = []
    var shapes: [[Dimension]] = []
    for i in context.operands.indices {
      let x = try context.tensor(i, of: ElementTypes.numbers)
      type = type ?? x?.dataType
      if let shape = x?.shape {
        ranks.append(shape.count)
        shapes.append(shape)
      }
    }
    let terms = try EinsumTerms(equation, operandCount: context.operands.count)
    guard let type else { return [.unknown] }
    guard ranks.count == context.operands.count else { return [.tensor(type, nil)] }
    let axes = try terms.axes(ranks: ranks)
    var sizes = [Dimension?](repeating: nil, count: axes.count)
    for (operand, shape) in shapes.enumerated() {
      for (i, axis) in axes.operands[operand].enumerated() {
        guard let known = sizes[axis], known.fixed != 1 else {
          sizes[axis] = shape[i]
          continue
        }
        // An axis of size 1 repeats, as in NumPy.
        if shape[i].fixed != 1 { sizes[axis] = try merged(known, shape[i], operand: operand, axis: i) }
      }
    }
    return [.tensor(type, axes.result.map { sizes[$0] ?? 1 })]
  }
}
