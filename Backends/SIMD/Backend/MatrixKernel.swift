import IR
import Kernels
import Operators
import SIMDMicrokernels
import Tensors

/// What a MatMul or a Gemm comes down to: `items` products of rows × k by k × n.
struct MatrixGeometry: Sendable {
  var items: Int
  var rows: Int
  var k: Int
  var n: Int
  /// The left operand is stored [k, rows].
  var aIsTransposed = false
  /// The right operand is stored [n, k].
  var bIsTransposed = false
  /// One left, or right, operand for all items.
  var aIsShared = false
  var bIsShared = false
  var alpha: Float = 1
  /// Whether columns of the product are the result's innermost axis.
  var columnsAreInnermost = true

  init?(_ request: KernelRequest) {
    guard request.inputs.count >= 2, let a = request.inputs[0]?.placement.sizes,
      let b = request.inputs[1]?.placement.sizes
    else { return nil }
    if let op = request.op.base as? Gemm {
      guard a.count == 2, b.count == 2 else { return nil }
      aIsTransposed = op.transA
      bIsTransposed = op.transB
      alpha = op.alpha.float
      items = 1
      rows = op.transA ? a[1] : a[0]
      k = op.transA ? a[0] : a[1]
      n = op.transB ? b[0] : b[1]
      guard (op.transB ? b[1] : b[0]) == k else { return nil }
      if rows == 1 { aIsTransposed = false }
    } else {
      guard let last = a.last, !b.isEmpty else { return nil }
      k = last
      n = b.count == 1 ? 1 : b[b.count - 1]
      columnsAreInnermost = b.count > 1
      guard b[max(b.count - 2, 0)] == k else { return nil }
      let aBatch = Array(a.dropLast(2)), bBatch = Array(b.dropLast(2))
      let aItems = aBatch.reduce(1, *), bItems = bBatch.reduce(1, *)
      let matrixRows = a.count == 1 ? 1 : a[a.count - 2]
      if bItems == 1 {
        items = 1
        rows = aItems * matrixRows
      } else if aItems == 1 {
        items = bItems
        rows = matrixRows
        aIsShared = true
      } else if aBatch.drop(while: { $0 == 1 }) == bBatch.drop(while: { $0 == 1 }) {
        items = bItems
        rows = matrixRows
      } else {
        return nil
      }
    }
    bIsShared = items == 1
  }

  func packing(_ kernels: Microkernels, _ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>)
    -> PackingWork
  {
    PackingWork(
      panelUnits: kernels.panelUnits, source: source, target: target, sourceStep: k * n,
      targetStep: nt_packed_count(k, n), kStride: bIsTransposed ? 1 : n, nStride: bIsTransposed ? k : 1, k: k,
      n: n,
      taps: 1, scale: alpha)
  }
}

/// Products of row-major matrices.
struct MatrixKernel: PreparedKernel {
  private let kernels: Microkernels
  private let geometry: MatrixGeometry
  private let weights: PackedOperand
  private let epilogue: FusedEpilogue
  private let cut: ProductCut
  private let row: RowProduct?

  init(
    _ request: KernelRequest, _ offer: Offer, constants: [Constant?], packs: PackedWeights,
    geometry: MatrixGeometry,
    kernels: Microkernels
  ) throws(KernelError) {
    self.kernels = kernels
    self.geometry = geometry
    cut = ProductCut(
      ProductShape(
        rows: geometry.rows, k: geometry.k, n: geometry.n, rowFootprint: geometry.k, items: geometry.items,
        threads: request.threads), kernels: kernels)
    row =
      geometry.rows == 1 && geometry.items == 1
      ? RowProduct(kernels: kernels, k: geometry.k, n: geometry.n) : nil
    epilogue = try Self.epilogue(request, fusedSteps: offer.fusedSteps, constants: constants)

    let packedCount = geometry.items * nt_packed_count(geometry.k, geometry.n)
    if let constant = constants[1] {
      let order = geometry.bIsTransposed ? "transposed" : "plain"
      let form = "\(order).\(geometry.k)x\(geometry.n).alpha\(geometry.alpha)"
      let key = PackKey(
        [constant.id], format: "simd.1.\(kernels.isa).panels\(kernels.panelUnits).matrix.\(form)")
      weights = .constant(
        try packs.packed(key, byteCount: packedCount * 4) { (bytes) throws(KernelError) in
          try constant.float32().withBytes {
            geometry.packing(kernels, $0.base, bytes.pointer(to: Float.self)).runAll(geometry.items)
          }
        })
    } else {
      weights = .perRun
    }
  }

  /// Gemm's beta · C, then `fusedSteps` of the epilogue.
  static func epilogue(
    _ request: KernelRequest, fusedSteps: Int, constants: [Constant?]
  ) throws(KernelError) -> FusedEpilogue {
    let space = RowSpace.matrices(request.outputs[0]?.sizes ?? [])
    var steps = request.fusable(into: space, limit: fusedSteps).steps
    if let addend = try addend(request, constants: constants, space: space) { steps.insert(addend, at: 0) }
    return FusedEpilogue(steps, space: space, registers: [.bias, .residual, .clamp])
  }

  /// Gemm's beta · C as the first step.
  private static func addend(
    _ request: KernelRequest, constants: [Constant?], space: RowSpace
  ) throws(KernelError) -> FusedEpilogue.Step? {
    guard let (access, beta) = addendAccess(request, space: space) else { return nil }
    if beta == 1 { return .binary(Int32(NT_ADD), .input(2), access, swapped: false) }
    guard let tensor = try constants[2]?.float32() else {
      throw KernelError("beta · C of an operand that is no constant")
    }
    let scaled: TensorStorage
    do { scaled = try TensorStorage.allocate(byteCount: tensor.byteCount) } catch {
      throw KernelError("\(error)")
    }
    guard let target = scaled.mutableBytes?.pointer(to: Float.self) else {
      throw KernelError("no memory of its own")
    }
    tensor.withBytes { bytes in
      for i in 0..<tensor.elementCount {
        target[i] = beta * bytes.base.loadUnaligned(fromByteOffset: i * 4, as: Float.self)
      }
    }
    return .binary(Int32(NT_ADD), .stored(scaled), access, swapped: false)
  }

  private static func addendAccess(_ request: KernelRequest, space: RowSpace) -> (OperandAccess, Float)? {
    guard let op = request.op.base as? Gemm, op.beta.float != 0, request.inputs.count > 2,
      let c = request.inputs[2],
      let access = space.access(to: c.placement.sizes)
    else { return nil }
    return (access, op.beta.float)
  }

  private var packedByteCount: Int {
    roundedUp(weights.scratchByteCount(geometry.items * nt_packed_count(geometry.k, geometry.n)))
  }
  private var turnedByteCount: Int { geometry.aIsTransposed ? roundedUp(geometry.rows * geometry.k * 4) : 0 }
  var scratchByteCount: Int { packedByteCount + turnedByteCount + (row?.scratchByteCount ?? 0) }

  func run(_ call: borrowing KernelCall) {
    let g = geometry
    let workers = call.workers
    let output = call.output(0).pointer(to: Float.self)
    let packed = weights.address(scratch: call.scratch.base) {
      workers.forEach(g.items, g.packing(kernels, call.input(1).base, $0))
    }
    var a = call.input(0).pointer(to: Float.self)
    if g.aIsTransposed {
      let turned = (call.scratch.base + packedByteCount).assumingMemoryBound(to: Float.self)
      kernels.transpose(a, stride: g.rows, turned, stride: g.k, rows: g.k, columns: g.rows)
      a = UnsafePointer(turned)
    }
    let partials = (call.scratch.base + packedByteCount + turnedByteCount).assumingMemoryBound(to: Float.self)
    epilogue.withProgram(call) { program in
      if let row {
        row.run(a, packed, output, program: program, scratch: partials, workers: workers)
        return
      }
      withProduct(of: a, stride: g.k, rows: g.rows, k: g.k, packed: packed, n: g.n, into: output, stride: g.n)
      { product in
        product.epilogue = program
        let work = ProductWork(
          kernels: kernels, cut: cut, product: product, aStep: g.aIsShared ? 0 : g.rows * g.k,
          bStep: nt_packed_count(g.k, g.n), cStep: g.rows * g.n, rowStep: g.rows)
        workers.forEach(g.items * cut.parts, work)
      }
    }
  }

  // MARK: The rows of the table

  static func rows(_ kernels: Microkernels) -> [Kernel] {
    [("matmul", MatMul.name), ("gemm", Gemm.name)].map { word, operatorName in
      Kernel(
        name: "simd.\(word).f32.rowmajor.panels.\(kernels.isa)", operatorName: operatorName,
        consider: { consider($0) },
        implementation: .planned { (request, offer, constants, packs) throws(KernelError) in
          guard let geometry = MatrixGeometry(request) else {
            throw KernelError("another request than considered")
          }
          return try MatrixKernel(
            request, offer, constants: constants, packs: packs, geometry: geometry, kernels: kernels)
        })
    }
  }

  static func consider(_ request: KernelRequest) -> Verdict {
    guard request.isFloat32 else { return .declines("not float32") }
    guard !request.isEmpty, let output = request.outputs[0] else { return .declines("nothing to compute") }
    guard let geometry = MatrixGeometry(request) else {
      return .declines("batch axes that broadcast in part")
    }
    let space = RowSpace.matrices(output.sizes)
    var consumed = request.inputs[1]?.isConstant == true ? [1] : []
    if let op = request.op.base as? Gemm, op.beta.float != 0, request.inputs.count > 2,
      let c = request.inputs[2]
    {
      guard let (access, beta) = addendAccess(request, space: space), access.layout == .rowMajor else {
        return .declines("C does not broadcast by rows and columns")
      }
      if beta != 1 {
        guard c.isConstant else { return .declines("beta · C of an operand that is no constant") }
        consumed.append(2)
      }
    }
    let limit = geometry.columnsAreInnermost ? FusedEpilogue.maximumSteps : 0
    let (steps, formats) = request.fusable(into: space, limit: limit)
    var offer = Offer.rowMajor(request, fusedSteps: steps.count)
    offer.epilogueInputs = formats
    if request.op.base is MatMul {
      let fused = FusedEpilogue(steps, space: space, registers: [.bias, .residual, .clamp])
      offer.overlays = request.residualOverlay(fused, fusedSteps: steps.count)
    }
    offer.unalignedConstants = true
    offer.consumedConstants = consumed
    offer.numerics = .reassociated
    return .accepts([offer])
  }
}
