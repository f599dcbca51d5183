import IR
import Kernels
import Operators
import Tensors

/// Gemm and MatMul: blocks of the result, one call of sgemm or sgemv each.
enum ProductKernel {
  static func gemm(_ library: Library) -> Kernel { row(library, "gemm", Gemm.name) }
  static func matMul(_ library: Library) -> Kernel { row(library, "matmul", MatMul.name) }

  private static func row(_ library: Library, _ word: String, _ operatorName: String) -> Kernel {
    Kernel(
      name: "openblas.\(word).f32.sgemm", operatorName: operatorName,
      consider: { request in
        switch Product.of(request, limit: .max) {
        case .failure(let error): return .declines(error.reason)
        case .success(let product):
          var offer = Offer.rowMajor(request, fusedSteps: product.fusedSteps)
          offer.numerics = .reassociated
          return .accepts([offer])
        }
      },
      implementation: .planned { (request, offer, _, _) throws(KernelError) in
        PreparedProduct(library: library, product: try Product.of(request, limit: offer.fusedSteps).get())
      })
  }
}

/// y[b] = alpha · op(a[b]) · op(b[b]), then a sweep.
private struct Product: Sendable {
  var m = 1, n = 1, k = 1
  var alpha: Float = 1
  var transA = false, transB = false
  /// Where each product of a batch starts, in elements.
  var aStarts = [0], bStarts = [0]
  var sweep = Sweep([], inputCount: 0)
  var fusedSteps = 0

  static func of(_ request: KernelRequest, limit: Int) -> Result<Product, KernelError> {
    func refuse(_ reason: String) -> Result<Product, KernelError> { .failure(KernelError(reason)) }
    if let reason = request.commonRefusal { return refuse(reason) }
    guard request.inputs.count >= 2, let a = request.inputs[0]?.placement.sizes,
      let b = request.inputs[1]?.placement.sizes, let y = (request.outputs.first ?? nil)?.sizes
    else { return refuse("operands are missing") }
    var product = Product()
    var leading: [Sweep.Step] = []
    switch request.op.base {
    case let op as Gemm:
      if a.count != 2 || b.count != 2 { return refuse("operands that are no matrices") }
      (product.m, product.n, product.k) = (y[0], y[1], op.transA ? a[0] : a[1])
      (product.transA, product.transB) = (op.transA, op.transB)
      product.alpha = Float(op.alpha.value)
      if request.inputs.count > 2, let c = request.inputs[2]?.placement {
        guard let extent = extent(c.sizes, product.m, product.n) else {
          return refuse("a summand that does not fit")
        }
        leading = [Sweep.Step(action: .add(Float(op.beta.value)), operand: 2, extent: extent)]
      }
    case is MatMul: product.place(a, b)
    default: return refuse("another operator")
    }
    // One matrix of all rows: then operands broadcast as to a matrix.
    let isMatrix = product.aStarts.count == 1 && b.count > 1 && a.count > 1
    let steps = Sweep.steps(request, limit: limit) { operand in
      if operand.elementCount == 1 { return .scalar }
      if operand.sizes == y && isMatrix { return .full }
      let isRow = operand.sizes.dropLast().allSatisfy { $0 == 1 } && operand.sizes.last == product.n
      return isRow && b.count > 1 ? .row : nil
    }
    product.sweep = Sweep(leading + steps, inputCount: request.inputs.count)
    product.fusedSteps = steps.count
    if !product.sweep.fits {
      product.sweep = Sweep(leading, inputCount: request.inputs.count)
      product.fusedSteps = 0
    }
    return .success(product)
  }

  private static func extent(_ sizes: [Int], _ m: Int, _ n: Int) -> Sweep.Extent? {
    let padded = [Int](repeating: 1, count: max(0, 2 - sizes.count)) + sizes
    if padded.count != 2 { return nil }
    switch (padded[0], padded[1]) {
    case (1, 1): return .scalar
    case (m, n): return .full
    case (1, n): return .row
    case (m, 1): return .column
    default: return nil
    }
  }

  /// Sizes and starts of NumPy's matmul.
  private mutating func place(_ a: [Int], _ b: [Int]) {
    let left = a.count == 1 ? [1] + a : a
    let right = b.count == 1 ? b + [1] : b
    (m, k, n) = (left[left.count - 2], left[left.count - 1], right[right.count - 1])
    let leftBatch = Array(left.dropLast(2))
    let rightBatch = Array(right.dropLast(2))
    if rightBatch.allSatisfy({ $0 == 1 }) {
      m *= leftBatch.reduce(1, *)
      return
    }
    let rank = max(leftBatch.count, rightBatch.count)
    let l = [Int](repeating: 1, count: rank - leftBatch.count) + leftBatch
    let r = [Int](repeating: 1, count: rank - rightBatch.count) + rightBatch
    (aStarts, bStarts) = ([0], [0])
    var (aPitch, bPitch) = (m * k, k * n)
    // From the innermost axis: each axis repeats what is there at its own pitch.
    for axis in (0..<rank).reversed() {
      let count = max(l[axis], r[axis])
      let (aStep, bStep) = (l[axis] == 1 ? 0 : aPitch, r[axis] == 1 ? 0 : bPitch)
      aStarts = (0..<count).flatMap { i in aStarts.map { $0 + i * aStep } }
      bStarts = (0..<count).flatMap { i in bStarts.map { $0 + i * bStep } }
      aPitch *= l[axis]
      bPitch *= r[axis]
    }
  }
}

/// How a product is cut into blocks: by its shape alone, so that the bits do not depend on the threads.
struct Blocks: Sendable {
  /// Multiplications that pay for a call and for waking a thread.
  static let worthwhile = 250_000
  static let most = 16

  let rows, columns: Int

  init(m: Int, n: Int, k: Int, most: Int = Blocks.most) {
    let count = max(
      1, min(most, m * n / Blocks.worthwhile * k + m * n % Blocks.worthwhile * k / Blocks.worthwhile))
    // Long sides are cut: a block reads the whole other operand.
    rows = m >= n ? max(1, min(count, m / 32)) : 1
    columns = rows == 1 ? max(1, min(count, n / 64)) : 1
  }

  var count: Int { rows * columns }

  func range(_ block: Int, m: Int, n: Int) -> (rows: Swift.Range<Int>, columns: Swift.Range<Int>) {
    let (r, c) = (block / columns, block % columns)
    return (m * r / rows..<m * (r + 1) / rows, n * c / columns..<n * (c + 1) / columns)
  }
}

private final class PreparedProduct: PreparedKernel {
  let scratchByteCount = 0
  let library: Library
  let product: Product
  let blocks: Blocks
  /// Chunks of the batch; blocks are cut only where the batch is short.
  let batchChunks: Int

  init(library: Library, product: Product) {
    self.library = library
    self.product = product
    let batch = product.aStarts.count
    if batch >= 8 {
      let work = product.m * product.n * product.k
      batchChunks = work < Blocks.worthwhile / batch ? 1 : min(batch, Blocks.most)
      blocks = Blocks(m: product.m, n: product.n, k: product.k, most: 1)
    } else {
      batchChunks = batch
      blocks = Blocks(m: product.m, n: product.n, k: product.k, most: max(1, Blocks.most / batch))
    }
  }

  func run(_ call: borrowing KernelCall) throws(KernelFault) {
    let work = ProductWork(
      kernel: self, a: call.input(0).pointer(to: Float.self), b: call.input(1).pointer(to: Float.self),
      y: call.output(0).pointer(to: Float.self), operands: product.sweep.operands(call))
    call.workers.forEach(batchChunks * blocks.count, work)
  }
}

private struct ProductWork: ParallelWork {
  unowned(unsafe) let kernel: PreparedProduct
  let a, b: UnsafePointer<Float>
  let y: UnsafeMutablePointer<Float>
  let operands: SweepOperands

  func run(chunk: Int) {
    let product = kernel.product
    let (m, n, k) = (product.m, product.n, product.k)
    let batch = product.aStarts.count
    let chunkOfBatch = chunk / kernel.blocks.count
    let (rows, columns) = kernel.blocks.range(chunk % kernel.blocks.count, m: m, n: n)
    for i in batch * chunkOfBatch / kernel.batchChunks..<batch * (chunkOfBatch + 1) / kernel.batchChunks {
      let block = y + i * m * n + rows.lowerBound * n + columns.lowerBound
      kernel.library.multiply(
        m: rows.count, n: columns.count, k: k, alpha: product.alpha,
        a + product.aStarts[i] + rows.lowerBound * (product.transA ? 1 : k), aStride: product.transA ? m : k,
        transA: product.transA,
        b + product.bStarts[i] + columns.lowerBound * (product.transB ? k : 1),
        bStride: product.transB ? k : n,
        transB: product.transB, into: block, cStride: n)
      if !product.sweep.steps.isEmpty {
        product.sweep.apply(
          block, rows: rows.count, columns: columns.count, row: rows.lowerBound, column: columns.lowerBound,
          stride: n,
          origin: i * m * n, operands)
      }
    }
  }
}
