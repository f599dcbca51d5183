import IR
import Kernels
import Operators
import Tensors

// MARK: - Variadic

extension Variadic: NaiveOperator {
  static let naiveName = "variadic"

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    var operands: [Tensor] = []
    for i in call.operands.indices { operands.append(try call.operand(i)) }
    guard let first = operands.first, operands.allSatisfy({ $0.dataType == first.dataType }) else {
      throw .malformed
    }
    if first.dataType == .bool { throw .notRepresentable }
    let y = try call.result(0, first.dataType, try broadcastSizes(operands.map(\.sizes)))
    try visit(first.dataType, VariadicFold(function: function, operands: operands, y: y))
  }
}

private struct VariadicFold: NumberVisitor {
  let function: Variadic.Function
  let operands: [Tensor]
  let y: Tensor

  func visitFloat<T: FloatNumber>(_: T.Type) throws(KernelFault) {
    let count = Double(operands.count)
    try fold(T.self) { function == .mean ? T(real: $0 / count) : T(sum: $0) }
  }

  func visitInteger<T: IntegerNumber>(_: T.Type) throws(KernelFault) {
    if function == .mean { throw .notRepresentable }
    try fold(T.self) { T(sum: $0) }
  }

  private func fold<T: Number>(_: T.Type, _ finish: (T.Sum) -> T) throws(KernelFault) {
    switch function {
    case .sum, .mean:
      let sums = try Scratch<T.Sum>(count: y.elementCount)
      defer { withExtendedLifetime(sums) {} }
      sums.base.update(repeating: T.zeroSum, count: y.elementCount)
      for operand in operands { try each(operand, T.self, sums.base) { T.add($0, $1.sum) } }
      let target = y.pointer(T.self)
      for i in 0..<y.elementCount { target[i] = finish(sums.base[i]) }
    case .max:
      try each(operands[0], T.self, y.pointer(T.self)) { _, value in value }
      for operand in operands.dropFirst() {
        try each(operand, T.self, y.pointer(T.self)) { $0.isNotANumber || $0 > $1 ? $0 : $1 }
      }
    case .min:
      try each(operands[0], T.self, y.pointer(T.self)) { _, value in value }
      for operand in operands.dropFirst() {
        try each(operand, T.self, y.pointer(T.self)) { $0.isNotANumber || $0 < $1 ? $0 : $1 }
      }
    }
  }

  private func each<T: Number, S: BitwiseCopyable>(
    _ operand: Tensor, _: T.Type, _ target: UnsafeMutablePointer<S>, _ body: (S, T) -> S
  ) throws(KernelFault) {
    let rows = try Rows(result: y.sizes, operands: [operand.sizes])
    let source = operand.pointer(T.self)
    let step = rows.step(0)
    rows.forEach { row, i, _, _ in
      for p in 0..<rows.rowCount { target[row + p] = body(target[row + p], source[i + p * step]) }
    }
  }
}

/// Memory for one evaluation.
struct Scratch<T: BitwiseCopyable> {
  private let storage: TensorStorage
  let base: UnsafeMutablePointer<T>

  init(count: Int) throws(KernelFault) {
    let (bytes, overflow) = count.multipliedReportingOverflow(by: MemoryLayout<T>.stride)
    if overflow { throw .budget }
    storage = try faulting { () throws(TensorError) in try TensorStorage.allocate(byteCount: bytes) }
    base = UnsafeMutableRawPointer(mutating: storage.bytes.base).bindMemory(to: T.self, capacity: count)
  }
}

// MARK: - Clip

extension Clip: NaiveOperator {
  static let naiveName = "clip"

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    let lower = try self.lower == nil ? call.optional(1) : nil
    let upper = try self.upper == nil ? call.optional(2) : nil
    for bound in [lower, upper] {
      if let bound, bound.elementCount != 1 || bound.dataType != x.dataType { throw .malformed }
    }
    let y = try call.result(0, x.dataType, x.sizes)
    if x.dataType == .bool { throw .notRepresentable }
    try visit(
      x.dataType,
      ClipMap(
        x: x.base, y: y.base, count: x.elementCount, lower: lower?.base, upper: upper?.base,
        realLower: self.lower?.value, realUpper: self.upper?.value))
  }
}

/// y = min(max(x, lower), upper) with real bounds; they may be the same memory.
func applyClamp(_ x: Tensor, lower: Double, upper: Double, into y: Tensor) throws(KernelFault) {
  try visit(
    x.dataType,
    ClipMap(x: x.base, y: y.base, count: x.elementCount, realLower: lower, realUpper: upper))
}

private struct ClipMap: NumberVisitor {
  let x, y: UnsafeMutableRawPointer
  let count: Int
  var lower: UnsafeMutableRawPointer?
  var upper: UnsafeMutableRawPointer?
  var realLower: Double?
  var realUpper: Double?

  func visitFloat<T: FloatNumber>(_: T.Type) { run(T.self) }
  func visitInteger<T: IntegerNumber>(_: T.Type) { run(T.self) }

  @inline(__always)
  private func run<T: Number>(_: T.Type) {
    let low = realLower.map { T(clamping: $0) } ?? lower.map { $0.load(as: T.self) } ?? T.lowest
    let high = realUpper.map { T(clamping: $0) } ?? upper.map { $0.load(as: T.self) } ?? T.highest
    let x = x.assumingMemoryBound(to: T.self)
    let y = y.assumingMemoryBound(to: T.self)
    for i in 0..<count { y[i] = clamp(x[i], low, high) }
  }
}

// MARK: - Where

extension Where: NaiveOperator {
  static let naiveName = "where"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let condition = try call.operand(0)
    let x = try call.operand(1)
    let y = try call.operand(2)
    guard condition.dataType == .bool, x.dataType == y.dataType else { throw .malformed }
    let sizes = try broadcastSizes([condition.sizes, x.sizes, y.sizes])
    let rows = try Rows(result: sizes, operands: [condition.sizes, x.sizes, y.sizes])
    try move([x, y], x.dataType, sizes, in: &call) { (operands, target, width) throws(KernelFault) in
      let flags = condition.pointer(UInt8.self)
      let (a, b, y) = (operands[0].base, operands[1].base, target.base)
      let (flagStep, stepA, stepB) = (rows.step(0), rows.step(1), rows.step(2))
      rows.forEach { row, f, i, j in
        for p in 0..<rows.rowCount {
          let source =
            flags[f + p * flagStep] != 0 ? a + (i + p * stepA) * width : b + (j + p * stepB) * width
          (y + (row + p) * width).copyMemory(from: source, byteCount: width)
        }
      }
    }
  }
}

// MARK: - Identity

extension Identity: NaiveOperator {
  static let naiveName = "identity"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    guard let value = call.operands.first, let value else { throw .malformed }
    call.set(0, value)
  }
}

extension Dropout: NaiveOperator {
  static let naiveName = "dropout"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    call.set(0, .tensor(x))
    if call.isWanted(1) {
      let mask = try call.result(1, .bool, x.sizes)
      mask.pointer(UInt8.self).update(repeating: 1, count: x.elementCount)
    }
  }
}
