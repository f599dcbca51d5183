import IR
import Tensors

extension BatchNormalization {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(5...5)
    return [try inferPerAxis(context, axis: 1, minimumRank: 1, parameters: 1..<5)]
  }
}

extension ScaleShift {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(3...3)
    return [try inferPerAxis(context, axis: axis, minimumRank: 1, parameters: 1..<3)]
  }
}

extension InstanceNormalization {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(3...3)
    return [try inferPerAxis(context, axis: 1, minimumRank: 3, parameters: 1..<3)]
  }
}

/// The type of x, after checking that each parameter is a vector along `axis`. A vector x is one channel.
private func inferPerAxis(
  _ context: InferenceContext, axis: Int, minimumRank: Int, parameters: Swift.Range<Int>
) throws(GraphError) -> ValueType {
  let x = try context.tensor(0, of: ElementTypes.floats)
  var size: Dimension?
  if let shape = x?.shape {
    if shape.count < minimumRank {
      throw GraphError(.minimumRank(operand: 0, expected: minimumRank, found: shape.count))
    }
    size = shape.count == 1 && axis == 1 ? 1 : shape[try resolved(axis: axis, rank: shape.count)]
  }
  for i in parameters {
    _ = try context.tensor(i, of: ElementTypes.floats)
    try context.expectShape(i, [size])
  }
  return x.map { .tensor($0) } ?? .unknown
}

extension LayerNormalization {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(2...3)
    try context.expectResults(1...3)
    let x = try context.tensor(0, of: ElementTypes.floats)
    _ = try context.tensor(1)
    try context.expectSameType(0, 1..<3)
    guard let x else { return [.unknown, .unknown, .unknown] }
    guard let shape = x.shape else { return [.tensor(x), .tensor(.float32, nil), .tensor(.float32, nil)] }
    let axis = try resolved(axis: axis, rank: shape.count)
    for i in 1..<3 {
      if let parameter = try context.optionalTensor(i)?.shape {
        try checkBroadcast(parameter, into: Array(shape[axis...]), operand: i)
      }
    }
    let statistics = shape.enumerated().map { $0 < axis ? $1 : 1 }
    let type: DataType = x.dataType == .float64 ? .float64 : .float32
    return [.tensor(x), .tensor(type, statistics), .tensor(type, statistics)]
  }
}

extension LRN {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(1...1)
    try checkAttribute("size", [size], count: 1, atLeast: 1)
    guard let x = try context.tensor(0, of: ElementTypes.floats) else { return [.unknown] }
    if let rank = x.shape?.count, rank < 2 {
      throw GraphError(.minimumRank(operand: 0, expected: 2, found: rank))
    }
    return [.tensor(x)]
  }
}

extension LpNormalization {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    if p != 1 && p != 2 { throw GraphError(.attribute("p", expected: "1 or 2", found: "\(p)")) }
    return [try inferAlongAxis(context, axis, flattens: false)]
  }
}
