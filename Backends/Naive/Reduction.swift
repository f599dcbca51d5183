import Glibc
import Kernels
import Operators
import Tensors

extension Reduce: NaiveOperator {
  static let naiveName = "reduce"

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    var axes = try call.integers(self.axes, orOperand: 1) ?? []
    // Over no axes each element is reduced by itself: a sum of squares is then a square.
    if axes.isEmpty && !noopWithEmptyAxes { axes = Array(0..<x.rank) }
    try reduce(function, x, axes: try normalized(axes, rank: x.rank), keepDims: keepDims, in: &call)
  }
}

/// Reduces `x` along `axes`, which are in order. Over no elements: 0, 1, ±infinity, or NaN for the mean.
func reduce(
  _ function: Reduce.Function, _ x: Tensor, axes: [Int], keepDims: Bool, in call: inout Evaluation
) throws(KernelFault) {
  let isReduced = x.sizes.indices.map { axes.contains($0) }
  var sizes: [Int] = []
  for axis in x.sizes.indices {
    if !isReduced[axis] { sizes.append(x.sizes[axis]) } else if keepDims { sizes.append(1) }
  }
  let y = try call.result(0, x.dataType, sizes)
  if x.dataType == .bool, function != .max, function != .min { throw .notRepresentable }
  try visit(x.dataType, Reduction(function: function, x: x, y: y, isReduced: isReduced))
}

private struct Reduction: NumberVisitor {
  let function: Reduce.Function
  let x, y: Tensor
  let isReduced: [Bool]

  /// Elements that each result takes.
  private var count: Int { x.sizes.indices.reduce(1) { isReduced[$1] ? $0 * x.sizes[$1] : $0 } }

  func visitFloat<T: FloatNumber>(_: T.Type) throws(KernelFault) {
    let n = Double(count)
    switch function {
    case .sum: try fold(T.self, 0.0, { $0 + $1.real }, { T(real: $0) })
    case .mean: try fold(T.self, 0.0, { $0 + $1.real }, { T(real: $0 / n) })
    case .prod: try fold(T.self, 1.0, { $0 * $1.real }, { T(real: $0) })
    case .l1: try fold(T.self, 0.0, { $0 + $1.real.magnitude }, { T(real: $0) })
    case .l2: try fold(T.self, 0.0, { $0 + $1.real * $1.real }, { T(real: $0.squareRoot()) })
    case .sumSquare: try fold(T.self, 0.0, { $0 + $1.real * $1.real }, { T(real: $0) })
    case .logSum: try fold(T.self, 0.0, { $0 + $1.real }, { T(real: log($0)) })
    case .logSumExp: try fold(T.self, LogSum(), { $0.adding($1.real) }, { T(real: $0.value) })
    case .max, .min: try visitOrdered(T.self)
    }
  }

  func visitInteger<T: IntegerNumber>(_: T.Type) throws(KernelFault) {
    let n = T(truncatingIfNeeded: count)
    switch function {
    case .sum: try fold(T.self, T.zero, { $0 &+ $1 }, { $0 })
    case .mean:
      if n == 0 {
        if y.elementCount > 0 { throw .divisionByZero }
        return
      }
      try fold(T.self, T.zero, { $0 &+ $1 }, { $0.dividedReportingOverflow(by: n).partialValue })
    case .prod: try fold(T.self, T(1), { $0 &* $1 }, { $0 })
    case .l1: try fold(T.self, T.zero, { $0 &+ ($1 < 0 ? 0 &- $1 : $1) }, { $0 })
    case .l2: try fold(T.self, 0.0, { $0 + $1.real * $1.real }, { T(real: $0.squareRoot()) })
    case .sumSquare: try fold(T.self, T.zero, { $0 &+ $1 &* $1 }, { $0 })
    case .logSum: try fold(T.self, 0.0, { $0 + $1.real }, { T(real: log($0)) })
    case .logSumExp: try fold(T.self, LogSum(), { $0.adding($1.real) }, { T(real: $0.value) })
    case .max, .min: try visitOrdered(T.self)
    }
  }

  private func visitOrdered<T: Number>(_: T.Type) throws(KernelFault) {
    if function == .max {
      let start = x.dataType == .bool ? T.zero : T.lowest
      try fold(T.self, start, { $0.isNotANumber || $0 > $1 ? $0 : $1 }, { $0 })
    } else {
      let start = x.dataType == .bool ? T(wrapping: 1) : T.highest
      try fold(T.self, start, { $0.isNotANumber || $0 < $1 ? $0 : $1 }, { $0 })
    }
  }

  @inline(__always)
  private func fold<T: Number, S: BitwiseCopyable>(
    _: T.Type, _ start: S, _ step: (S, T) -> S, _ finish: (S) -> T
  ) throws(KernelFault) {
    let sums = try Scratch<S>(count: y.elementCount)
    defer { withExtendedLifetime(sums) {} }
    let base = sums.base
    base.update(repeating: start, count: y.elementCount)
    // The result as an operand that repeats along the reduced axes.
    let repeated = x.sizes.indices.map { isReduced[$0] ? 1 : x.sizes[$0] }
    let rows = try Rows(result: x.sizes, operands: [repeated])
    let source = x.pointer(T.self)
    let (stride, count) = (rows.step(0), rows.rowCount)
    rows.forEach { row, target, _, _ in
      if stride == 0 {
        var sum = base[target]
        for p in 0..<count { sum = step(sum, source[row + p]) }
        base[target] = sum
      } else {
        for p in 0..<count { base[target + p * stride] = step(base[target + p * stride], source[row + p]) }
      }
    }
    let result = y.pointer(T.self)
    for i in 0..<y.elementCount { result[i] = finish(base[i]) }
  }
}

/// log Σ exp, kept as the largest term and the sum relative to it.
private struct LogSum: BitwiseCopyable {
  private var highest = -Double.infinity
  private var sum = 0.0

  func adding(_ x: Double) -> LogSum {
    var result = self
    if x > highest {
      result.sum = (highest == -.infinity ? 0 : sum * exp(highest - x)) + 1
      result.highest = x
    } else if x != -.infinity {
      // An infinite maximum stays the result; NaN spreads through the sum.
      result.sum += x == highest ? 1 : exp(x - highest)
    }
    return result
  }

  var value: Double { sum == 0 ? -.infinity : highest + log(sum) }
}

// MARK: - Positions

extension ArgReduce: NaiveOperator {
  static let naiveName = "arg-reduce"

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    let axis = try normalized(axis, rank: x.rank)
    var sizes = x.sizes
    if keepDims { sizes[axis] = 1 } else { sizes.remove(at: axis) }
    let y = try call.result(0, .int64, sizes)
    if x.sizes[axis] == 0, y.elementCount > 0 { throw .indexOutOfRange(operand: 0) }
    try visit(
      x.dataType,
      try Positions(
        x: x, y: y.pointer(Int64.self), outer: x.sizes[..<axis].product, count: x.sizes[axis],
        inner: x.sizes[(axis + 1)...].product, isMaximum: function == .max, selectLast: selectLast))
  }

  private struct Positions: NumberVisitor {
    let x: Tensor
    let y: UnsafeMutablePointer<Int64>
    let outer, count, inner: Int
    let isMaximum, selectLast: Bool

    func visitFloat<T: FloatNumber>(_: T.Type) { run(T.self) }
    func visitInteger<T: IntegerNumber>(_: T.Type) { run(T.self) }

    @inline(__always)
    private func run<T: Number>(_: T.Type) {
      if count == 0 { return }
      for o in 0..<outer {
        for i in 0..<inner {
          let from = x.pointer(T.self) + o * count * inner + i
          var best = 0
          for c in 1..<count {
            let (value, record) = (from[c * inner], from[best * inner])
            let wins = isMaximum ? value > record : value < record
            if wins || (value.isNotANumber && !record.isNotANumber) || (selectLast && value == record) {
              best = c
            }
          }
          y[o * inner + i] = Int64(best)
        }
      }
    }
  }
}
