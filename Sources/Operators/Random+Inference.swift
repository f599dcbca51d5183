import IR
import Tensors

extension RandomTensor {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(sizes == nil ? 1...1 : 0...0)
    if !ElementTypes.floats.contains(dataType) {
      throw GraphError(.attribute("dtype", expected: "a floating-point type", found: dataType.rawValue))
    }
    guard let sizes else { return [.tensor(dataType, try context.tensor(0)?.shape)] }
    if let bad = sizes.first(where: { $0 < 0 }) {
      throw GraphError(.attribute("shape", expected: "sizes", found: "\(bad)"))
    }
    return [.tensor(dataType, dimensions(sizes))]
  }
}

extension Bernoulli {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(1...1)
    let x = try context.tensor(0, of: ElementTypes.floats)
    if !(ElementTypes.numbers + ElementTypes.bool).contains(dataType) {
      throw GraphError(.attribute("dtype", expected: "a number or bool", found: dataType.rawValue))
    }
    return [.tensor(dataType, x?.shape)]
  }
}

extension Multinomial {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(1...1)
    let x = try context.tensor(0, of: ElementTypes.floats)
    try checkAttribute("sample_size", [count], count: 1, atLeast: 0)
    if !ElementTypes.indices.contains(dataType) {
      throw GraphError(.attribute("dtype", expected: "int32 or int64", found: dataType.rawValue))
    }
    try context.expectShape(0, [nil, nil])
    return [.tensor(dataType, [x?.shape?[0] ?? context.fresh(0), Dimension(count)])]
  }
}

extension TrainingDropout {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(3...3)
    try context.expectResults(1...2)
    let x = try context.tensor(0, of: ElementTypes.floats)
    try context.optionalTensor(1)?.expect(ElementTypes.floats, operand: 1)
    _ = try context.tensor(2, of: ElementTypes.bool)
    guard let x else { return [.unknown, .unknown] }
    return [.tensor(x), .tensor(.bool, x.shape)]
  }
}
