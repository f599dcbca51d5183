import IR
import Tensors

extension ElementTypes {
  static let features: [DataType] = [.float32, .float64, .int64, .int32]
  static let labels: [DataType] = [.int64, .string]
}

extension InferenceContext {
  /// The rows of operand 0, a matrix or one row.
  fileprivate func rows() throws(GraphError) -> Dimension {
    guard let shape = try tensor(0)?.shape else { return fresh(0) }
    if shape.count > 2 { throw GraphError(.rank(operand: 0, expected: 2, found: shape.count)) }
    return shape.count == 2 ? shape[0] : 1
  }
}

extension TreeEnsemble {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(7...10)
    _ = try context.tensor(0, of: ElementTypes.features + [.float16])
    for i in [1, 3, 4, 5, 8] { _ = try context.optionalTensor(i)?.expect([.int64], operand: i) }
    for i in [2, 6, 7, 9] {
      _ = try context.optionalTensor(i)?.expect([.float32, .float64, .float16], operand: i)
    }
    if targets < 1 || targets > Window.limit {
      throw GraphError(.attribute("n_targets", expected: "at least 1", found: "\(targets)"))
    }
    try context.expectShape(1, [nil, 5])
    try context.expectShape(7, [Dimension(targets)])
    return [.tensor(to, [try context.rows(), Dimension(targets)])]
  }
}

extension SupportVectors {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(4...6)
    _ = try context.tensor(0, of: ElementTypes.features)
    for i in 1..<6 { _ = try context.optionalTensor(i)?.expect([.float32], operand: i) }
    let rows = try context.rows()
    guard let perClass else { return [.tensor(.float32, [rows, 1])] }
    let count = perClass.count
    if count < 2 || count > 1 << 16 || perClass.contains(where: { $0 < 0 || $0 > Window.limit }) {
      throw GraphError(.attribute("vectors_per_class", expected: "numbers of vectors", found: "\(perClass)"))
    }
    let pairs = Dimension(count * (count - 1) / 2)
    let hasProbabilities = context.operand(4) != nil
    return [
      .tensor(.float32, [rows, hasProbabilities ? Dimension(count) : pairs]),
      .tensor(.float32, [rows, Dimension(count)]),
    ]
  }
}

extension Classify {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(2...3)
    let scores = try context.tensor(0, of: [.float32])
    let labels = try context.tensor(1, of: ElementTypes.labels)
    _ = try context.optionalTensor(2)?.expect([.float32], operand: 2)
    let rows = try context.rows()
    guard let labels else { return [.unknown, .unknown] }
    let columns = complement != .none ? 2 : scores?.shape?.last ?? context.fresh(1)
    return [.tensor(labels.dataType, [rows]), .tensor(.float32, [rows, columns])]
  }
}

extension TransformScores {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(1...1)
    return [try context.tensor(0, of: [.float32, .float64, .float16]).map { .tensor($0) } ?? .unknown]
  }
}

extension LabelEncoder {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(4...4)
    let x = try context.tensor(0)
    try context.expectSameType(0, [1])
    try context.expectSameType(2, [3])
    guard let values = try context.tensor(2) else { return [.unknown] }
    return [.tensor(values.dataType, x?.shape)]
  }
}

extension OneHotEncoder {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(2...2)
    let x = try context.tensor(0, of: ElementTypes.features + [.string])
    guard let count = try context.tensor(1, of: ElementTypes.labels)?.shape?.first else {
      return [.tensor(.float32, nil)]
    }
    return [.tensor(.float32, x?.shape.map { $0 + [count] })]
  }
}

extension ZipMap {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(2...2)
    _ = try context.tensor(0, of: [.float32])
    _ = try context.tensor(1, of: ElementTypes.labels)
    _ = try context.rows()
    return [.sequence(.unknown)]
  }
}
