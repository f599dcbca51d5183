import IR
import Tensors

extension Attention {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(3...7)
    try context.expectResults(1...4)
    try checkAttributes()
    let q = try context.tensor(0, of: ElementTypes.floats)
    let k = try context.tensor(1)
    let v = try context.tensor(2, of: ElementTypes.floats)
    try context.expectSameType(0, [1, 4])
    try context.expectSameType(2, [5])
    try checkCache(context)
    let type = q?.dataType ?? k?.dataType
    guard let type, let valueType = v?.dataType else { return [.unknown, .unknown, .unknown, .unknown] }
    guard let q = try Part(q, 0, heads: queryHeads), let k = try Part(k, 1, heads: keyHeads),
      let v = try Part(v, 2, heads: keyHeads)
    else {
      return [.tensor(type, nil), .tensor(valueType, nil), .tensor(valueType, nil), .tensor(type, nil)]
    }
    for (part, operand) in [(k, 1), (v, 2)] {
      if part.isMerged != q.isMerged {
        throw GraphError(.rank(operand: operand, expected: q.isMerged ? 3 : 4, found: q.isMerged ? 4 : 3))
      }
    }
    let batch = try merged(
      try merged(q.batch, k.batch, operand: 1, axis: 0), v.batch, operand: 2, axis: 0)
    let shared = try merged(k.heads, v.heads, operand: 2, axis: 1)
    let rows = try merged(k.rows, v.rows, operand: 2, axis: v.isMerged ? 1 : 2)
    try checkEqual(q.size, k.size, operand: 1, axis: k.isMerged ? 2 : 3)
    if let heads = q.heads.fixed, let few = shared.fixed, few <= 0 || heads % few != 0 {
      throw GraphError(.malformed("\(heads) heads of queries cannot share \(few) of keys"))
    }
    try context.expectShape(4, [batch, shared, nil, q.size])
    try context.expectShape(5, [batch, shared, nil, v.size])
    let past = try pastRows(context)
    let keys = try past.map { (past) throws(GraphError) in
      try sized { () throws(SizeOverflow) in try past + rows }
    }
    let total = keys ?? context.fresh(0)
    try checkMask(context, into: [batch, q.heads, q.rows], keys: total)
    try context.expectShape(6, [batch])
    let output: [Dimension]
    if q.isMerged {
      let width = try sized { () throws(SizeOverflow) in try q.heads * v.size }
      output = [batch, q.rows, width]
    } else {
      output = [batch, q.heads, q.rows, v.size]
    }
    return [
      .tensor(type, output), .tensor(type, [batch, shared, total, q.size]),
      .tensor(valueType, [batch, shared, total, v.size]), .tensor(type, [batch, q.heads, q.rows, total]),
    ]
  }

  private func checkAttributes() throws(GraphError) {
    for (name, heads) in [("q_num_heads", queryHeads), ("kv_num_heads", keyHeads)] {
      if let heads { try checkAttribute(name, [heads], count: 1, atLeast: 1) }
    }
    for (name, window) in [("left_window_size", leftWindow), ("right_window_size", rightWindow)] {
      if let window { try checkAttribute(name, [window], count: 1, atLeast: 0) }
    }
    if let precision = softmaxPrecision, !ElementTypes.floats.contains(precision) {
      throw GraphError(
        .attribute("softmax_precision", expected: "a floating-point type", found: precision.rawValue))
    }
  }

  /// Past keys and values come together, and not with a number of valid keys.
  private func checkCache(_ context: InferenceContext) throws(GraphError) {
    let (key, value) = (context.operand(4) != nil, context.operand(5) != nil)
    if key != value { throw GraphError(.missing(operand: key ? 5 : 4)) }
    guard context.operand(6) != nil else { return }
    _ = try context.tensor(6, of: [.int64])
    if key { throw GraphError(.malformed("past keys and a number of valid keys exclude each other")) }
  }

  /// nil: not known.
  private func pastRows(_ context: InferenceContext) throws(GraphError) -> Dimension? {
    guard context.operand(4) != nil else { return 0 }
    let shapes = [try context.optionalTensor(4)?.shape, try context.optionalTensor(5)?.shape]
    guard let key = shapes[0]?[2] ?? shapes[1]?[2] else { return nil }
    return try merged(key, shapes[1]?[2] ?? key, operand: 5, axis: 2)
  }

  /// A mask broadcasts to the scores, but may have fewer columns.
  private func checkMask(_ context: InferenceContext, into rows: [Dimension], keys: Dimension)
    throws(GraphError)
  {
    guard let mask = try context.optionalTensor(3) else { return }
    try mask.expect(ElementTypes.numbers + ElementTypes.bool, operand: 3)
    guard let shape = mask.shape else { return }
    guard let columns = shape.last else { throw GraphError(.minimumRank(operand: 3, expected: 1, found: 0)) }
    try checkBroadcast(Array(shape.dropLast()), into: rows, operand: 3)
    if let columns = columns.fixed, let all = keys.fixed, columns > all {
      throw GraphError(
        .dimension(operand: 3, axis: shape.count - 1, expected: keys, found: Dimension(columns)))
    }
  }
}

/// The sizes of Q, K or V.
private struct Part {
  let batch, heads, rows, size: Dimension
  let isMerged: Bool

  /// nil: the rank is not known.
  init?(_ type: TensorType?, _ operand: Int, heads count: Int?) throws(GraphError) {
    guard let shape = type?.shape else { return nil }
    let attribute = operand == 0 ? "q_num_heads" : "kv_num_heads"
    switch shape.count {
    case 3:
      guard let count else { throw GraphError(.attribute(attribute, expected: "a number", found: "nothing")) }
      if let width = shape[2].fixed, width % count != 0 {
        throw GraphError(.attribute(attribute, expected: "a divisor of \(width)", found: "\(count)"))
      }
      (batch, rows, heads) = (shape[0], shape[1], Dimension(count))
      size = try sized { () throws(SizeOverflow) in try Dimension.floor(shape[2], Dimension(count)) }
    case 4:
      (batch, heads, rows, size) = (shape[0], shape[1], shape[2], shape[3])
      if let count { try checkEqual(Dimension(count), heads, operand: operand, axis: 1) }
    case let rank: throw GraphError(.rank(operand: operand, expected: 4, found: rank))
    }
    isMerged = shape.count == 3
  }
}
