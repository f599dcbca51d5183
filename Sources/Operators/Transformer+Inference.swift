import IR
import Tensors

extension RMSNormalization {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(2...2)
    let x = try context.tensor(0, of: ElementTypes.floats)
    let scale = try context.tensor(1, of: ElementTypes.floats)
    guard let x else { return [scale.map { .tensor($0.dataType, nil) } ?? .unknown] }
    guard let shape = x.shape else { return [.tensor(scale?.dataType ?? x.dataType, nil)] }
    let axis = try resolved(axis: axis, rank: shape.count)
    if let parameter = scale?.shape { try checkBroadcast(parameter, into: Array(shape[axis...]), operand: 1) }
    return [.tensor(scale?.dataType ?? x.dataType, shape)]
  }
}

extension GroupNormalization {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(3...3)
    try checkAttribute("num_groups", [groups], count: 1, atLeast: 1)
    let x = try context.tensor(0, of: ElementTypes.floats)
    try context.expectSameType(0, 1..<3)
    var channels: Dimension?
    if let shape = x?.shape {
      if shape.count < 2 { throw GraphError(.minimumRank(operand: 0, expected: 2, found: shape.count)) }
      channels = shape[1]
      if let count = shape[1].fixed, count % groups != 0 {
        throw GraphError(.attribute("num_groups", expected: "a divisor of \(count)", found: "\(groups)"))
      }
    }
    for i in 1..<3 {
      _ = try context.tensor(i)
      try context.expectShape(i, [scalesGroups ? Dimension(groups) : channels])
    }
    return [x.map { .tensor($0) } ?? .unknown]
  }
}

extension RotaryEmbedding {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(3...4)
    if let heads { try checkAttribute("num_heads", [heads], count: 1, atLeast: 1) }
    try checkAttribute("rotary_embedding_dim", [size], count: 1, atLeast: 0)
    let x = try context.tensor(0, of: ElementTypes.floats)
    for i in 1..<3 { _ = try context.tensor(i) }
    try context.expectSameType(0, 1..<3)
    guard let x else { return [.unknown] }
    guard let shape = x.shape else { return [.tensor(x)] }
    guard shape.count == 3 || shape.count == 4 else {
      throw GraphError(.rank(operand: 0, expected: 4, found: shape.count))
    }
    let headSize: Dimension
    if shape.count == 4 {
      headSize = shape[3]
    } else {
      guard let heads else {
        throw GraphError(.attribute("num_heads", expected: "a number", found: "nothing"))
      }
      if let width = shape[2].fixed, width % heads != 0 {
        throw GraphError(.attribute("num_heads", expected: "a divisor of \(width)", found: "\(heads)"))
      }
      headSize = try sized { () throws(SizeOverflow) in try Dimension.floor(shape[2], Dimension(heads)) }
    }
    if let count = headSize.fixed {
      let turned = size == 0 ? count : size
      if turned > count || turned % 2 != 0 {
        throw GraphError(
          .attribute("rotary_embedding_dim", expected: "an even number up to \(count)", found: "\(turned)"))
      }
    }
    let half = try sized { () throws(SizeOverflow) in
      try Dimension.floor(size == 0 ? headSize : Dimension(size), 2)
    }
    let rows = shape.count == 4 ? shape[2] : shape[1]
    let hasPositions = context.operand(3) != nil
    for i in 1..<3 { try context.expectShape(i, hasPositions ? [nil, half] : [shape[0], rows, half]) }
    if hasPositions {
      _ = try context.tensor(3, of: [.int64])
      try context.expectShape(3, [shape[0], rows])
    }
    return [.tensor(x)]
  }
}

extension LinearAttention {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(3...6)
    try context.expectResults(1...2)
    try checkAttribute("q_num_heads", [queryHeads], count: 1, atLeast: 1)
    try checkAttribute("kv_num_heads", [keyHeads], count: 1, atLeast: 1)
    if queryHeads % keyHeads != 0 {
      throw GraphError(
        .attribute("q_num_heads", expected: "a multiple of \(keyHeads)", found: "\(queryHeads)"))
    }
    for (i, isNeeded) in [(4, rule.decays), (5, rule.corrects)] where (context.operand(i) != nil) != isNeeded
    {
      throw GraphError(
        .attribute("update_rule", expected: "one that reads the operands given", found: rule.rawValue))
    }
    let q = try context.tensor(0, of: ElementTypes.floats)
    let k = try context.tensor(1)
    let v = try context.tensor(2)
    try context.expectSameType(0, [1, 2, 4, 5])
    let past = try context.optionalTensor(3)
    try past?.expect(ElementTypes.floats, operand: 3)
    guard let type = q?.dataType ?? k?.dataType ?? v?.dataType else { return [.unknown, .unknown] }
    let stateType = past?.dataType ?? type
    guard let q = q?.shape, let k = k?.shape, let v = v?.shape else {
      return [.tensor(type, nil), .tensor(stateType, past?.shape)]
    }
    for (i, shape) in [q, k, v].enumerated() where shape.count != 3 {
      throw GraphError(.rank(operand: i, expected: 3, found: shape.count))
    }
    let size = try headSize(q, 0, queryHeads)
    let valueSize = try headSize(v, 2, keyHeads)
    try checkEqual(size, try headSize(k, 1, keyHeads), operand: 1, axis: 2)
    for i in [1, 2, 4, 5] { try context.expectShape(i, [q[0], q[1], nil]) }
    let state = [q[0], Dimension(keyHeads), size, valueSize]
    try context.expectShape(3, state)
    for (i, wide) in [(4, try product([size, Dimension(keyHeads)])), (5, 1)] {
      guard let width = try context.optionalTensor(i)?.shape?[2].fixed, width != keyHeads,
        let other = wide.fixed,
        width != other
      else { continue }
      throw GraphError(
        .dimension(operand: i, axis: 2, expected: Dimension(keyHeads), found: Dimension(width)))
    }
    return [
      .tensor(type, [q[0], q[1], try product([Dimension(queryHeads), valueSize])]), .tensor(stateType, state),
    ]
  }

  private func headSize(_ shape: [Dimension], _ operand: Int, _ heads: Int) throws(GraphError) -> Dimension {
    if let width = shape[2].fixed, width % heads != 0 {
      throw GraphError(
        .dimension(
          operand: operand, axis: 2, expected: Dimension(width / heads * heads), found: Dimension(width)))
    }
    return try sized { () throws(SizeOverflow) in try Dimension.floor(shape[2], Dimension(heads)) }
  }
}

extension TensorScatter {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(2...3)
    let cache = try context.tensor(0)
    _ = try context.tensor(1)
    try context.expectSameType(0, [1])
    if context.operand(2) != nil { _ = try context.tensor(2, of: [.int64]) }
    guard let cache else { return [.unknown] }
    guard let shape = cache.shape else { return [.tensor(cache)] }
    let axis = try resolved(axis: axis, rank: shape.count)
    if axis == 0 {
      throw GraphError(.attribute("axis", expected: "another than that of the batch", found: "0"))
    }
    try context.expectShape(1, shape.enumerated().map { $0 == axis ? nil : $1 })
    try context.expectShape(2, [shape[0]])
    if let rows = try context.tensor(1)?.shape?[axis].fixed, let all = shape[axis].fixed, rows > all {
      throw GraphError(.dimension(operand: 1, axis: axis, expected: shape[axis], found: Dimension(rows)))
    }
    return [.tensor(cache)]
  }
}
