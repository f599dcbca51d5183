import IR
import Tensors

extension Shape {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(1...1)
    let x = try context.tensor(0)
    guard let rank = x?.shape?.count else { return [.tensor(.int64, [context.fresh(0)])] }
    return [.tensor(.int64, [Dimension(resolvedRange(rank: rank).count)])]
  }

  /// The axes whose sizes are given; bounds are clamped as by the standard.
  package func resolvedRange(rank: Int) -> Swift.Range<Int> {
    func clamped(_ axis: Int) -> Int { min(max(axis < 0 ? axis + rank : axis, 0), rank) }
    let first = clamped(start)
    return first..<max(clamped(end ?? rank), first)
  }
}

extension Size {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(1...1)
    _ = try context.tensor(0)
    return [.tensor(.int64, [])]
  }
}

extension Range {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(3...3)
    let start = try context.tensor(0, of: [.float32, .float64, .int64, .int32, .int16, .float16, .bfloat16])
    try context.expectSameType(0, 1..<3)
    for i in 0..<3 {
      // Scalars; some models give vectors of one element.
      if let shape = try context.tensor(i)?.shape, !shape.isEmpty { try context.expectShape(i, [1]) }
    }
    guard let type = start?.dataType else { return [.unknown] }
    return [.tensor(type, [try Self.size(context.operands, type) ?? context.fresh(0)])]
  }

  /// How many elements there are. Throws when `delta` is 0 or there are too many.
  package static func count(start: Double, limit: Double, delta: Double) throws(GraphError) -> Int {
    if delta == 0 { throw GraphError(.attribute("delta", expected: "a number that is not 0", found: "0")) }
    let count = ((limit - start) / delta).rounded(.up)
    if count.isNaN || count > Double(Window.limit) { throw GraphError(.sizeOverflow) }
    return max(0, Int(max(count, 0)))
  }

  static func size(_ operands: [Operand?], _ type: DataType) throws(GraphError) -> Dimension? {
    if type.isFloatingPoint {
      var scalars: [Double] = []
      for operand in operands {
        guard let constant = operand?.constant, constant.type.sizes?.allSatisfy({ $0 == 1 }) == true,
          let value = try? constant.tensor().doubles()[0]
        else { break }
        scalars.append(value)
      }
      if scalars.count == 3 {
        return Dimension(try count(start: scalars[0], limit: scalars[1], delta: scalars[2]))
      }
    }
    guard let start = operands[0]?.contents?.first, let limit = operands[1]?.contents?.first,
      let delta = operands[2]?.contents?.first?.fixed
    else { return nil }
    if delta == 0 { throw GraphError(.attribute("delta", expected: "a number that is not 0", found: "0")) }
    let size = try sized { () throws(SizeOverflow) in
      delta > 0
        ? try Dimension.ceil(limit - start, Dimension(delta))
        : try Dimension.ceil(start - limit, try 0 - Dimension(delta))
    }
    return (size.fixed ?? 0) < 0 ? 0 : size
  }
}

extension ConstantOfShape {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(target == nil ? 1...1 : 0...1)
    if target == nil { _ = try context.tensor(0, of: ElementTypes.indices) }
    if let shape = try context.parameter(target, or: 0) {
      if let bad = shape.first(where: { ($0.fixed ?? 0) < 0 }) {
        throw GraphError(.attribute("shape", expected: "sizes", found: "\(bad)"))
      }
      return [.tensor(dataType, shape)]
    }
    guard let rank = context.parameterCount(0) else { return [.tensor(dataType, nil)] }
    return [.tensor(dataType, try context.unknownSizes(rank))]
  }
}
