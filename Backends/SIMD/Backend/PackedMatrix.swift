import IR
import Kernels
import SIMDMicrokernels
import Tensors

/// The geometry of a product of matrices whose right operand is packed.
struct ProductShape: Sendable {
  var rows: Int
  var k: Int
  var n: Int
  /// Floats of the left operand that one row brings into the cache.
  var rowFootprint: Int
  /// Independent products beside each other.
  var items = 1
  var threads: Int
}

/// How a product is cut: ranges of rows by ranges of panels. Every sum is the same in any cut.
struct ProductCut: Sendable {
  let rowParts: Int
  let panelParts: Int
  let rows: Int
  let panels: Int

  init(_ shape: ProductShape, kernels: Microkernels) {
    rows = shape.rows
    panels = kernels.panelCount(shape.n)
    // A part reads its rows once per panel: they should stay in the second-level cache.
    let cachedRows = max(65536 / max(shape.rowFootprint, 1), 2 * kernels.tileRows)
    var byRows = (rows + cachedRows - 1) / cachedRows
    let work = Double(rows) * Double(shape.k) * Double(shape.n)
    // About 5 µs of work each, and no more parts than keep every thread busy to the end.
    let most = shape.threads == 1 ? 1 : max(1, 16 / max(shape.items, 1))
    let wanted = max(1, min(most, Int(min(work / 3e5, 16))))
    if byRows < wanted { byRows = max(byRows, min(wanted, rows / 24)) }
    if byRows > 1 && byRows % 2 == 1 { byRows += 1 }
    rowParts = max(1, min(byRows, rows))
    panelParts = max(1, min(panels, (wanted + rowParts - 1) / rowParts))
  }

  var parts: Int { rowParts * panelParts }

  /// Neighbouring parts, which one thread does, share the dimension that is cut more: their rows, or their weights.
  private var rowsAreOuter: Bool { rowParts >= panelParts }

  func rows(_ i: Int) -> Range<Int> {
    part(rowsAreOuter ? i / panelParts : i % rowParts, of: rowParts, in: rows)
  }
  func panels(_ i: Int) -> Range<Int> {
    part(rowsAreOuter ? i % panelParts : i / rowParts, of: panelParts, in: panels)
  }
}

/// One product, or a row of independent ones (groups, batches), in parts for the workers.
struct ProductWork: ParallelWork {
  let kernels: Microkernels
  let cut: ProductCut
  var product: nt_gemm
  /// What changes from one product to the next, in floats.
  var aStep = 0
  var bStep = 0
  var cStep = 0
  var columnStep = 0
  var rowStep = 0

  func run(chunk: Int) {
    let index = chunk / cut.parts
    let inside = chunk % cut.parts
    var one = product
    one.a += index * aStep
    one.b += index * bStep
    one.c += index * cStep
    one.epilogue.first_column += index * columnStep
    one.epilogue.first_row += index * rowStep
    kernels.gemm(&one, rows: cut.rows(inside), panels: cut.panels(inside))
  }
}

/// Calls `body` with the product of `rows` rows of `k` floats with a packed matrix of k × n; strides are floats from row
/// to row. Its epilogue does nothing until `body` says what.
@inline(__always)
func withProduct(
  of a: UnsafePointer<Float>, stride aStride: Int, rows: Int, k: Int, packed b: UnsafePointer<Float>, n: Int,
  into c: UnsafeMutablePointer<Float>, stride cStride: Int, _ body: (inout nt_gemm) -> Void
) {
  withUnsafeTemporaryAllocation(of: Int.self, capacity: 1) { offset in
    offset.initialize(repeating: 0)
    var product = nt_gemm()
    product.a = a
    product.a_x = aStride
    product.width = rows
    product.height = 1
    product.offsets = UnsafePointer(offset.baseAddress)
    product.segment_count = 1
    product.segment_length = k
    product.b = b
    product.n = n
    product.c = c
    product.c_stride = cStride
    product.epilogue.lower = -.infinity
    product.epilogue.upper = .infinity
    body(&product)
  }
}

/// The right operand of a product: packed once, or packed anew by every run into scratch.
enum PackedOperand: Sendable {
  case constant(TensorStorage)
  case perRun

  /// Bytes of scratch.
  func scratchByteCount(_ floats: Int) -> Int {
    switch self {
    case .constant: 0
    case .perRun: floats * 4
    }
  }

  /// The packed floats: those of the constant, or what `pack` writes to `scratch` now.
  @inline(__always)
  func address(
    scratch: UnsafeMutableRawPointer, pack: (UnsafeMutablePointer<Float>) -> Void
  ) -> UnsafePointer<Float> {
    switch self {
    case .constant(let storage): return storage.bytes.pointer(to: Float.self)
    case .perRun:
      let target = scratch.assumingMemoryBound(to: Float.self)
      pack(target)
      return UnsafePointer(target)
    }
  }
}

/// Packs matrices: `pieces` of them per item, items one after the other in source and target.
struct PackingWork: ParallelWork {
  let panelUnits: Int32
  let source: UnsafeRawPointer
  let target: UnsafeMutablePointer<Float>
  /// Floats between items.
  let sourceStep: Int
  let targetStep: Int
  let kStride: Int
  let nStride: Int
  let k: Int
  let n: Int
  /// Pieces of k: kernel taps, each with `k / taps` rows; tap t starts t floats on.
  let taps: Int
  var scale: Float = 1

  func run(chunk: Int) {
    let from = source + chunk * sourceStep * 4
    let to = target + chunk * targetStep
    let length = k / taps
    for tap in 0..<taps {
      nt_pack(panelUnits, from + tap * 4, kStride, nStride, k, tap * length, length, n, to)
    }
    if scale != 1 { for i in 0..<nt_packed_count(k, n) { to[i] *= scale } }
  }

  func runAll(_ items: Int) { for i in 0..<items { run(chunk: i) } }
}

extension Constant {
  /// The bytes of an f32 tensor in row-major order, at any alignment.
  func float32() throws(KernelError) -> Tensor {
    do {
      let tensor = try tensor()
      guard tensor.dataType == .float32, tensor.format.storage == .float32 else {
        throw KernelError("expected a constant of float32, found \(tensor.dataType)")
      }
      return tensor.format.layout == .rowMajor ? tensor : try tensor.reordered(to: .rowMajor(.float32))
    } catch let error as KernelError {
      throw error
    } catch {
      throw KernelError("\(error)")
    }
  }
}

// MARK: - One row

/// The product of one row with a packed matrix: bound by reading the matrix, so split over columns and k.
struct RowProduct: Sendable {
  let kernels: Microkernels
  let k: Int
  let n: Int
  private let panels: Int
  private let kParts: Int
  private let panelParts: Int

  init(kernels: Microkernels, k: Int, n: Int) {
    self.kernels = kernels
    self.k = k
    self.n = n
    panels = kernels.panelCount(n)
    let wanted = max(1, min(16, k * n / 16384))
    panelParts = min(wanted, panels)
    // Few panels do not divide evenly: then k does, in sums that are added up in order, a microsecond of work each.
    kParts = panels < 8 && wanted > 1 ? max(1, min(8, k / 64, (k * n + 32767) / 32768)) : 1
  }

  var parts: Int { kParts > 1 ? kParts : panelParts }
  /// Columns of a partial row.
  private var padded: Int { (n + 15) / 16 * 16 }
  var scratchByteCount: Int { kParts > 1 ? kParts * padded * 4 : 0 }

  func run(
    _ x: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>,
    program: nt_epilogue,
    scratch: UnsafeMutablePointer<Float>, workers: Workers
  ) {
    let work = Work(product: self, x: x, b: b, y: kParts > 1 ? scratch : y, program: program)
    workers.forEach(parts, work)
    guard kParts > 1 else { return }
    // Sums go up in the order of k.
    if let bias = program.bias {
      kernels.columnSum(scratch, stride: padded, rows: kParts, columns: n, scale: 1, scratch)
      kernels.binary(Int32(NT_ADD), scratch, 1, bias + program.first_column, 1, y, count: n)
    } else {
      kernels.columnSum(scratch, stride: padded, rows: kParts, columns: n, scale: 1, y)
    }
    work.finish(y, columns: 0..<n)
  }

  struct Work: ParallelWork {
    let product: RowProduct
    let x: UnsafePointer<Float>
    let b: UnsafePointer<Float>
    let y: UnsafeMutablePointer<Float>
    let program: nt_epilogue

    func run(chunk: Int) {
      let p = product
      if p.kParts > 1 {
        p.kernels.gemv(
          x, b, kTotal: p.k, k: part(chunk, of: p.kParts, in: p.k, step: 4), n: p.n, panels: 0..<p.panels,
          bias: nil,
          y + chunk * p.padded)
        return
      }
      let panels = part(chunk, of: p.panelParts, in: p.panels)
      p.kernels.gemv(
        x, b, kTotal: p.k, k: 0..<p.k, n: p.n, panels: panels,
        bias: program.bias.map { $0 + program.first_column }, y)
      guard !panels.isEmpty else { return }
      var first = 0, last = 0, width = 0
      nt_panel(p.kernels.panelUnits, p.n, panels.lowerBound, &first, &width)
      nt_panel(p.kernels.panelUnits, p.n, panels.upperBound - 1, &last, &width)
      finish(y, columns: first..<min(last + width, p.n))
    }

    /// The clamp and the steps of the epilogue, over columns just stored.
    func finish(_ y: UnsafeMutablePointer<Float>, columns: Range<Int>) {
      var program = program
      let at = y + columns.lowerBound
      if let residual = program.residual {
        let from =
          residual + program.first_row * program.residual_stride + program.first_column + columns.lowerBound
        product.kernels.binary(Int32(NT_ADD), at, 1, from, 1, at, count: columns.count)
      }
      if program.lower != -.infinity || program.upper != .infinity {
        product.kernels.unary(.clamp(program.lower, program.upper), at, at, count: columns.count)
      }
      if program.step_count > 0 {
        product.kernels.steps(&program, at, stride: product.n, rows: 0..<1, columns: columns)
      }
    }
  }
}
