import IR
import Tensors

extension ElementTypes {
  static let scales: [DataType] = [.float32, .float16, .bfloat16, .float8E8M0]
  static let quantized: [DataType] = [
    .uint8, .int8, .uint16, .int16, .uint4, .int4, .uint2, .int2, .float8E4M3FN, .float8E4M3FNUZ, .float8E5M2,
    .float8E5M2FNUZ, .float4E2M1,
  ]
  static let bytes: [DataType] = [.uint8, .int8]
  static let quantizedProducts: [DataType] = [
    .uint8, .int8, .float8E4M3FN, .float8E4M3FNUZ, .float8E5M2, .float8E5M2FNUZ,
  ]
}

extension QuantizeLinear {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(2...3)
    let x = try context.tensor(0, of: [.float32, .float16, .bfloat16, .int32])
    _ = try context.tensor(1, of: ElementTypes.scales + [.int32])
    let zeroPoint = try context.optionalTensor(2)
    try zeroPoint?.expect(ElementTypes.quantized, operand: 2)
    if let to {
      if !ElementTypes.quantized.contains(to) {
        throw GraphError(.attribute("output_dtype", expected: "a quantized type", found: to.rawValue))
      }
      if let found = zeroPoint?.dataType, found != to {
        throw GraphError(.dataType(operand: 2, expected: [to], found: found))
      }
    }
    try context.checkScale(axis: axis, blockSize: blockSize)
    // A zero point of unknown type says nothing, which is not the same as none.
    if to == nil, context.operand(2) != nil, zeroPoint == nil { return [.unknown] }
    return [.tensor(to ?? zeroPoint?.dataType ?? .uint8, x?.shape)]
  }
}

extension DequantizeLinear {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(2...3)
    let x = try context.tensor(0, of: ElementTypes.quantized + [.int32])
    let scale = try context.tensor(1, of: ElementTypes.scales)
    try context.expectSameType(0, 2..<3)
    try context.checkScale(axis: axis, blockSize: blockSize)
    if let to, !ElementTypes.floats.contains(to) {
      throw GraphError(.attribute("output_dtype", expected: "a floating-point type", found: to.rawValue))
    }
    guard let type = to ?? scale?.dataType else { return [.unknown] }
    if type == .float8E8M0 {
      throw GraphError(
        .attribute("output_dtype", expected: "a type beside scales of type float8E8M0", found: "none"))
    }
    return [.tensor(type, x?.shape)]
  }
}

extension InferenceContext {
  /// Checks that operands 1 and 2 scale operand 0 as a whole, by an axis, or in blocks.
  fileprivate func checkScale(axis: Int, blockSize: Int) throws(GraphError) {
    if blockSize < 0 {
      throw GraphError(.attribute("block_size", expected: "at least 0", found: "\(blockSize)"))
    }
    guard let scale = try tensor(1)?.shape else { return }
    // One number may be a scalar or a vector of one element.
    let isOne = blockSize == 0 && (scale.isEmpty || scale == [1])
    let zeroPoint = try optionalTensor(2)?.shape
    if !isOne || zeroPoint?.isEmpty == false { try expectShape(2, isOne ? [1] : scale) }
    if isOne { return }
    guard let x = try tensor(0)?.shape else { return }
    if blockSize == 0 {
      if scale.count != 1 { throw GraphError(.rank(operand: 1, expected: 1, found: scale.count)) }
      try expectShape(1, [x[try resolved(axis: axis, rank: x.count)]])
    } else {
      var expected = x
      let axis = try resolved(axis: axis, rank: x.count)
      expected[axis] = try sized { () throws(SizeOverflow) in try .ceil(x[axis], Dimension(blockSize)) }
      try expectShape(1, expected)
    }
  }

  /// The sizes of what another operator makes of some operands, if they were real numbers.
  fileprivate func sizes(
    of op: some Operator, _ indices: [Int]
  ) throws(GraphError) -> [Dimension]? {
    var real: [Operand?] = []
    for i in indices {
      guard let operand = operand(i) else {
        real.append(nil)
        continue
      }
      let type: ValueType =
        if case .tensor(let type) = operand.type { .tensor(.float32, type.shape) } else { operand.type }
      real.append(Operand(type))
    }
    let inner = InferenceContext(operands: real, wanted: [true], fresh: fresh, region: region)
    return try op.inferTypes(inner).first?.tensor?.shape
  }

  fileprivate func check(_ operands: [Int], of types: [DataType]) throws(GraphError) {
    for i in operands { _ = try optionalTensor(i)?.expect(types, operand: i) }
  }
}

extension DynamicQuantizeLinear {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(1...1)
    let x = try context.tensor(0, of: [.float32])
    return [.tensor(.uint8, x?.shape), .tensor(.float32, []), .tensor(.uint8, [])]
  }
}

extension MatMulInteger {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(2...4)
    try context.check([0, 1, 2, 3], of: ElementTypes.bytes)
    try context.expectSameType(0, [2])
    try context.expectSameType(1, [3])
    return [.tensor(.int32, try context.sizes(of: MatMul(), [0, 1]))]
  }
}

extension QLinearMatMul {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(8...8)
    try context.check([0, 2, 3, 5, 7], of: ElementTypes.quantizedProducts)
    try context.check([1, 4, 6], of: [.float32, .float16, .bfloat16])
    try context.expectSameType(0, [2])
    try context.expectSameType(3, [5])
    let sizes = try context.sizes(of: MatMul(), [0, 3])
    guard let type = try context.tensor(7)?.dataType else { return [.unknown] }
    return [.tensor(type, sizes)]
  }
}

extension ConvInteger {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(2...4)
    try context.check([0, 1, 2, 3], of: ElementTypes.bytes)
    try context.expectSameType(0, [2])
    try context.expectSameType(1, [3])
    return [.tensor(.int32, try context.sizes(of: Convolution(window: window, groups: groups), [0, 1]))]
  }
}

extension QLinearConv {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(8...9)
    try context.check([0, 2, 3, 5, 7], of: ElementTypes.bytes)
    try context.check([1, 4, 6], of: [.float32])
    try context.check([8], of: [.int32])
    try context.expectSameType(0, [2])
    try context.expectSameType(3, [5])
    let sizes = try context.sizes(of: Convolution(window: window, groups: groups), [0, 3, 8])
    guard let type = try context.tensor(7)?.dataType else { return [.unknown] }
    return [.tensor(type, sizes)]
  }
}
