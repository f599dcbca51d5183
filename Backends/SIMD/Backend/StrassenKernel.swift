import IR
import Kernels
import Operators
import SIMDMicrokernels
import Tensors

/// Products with constant weights, of MatMul, Gemm and convolutions of one tap, by one level of Strassen's method in
/// Winograd's form: seven products of halves for eight.
///
/// Sums of the left operand are made for a group of rows at a time, so that they stay in the second-level cache; sums
/// of weights are packed, in 7/4 of the weights' size. Each thread has groups of its own; where there are too few, all
/// threads share one. Every result has the same bits in any grouping.
struct StrassenKernel: PreparedKernel {
  private let kernels: Microkernels
  private let product: StrassenProduct
  private let tiling: StrassenTiling
  private let weights: TensorStorage
  private let epilogue: FusedEpilogue
  /// Floats between rows of the result.
  private let pitch: Int

  init(
    _ product: StrassenProduct, pitch: Int? = nil, constant: Constant?, packs: PackedWeights,
    epilogue: FusedEpilogue, threads: Int,
    kernels: Microkernels
  ) throws(KernelError) {
    guard let constant else { throw KernelError("weights that change") }
    self.kernels = kernels
    self.product = product
    self.pitch = pitch ?? product.n
    self.epilogue = epilogue
    tiling = StrassenTiling(product, threads: threads, kernels: kernels)
    let form = "\(product.kStride)x\(product.nStride).alpha\(product.scale)"
    let key = PackKey(
      [constant.id], format: "simd.1.\(kernels.isa).panels\(kernels.panelUnits).strassen.\(form)")
    weights = try packs.packed(key, byteCount: product.packedCount * 4) { (bytes) throws(KernelError) in
      try constant.float32().withBytes {
        nt_strassen_pack(
          kernels.panelUnits, $0.base, product.kStride, product.nStride, product.k, product.n, product.scale,
          bytes.pointer(to: Float.self))
      }
    }
  }

  var scratchByteCount: Int { tiling.scratchByteCount }

  func run(_ call: borrowing KernelCall) {
    let workers = call.workers
    epilogue.withProgram(call) { program in
      withUnsafeTemporaryAllocation(of: Int.self, capacity: 1) { offset in
        offset.initialize(repeating: 0)
        var one = nt_strassen()
        one.product.a = call.input(0).pointer(to: Float.self)
        one.product.a_x = product.stepX
        one.product.a_y = product.stepY
        one.product.a_image = product.stepImage
        one.product.width = product.width
        one.product.height = product.height
        one.product.offsets = UnsafePointer(offset.baseAddress)
        one.product.segment_count = 1
        one.product.segment_length = product.k
        one.product.b = weights.bytes.pointer(to: Float.self)
        one.product.n = product.n
        one.product.c = call.output(0).pointer(to: Float.self)
        one.product.c_stride = pitch
        one.product.epilogue = program
        one.sums = call.scratch.pointer(to: Float.self)
        one.sums_stride = product.sumsCount
        var work = StrassenWork(kernels: kernels, tiling: tiling, product: one)
        if tiling.sharers > 1 {
          workers.forEach(tiling.sharers, work)
          return
        }
        for group in 0..<tiling.groups {
          let pairs = tiling.range(ofGroup: group)
          work.pairs = pairs
          work.product.first_pair = pairs.lowerBound
          work.stage = .sums
          workers.forEach(tiling.sumParts, work)
          work.stage = .products
          workers.forEach(tiling.parts, work)
        }
      }
    }
  }
}

/// The rows of a left operand, and how weights lie.
struct StrassenProduct: Sendable {
  /// Images of height × width rows, and floats between them.
  var images, height, width: Int
  var stepImage, stepY, stepX: Int
  var k: Int
  var n: Int
  var kStride: Int
  var nStride: Int
  var scale: Float = 1

  /// nil: the right operand is not one matrix, or the left one is turned.
  init?(_ geometry: MatrixGeometry, rowsPerItem: Int) {
    guard geometry.items == 1, !geometry.aIsTransposed, rowsPerItem > 0 else { return nil }
    (images, height, width) = (geometry.rows / rowsPerItem, 1, rowsPerItem)
    (k, n) = (geometry.k, geometry.n)
    (stepImage, stepY, stepX) = (rowsPerItem * k, 0, k)
    kStride = geometry.bIsTransposed ? 1 : n
    nStride = geometry.bIsTransposed ? k : 1
    scale = geometry.alpha
  }

  /// nil: windows of more than a pixel, or ones that leave the image.
  init?(_ window: ImageWindow, groups: Int) {
    guard window.taps == 1, groups == 1, window.staysInside else { return nil }
    (images, height, width) = (window.batch, window.outHeight, window.outWidth)
    (k, n) = (window.channels, window.outChannels)
    stepX = window.strideX * k
    stepY = window.strideY * window.width * k
    stepImage = window.height * window.width * k
    kStride = 1
    nStride = k
  }

  var rows: Int { images * height * width }
  var pairs: Int { images * ((height * width + 1) / 2) }
  var packedCount: Int { nt_strassen_packed_count(k, n) }
  /// Floats of the sums of a pair.
  var sumsCount: Int { nt_strassen_sums_count(k) }
}

/// How pairs of rows are cut into groups, and groups and panels into parts.
struct StrassenTiling: Sendable {
  let pairs: Int
  let panels: Int
  let groups: Int
  let pairsPerGroup: Int
  /// Threads that have groups of their own; 1: all share each group.
  let sharers: Int
  private let sumsCount: Int
  let sumParts: Int
  let pairParts: Int
  let panelParts: Int
  /// Guess of the time in nanoseconds, and of that of the plain product.
  let cost: Double
  let plainCost: Double

  init(_ product: StrassenProduct, threads: Int, kernels: Microkernels) {
    pairs = product.pairs
    sumsCount = product.sumsCount
    panels = nt_strassen_panel_count(kernels.panelUnits, product.n)
    // Two rows and their sums in half of the second-level cache.
    let most = max(2 * kernels.tileRows, (1 << 19) / ((2 * product.k + sumsCount) * 4))
    let least = (pairs + most - 1) / most
    sharers = threads > 1 && least >= threads ? threads : 1
    groups = (least + sharers - 1) / sharers * sharers
    pairsPerGroup = (pairs + groups - 1) / groups
    sumParts = max(1, min(8, pairsPerGroup / 8))
    panelParts = min(panels, 16)
    pairParts = panels < 4 ? max(1, min(4, pairsPerGroup / (2 * kernels.tileRows))) : 1

    // At the rate that other kernels' predictions assume: 60 multiply-adds per ns; measured beside it, 0.13 ns for each
    // number that enters sums and 0.12 ns for each result. Three floats for four weights more come from memory, at
    // 50 bytes per ns to all threads, since most of them come while the product runs.
    let (rows, k, n) = (Double(product.rows), Double(product.k), Double(product.n))
    plainCost = 500 + rows * k * n / 60 / Double(max(1, threads))
    cost =
      500 + (7 / 4 * Double(pairs) * k * n / 60 + 0.13 * rows * k + 0.12 * rows * n) / Double(max(1, threads))
      + 3 * k * n / 50
  }

  var parts: Int { pairParts * panelParts }
  /// Floats of the sums of a group.
  var groupCount: Int { pairsPerGroup * sumsCount }
  var scratchByteCount: Int { sharers * groupCount * 4 }

  func range(ofGroup group: Int) -> Swift.Range<Int> { part(group, of: groups, in: pairs) }
}

/// All groups of a sharer one after the other, or a part of one stage of one group.
struct StrassenWork: ParallelWork {
  enum Stage { case all, sums, products }

  let kernels: Microkernels
  let tiling: StrassenTiling
  var product: nt_strassen
  var stage = Stage.all
  var pairs = 0..<0

  func run(chunk: Int) {
    var product = product
    switch stage {
    case .all:
      product.sums += chunk * tiling.groupCount
      for group in part(chunk, of: tiling.sharers, in: tiling.groups) {
        let pairs = tiling.range(ofGroup: group)
        product.first_pair = pairs.lowerBound
        kernels.strassenSums(&product, pairs: pairs)
        kernels.strassen(&product, pairs: pairs, panels: 0..<tiling.panels)
      }
    case .sums:
      kernels.strassenSums(&product, pairs: inside(part(chunk, of: tiling.sumParts, in: pairs.count)))
    case .products:
      kernels.strassen(
        &product, pairs: inside(part(chunk % tiling.pairParts, of: tiling.pairParts, in: pairs.count)),
        panels: part(chunk / tiling.pairParts, of: tiling.panelParts, in: tiling.panels))
    }
  }

  private func inside(_ range: Swift.Range<Int>) -> Swift.Range<Int> {
    pairs.lowerBound + range.lowerBound..<pairs.lowerBound + range.upperBound
  }
}

// MARK: - The rows of the table

extension StrassenKernel {
  static func rows(_ kernels: Microkernels) -> [Kernel] {
    [
      Kernel(
        name: "simd.convolution.f32.nhwc.strassen.\(kernels.isa)", operatorName: Convolution.name,
        consider: { considerConvolution($0, kernels) },
        implementation: .planned { (request, offer, constants, packs) throws(KernelError) in
          guard let product = convolution(request) else {
            throw KernelError("another request than considered")
          }
          let space = RowSpace.channelsLast(request.outputs[0]?.sizes ?? [])
          return try StrassenKernel(
            product, pitch: offer.outputPitch, constant: constants[1], packs: packs,
            epilogue: ConvolutionKernel.epilogue(request, fusedSteps: offer.fusedSteps, space: space),
            threads: request.threads, kernels: kernels)
        })
    ]
      + [("matmul", MatMul.name), ("gemm", Gemm.name)].map { word, operatorName in
        Kernel(
          name: "simd.\(word).f32.rowmajor.strassen.\(kernels.isa)", operatorName: operatorName,
          consider: { considerMatrices($0, kernels) },
          implementation: .planned { (request, offer, constants, packs) throws(KernelError) in
            guard let product = matrices(request) else {
              throw KernelError("another request than considered")
            }
            return try StrassenKernel(
              product, constant: constants[1], packs: packs,
              epilogue: try MatrixKernel.epilogue(
                request, fusedSteps: offer.fusedSteps, constants: constants),
              threads: request.threads, kernels: kernels)
          })
      }
  }

  private static func convolution(_ request: KernelRequest) -> StrassenProduct? {
    ConvolutionKernel.geometry(request).flatMap { StrassenProduct($1, groups: $0.groups) }
  }

  private static func matrices(_ request: KernelRequest) -> StrassenProduct? {
    guard let geometry = MatrixGeometry(request), let a = request.inputs[0]?.placement.sizes else {
      return nil
    }
    return StrassenProduct(geometry, rowsPerItem: a.count > 2 ? a[a.count - 2] : geometry.rows)
  }

  private static func considerConvolution(_ request: KernelRequest, _ kernels: Microkernels) -> Verdict {
    guard request.isFloat32 else { return .declines("not float32") }
    guard let product = convolution(request) else {
      return .declines("not a convolution of one tap in one group")
    }
    let rank = request.inputs[0]?.placement.rank ?? 0
    return consider(product, request, kernels) {
      .accepts(
        convolutionOffers(request, rank: rank) { space, steps in
          ConvolutionKernel.epilogue(request, fusedSteps: steps, space: space)
        }.map { $0.withPitch() })
    }
  }

  private static func considerMatrices(_ request: KernelRequest, _ kernels: Microkernels) -> Verdict {
    guard request.isFloat32 else { return .declines("not float32") }
    guard let product = matrices(request) else { return .declines("not one product with one matrix") }
    return consider(product, request, kernels) { MatrixKernel.consider(request) }
  }

  /// The offers of the plain product, where seven products should take less time than eight.
  private static func consider(
    _ product: StrassenProduct, _ request: KernelRequest, _ kernels: Microkernels, plain: () -> Verdict
  ) -> Verdict {
    guard !request.isEmpty else { return .declines("nothing to compute") }
    guard request.inputs[1]?.isConstant == true else { return .declines("weights that change") }
    guard product.rows >= 32, (64...1 << 20).contains(product.k), (64...1 << 20).contains(product.n) else {
      return .declines("too small, or too large")
    }
    let tiling = StrassenTiling(product, threads: request.threads, kernels: kernels)
    guard tiling.cost < tiling.plainCost else { return .declines("the plain product should be faster") }
    guard case .accepts(let offers) = plain() else { return plain() }
    return .accepts(
      offers.map { offer in
        var offer = offer
        offer.numerics = .transformed
        offer.predicted = .seconds(tiling.cost / 1e9)
        offer.packedByteCount = product.packedCount * 4
        return offer
      })
  }
}
