import SIMDMicrokernels

// The matrix product in Swift's own vectors, for processors that have no kernels in C. Multiplication and
// addition stay two operations: fused multiply-add is a call into libm where the processor lacks it.

typealias PortableSteps =
  @convention(c) (
    UnsafePointer<nt_epilogue>?, UnsafeMutablePointer<Float>?, Int, Int, Int, Int, Int
  ) -> Void

private typealias Vector = SIMD8<Float>
private let tileRows = 6

@inline(__always)
private func load(_ p: UnsafePointer<Float>) -> Vector { UnsafeRawPointer(p).loadUnaligned(as: Vector.self) }

/// The first `count` lanes; the others are zero and their memory is not touched.
private func load(_ p: UnsafePointer<Float>, count: Int) -> Vector {
  var v = Vector(repeating: 0)
  for i in 0..<count { v[i] = p[i] }
  return v
}

@inline(__always)
private func store(_ v: Vector, _ p: UnsafeMutablePointer<Float>, count: Int) {
  if count == 8 {
    UnsafeMutableRawPointer(p).storeBytes(of: v, as: Vector.self)
  } else {
    for i in 0..<count { p[i] = v[i] }
  }
}

/// A NaN passes both bounds.
@inline(__always)
private func clamp(_ x: Vector, _ lower: Vector, _ upper: Vector) -> Vector {
  let raised = x.replacing(with: lower, where: x .< lower)
  return raised.replacing(with: upper, where: raised .> upper)
}

/// Addresses of the rows of a tile; rows that do not exist repeat the first.
private struct TileRows {
  var a0, a1, a2, a3, a4, a5: UnsafePointer<Float>
}

/// Rows × panels of a product; the contract of `nt_kernels.gemm`.
func portableProduct(_ g: nt_gemm, rows: Range<Int>, panels: Range<Int>, steps: PortableSteps) {
  guard !rows.isEmpty, let a = g.a, let packed = g.b, let c = g.c else { return }
  let k = g.segment_count * g.segment_length
  let blocks = (rows.count + tileRows - 1) / tileRows
  func address(_ row: Int) -> UnsafePointer<Float> {
    let line = row / g.width
    return a + row % g.width * g.a_x + line % g.height * g.a_y + line / g.height * g.a_image
  }
  for panel in panels {
    let column = panel * 8
    let valid = min(8, g.n - column)
    for block in 0..<blocks {
      let inside = part(block, of: blocks, in: rows.count)
      let row = rows.lowerBound + inside.lowerBound
      let first = address(row)
      let tile = TileRows(
        a0: first, a1: inside.count > 1 ? address(row + 1) : first,
        a2: inside.count > 2 ? address(row + 2) : first,
        a3: inside.count > 3 ? address(row + 3) : first, a4: inside.count > 4 ? address(row + 4) : first,
        a5: inside.count > 5 ? address(row + 5) : first)
      computeTile(
        g, tile, packed + column * k, c + row * g.c_stride + column, row: row, count: inside.count,
        column: column,
        valid: valid)
      if g.epilogue.step_count > 0 {
        withUnsafePointer(to: g.epilogue) {
          steps($0, c + row * g.c_stride + column, g.c_stride, row, inside.count, column, valid)
        }
      }
    }
  }
}

private func computeTile(
  _ g: nt_gemm, _ rows: TileRows, _ panel: UnsafePointer<Float>, _ c: UnsafeMutablePointer<Float>, row: Int,
  count: Int,
  column: Int, valid: Int
) {
  let e = g.epilogue
  let start = e.bias.map { load($0 + e.first_column + column, count: valid) } ?? Vector(repeating: 0)
  var c0 = start, c1 = start, c2 = start, c3 = start, c4 = start, c5 = start
  var b = panel
  for segment in 0..<g.segment_count {
    let offset = g.offsets[segment]
    let a0 = rows.a0 + offset, a1 = rows.a1 + offset, a2 = rows.a2 + offset
    let a3 = rows.a3 + offset, a4 = rows.a4 + offset, a5 = rows.a5 + offset
    var i = 0
    while i < g.segment_length {
      let v = load(b)
      c0 += Vector(repeating: a0[i]) * v
      c1 += Vector(repeating: a1[i]) * v
      c2 += Vector(repeating: a2[i]) * v
      c3 += Vector(repeating: a3[i]) * v
      c4 += Vector(repeating: a4[i]) * v
      c5 += Vector(repeating: a5[i]) * v
      b += 8
      i += 1
    }
  }
  let lower = Vector(repeating: e.lower), upper = Vector(repeating: e.upper)
  func finish(_ sum: Vector, _ r: Int) {
    guard r < count else { return }
    var x = sum
    if let residual = e.residual {
      x += load(
        residual + (e.first_row + row + r) * e.residual_stride + e.first_column + column, count: valid)
    }
    store(clamp(x, lower, upper), c + r * g.c_stride, count: valid)
  }
  finish(c0, 0)
  finish(c1, 1)
  finish(c2, 2)
  finish(c3, 3)
  finish(c4, 4)
  finish(c5, 5)
}

/// One row × panels over a part of k; the contract of `nt_kernels.gemv`.
func portableRow(
  _ x: UnsafePointer<Float>, _ packed: UnsafePointer<Float>, kTotal: Int, k: Range<Int>, n: Int,
  panels: Range<Int>,
  bias: UnsafePointer<Float>?, _ y: UnsafeMutablePointer<Float>
) {
  for panel in panels {
    let column = panel * 8
    let valid = min(8, n - column)
    var b = packed + column * kTotal + k.lowerBound * 8
    var even = Vector(repeating: 0), odd = even
    var i = k.lowerBound
    while i + 1 < k.upperBound {
      even += Vector(repeating: x[i]) * load(b)
      odd += Vector(repeating: x[i + 1]) * load(b + 8)
      b += 16
      i += 2
    }
    if i < k.upperBound { even += Vector(repeating: x[i]) * load(b) }
    var sum = even + odd
    if let bias { sum += load(bias + column, count: valid) }
    store(sum, y + column, count: valid)
  }
}
