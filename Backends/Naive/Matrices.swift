import Kernels
import Operators
import Tensors

extension BitCast: NaiveOperator {
  static let naiveName = "bit-cast"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    guard let width = x.dataType.bitWidth, width == to.bitWidth else { throw .malformed }
    let y = try call.result(0, to, x.sizes)
    if x.byteCount > 0 { y.base.copyMemory(from: x.bytes.base, byteCount: x.byteCount) }
  }
}

extension EyeLike: NaiveOperator {
  static let naiveName = "eye-like"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    guard x.rank == 2, let codec = ElementCodec(dataType ?? x.dataType), codec.dataType.bitWidth ?? 0 >= 8
    else {
      throw .malformed
    }
    let y = try call.result(0, codec.dataType, x.sizes)
    y.clear()
    // Beyond these no diagonal lies in the matrix.
    guard k > -x.sizes[0], k < x.sizes[1] else { return }
    for i in max(0, -k)..<max(max(0, -k), min(x.sizes[0], x.sizes[1] - k)) {
      if codec.dataType.isFloatingPoint {
        codec.store(1.0, at: i * x.sizes[1] + i + k, in: y.base)
      } else {
        codec.store(Int64(1), at: i * x.sizes[1] + i + k, in: y.base)
      }
    }
  }
}

extension Trilu: NaiveOperator {
  static let naiveName = "trilu"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    guard x.rank >= 2, x.dataType != .string else { throw .malformed }
    let (rows, columns) = (x.sizes[x.rank - 2], x.sizes[x.rank - 1])
    let given = try call.integers(1)?.first ?? 0
    let matrices = try x.sizes.dropLast(2).product
    try move([x], x.dataType, x.sizes, in: &call) { operands, y, width in
      // Diagonals further out leave all or nothing.
      let k = min(max(given, -rows - 1), columns + 1)
      let source = operands[0].bytes.base
      y.base.initializeMemory(as: UInt8.self, repeating: 0, count: y.elementCount * width)
      for matrix in 0..<matrices {
        for row in 0..<rows {
          let kept =
            upper ? min(max(row + k, 0), columns)..<columns : 0..<min(max(row + k + 1, 0), columns)
          let at = ((matrix * rows + row) * columns + kept.lowerBound) * width
          (y.base + at).copyMemory(from: source + at, byteCount: kept.count * width)
        }
      }
    }
  }
}

extension Det: NaiveOperator {
  static let naiveName = "determinant"
  static let elements = Elements.floats

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    guard x.rank >= 2, x.sizes[x.rank - 1] == x.sizes[x.rank - 2] else { throw .malformed }
    let n = x.sizes[x.rank - 1]
    let sizes = Array(x.sizes.dropLast(2))
    let y = try call.result(0, x.dataType, sizes)
    // A third of n³ products for each matrix.
    try call.takeSteps(product: [x.elementCount, n / 3], beyond: x.elementCount)
    try call.takeScratch(2 * (n == 0 ? 0 : x.elementCount / max(y.elementCount, 1)))
    let values = try call.reals(x)
    guard let codec = ElementCodec(x.dataType) else { throw .notRepresentable }
    for matrix in 0..<(try sizes.product) {
      codec.store(
        determinant(Array(values[matrix * n * n..<(matrix + 1) * n * n]), n), at: matrix, in: y.base)
    }
  }

  /// By elimination with the largest pivots.
  private func determinant(_ matrix: [Double], _ n: Int) -> Double {
    var a = matrix
    var product = 1.0
    for column in 0..<n {
      var pivot = column
      for row in column..<n where abs(a[row * n + column]) > abs(a[pivot * n + column]) { pivot = row }
      if pivot != column {
        for j in 0..<n { a.swapAt(pivot * n + j, column * n + j) }
        product = -product
      }
      let head = a[column * n + column]
      product *= head
      if head == 0 { return product }
      for row in column + 1..<max(n, column + 1) {
        let factor = a[row * n + column] / head
        for j in column..<n { a[row * n + j] -= factor * a[column * n + j] }
      }
    }
    return product
  }
}
