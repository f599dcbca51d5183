import Kernels
import Operators
import Tensors

extension Gemm: NaiveOperator {
  static let naiveName = "gemm"

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let a = try call.operand(0)
    let b = try call.operand(1)
    let c = try call.optional(2)
    guard a.rank == 2, b.rank == 2, a.dataType == b.dataType, c.map({ $0.dataType == a.dataType }) ?? true
    else {
      throw .malformed
    }
    let m = a.sizes[transA ? 1 : 0]
    let k = a.sizes[transA ? 0 : 1]
    let n = b.sizes[transB ? 0 : 1]
    guard b.sizes[transB ? 1 : 0] == k else { throw .malformed }
    let y = try call.result(0, a.dataType, [m, n])
    let left = try transA ? a.transposedMatrix() : a
    let right = try transB ? b.transposedMatrix() : b
    try call.takeProducts([m, n, k])
    try call.takeScratch(n)
    let product = MatrixProduct(
      batches: try Rows(result: [], operands: [[], []]), a: left.base, b: right.base, y: y.base, m: m, k: k,
      n: n, alpha: alpha.value, beta: beta.value,
      c: c?.base,
      cStrides: try c.map { (c) throws(KernelFault) in try broadcastStrides(c.sizes, to: [m, n]) } ?? [0, 0])
    try visit(a.dataType, product)
    withExtendedLifetime((left, right)) {}
  }
}

extension MatMul: NaiveOperator {
  static let naiveName = "matmul"

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let a = try call.operand(0)
    let b = try call.operand(1)
    guard a.rank >= 1, b.rank >= 1, a.dataType == b.dataType else { throw .malformed }
    let left = a.rank == 1 ? [1] + a.sizes : a.sizes
    let right = b.rank == 1 ? b.sizes + [1] : b.sizes
    let m = left[left.count - 2]
    let k = left[left.count - 1]
    let n = right[right.count - 1]
    guard right[right.count - 2] == k else { throw .malformed }
    let batch = try broadcastSizes([Array(left.dropLast(2)), Array(right.dropLast(2))])
    let y = try call.result(0, a.dataType, batch + (a.rank == 1 ? [] : [m]) + (b.rank == 1 ? [] : [n]))
    if y.elementCount == 0 { return }
    try call.takeProducts([y.elementCount, k])
    try call.takeScratch(n)
    let batches = try Rows(
      result: batch, operands: [Array(left.dropLast(2)), Array(right.dropLast(2))])
    try visit(
      a.dataType, MatrixProduct(batches: batches, a: a.base, b: b.base, y: y.base, m: m, k: k, n: n))
  }
}

/// alpha · A · B + beta · C of row-major matrices, rounded once.
private struct MatrixProduct: NumberVisitor {
  /// Which matrices are multiplied, and where the products go.
  let batches: Rows
  let a, b: UnsafeMutableRawPointer
  let y: UnsafeMutableRawPointer
  let m, k, n: Int
  var alpha = 1.0
  var beta = 1.0
  var c: UnsafeMutableRawPointer?
  var cStrides = [0, 0]

  func visitFloat<T: FloatNumber>(_: T.Type) { multiply(T.self) }
  func visitInteger<T: IntegerNumber>(_: T.Type) { multiply(T.self) }

  private func multiply<T: Number>(_: T.Type) {
    let a = a.assumingMemoryBound(to: T.self)
    let b = b.assumingMemoryBound(to: T.self)
    let y = y.assumingMemoryBound(to: T.self)
    batches.forEach { row, i, j, _ in
      for p in 0..<batches.rowCount {
        let (left, right) = (i + p * batches.step(0), j + p * batches.step(1))
        multiply(a + left * (m * k), b + right * (k * n), y + (row + p) * (m * n))
      }
    }
  }

  @inline(__always)
  private func multiply<T: Number>(
    _ a: UnsafePointer<T>, _ b: UnsafePointer<T>, _ y: UnsafeMutablePointer<T>
  ) {
    let c = c?.assumingMemoryBound(to: T.self)
    let (alpha, beta) = (self.alpha, self.beta)
    // Scaling by one is left out: integers have no sums in `Double`.
    let isScaled = alpha != 1 || (beta != 1 && c != nil)
    withUnsafeTemporaryAllocation(of: T.Sum.self, capacity: max(n, 1)) { sums in
      guard let sum = sums.baseAddress else { return }
      for i in 0..<m {
        sum.update(repeating: T.zeroSum, count: n)
        for p in 0..<k {
          let left = a[i * k + p].sum
          let right = b + p * n
          for j in 0..<n { sum[j] = T.add(sum[j], T.multiply(left, right[j].sum)) }
        }
        let target = y + i * n
        for j in 0..<n {
          let addend = c.map { $0[i * cStrides[0] + j * cStrides[1]] }
          if isScaled {
            target[j] = T.scaled(sum[j], by: alpha, plus: addend.map { $0.real * beta } ?? 0)
          } else if let addend {
            target[j] = T(sum: T.add(sum[j], addend.sum))
          } else {
            target[j] = T(sum: sum[j])
          }
        }
      }
    }
  }
}

extension Number {
  /// sum · factor + addend, through `Double`.
  @inline(__always)
  fileprivate static func scaled(_ sum: Sum, by factor: Double, plus addend: Double) -> Self {
    Self(real: Self.real(of: sum) * factor + addend)
  }
}

extension Tensor {
  /// A matrix with its rows and columns exchanged.
  fileprivate func transposedMatrix() throws(KernelFault) -> Tensor {
    guard let bits = dataType.bitWidth, bits >= 8 else { throw .notRepresentable }
    let result = try Tensor.allocate(dataType, [sizes[1], sizes[0]])
    copyStrided(
      from: bytes.base, strides: [1, max(sizes[1], 1)], to: result.base, strides: [max(sizes[0], 1), 1],
      sizes: result.sizes, elementByteCount: bits / 8)
    return result
  }
}
