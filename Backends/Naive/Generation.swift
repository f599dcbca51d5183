import Kernels
import Operators
import Tensors

extension Shape: NaiveOperator {
  static let naiveName = "shape"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    func clamped(_ axis: Int) -> Int { axis < 0 ? max(axis, -x.rank) + x.rank : min(axis, x.rank) }
    let first = clamped(start)
    let sizes = x.sizes[first..<max(first, end.map { clamped($0) } ?? x.rank)]
    let y = try call.result(0, .int64, [sizes.count])
    for (i, size) in sizes.enumerated() { y.pointer(Int64.self)[i] = Int64(size) }
  }
}

extension Size: NaiveOperator {
  static let naiveName = "size"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    let y = try call.result(0, .int64, [])
    y.pointer(Int64.self)[0] = Int64(x.elementCount)
  }
}

extension Operators.Range: NaiveOperator {
  static let naiveName = "range"

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let start = try call.operand(0)
    let limit = try call.operand(1)
    let delta = try call.operand(2)
    for operand in [start, limit, delta] {
      guard operand.elementCount == 1, operand.dataType == start.dataType else { throw .malformed }
    }
    let count = try visit(start.dataType, RangeCount(start: start.base, limit: limit.base, delta: delta.base))
    try call.checkCount(count, of: start.dataType)
    let y = try call.result(0, start.dataType, [count])
    try visit(start.dataType, RangeFill(start: start.base, delta: delta.base, y: y.base, count: count))
  }
}

private struct RangeCount: NumberVisitor {
  let start, limit, delta: UnsafeMutableRawPointer

  func visitFloat<T: FloatNumber>(_: T.Type) throws(KernelFault) -> Int {
    let (start, limit, delta) = (
      start.load(as: T.self).real, limit.load(as: T.self).real, delta.load(as: T.self).real
    )
    let count = ((limit - start) / delta).rounded(.up)
    guard !count.isNaN, count < 0x1p62 else { throw count.isNaN ? .notRepresentable : .budget }
    return count > 0 ? Int(count) : 0
  }

  func visitInteger<T: IntegerNumber>(_: T.Type) throws(KernelFault) -> Int {
    let (start, limit, delta) = (start.load(as: T.self), limit.load(as: T.self), delta.load(as: T.self))
    if delta == 0 { throw .divisionByZero }
    if delta > 0 ? start >= limit : start <= limit { return 0 }
    // The distance may not fit the type, but always fits its unsigned kin.
    let (low, high) = delta > 0 ? (start, limit) : (limit, start)
    let distance = UInt64(truncatingIfNeeded: high) &- UInt64(truncatingIfNeeded: low)
    let step = UInt64(delta.magnitude)
    let count = distance / step + (distance % step == 0 ? 0 : 1)
    guard let count = Int(exactly: count) else { throw .budget }
    return count
  }
}

private struct RangeFill: NumberVisitor {
  let start, delta, y: UnsafeMutableRawPointer
  let count: Int

  func visitFloat<T: FloatNumber>(_: T.Type) {
    let (start, delta) = (start.load(as: T.self).real, delta.load(as: T.self).real)
    let y = y.assumingMemoryBound(to: T.self)
    for i in 0..<count { y[i] = T(real: start + Double(i) * delta) }
  }

  func visitInteger<T: IntegerNumber>(_: T.Type) {
    var value = start.load(as: T.self)
    let delta = delta.load(as: T.self)
    let y = y.assumingMemoryBound(to: T.self)
    for i in 0..<count {
      y[i] = value
      value = value &+ delta
    }
  }
}

extension ConstantOfShape: NaiveOperator {
  static let naiveName = "constant-of-shape"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    guard let sizes = try call.integers(target, orOperand: 0), let codec = ElementCodec(dataType) else {
      throw .malformed
    }
    let y = try call.result(0, dataType, sizes)
    y.clear()
    guard y.elementCount > 0 else { return }
    switch fill {
    case .real(let value): codec.store(value.value, at: 0, in: y.base)
    case .integer(let value): codec.store(value, at: 0, in: y.base)
    }
    guard let bits = dataType.bitWidth else { throw .notRepresentable }
    if bits >= 8 {
      y.fill(with: y.base, width: bits / 8)
    } else {
      // The first element, in the low bits, fills its byte.
      let element = y.pointer(UInt8.self)[0]
      var byte: UInt8 = 0
      for bit in stride(from: 0, to: 8, by: bits) { byte |= element << UInt8(bit) }
      y.pointer(UInt8.self).update(repeating: byte, count: y.byteCount)
    }
  }
}
