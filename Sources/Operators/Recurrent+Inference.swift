import IR
import Tensors

extension Recurrent {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(3...(cell == .lstm ? 8 : 6))
    let resultCount = cell == .lstm ? 3 : 2
    try context.expectResults(0...resultCount)
    let expected = cell.usualActivations.count * direction.count
    if activations.count != expected {
      throw GraphError(.attribute("activations", expected: "\(expected)", found: "\(activations.count)"))
    }
    let x = try context.tensor(0, of: ElementTypes.floats)
    try context.expectSameType(0, [1, 2, 3, 5, 6, 7])
    _ = try context.optionalTensor(4)?.expect([.int32], operand: 4)
    guard let x else { return [ValueType](repeating: .unknown, count: resultCount) }

    let weights = try context.tensor(1)?.shape
    let recurrence = try context.tensor(2)?.shape
    let directions = Dimension(direction.count)
    if let x = x.shape, x.count != 3 { throw GraphError(.rank(operand: 0, expected: 3, found: x.count)) }
    if let r = recurrence, r.count != 3 { throw GraphError(.rank(operand: 2, expected: 3, found: r.count)) }
    if let w = weights, w.count != 3 { throw GraphError(.rank(operand: 1, expected: 3, found: w.count)) }
    let hidden = recurrence?[2] ?? context.fresh(2)
    let time = x.shape?[batchFirst ? 1 : 0] ?? context.fresh(0)
    let batch = x.shape?[batchFirst ? 0 : 1] ?? context.fresh(1)
    let gates = try times(hidden, cell.gateCount)
    try context.expectShape(0, [nil, nil, weights?[2]])
    try context.expectShape(1, [directions, gates, nil])
    try context.expectShape(2, [directions, gates, hidden])
    try context.expectShape(3, [directions, try times(gates, 2)])
    try context.expectShape(4, [batch])
    let state = batchFirst ? [batch, directions, hidden] : [directions, batch, hidden]
    try context.expectShape(5, state)
    try context.expectShape(6, state)
    try context.expectShape(7, [directions, try times(hidden, 3)])
    let y = batchFirst ? [batch, time, directions, hidden] : [time, directions, batch, hidden]
    let last = ValueType.tensor(x.dataType, state)
    return [.tensor(x.dataType, y)] + [ValueType](repeating: last, count: resultCount - 1)
  }

  private func times(_ size: Dimension, _ count: Int) throws(GraphError) -> Dimension {
    try sized { () throws(SizeOverflow) in try size * Dimension(count) }
  }
}
