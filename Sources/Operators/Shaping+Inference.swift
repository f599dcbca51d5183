import IR
import Tensors

extension Squeeze {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(1...2)
    guard let x = try context.tensor(0) else { return [.unknown] }
    let known = try context.parameter(axes, or: 1)
    let isGiven = axes != nil || context.operand(1) != nil
    guard let shape = x.shape else { return [.tensor(x.dataType, nil)] }
    if isGiven, known?.allSatisfy({ $0.fixed != nil }) != true {
      guard let count = context.parameterCount(1), count <= shape.count else {
        return [.tensor(x.dataType, nil)]
      }
      return [.tensor(x.dataType, try context.unknownSizes(shape.count - count))]
    }
    guard isGiven || x.sizes != nil else { return [.tensor(x.dataType, nil)] }
    let removed = try Squeeze(axes: known?.compactMap(\.fixed)).removedAxes(shape)
    return [.tensor(x.dataType, shape.indices.filter { !removed.contains($0) }.map { shape[$0] })]
  }

  /// The axes that go, counted from the front.
  package func resolvedAxes(sizes: [Int]) throws(GraphError) -> [Int] { try removedAxes(dimensions(sizes)) }

  private func removedAxes(_ shape: [Dimension]) throws(GraphError) -> [Int] {
    guard let axes else { return shape.indices.filter { shape[$0].fixed == 1 } }
    let removed = try resolved(axes: axes, rank: shape.count)
    for axis in removed { try checkEqual(1, shape[axis], operand: 0, axis: axis) }
    return removed
  }
}

extension Unsqueeze {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(axes == nil ? 2...2 : 1...2)
    let x = try context.tensor(0)
    if axes == nil { _ = try context.tensor(1, of: ElementTypes.indices) }
    let known = try context.numbers(self.axes, or: 1)
    guard let x else { return [.unknown] }
    guard let shape = x.shape else { return [.tensor(x.dataType, nil)] }
    guard let known else {
      guard let count = context.parameterCount(1) else { return [.tensor(x.dataType, nil)] }
      if count > Tensor.rankLimit { throw GraphError(.budget("rank \(count)")) }
      return [.tensor(x.dataType, try context.unknownSizes(shape.count + count))]
    }
    let added = try Unsqueeze(axes: known).resolvedAxes(rank: shape.count)
    var rest = shape.makeIterator()
    return [
      .tensor(x.dataType, (0..<shape.count + added.count).map { added.contains($0) ? 1 : rest.next() ?? 1 })
    ]
  }

  /// The axes of size 1 of the result, counted from the front, for an operand of `rank`.
  package func resolvedAxes(rank: Int) throws(GraphError) -> [Int] {
    guard let axes else { throw GraphError(.attribute("axes", expected: "numbers", found: "nothing")) }
    if axes.count > Tensor.rankLimit { throw GraphError(.budget("rank \(axes.count)")) }
    return try resolved(axes: axes, rank: rank + axes.count)
  }
}

extension Transpose {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(1...1)
    guard let x = try context.tensor(0) else { return [.unknown] }
    guard let shape = x.shape else {
      guard let permutation else { return [.tensor(x.dataType, nil)] }
      _ = try resolvedPermutation(rank: permutation.count)
      return [.tensor(x.dataType, try context.unknownSizes(permutation.count))]
    }
    return [.tensor(x.dataType, try resolvedPermutation(rank: shape.count).map { shape[$0] })]
  }

  /// The operand's axis for each axis of the result.
  package func resolvedPermutation(rank: Int) throws(GraphError) -> [Int] {
    guard let permutation else { return (0..<rank).reversed() }
    if permutation.count != rank {
      throw GraphError(.attribute("perm", expected: "\(rank) axes", found: "\(permutation)"))
    }
    return try resolved(axes: permutation, rank: rank, named: "perm")
  }
}

extension Expand {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(target == nil ? 2...2 : 1...2)
    let x = try context.tensor(0)
    if target == nil { _ = try context.tensor(1, of: ElementTypes.indices) }
    let wantedShape = try context.parameter(target, or: 1)
    guard let x else { return [.unknown] }
    guard let wantedShape else {
      guard let shape = x.shape, let count = context.parameterCount(1) else {
        return [.tensor(x.dataType, nil)]
      }
      return [.tensor(x.dataType, try context.unknownSizes(max(shape.count, count)))]
    }
    try Self.check(wantedShape)
    return [.tensor(x.dataType, try broadcastShapes([x.shape, wantedShape]))]
  }

  /// The sizes of the result; `target` must be given.
  package func resolvedSizes(_ sizes: [Int]) throws(GraphError) -> [Int] {
    guard let target else { throw GraphError(.attribute("target", expected: "numbers", found: "nothing")) }
    try Self.check(dimensions(target))
    return try broadcastSizes([sizes, target])
  }

  private static func check(_ target: [Dimension]) throws(GraphError) {
    if let bad = target.first(where: { ($0.fixed ?? 0) < 0 }) {
      throw GraphError(.attribute("shape", expected: "sizes", found: "\(bad)"))
    }
  }
}

extension Tile {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(repeats == nil ? 2...2 : 1...2)
    let x = try context.tensor(0)
    if repeats == nil { _ = try context.tensor(1, of: ElementTypes.indices) }
    let known = try context.parameter(repeats, or: 1)
    guard let x else { return [.unknown] }
    guard let rank = x.shape?.count ?? known?.count ?? context.parameterCount(1) else {
      return [.tensor(x.dataType, nil)]
    }
    guard let known, let shape = x.shape else { return [.tensor(x.dataType, try context.unknownSizes(rank))] }
    return [.tensor(x.dataType, try Self.shape(shape, known))]
  }

  /// The sizes of the result; `repeats` must be given.
  package func resolvedSizes(_ sizes: [Int]) throws(GraphError) -> [Int] {
    guard let repeats else { throw GraphError(.attribute("repeats", expected: "numbers", found: "nothing")) }
    return try numbers(try Self.shape(dimensions(sizes), dimensions(repeats)))
  }

  private static func shape(_ shape: [Dimension], _ repeats: [Dimension]) throws(GraphError) -> [Dimension] {
    if repeats.count != shape.count || repeats.contains(where: { ($0.fixed ?? 0) < 0 }) {
      throw GraphError(.attribute("repeats", expected: "\(shape.count) numbers from 0", found: "\(repeats)"))
    }
    var result: [Dimension] = []
    for (size, count) in zip(shape, repeats) {
      result.append(try sized { () throws(SizeOverflow) in try size * count })
    }
    return result
  }
}

extension DepthToSpace {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(1...1)
    guard let x = try context.tensor(0) else { return [.unknown] }
    let block = try checkedBlock(blockSize)
    guard let shape = try image(x, context) else { return [.tensor(x.dataType, try context.unknownSizes(4))] }
    if let channels = shape[1].fixed, channels % (blockSize * blockSize) != 0 {
      throw GraphError(
        .attribute(
          "blocksize", expected: "one whose square divides \(channels) channels", found: "\(blockSize)"))
    }
    return [
      .tensor(
        x.dataType,
        try sized { () throws(SizeOverflow) in
          [
            shape[0], try Dimension.floor(shape[1], block * block), try shape[2] * block,
            try shape[3] * block,
          ]
        })
    ]
  }
}

extension SpaceToDepth {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(1...1)
    guard let x = try context.tensor(0) else { return [.unknown] }
    let block = try checkedBlock(blockSize)
    guard let shape = try image(x, context) else { return [.tensor(x.dataType, try context.unknownSizes(4))] }
    for axis in 2..<4 {
      if let size = shape[axis].fixed, size % blockSize != 0 {
        throw GraphError(.attribute("blocksize", expected: "a divisor of \(size)", found: "\(blockSize)"))
      }
    }
    return [
      .tensor(
        x.dataType,
        try sized { () throws(SizeOverflow) in
          [shape[0], try shape[1] * block * block, try .floor(shape[2], block), try .floor(shape[3], block)]
        })
    ]
  }
}

private func checkedBlock(_ size: Int) throws(GraphError) -> Dimension {
  try checkAttribute("blocksize", [size], count: 1, atLeast: 1)
  // Its square must not overflow.
  if size > 1 << 20 { throw GraphError(.sizeOverflow) }
  return Dimension(size)
}

private func image(_ x: TensorType, _ context: InferenceContext) throws(GraphError) -> [Dimension]? {
  if let rank = x.shape?.count, rank != 4 { throw GraphError(.rank(operand: 0, expected: 4, found: rank)) }
  return x.shape
}
