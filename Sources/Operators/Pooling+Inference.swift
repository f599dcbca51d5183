import IR
import Tensors

extension MaxPool {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expectResults(1...2)
    let types = try inferPool(
      context, window, ceilMode: ceilMode, types: ElementTypes.floats + [.int8, .uint8])
    guard let pooled = types.tensor else { return [types, .unknown] }
    return [types, .tensor(.int64, pooled.shape)]
  }
}

extension AveragePool {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    [try inferPool(context, window, ceilMode: ceilMode, types: ElementTypes.floats)]
  }
}

extension GlobalAveragePool {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    [try inferGlobalPool(context)]
  }
}

extension GlobalMaxPool {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    [try inferGlobalPool(context)]
  }
}

private func inferPool(_ context: InferenceContext, _ window: Window, ceilMode: Bool, types: [DataType])
  throws(GraphError) -> ValueType
{
  try context.expect(1...1)
  guard let x = try context.tensor(0, of: types) else { return .unknown }
  let shapes = try WindowedShapes(context, window, x: x, weights: nil)
  let channels = shapes.x?[1] ?? context.fresh(1)
  return .tensor(
    x.dataType, [shapes.batch, channels] + (try window.outputShape(for: shapes.spatial, ceilMode: ceilMode)))
}

private func inferGlobalPool(_ context: InferenceContext) throws(GraphError) -> ValueType {
  try context.expect(1...1)
  guard let x = try context.tensor(0, of: ElementTypes.floats) else { return .unknown }
  guard let shape = x.shape else { return .tensor(x.dataType, nil) }
  if shape.count < 2 { throw GraphError(.minimumRank(operand: 0, expected: 2, found: shape.count)) }
  return .tensor(x.dataType, shape.prefix(2) + [Dimension](repeating: 1, count: shape.count - 2))
}

extension LpPool {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    [try inferPool(context, window, ceilMode: ceilMode, types: ElementTypes.floats)]
  }
}

extension MaxUnpool {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(2...3)
    let x = try context.tensor(0, of: ElementTypes.floats)
    _ = try context.tensor(1, of: [.int64])
    try window.check(spatialRank: window.kernel.count)
    guard let x else { return [.unknown] }
    let rank = window.kernel.count + 2
    if let shape = x.shape {
      if shape.count != rank { throw GraphError(.rank(operand: 0, expected: rank, found: shape.count)) }
      try context.expectShape(1, shape)
    }
    if context.operand(2) != nil {
      guard let sizes = try context.parameter(nil, or: 2) else {
        return [.tensor(x.dataType, try context.unknownSizes(rank))]
      }
      if sizes.count != rank {
        throw GraphError(
          .dimension(operand: 2, axis: 0, expected: Dimension(rank), found: Dimension(sizes.count)))
      }
      return [.tensor(x.dataType, sizes)]
    }
    guard let shape = x.shape else { return [.tensor(x.dataType, try context.unknownSizes(rank))] }
    return [.tensor(x.dataType, shape[..<2] + (try unpooled(Array(shape[2...]))))]
  }

  /// Sizes of what windows at so many positions cover.
  private func unpooled(_ shape: [Dimension]) throws(GraphError) -> [Dimension] {
    var result: [Dimension] = []
    for (i, size) in shape.enumerated() {
      let rest = try window.extent(i) - window.padsBegin[i] - window.padsEnd[i] - window.strides[i]
      let sum = try sized { () throws(SizeOverflow) in
        try size * Dimension(window.strides[i]) + Dimension(rest)
      }
      if let number = sum.fixed, number < 0 {
        throw GraphError(.attribute("pads", expected: "less than the result", found: "a result of \(number)"))
      }
      result.append(sum)
    }
    return result
  }

  /// The same for sizes that are numbers.
  package func unpooledSizes(_ sizes: [Int]) throws(GraphError) -> [Int] {
    try window.check(spatialRank: sizes.count)
    return try numbers(try unpooled(dimensions(sizes)))
  }
}

extension Col2Im {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(3...3)
    let x = try context.tensor(0, of: ElementTypes.numbers)
    let image = try context.parameter(nil, or: 1)
    let block = try context.numbers(nil, or: 2)
    guard let x else { return [.unknown] }
    try context.expectShape(0, [nil, nil, nil])
    guard let rank = image?.count ?? block?.count ?? context.parameterCount(1) else {
      return [.tensor(x.dataType, nil)]
    }
    if rank > Tensor.rankLimit - 2 { throw GraphError(.budget("rank \(rank)")) }
    if let count = block?.count, count != rank {
      throw GraphError(.dimension(operand: 2, axis: 0, expected: Dimension(rank), found: Dimension(count)))
    }
    var channels = context.fresh(1)
    if let block {
      let window = try self.window(kernel: block)
      let taps = try product(dimensions(block))
      if let columns = x.shape?[1] {
        if let number = taps.fixed, number > 0 {
          try checkDivisible(columns, by: number, named: "block_shape")
        }
        channels = try sized { () throws(SizeOverflow) in try .floor(columns, taps) }
      }
      if let image, image.allSatisfy({ ($0.fixed ?? 0) >= 0 }) {
        try context.expectShape(0, [nil, nil, try product(try window.outputShape(for: image))])
      }
    }
    if let bad = image?.first(where: { ($0.fixed ?? 0) < 0 }) {
      throw GraphError(.malformed("a size of the image is \(bad), expected a number from 0"))
    }
    var spatial = image ?? []
    if image == nil { spatial = try context.unknownSizes(rank) }
    return [.tensor(x.dataType, [x.shape?[0] ?? context.fresh(0), channels] + spatial)]
  }

  /// The blocks as a window over the image, its lists checked.
  package func window(kernel: [Int]) throws(GraphError) -> Window {
    let rank = kernel.count
    if let pads, pads.count != 2 * rank {
      throw GraphError(.attribute("pads", expected: "\(2 * rank) numbers", found: "\(pads)"))
    }
    let window = Window(
      kernel: kernel, strides: strides, dilations: dilations, padsBegin: pads.map { Array($0.prefix(rank)) },
      padsEnd: pads.map { Array($0.suffix(rank)) })
    try window.check(spatialRank: rank)
    return window
  }
}
