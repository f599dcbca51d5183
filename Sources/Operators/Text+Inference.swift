import IR
import Tensors

extension ElementTypes {
  static let string: [DataType] = [.string]
}

extension StringConcat {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(2...2)
    let a = try context.tensor(0, of: ElementTypes.string)
    let b = try context.tensor(1, of: ElementTypes.string)
    return [.tensor(.string, try broadcastShapes([a?.shape, b?.shape]))]
  }
}

extension StringSplit {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(1...1)
    try context.expectResults(1...2)
    if let maximumSplits, maximumSplits < 0 {
      throw GraphError(.attribute("maxsplit", expected: "at least 0", found: "\(maximumSplits)"))
    }
    let x = try context.tensor(0, of: ElementTypes.string)
    return [.tensor(.string, x?.shape.map { $0 + [context.fresh(0)] }), .tensor(.int64, x?.shape)]
  }
}

extension StringNormalizer {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(1...1)
    let x = try context.tensor(0, of: ElementTypes.string)
    guard var shape = x?.shape else { return [.tensor(.string, nil)] }
    guard shape.count == 1 || (shape.count == 2 && (shape[0].fixed ?? 1) == 1) else {
      throw GraphError(.malformed("operand 0 is neither a vector nor one row"))
    }
    shape[shape.count - 1] = context.fresh(0)
    return [.tensor(.string, shape)]
  }
}

extension RegexFullMatch {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(1...1)
    let x = try context.tensor(0, of: ElementTypes.string)
    return [.tensor(.bool, x?.shape)]
  }
}

extension TfIdfVectorizer {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(3...4)
    let x = try context.tensor(0, of: [.string, .int64, .int32])
    _ = try context.tensor(1, of: [.string, .int64])
    _ = try context.tensor(2, of: [.int64])
    _ = try context.optionalTensor(3)?.expect([.float32], operand: 3)
    if count < 0 || minimumLength < 1 || maximumLength < minimumLength || maximumSkip < 0 {
      throw GraphError(.attribute("max_gram_length", expected: "lengths of n-grams", found: "\(self)"))
    }
    try context.expectShape(3, [Dimension(count)])
    guard let shape = x?.shape else { return [.tensor(.float32, nil)] }
    if shape.count > 2 { throw GraphError(.rank(operand: 0, expected: 2, found: shape.count)) }
    return [.tensor(.float32, (shape.count == 2 ? [shape[0]] : []) + [Dimension(count)])]
  }
}
