import Glibc
import IR
import Kernels
import Operators
import Tensors

extension Binary: NaiveOperator {
  static let naiveName = "binary"
  /// To be equal or not.
  static let takesStrings = true

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let a = try call.operand(0)
    let b = try call.operand(1)
    let y = try call.result(
      0, function.isComparison ? .bool : a.dataType, try broadcastSizes([a.sizes, b.sizes]))
    try apply(function, a, b, into: y, divisor: 1)
  }
}

/// y = function(a, b), operands broadcast to y. `divisor` is the operand to blame for a division by zero.
func apply(_ function: BinaryFunction, _ a: Tensor, _ b: Tensor, into y: Tensor, divisor: Int)
  throws(KernelFault)
{
  let rows = try Rows(result: y.sizes, operands: [a.sizes, b.sizes])
  if a.dataType == .string, b.dataType == .string, function == .equal {
    compareStrings(a.strings, b.strings, into: y, rows)
    return
  }
  var b = b
  if b.dataType != a.dataType {
    // Only the exponent of a power has a type of its own.
    guard function == .pow else { throw .malformed }
    if a.dataType.isInteger && b.dataType.isFloatingPoint {
      let base = try cast(a, to: .float64)
      let power = try Tensor.allocate(.float64, y.sizes)
      try apply(.pow, base, try cast(b, to: .float64), into: power, divisor: divisor)
      try cast(power, into: y)
      return
    }
    b = try cast(b, to: a.dataType)
  }
  if function.isLogical != (a.dataType == .bool), function != .equal { throw .notRepresentable }
  try visit(
    a.dataType,
    BinaryMap(
      function: function, a: a.base, b: b.base, y: y.base, rows: rows, divisorCount: b.elementCount))
  withExtendedLifetime(b) {}
}

private func compareStrings(_ a: [[UInt8]], _ b: [[UInt8]], into y: Tensor, _ rows: Rows) {
  let target = y.pointer(UInt8.self)
  rows.forEach { row, i, j, _ in
    for p in 0..<rows.rowCount {
      target[row + p] = a[i + p * rows.step(0)] == b[j + p * rows.step(1)] ? 1 : 0
    }
  }
}

private struct BinaryMap: NumberVisitor {
  let function: BinaryFunction
  let a, b, y: UnsafeMutableRawPointer
  let rows: Rows
  let divisorCount: Int

  func visitFloat<T: FloatNumber>(_: T.Type) throws(KernelFault) {
    switch function {
    case .add: zip(T.self) { $0 + $1 }
    case .sub: zip(T.self) { $0 - $1 }
    case .mul: zip(T.self) { $0 * $1 }
    case .div: zip(T.self) { $0 / $1 }
    case .pow: zip(T.self) { T(real: pow($0.real, $1.real)) }
    case .fmod: zip(T.self) { T(real: fmod($0.real, $1.real)) }
    case .mod: zip(T.self) { T(real: floorModulo($0.real, $1.real)) }
    default: try visitOrdered(T.self)
    }
  }

  func visitInteger<T: IntegerNumber>(_: T.Type) throws(KernelFault) {
    switch function {
    case .add: zip(T.self) { $0 &+ $1 }
    case .sub: zip(T.self) { $0 &- $1 }
    case .mul: zip(T.self) { $0 &* $1 }
    case .div:
      try refuseZeros(T.self)
      zip(T.self) { $0.dividedReportingOverflow(by: $1).partialValue }
    case .fmod:
      try refuseZeros(T.self)
      zip(T.self) { $0.remainderReportingOverflow(dividingBy: $1).partialValue }
    case .mod:
      try refuseZeros(T.self)
      zip(T.self) {
        let rest = $0.remainderReportingOverflow(dividingBy: $1).partialValue
        return rest != 0 && (rest < 0) != ($1 < 0) ? rest &+ $1 : rest
      }
    case .pow: try power(T.self)
    case .and, .bitwiseAnd: zip(T.self) { $0 & $1 }
    case .or, .bitwiseOr: zip(T.self) { $0 | $1 }
    case .xor, .bitwiseXor: zip(T.self) { $0 ^ $1 }
    // A negative count is a shift beyond the width, never one in the other direction.
    case .shiftLeft: zip(T.self) { $1 < 0 ? 0 : $0 << $1 }
    case .shiftRight: zip(T.self) { $1 < 0 ? ($0 < 0 ? ~0 : 0) : $0 >> $1 }
    default: try visitOrdered(T.self)
    }
  }

  private func visitOrdered<T: Number>(_: T.Type) throws(KernelFault) {
    switch function {
    case .max: zip(T.self) { $0.isNotANumber || $0 > $1 ? $0 : $1 }
    case .min: zip(T.self) { $0.isNotANumber || $0 < $1 ? $0 : $1 }
    case .prelu: zip(T.self) { $0 < T.zero ? T(sum: T.multiply($0.sum, $1.sum)) : $0 }
    case .equal: zip(T.self) { $0 == $1 ? 1 : 0 as UInt8 }
    case .less: zip(T.self) { $0 < $1 ? 1 : 0 as UInt8 }
    case .lessOrEqual: zip(T.self) { $0 <= $1 ? 1 : 0 as UInt8 }
    case .greater: zip(T.self) { $0 > $1 ? 1 : 0 as UInt8 }
    case .greaterOrEqual: zip(T.self) { $0 >= $1 ? 1 : 0 as UInt8 }
    default: throw .notRepresentable
    }
  }

  @inline(__always)
  private func zip<T: BitwiseCopyable, R: BitwiseCopyable>(_: T.Type, _ body: (T, T) -> R) {
    let a = a.assumingMemoryBound(to: T.self)
    let b = b.assumingMemoryBound(to: T.self)
    let y = y.assumingMemoryBound(to: R.self)
    let (stepA, stepB, count) = (rows.step(0), rows.step(1), rows.rowCount)
    rows.forEach { row, i, j, _ in
      let (left, right, target) = (a + i, b + j, y + row)
      for p in 0..<count { target[p] = body(left[p &* stepA], right[p &* stepB]) }
    }
  }

  private func refuseZeros<T: IntegerNumber>(_: T.Type) throws(KernelFault) {
    if rows.sizes.contains(0) { return }
    let divisors = UnsafeBufferPointer(start: b.assumingMemoryBound(to: T.self), count: divisorCount)
    if divisors.contains(0) { throw .divisionByZero }
  }

  /// Integer powers wrap; negative exponents truncate the fraction, so that only ±1 have any power left.
  private func power<T: IntegerNumber>(_: T.Type) throws(KernelFault) {
    var dividesByZero = false
    zip(T.self) { (base: T, exponent: T) -> T in
      if exponent < 0 {
        if base == 0 { dividesByZero = true }
        if base == 1 { return 1 }
        return base == 0 &- 1 ? (exponent & 1 == 0 ? 1 : base) : 0
      }
      var (result, square, rest): (T, T, T) = (1, base, exponent)
      while rest > 0 {
        if rest & 1 == 1 { result = result &* square }
        square = square &* square
        rest >>= 1
      }
      return result
    }
    if dividesByZero { throw .divisionByZero }
  }
}

/// The remainder with the divisor's sign.
private func floorModulo(_ a: Double, _ b: Double) -> Double {
  let rest = fmod(a, b)
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest
}
