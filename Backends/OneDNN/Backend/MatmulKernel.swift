import COneDNN
import IR
import Kernels
import Operators
import Tensors

/// Products of matrices, batched or not. Constant right-hand sides are kept in the library's own order.
enum MatmulKernel {
  static let gemm = row("gemm", Gemm.name)
  static let matMul = row("matmul", MatMul.name)

  private static func row(_ word: String, _ operatorName: String) -> Kernel {
    Kernel(
      name: "onednn.\(word).f32.brgemm", operatorName: operatorName, consider: consider,
      implementation: .planned(prepare))
  }

  @Sendable private static func consider(_ request: KernelRequest) -> Verdict {
    switch Product.of(request) {
    case .failure(let error): .declines(error.reason)
    case .success(let product):
      offers(
        request, channelAxis: product.channelAxis, leading: product.leading, limit: product.stepLimit,
        layouts: [.rowMajor], consumesWeights: product.packs
      ) { steps, _ in product.parts(steps, threads: 1) }
    }
  }

  @Sendable private static func prepare(
    _ request: KernelRequest, _ offer: Offer, _ constants: [Constant?], _ packs: PackedWeights
  ) throws(KernelError) -> any PreparedKernel {
    let product = try Product.of(request).get()
    let steps = FusedSteps(request, channelAxis: product.channelAxis, leading: product.leading, offer: offer)
    guard let plans = product.parts(steps, threads: request.threads) else {
      throw KernelError("too many steps")
    }
    var weights: ConstantWeights?
    if product.packs {
      guard let constant = constants[1] else { throw KernelError("a constant is missing") }
      weights = ConstantWeights(constant: constant)
    }
    let roles = Roles(
      weights: product.packs ? -1 : 1, bias: product.hasBias ? 2 : -1, operands: steps.operandPlaces)
    return try PartitionedKernel(
      plans, roles, inputCount: request.inputs.count, constant: weights, packedWeights: packs)
  }
}

/// A product in sizes and strides: y[batch, m, n] = Σ a[batch, m, k] · b[batch, k, n].
private struct Product {
  var aBatch, bBatch, yBatch: [Int]
  var m, k, n: Int
  var aStrides: (m: Int, k: Int)
  var bStrides: (k: Int, n: Int)
  var isConstant: Bool
  /// The bias is a vector that is added before any step.
  var hasBias = false
  var leading: [FusedSteps.Item] = []
  /// The last axis of the logical result.
  var channelAxis: Int
  var stepLimit = Int.max

  static func of(_ request: KernelRequest) -> Result<Product, KernelError> {
    func refuse(_ reason: String) -> Result<Product, KernelError> { .failure(KernelError(reason)) }
    if let reason = request.commonRefusal { return refuse(reason) }
    guard request.inputs.count >= 2, let a = request.inputs[0], let b = request.inputs[1],
      let y = request.outputs.first ?? nil
    else { return refuse("operands are missing") }
    var product: Product
    switch request.op.base {
    case is MatMul:
      product = Product(a.placement.sizes, b.placement.sizes, y.sizes)
    case let op as Gemm:
      if a.placement.rank != 2 || b.placement.rank != 2 { return refuse("operands that are no matrices") }
      product = Product(gemm: op, a.placement.sizes, y.sizes)
      if op.alpha.value != 1 { product.leading = [.init(step: .function(.linear, Float(op.alpha.value), 0))] }
      if request.inputs.count > 2, let c = request.inputs[2] {
        if op.beta.value != 1 { return refuse("beta other than 1") }
        switch FusedSteps.extent(of: c.placement.sizes, in: y.sizes, channelAxis: 1) {
        case .channel where product.leading.isEmpty: product.hasBias = true
        case let extent?: product.leading.append(.init(step: .combination(.add), operand: (2, extent)))
        case nil: return refuse("a summand that is neither a row, a scalar nor a matrix")
        }
      }
    default: return refuse("another operator")
    }
    product.isConstant = b.isConstant
    if product.yBatch.count + 2 > Int(onednn_rank_limit) { return refuse("too many axes") }
    return .success(product)
  }

  private init(_ a: [Int], _ b: [Int], _ y: [Int]) {
    let left = a.count == 1 ? [1] + a : a
    let right = b.count == 1 ? b + [1] : b
    (m, k, n) = (left[left.count - 2], left[left.count - 1], right[right.count - 1])
    aBatch = Array(left.dropLast(2))
    bBatch = Array(right.dropLast(2))
    yBatch = Array(y.dropLast((a.count == 1 ? 0 : 1) + (b.count == 1 ? 0 : 1)))
    aStrides = (k, 1)
    bStrides = (n, 1)
    isConstant = false
    channelAxis = max(y.count - 1, 0)
    // The last axis of the result is then not the library's last.
    if b.count == 1 { stepLimit = 0 }
    if bBatch.allSatisfy({ $0 == 1 }) {
      m *= aBatch.reduce(1, *)
      (aBatch, bBatch, yBatch) = ([], [], [])
    } else if aBatch == bBatch {
      let count = yBatch.reduce(1, *)
      (aBatch, bBatch, yBatch) = ([count], [count], [count])
    } else {
      aBatch = [Int](repeating: 1, count: yBatch.count - aBatch.count) + aBatch
      bBatch = [Int](repeating: 1, count: yBatch.count - bBatch.count) + bBatch
    }
  }

  private init(gemm op: Gemm, _ a: [Int], _ y: [Int]) {
    (m, n) = (y[0], y[1])
    k = op.transA ? a[0] : a[1]
    (aBatch, bBatch, yBatch) = ([], [], [])
    aStrides = op.transA ? (1, m) : (k, 1)
    bStrides = op.transB ? (1, k) : (n, 1)
    isConstant = false
    channelAxis = 1
  }

  /// Whether the right-hand side is a constant matrix, which is packed.
  var packs: Bool { isConstant && yBatch.isEmpty }

  private struct Block { var batch, rows, columns: Swift.Range<Int> }

  func parts(_ steps: FusedSteps, threads: Int) -> [PartPlan]? {
    let work = yBatch.reduce(m * n * k, *)
    let parts = min(max(1, threads), max(1, work / Partition.worthwhile))
    let whole = Block(batch: 0..<(yBatch.first ?? 1), rows: 0..<m, columns: 0..<n)
    var blocks = [whole]
    if parts > 1 {
      if let batch = yBatch.first, yBatch.count == 1 {
        blocks = Partition.ranges(batch, parts: parts).map {
          Block(batch: $0, rows: whole.rows, columns: whole.columns)
        }
      } else if yBatch.isEmpty && m > 1 {
        blocks = Partition.ranges(m, parts: parts).map {
          Block(batch: whole.batch, rows: $0, columns: whole.columns)
        }
      } else if yBatch.isEmpty && packs {
        // Whole vectors: the last part takes what is left.
        blocks = Partition.ranges(n / 16, parts: parts).map {
          let end = $0.upperBound == n / 16 ? n : $0.upperBound * 16
          return Block(batch: whole.batch, rows: whole.rows, columns: $0.lowerBound * 16..<end)
        }
      }
    }
    var plans: [PartPlan] = []
    for block in blocks {
      guard let plan = part(block, steps) else { return nil }
      plans.append(plan)
    }
    return plans
  }

  private func part(_ block: Block, _ steps: FusedSteps) -> PartPlan? {
    let rows = block.rows.count
    let columns = block.columns.count
    func batched(_ sizes: [Int], _ matrix: (Int, Int), _ strides: (Int, Int), whole: Int) -> View {
      let batch = sizes.count == 1 ? [sizes[0] == 1 ? 1 : block.batch.count] : sizes
      let outer = (Layout.rowMajor.strides(of: sizes) ?? []).map { $0 * whole }
      return View(batch + [matrix.0, matrix.1], strides: outer + [strides.0, strides.1])
    }
    let source = batched(aBatch, (rows, k), aStrides, whole: m * k)
    // Of one row the stride says nothing, but where it is not the length only reference code takes it.
    let destination = batched(yBatch, (rows, columns), (rows == 1 ? columns : n, 1), whole: m * n)
    let weights = batched(bBatch, (k, columns), bStrides, whole: k * n)
    let useInnerProduct = packs && aStrides.k == 1
    var problem: onednn_problem
    var view: View?
    if useInnerProduct {
      problem = onednn_problem(
        .innerProduct, source: source, weights: .opaque([columns, k]),
        bias: hasBias ? .rowMajor([columns]) : nil,
        destination: destination)
      view = View([columns, k], strides: [bStrides.n, bStrides.k])
    } else {
      problem = onednn_problem(
        .matmul, source: source, weights: packs ? .opaque([k, columns]) : weights,
        bias: hasBias ? .rowMajor([1, columns]) : nil, destination: destination)
      view = packs ? View([k, columns], strides: [bStrides.k, bStrides.n]) : nil
    }
    func start(_ batch: [Int], _ whole: Int) -> Int {
      batch.count == 1 && batch[0] > 1 ? block.batch.lowerBound * whole : 0
    }
    let offset = start(yBatch, m * n) + block.rows.lowerBound * n + block.columns.lowerBound
    let chain = steps.steps(
      on: destination, channelAxis: destination.sizes.count - 1, offset: offset,
      channel: block.columns.lowerBound)
    guard problem.append(chain.steps) else { return nil }
    return PartPlan(
      problem: problem, source: start(aBatch, m * k) + block.rows.lowerBound * aStrides.m,
      weights: start(bBatch, k * n) + block.columns.lowerBound * bStrides.n, bias: block.columns.lowerBound,
      destination: offset, operands: chain.offsets, weightsView: view)
  }
}
