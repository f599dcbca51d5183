import IR
import Kernels
import Operators
import SIMDMicrokernels
import Tensors

/// 3×3 convolutions of stride 1 as F(m×m, 3×3): tiles of t × t pixels, t = m + 2, are transformed, multiplied at each
/// of t² positions with transformed weights, and transformed back into m × m results.
///
/// Tiles are taken in groups whose operands and products stay in the second-level cache. Each thread has groups of
/// its own; where there are too few, all threads share one, step by step. Every result has the same bits in any
/// grouping.
struct WinogradKernel: PreparedKernel {
  private let kernels: Microkernels
  private let window: ImageWindow
  private let weights: PackedOperand
  private let epilogue: FusedEpilogue
  private let tiling: WinogradTiling
  /// Floats between pixels of the result.
  private let pitch: Int

  init(
    _ request: KernelRequest, _ offer: Offer, constants: [Constant?], packs: PackedWeights,
    window: ImageWindow,
    m: Int, kernels: Microkernels
  ) throws(KernelError) {
    self.kernels = kernels
    self.window = window
    pitch = offer.outputPitch ?? window.outChannels
    tiling = WinogradTiling(window, m: m, threads: request.threads)
    let space = RowSpace.channelsLast(request.outputs[0]?.sizes ?? [])
    epilogue = ConvolutionKernel.epilogue(request, fusedSteps: offer.fusedSteps, space: space)
    guard let constant = constants[1] else {
      weights = .perRun
      return
    }
    let key = PackKey([constant.id], format: "simd.1.\(kernels.isa).panels\(kernels.panelUnits).winograd\(m)")
    weights = .constant(
      try packs.packed(key, byteCount: tiling.weightCount * 4) { [tiling] (bytes) throws(KernelError) in
        try constant.float32().withBytes {
          tiling.pack($0.base, panelUnits: kernels.panelUnits, bytes.pointer(to: Float.self))
        }
      })
  }

  private var packedByteCount: Int { roundedUp(weights.scratchByteCount(tiling.weightCount)) }

  var scratchByteCount: Int { packedByteCount + tiling.scratchByteCount }

  func run(_ call: borrowing KernelCall) {
    let packed = weights.address(scratch: call.scratch.base) {
      tiling.pack(call.input(1).base, panelUnits: kernels.panelUnits, $0)
    }
    let scratch = (call.scratch.base + packedByteCount).assumingMemoryBound(to: Float.self)
    let input = call.input(0).pointer(to: Float.self)
    let output = call.output(0).pointer(to: Float.self)
    let workers = call.workers
    epilogue.withProgram(call) { program in
      var work = WinogradWork(
        kernels: kernels, window: window, tiling: tiling, input: input, weights: packed, output: output,
        pitch: pitch,
        program: program, scratch: scratch)
      if tiling.sharers > 1 {
        workers.forEach(tiling.sharers, work)
        return
      }
      for group in 0..<tiling.groups {
        work.group = group
        let count = tiling.range(ofGroup: group).count
        work.stage = .input
        workers.forEach(count, work)
        work.stage = .products
        workers.forEach(tiling.positions, work)
        work.stage = .output
        workers.forEach(count, work)
      }
    }
  }

  static func rows(_ kernels: Microkernels) -> [Kernel] {
    WinogradTiling.sides.map { m in
      Kernel(
        name: "simd.convolution.f32.nhwc.winograd\(m).\(kernels.isa)", operatorName: Convolution.name,
        consider: { consider($0, m: m) },
        implementation: .planned { (request, offer, constants, packs) throws(KernelError) in
          guard let (_, window) = ConvolutionKernel.geometry(request) else {
            throw KernelError("another request than considered")
          }
          return try WinogradKernel(
            request, offer, constants: constants, packs: packs, window: window, m: m, kernels: kernels)
        })
    }
  }

  private static func consider(_ request: KernelRequest, m: Int) -> Verdict {
    guard request.isFloat32 else { return .declines("not float32") }
    guard let (op, window) = ConvolutionKernel.geometry(request), window.isThreeByThree, op.groups == 1 else {
      return .declines("not a 3×3 convolution of stride 1 in one group")
    }
    guard !request.isEmpty else { return .declines("nothing to compute") }
    guard window.channels >= 16, window.outChannels >= 16 else { return .declines("too few channels") }
    guard request.inputs[1]?.isConstant == true else { return .declines("weights that change") }
    let cost = WinogradTiling(window, m: m, threads: request.threads).cost
    let best =
      WinogradTiling.sides.map { WinogradTiling(window, m: $0, threads: request.threads).cost }.min() ?? cost
    guard cost <= best * 1.25 else { return .declines("another tile should be faster") }
    let rank = request.inputs[0]?.placement.rank ?? 0
    return .accepts(
      convolutionOffers(request, rank: rank) { space, steps in
        ConvolutionKernel.epilogue(request, fusedSteps: steps, space: space)
      }.map { offer in
        var offer = offer.withPitch()
        offer.numerics = .transformed
        offer.predicted = .seconds(cost / 1e9)
        offer.packedByteCount = WinogradTiling(window, m: m, threads: request.threads).weightCount * 4
        return offer
      })
  }
}

extension ImageWindow {
  fileprivate var isThreeByThree: Bool {
    kernelHeight == 3 && kernelWidth == 3 && strideY == 1 && strideX == 1 && dilationY == 1 && dilationX == 1
  }
}

/// How an image is cut into tiles, and tiles into groups.
struct WinogradTiling: Sendable {
  static let sides = 2...Int(NT_WINOGRAD_LARGEST)

  /// Results per side of a tile.
  let m: Int
  let across: Int
  let tilesPerImage: Int
  let tiles: Int
  let groups: Int
  let tilesPerGroup: Int
  /// Threads that have groups of their own; 1: all share each group.
  let sharers: Int
  let channels: Int
  let outChannels: Int
  /// Guess of the time in nanoseconds.
  let cost: Double

  init(_ window: ImageWindow, m: Int, threads: Int) {
    self.m = m
    channels = window.channels
    outChannels = window.outChannels
    across = (window.outWidth + m - 1) / m
    tilesPerImage = across * ((window.outHeight + m - 1) / m)
    tiles = window.batch * tilesPerImage
    let positions = (m + 2) * (m + 2)
    let weightBytes = positions * window.channels * window.outChannels * 4
    // Large weights pass through the cache once per group: then larger groups are worth more than their own place
    // in it.
    let budget = max(1 << 19, weightBytes / 8)
    let tileBytes = positions * (Self.stride(channels) + Self.stride(outChannels)) * 4
    let most = min(tiles, max(8, budget / tileBytes))
    let least = (tiles + most - 1) / most
    sharers = threads > 1 && least >= threads ? threads : 1
    groups = (least + sharers - 1) / sharers * sharers
    tilesPerGroup = (tiles + groups - 1) / groups
    // At the rate that other kernels' predictions assume: 60 operations per ns in products, and 12 operations' time for
    // each transformed number; weights come at 36 bytes per ns.
    let vectors = Double((channels + 15) / 16 * 16 + (outChannels + 15) / 16 * 16)
    let operations = 2 * Double(channels) * Double(outChannels) + 12 * vectors
    cost =
      500
      + (Double(tiles) * Double(positions) * operations / 60 + Double(weightBytes * groups) / 36)
      / Double(max(1, threads))
  }

  var positions: Int { (m + 2) * (m + 2) }

  /// Floats between pixels: an odd number of cache lines, so that rows do not fall on the same sets of the cache.
  private static func stride(_ count: Int) -> Int {
    let lines = (count + 15) / 16
    return (lines + 1 - lines % 2) * 16
  }

  var inputStride: Int { Self.stride(channels) }
  var outputStride: Int { Self.stride(outChannels) }
  /// Floats between positions.
  var inputStep: Int { tilesPerGroup * inputStride + 16 * (1 - tilesPerGroup % 2) }
  var outputStep: Int { tilesPerGroup * outputStride + 16 * (1 - tilesPerGroup % 2) }

  /// Floats of the scratch of a group.
  var groupCount: Int { positions * (inputStep + outputStep) }
  var scratchByteCount: Int { sharers * groupCount * 4 }
  /// Floats of the transformed weights.
  var weightCount: Int { positions * nt_packed_count(channels, outChannels) }

  func range(ofGroup group: Int) -> Swift.Range<Int> { part(group, of: groups, in: tiles) }

  func pack(_ source: UnsafeRawPointer, panelUnits: Int32, _ target: UnsafeMutablePointer<Float>) {
    nt_winograd_pack(Int32(m), panelUnits, source, channels, outChannels, target)
  }
}

/// All groups of a sharer one after the other, or a tile or position of one stage of one group.
struct WinogradWork: ParallelWork {
  enum Stage { case all, input, products, output }

  let kernels: Microkernels
  let window: ImageWindow
  let tiling: WinogradTiling
  let input: UnsafePointer<Float>
  let weights: UnsafePointer<Float>
  let output: UnsafeMutablePointer<Float>
  let pitch: Int
  let program: nt_epilogue
  let scratch: UnsafeMutablePointer<Float>
  var stage = Stage.all
  var group = 0

  func run(chunk: Int) {
    switch stage {
    case .all:
      let scratch = scratch + chunk * tiling.groupCount
      for group in part(chunk, of: tiling.sharers, in: tiling.groups) {
        let tiles = tiling.range(ofGroup: group)
        for i in 0..<tiles.count { transformInput(tiles.lowerBound + i, at: i, scratch) }
        for position in 0..<tiling.positions { multiply(position, tiles.count, scratch) }
        for i in 0..<tiles.count { transformOutput(tiles.lowerBound + i, at: i, scratch) }
      }
    case .input: transformInput(tiling.range(ofGroup: group).lowerBound + chunk, at: chunk, scratch)
    case .products: multiply(chunk, tiling.range(ofGroup: group).count, scratch)
    case .output: transformOutput(tiling.range(ofGroup: group).lowerBound + chunk, at: chunk, scratch)
    }
  }

  private func place(_ tile: Int) -> (image: Int, y: Int, x: Int) {
    let inside = tile % tiling.tilesPerImage
    return (tile / tiling.tilesPerImage, inside / tiling.across * tiling.m, inside % tiling.across * tiling.m)
  }

  private func transformInput(_ tile: Int, at index: Int, _ scratch: UnsafeMutablePointer<Float>) {
    let (image, outY, outX) = place(tile)
    let y = outY - window.padTop
    let x = outX - window.padLeft
    let side = tiling.m + 2
    var entry = nt_winograd_tile()
    entry.x_stride = window.channels
    entry.y_stride = window.width * window.channels
    entry.input = input + ((image * window.height + y) * window.width + x) * window.channels
    entry.top = min(max(0, -y), side)
    entry.bottom = max(entry.top, min(side, window.height - y))
    entry.left = min(max(0, -x), side)
    entry.right = max(entry.left, min(side, window.width - x))
    kernels.winogradInput(
      tiling.m, &entry, channels: window.channels, scratch + index * tiling.inputStride,
      step: tiling.inputStep)
  }

  private func multiply(_ position: Int, _ count: Int, _ scratch: UnsafeMutablePointer<Float>) {
    withProduct(
      of: scratch + position * tiling.inputStep, stride: tiling.inputStride, rows: count, k: tiling.channels,
      packed: weights + position * (tiling.weightCount / tiling.positions), n: tiling.outChannels,
      into: scratch + tiling.positions * tiling.inputStep + position * tiling.outputStep,
      stride: tiling.outputStride
    ) { product in
      kernels.gemm(&product, rows: 0..<count, panels: 0..<kernels.panelCount(tiling.outChannels))
    }
  }

  private func transformOutput(_ tile: Int, at index: Int, _ scratch: UnsafeMutablePointer<Float>) {
    let (image, y, x) = place(tile)
    var entry = nt_winograd_tile()
    entry.x_stride = pitch
    entry.y_stride = window.outWidth * pitch
    entry.row = (image * window.outHeight + y) * window.outWidth + x
    entry.output = output + entry.row * pitch
    entry.width = window.outWidth
    entry.bottom = min(tiling.m, window.outHeight - y)
    entry.right = min(tiling.m, window.outWidth - x)
    withUnsafePointer(to: program) {
      kernels.winogradOutput(
        tiling.m, &entry, columns: window.outChannels,
        scratch + tiling.positions * tiling.inputStep + index * tiling.outputStride, step: tiling.outputStep,
        $0)
    }
  }
}
