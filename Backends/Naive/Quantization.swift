import Kernels
import Operators
import Tensors

/// Which scale and zero point belong to which element: a row-major tensor seen as [outer, axis, inner].
///
/// Element (o, a, i) has parameter o · `outerStride` + a ÷ block · `axisStride` + i · `innerStride`.
private struct ScaleMap {
  var outer = 1
  var axis = 1
  var inner = 1
  var block = 1
  var outerStride = 0
  var axisStride = 0
  var innerStride = 0

  init(_ x: Tensor, _ scale: Tensor, _ zeroPoint: Tensor?, axis: Int, blockSize: Int) throws(KernelFault) {
    let isOne = blockSize == 0 && scale.rank <= 1 && scale.elementCount == 1
    if let zeroPoint, zeroPoint.sizes != scale.sizes,
      !(isOne && zeroPoint.rank <= 1 && zeroPoint.elementCount == 1)
    {
      throw .malformed
    }
    if isOne {
      inner = x.elementCount
      return
    }
    let position = try normalized(axis, rank: x.rank)
    outer = try x.sizes[..<position].product
    self.axis = x.sizes[position]
    inner = try x.sizes[(position + 1)...].product
    if blockSize == 0 {
      guard scale.sizes == [self.axis] else { throw .malformed }
      axisStride = 1
    } else {
      guard blockSize > 0 else { throw .malformed }
      let blocks = self.axis / blockSize + (self.axis % blockSize == 0 ? 0 : 1)
      var expected = x.sizes
      expected[position] = blocks
      guard scale.sizes == expected else { throw .malformed }
      block = blockSize
      (outerStride, axisStride, innerStride) = (blocks * inner, inner, 1)
    }
  }

  /// Calls `body` with the first element of each row, its parameter, and the number of elements.
  @inline(__always)
  func forEachRow(_ body: (_ element: Int, _ parameter: Int, _ count: Int) -> Void) {
    if inner == 0 { return }
    for o in 0..<outer {
      for a in 0..<axis {
        body((o * axis + a) * inner, o * outerStride + a / block * axisStride, inner)
      }
    }
  }
}

/// The numbers that an integer type of at most 32 bits holds.
private func range(of type: DataType) -> ClosedRange<Double>? {
  guard type.isInteger, let bits = type.bitWidth, bits <= 32 else { return nil }
  let count = Double(Int64(1) << bits)
  return type.isSignedInteger ? -count / 2...count / 2 - 1 : 0...count - 1
}

extension ElementCodec {
  /// The number rounded to the type, which has at least eight bits.
  fileprivate func rounded(_ value: Double) -> Double {
    withUnsafeTemporaryAllocation(byteCount: 8, alignment: 8) { memory in
      guard let base = memory.baseAddress else { return value }
      store(value, at: 0, in: base)
      return double(at: 0, in: base)
    }
  }
}

extension QuantizeLinear: NaiveOperator {
  static let naiveName = "quantize"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    let scale = try call.operand(1)
    let zeroPoint = try call.optional(2)
    let type = to ?? zeroPoint?.dataType ?? .uint8
    guard let from = ElementCodec(x.dataType), let target = ElementCodec(type),
      zeroPoint?.dataType ?? type == type,
      let quotient = ElementCodec(precision ?? scale.dataType)
    else { throw .malformed }
    let map = try ScaleMap(x, scale, zeroPoint, axis: axis, blockSize: blockSize)
    let scales = try call.reals(scale)
    let offsets = try call.reals(zeroPoint) ?? [Double](repeating: 0, count: scales.count)
    let y = try call.result(0, type, x.sizes)
    if x.dataType == .float32, quotient.dataType == .float32, type == .int8 || type == .uint8 {
      try visit(
        type, QuantizeBytes(x: x.pointer(Float.self), y: y.base, map: map, scales: scales, offsets: offsets))
      return
    }
    if type.isSubByte { y.clear() }
    let (source, result) = (x.bytes.base, y.base)
    let limits = range(of: type)
    // The product of two numbers of 24 bits or fewer is rounded in `Double` as if it were not.
    let narrows = quotient.dataType.isNarrowFloat && quotient.dataType != .float8E8M0
    let isWide = quotient.dataType == .float64
    map.forEachRow { first, parameter, count in
      for i in 0..<count {
        let p = parameter + i * map.innerStride
        var q = from.double(at: first + i, in: source) / scales[p]
        if !isWide { q = Double(Float(q)) }
        if narrows { q = quotient.rounded(q) }
        if let limits {
          let value = q.rounded(.toNearestOrEven) + offsets[p]
          let kept = value.isNaN ? 0 : min(max(value, limits.lowerBound), limits.upperBound)
          target.store(Int64(kept), at: first + i, in: result)
        } else {
          target.store(q + offsets[p], at: first + i, in: result, saturates: saturate)
        }
      }
    }
  }
}

/// The usual case: float32 to bytes.
private struct QuantizeBytes: NumberVisitor {
  let x: UnsafePointer<Float>
  let y: UnsafeMutableRawPointer
  let map: ScaleMap
  let scales, offsets: [Double]

  func visitFloat<T: FloatNumber>(_: T.Type) throws(KernelFault) { throw .notRepresentable }

  func visitInteger<T: IntegerNumber>(_: T.Type) {
    let y = y.assumingMemoryBound(to: T.self)
    let (low, high) = (Float(T.min), Float(T.max))
    map.forEachRow { first, parameter, count in
      for i in 0..<count {
        let p = parameter + i * map.innerStride
        let value = (x[first + i] / Float(scales[p])).rounded(.toNearestOrEven) + Float(offsets[p])
        y[first + i] = value.isNaN ? 0 : T(Swift.min(Swift.max(value, low), high))
      }
    }
  }
}

extension DequantizeLinear: NaiveOperator {
  static let naiveName = "dequantize"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    let scale = try call.operand(1)
    let zeroPoint = try call.optional(2)
    let type = to ?? scale.dataType
    guard let from = ElementCodec(x.dataType), let target = ElementCodec(type),
      zeroPoint?.dataType ?? x.dataType == x.dataType
    else { throw .malformed }
    let map = try ScaleMap(x, scale, zeroPoint, axis: axis, blockSize: blockSize)
    let scales = try call.reals(scale)
    let offsets = try call.reals(zeroPoint) ?? [Double](repeating: 0, count: scales.count)
    let y = try call.result(0, type, x.sizes)
    if type == .float32, x.dataType.isPlainNumber, x.dataType.isInteger {
      try visit(
        x.dataType,
        DequantizeIntegers(x: x.base, y: y.pointer(Float.self), map: map, scales: scales, offsets: offsets))
      return
    }
    let (source, result) = (x.bytes.base, y.base)
    map.forEachRow { first, parameter, count in
      for i in 0..<count {
        let p = parameter + i * map.innerStride
        let value = Float(from.double(at: first + i, in: source) - offsets[p]) * Float(scales[p])
        target.store(Double(value), at: first + i, in: result)
      }
    }
  }
}

/// The usual case: integers to float32.
private struct DequantizeIntegers: NumberVisitor {
  let x: UnsafeMutableRawPointer
  let y: UnsafeMutablePointer<Float>
  let map: ScaleMap
  let scales, offsets: [Double]

  func visitFloat<T: FloatNumber>(_: T.Type) throws(KernelFault) { throw .notRepresentable }

  func visitInteger<T: IntegerNumber>(_: T.Type) {
    let x = x.assumingMemoryBound(to: T.self)
    map.forEachRow { first, parameter, count in
      for i in 0..<count {
        let p = parameter + i * map.innerStride
        y[first + i] = Float(x[first + i].real - offsets[p]) * Float(scales[p])
      }
    }
  }
}

extension DynamicQuantizeLinear: NaiveOperator {
  static let naiveName = "dynamic-quantize"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    guard x.dataType == .float32 else { throw .notRepresentable }
    let source = x.pointer(Float.self)
    var (low, high): (Float, Float) = (0, 0)
    for i in 0..<x.elementCount {
      low = min(low, source[i])
      high = max(high, source[i])
    }
    var scale = (high - low) / 255
    if scale == 0 { scale = 1 }
    let offset = min(max((-low / scale).rounded(.toNearestOrEven), 0), 255)
    let y = try call.result(0, .uint8, x.sizes)
    let target = y.pointer(UInt8.self)
    for i in 0..<x.elementCount {
      let value = (source[i] / scale).rounded(.toNearestOrEven) + offset
      target[i] = value.isNaN ? 0 : UInt8(min(max(value, 0), 255))
    }
    if call.isWanted(1) { try call.result(1, .float32, []).pointer(Float.self)[0] = scale }
    if call.isWanted(2) {
      try call.result(2, .uint8, []).pointer(UInt8.self)[0] = offset.isNaN ? 0 : UInt8(offset)
    }
  }
}

// MARK: - Products

// Sums of products of small integers are exact in `Double`: products are those of real numbers.

extension Evaluation {
  /// Operand `i` minus its zero point, which broadcasts with the sizes that `place` gives it.
  fileprivate func shifted(
    _ i: Int, by zero: Int, _ place: (Tensor, Tensor) -> [Int]
  ) throws(KernelFault) -> Tensor {
    let x = try operand(i)
    let y = try Tensor.allocate(.float64, x.sizes)
    try cast(x, into: y)
    guard let zeroPoint = try optional(zero) else { return y }
    let sizes = place(x, zeroPoint)
    guard zeroPoint.dataType == x.dataType, try broadcastSizes([x.sizes, sizes]) == x.sizes else {
      throw .malformed
    }
    let offsets = try reals(zeroPoint)
    guard try offsets.count == sizes.product else { throw .malformed }
    let rows = try Rows(result: x.sizes, operands: [sizes])
    let target = y.pointer(Double.self)
    let step = rows.step(0)
    rows.forEach { row, p, _, _ in
      for k in 0..<rows.rowCount { target[row + k] -= offsets[p + k * step] }
    }
    return y
  }

  /// The product of two operands by another operator, as `Double`.
  fileprivate func product(_ op: some NaiveOperator, _ a: Tensor, _ b: Tensor) throws(KernelFault) -> Tensor {
    var inner = Evaluation([.tensor(a), .tensor(b)], wanted: [true])
    try op.evaluate(&inner)
    guard let result = inner.results.first??.tensor else { throw .malformed }
    return result
  }

  /// result = saturate(round(product · multiplier) + zero point), the parameters broadcast with the sizes given.
  fileprivate mutating func requantize(
    _ product: Tensor, _ scales: [(operand: Int, sizes: [Int])], zeroPoint: Int
  ) throws(KernelFault) {
    let zero = try operand(zeroPoint)
    guard let target = ElementCodec(zero.dataType), scales.count == 3 else { throw .malformed }
    var factors: [[Double]] = []
    for (i, sizes) in scales {
      factors.append(try reals(operand(i)))
      guard try factors[factors.count - 1].count == sizes.product,
        try broadcastSizes([product.sizes, sizes]) == product.sizes
      else { throw .malformed }
    }
    let offsets = try reals(zero)
    guard offsets.count == factors[2].count else { throw .malformed }
    let y = try result(0, zero.dataType, product.sizes)
    let rows = try Rows(result: product.sizes, operands: scales.map(\.sizes))
    let steps = (0..<3).map { rows.step($0) }
    let source = product.pointer(Double.self)
    let result = y.base
    let limits = range(of: zero.dataType)
    rows.forEach { row, a, b, c in
      for k in 0..<rows.rowCount {
        let p = c + k * steps[2]
        let multiplier =
          Float(factors[0][a + k * steps[0]]) * Float(factors[1][b + k * steps[1]]) / Float(factors[2][p])
        let value = Double(Float(source[row + k]) * multiplier)
        if let limits {
          let rounded = value.rounded(.toNearestOrEven) + offsets[p]
          let kept = rounded.isNaN ? 0 : min(max(rounded, limits.lowerBound), limits.upperBound)
          target.store(Int64(kept), at: row + k, in: result)
        } else {
          target.store(value + offsets[p], at: row + k, in: result)
        }
      }
    }
  }

  fileprivate mutating func setInt32(_ product: Tensor) throws(KernelFault) {
    let y = try result(0, .int32, product.sizes)
    let source = product.pointer(Double.self)
    let target = y.pointer(Int32.self)
    for i in 0..<product.elementCount { target[i] = Int32(real: source[i]) }
  }
}

/// A vector of parameters of the left operand counts its rows; one of the right operand, its columns.
private func ofRows(_ x: Tensor, _ parameter: Tensor) -> [Int] {
  parameter.rank == 1 && parameter.elementCount != 1 && x.rank > 1 ? parameter.sizes + [1] : parameter.sizes
}

private func asGiven(_ x: Tensor, _ parameter: Tensor) -> [Int] { parameter.sizes }

/// A vector of parameters of weights counts their outputs.
private func ofOutputs(_ weights: Tensor, _ parameter: Tensor) -> [Int] {
  parameter.elementCount == 1 ? [] : parameter.sizes + [Int](repeating: 1, count: max(weights.rank - 1, 0))
}

extension MatMulInteger: NaiveOperator {
  static let naiveName = "matmul-integer"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let a = try call.shifted(0, by: 2, ofRows)
    let b = try call.shifted(1, by: 3, asGiven)
    try call.setInt32(try call.product(MatMul(), a, b))
  }
}

extension QLinearMatMul: NaiveOperator {
  static let naiveName = "qlinear-matmul"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let a = try call.shifted(0, by: 2, ofRows)
    let b = try call.shifted(3, by: 5, asGiven)
    let product = try call.product(MatMul(), a, b)
    let scales = [
      (1, ofRows(a, try call.operand(1))), (4, try call.operand(4).sizes),
      (6, ofRows(a, try call.operand(6))),
    ]
    try call.requantize(product, scales, zeroPoint: 7)
  }
}

extension ConvInteger: NaiveOperator {
  static let naiveName = "conv-integer"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.shifted(0, by: 2, asGiven)
    let weights = try call.shifted(1, by: 3, ofOutputs)
    try call.setInt32(try call.product(Convolution(window: window, groups: groups), x, weights))
  }
}

extension QLinearConv: NaiveOperator {
  static let naiveName = "qlinear-conv"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.shifted(0, by: 2, asGiven)
    let weights = try call.shifted(3, by: 5, ofOutputs)
    let product = try call.product(Convolution(window: window, groups: groups), x, weights)
    if let bias = try call.optional(8) {
      guard bias.dataType == .int32, product.rank >= 2, bias.sizes == [product.sizes[1]] else {
        throw .malformed
      }
      let target = product.pointer(Double.self)
      let plane = try product.sizes.dropFirst(2).product
      for row in 0..<product.sizes[0] * product.sizes[1] {
        let addend = Double(bias.pointer(Int32.self)[row % product.sizes[1]])
        for i in 0..<plane { target[row * plane + i] += addend }
      }
    }
    // Of [N, C, …] the channel is counted.
    let scale = try call.operand(4)
    let ofChannels =
      scale.elementCount == 1 ? [] : scale.sizes + [Int](repeating: 1, count: max(product.rank - 2, 0))
    try call.requantize(
      product, [(1, asGiven(x, try call.operand(1))), (4, ofChannels), (6, asGiven(x, try call.operand(6)))],
      zeroPoint: 7)
  }
}
