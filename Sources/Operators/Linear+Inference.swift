import IR
import Tensors

extension Gemm {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(2...3)
    let a = try context.tensor(0, of: ElementTypes.numbers)
    let b = try context.tensor(1)
    try context.expectSameType(0, 1..<3)
    guard let type = a?.dataType ?? b?.dataType else { return [.unknown] }
    let (m, innerOfA) = try Self.rowsAndColumns(a, 0, transposed: transA)
    let (innerOfB, n) = try Self.rowsAndColumns(b, 1, transposed: transB)
    if let innerOfA, let innerOfB { try checkEqual(innerOfA, innerOfB, operand: 1, axis: transB ? 1 : 0) }
    let result = [m ?? context.fresh(0), n ?? context.fresh(1)]
    if let c = try context.optionalTensor(2)?.shape { try checkBroadcast(c, into: result, operand: 2) }
    return [.tensor(type, result)]
  }

  private static func rowsAndColumns(_ type: TensorType?, _ operand: Int, transposed: Bool) throws(GraphError)
    -> (Dimension?, Dimension?)
  {
    guard let shape = type?.shape else { return (nil, nil) }
    if shape.count != 2 { throw GraphError(.rank(operand: operand, expected: 2, found: shape.count)) }
    return transposed ? (shape[1], shape[0]) : (shape[0], shape[1])
  }
}

extension MatMul {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(2...2)
    let a = try context.tensor(0, of: ElementTypes.numbers)
    let b = try context.tensor(1)
    try context.expectSameType(0, 1..<2)
    guard let type = a?.dataType ?? b?.dataType else { return [.unknown] }
    guard let left = a?.shape, let right = b?.shape else { return [.tensor(type, nil)] }
    for (i, shape) in [left, right].enumerated() where shape.isEmpty {
      throw GraphError(.minimumRank(operand: i, expected: 1, found: 0))
    }
    let innerAxis = max(right.count - 2, 0)
    try checkEqual(left[left.count - 1], right[innerAxis], operand: 1, axis: innerAxis)
    let batch = try broadcastShapes([Array(left.dropLast(2)), Array(right.dropLast(2))]) ?? []
    let rows = left.count > 1 ? [left[left.count - 2]] : []
    let columns = right.count > 1 ? [right[right.count - 1]] : []
    return [.tensor(type, batch + rows + columns)]
  }

  /// The sizes of the result.
  package func resultSizes(_ a: [Int], _ b: [Int]) throws(GraphError) -> [Int] {
    guard let innerOfA = a.last, !b.isEmpty else {
      throw GraphError(.minimumRank(operand: 0, expected: 1, found: 0))
    }
    let innerOfB = b[max(b.count - 2, 0)]
    if innerOfA != innerOfB {
      throw GraphError(
        .dimension(
          operand: 1, axis: max(b.count - 2, 0), expected: Dimension(innerOfA), found: Dimension(innerOfB)))
    }
    let batch = try broadcastSizes([Array(a.dropLast(2)), Array(b.dropLast(2))])
    return batch + (a.count > 1 ? [a[a.count - 2]] : []) + (b.count > 1 ? [b[b.count - 1]] : [])
  }
}

/// Throws when an operand would enlarge `shape` by broadcasting to it.
func checkBroadcast(_ operand: [Dimension], into shape: [Dimension], operand index: Int) throws(GraphError) {
  if operand.count > shape.count {
    throw GraphError(.rank(operand: index, expected: shape.count, found: operand.count))
  }
  for (axis, size) in operand.enumerated() where size.fixed != 1 {
    try checkEqual(shape[shape.count - operand.count + axis], size, operand: index, axis: axis)
  }
}
