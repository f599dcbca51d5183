import IR
import Tensors

extension Concat {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(1...Int.max)
    try context.expectSameType(0, 1..<context.operands.count)
    var type: DataType?
    var result: [Dimension]?
    var isComplete = true
    var position = 0
    for i in context.operands.indices {
      let operand = try context.tensor(i)
      type = type ?? operand?.dataType
      guard let shape = operand?.shape else {
        isComplete = false
        continue
      }
      guard let known = result else {
        position = try resolved(axis: axis, rank: shape.count)
        result = shape
        continue
      }
      if shape.count != known.count {
        throw GraphError(.rank(operand: i, expected: known.count, found: shape.count))
      }
      for other in shape.indices {
        if other == position {
          let sum = known[other]
          result?[other] = try sized { () throws(SizeOverflow) in try sum + shape[other] }
        } else {
          result?[other] = try merged(known[other], shape[other], operand: i, axis: other)
        }
      }
    }
    guard let type else { return [.unknown] }
    if !isComplete { result?[position] = context.fresh(position) }
    return [.tensor(type, result)]
  }

  /// The axis counted from the front.
  package func resolvedAxis(rank: Int) throws(GraphError) -> Int { try resolved(axis: axis, rank: rank) }
}

extension Split {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(1...2)
    let parts = context.wanted.count
    if parts < 1 { throw GraphError(.resultCount(expected: 1...Int.max, found: 0)) }
    guard let x = try context.tensor(0) else { return [ValueType](repeating: .unknown, count: parts) }
    let known = try context.parameter(sizes, or: 1)
    guard let shape = x.shape else { return [ValueType](repeating: .tensor(x.dataType, nil), count: parts) }
    let axis = try resolved(axis: axis, rank: shape.count)
    let partSizes: [Dimension]
    if let known {
      partSizes = try Self.checked(known, shape[axis], parts)
    } else if context.operand(1) != nil {
      partSizes = (0..<parts).map { context.fresh($0) }
    } else {
      partSizes = try Self.equal(shape[axis], parts)
    }
    return partSizes.map { size in
      var part = shape
      part[axis] = size
      return .tensor(x.dataType, part)
    }
  }

  /// The size of each part along the axis, which has `size` elements.
  package func resolvedSizes(size: Int, parts: Int) throws(GraphError) -> [Int] {
    try numbers(
      sizes == nil
        ? try Self.equal(Dimension(size), parts)
        : try Self.checked(dimensions(sizes ?? []), Dimension(size), parts))
  }

  package func resolvedAxis(rank: Int) throws(GraphError) -> Int { try resolved(axis: axis, rank: rank) }

  private static func checked(_ sizes: [Dimension], _ whole: Dimension, _ parts: Int) throws(GraphError)
    -> [Dimension]
  {
    if sizes.count != parts || sizes.contains(where: { ($0.fixed ?? 0) < 0 }) {
      throw GraphError(.attribute("split", expected: "\(parts) sizes", found: "\(sizes)"))
    }
    let sum = try sized { () throws(SizeOverflow) in
      var sum = Dimension(0)
      for size in sizes { sum = try sum + size }
      return sum
    }
    if let n = sum.fixed, let m = whole.fixed, n != m {
      throw GraphError(.attribute("split", expected: "sizes that add up to \(m)", found: "\(sizes)"))
    }
    return sizes
  }

  private static func equal(_ whole: Dimension, _ parts: Int) throws(GraphError) -> [Dimension] {
    let (size, last) = try sized { () throws(SizeOverflow) in
      let size = try Dimension.ceil(whole, Dimension(parts))
      return (size, try whole - size * Dimension(parts - 1))
    }
    if let number = last.fixed, number < 0 {
      throw GraphError(.attribute("split", expected: "at most \(whole) parts", found: "\(parts)"))
    }
    return [Dimension](repeating: size, count: parts - 1) + [last]
  }
}
