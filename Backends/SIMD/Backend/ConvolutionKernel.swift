import IR
import Kernels
import Operators
import SIMDMicrokernels
import Tensors

/// Convolutions as products of matrices that read their input in place: a pixel's window is a few runs of
/// memory.
///
/// Where windows leave the image, or the input is planar, the input is first copied into a frame of zeros.
struct ConvolutionKernel: PreparedKernel {
  private let kernels: Microkernels
  private let window: ImageWindow
  private let groups: Int
  private let weights: PackedOperand
  private let epilogue: FusedEpilogue
  private let isPlanar: Bool
  private let isFramed: Bool
  /// Images per frame, and where the runs of a window start in it.
  private let imagesPerFrame: Int
  private let offsets: [Int]
  private let runLength: Int
  private let cuts: (whole: ProductCut, last: ProductCut)
  private let row: RowProduct?
  private let packedPerGroup: Int
  /// Floats between pixels of the result.
  private let pitch: Int

  private var rowWidth: Int { isFramed ? window.reachedWidth : window.width }
  private var rowCount: Int { isFramed ? window.reachedHeight : window.height }
  private var lineStride: Int { rowWidth * window.channels }
  private var imageStride: Int { rowCount * lineStride }
  private var frameByteCount: Int { isFramed ? imagesPerFrame * imageStride * 4 : 0 }

  init(
    _ request: KernelRequest, _ offer: Offer, constants: [Constant?], packs: PackedWeights,
    window: ImageWindow,
    groups: Int, kernels: Microkernels
  ) throws(KernelError) {
    self.kernels = kernels
    self.window = window
    self.groups = groups
    pitch = offer.outputPitch ?? window.outChannels
    isPlanar = offer.inputs[0]?.layout == .rowMajor && window.channels > 1
    isFramed = isPlanar || !window.staysInside
    let groupChannels = window.channels / groups
    let n = window.outChannels / groups
    let k = window.taps * groupChannels
    packedPerGroup = nt_packed_count(k, n)

    let line = (isFramed ? window.reachedWidth : window.width) * window.channels
    let pixel = window.dilationX * window.channels
    if window.dilationX == 1 && groups == 1 || window.kernelWidth == 1 {
      offsets = (0..<window.kernelHeight).map { $0 * window.dilationY * line }
      runLength = window.kernelWidth * groupChannels
    } else {
      offsets = (0..<window.taps).map {
        $0 / window.kernelWidth * window.dilationY * line + $0 % window.kernelWidth * pixel
      }
      runLength = groupChannels
    }

    let imageFloats = line * (isFramed ? window.reachedHeight : window.height)
    imagesPerFrame = isFramed ? max(1, min(window.batch, (1 << 19) / max(imageFloats, 1))) : window.batch
    func cut(_ images: Int) -> ProductCut {
      ProductCut(
        ProductShape(
          rows: images * window.outPixels, k: k, n: n,
          rowFootprint: groupChannels * window.strideX * window.strideY, items: groups,
          threads: request.threads),
        kernels: kernels)
    }
    let rest = window.batch % imagesPerFrame
    cuts = (cut(imagesPerFrame), cut(rest == 0 ? imagesPerFrame : rest))
    let isRow = window.batch * window.outPixels == 1 && groups == 1 && offsets.count == 1 && !isFramed
    row = isRow ? RowProduct(kernels: kernels, k: k, n: n) : nil

    let space = RowSpace.channelsLast(Self.outputSizes(request))
    epilogue = Self.epilogue(request, fusedSteps: offer.fusedSteps, space: space)

    if let constant = constants[1] {
      let form = "groups\(groups).\(window.kernelHeight)x\(window.kernelWidth)"
      let key = PackKey(
        [constant.id], format: "simd.1.\(kernels.isa).panels\(kernels.panelUnits).convolution.\(form)")
      let packing = {
        [packedPerGroup, kernels] (source: UnsafeRawPointer, target: UnsafeMutablePointer<Float>) in
        Self.packing(kernels, window, groups: groups, packedPerGroup, source, target)
      }
      weights = .constant(
        try packs.packed(key, byteCount: groups * packedPerGroup * 4) { (bytes) throws(KernelError) in
          try constant.float32().withBytes { packing($0.base, bytes.pointer(to: Float.self)).runAll(groups) }
        })
    } else {
      weights = .perRun
    }
  }

  private static func outputSizes(_ request: KernelRequest) -> [Int] { request.outputs[0]?.sizes ?? [] }

  /// The operator's own bias, then `fusedSteps` of its epilogue.
  static func epilogue(
    _ request: KernelRequest, fusedSteps: Int, space: RowSpace,
    registers: FusedEpilogue.Registers = [.bias, .residual, .clamp]
  ) -> FusedEpilogue {
    var steps = request.fusable(into: space, limit: fusedSteps).steps
    if request.inputs.count > 2, request.inputs[2] != nil {
      let perChannel = OperandAccess(
        layout: .rowMajor, columnStride: 1, rowStride: 0, imageStride: 0, perImage: false)
      steps.insert(.binary(Int32(NT_ADD), .input(2), perChannel, swapped: false), at: 0)
    }
    return FusedEpilogue(steps, space: space, registers: registers)
  }

  /// Weights [O, C/groups, kh, kw] as K = (kh, kw, c).
  private static func packing(
    _ kernels: Microkernels, _ window: ImageWindow, groups: Int, _ packedPerGroup: Int,
    _ source: UnsafeRawPointer,
    _ target: UnsafeMutablePointer<Float>
  ) -> PackingWork {
    let groupChannels = window.channels / groups
    let n = window.outChannels / groups
    return PackingWork(
      panelUnits: kernels.panelUnits, source: source, target: target,
      sourceStep: n * groupChannels * window.taps,
      targetStep: packedPerGroup, kStride: window.taps, nStride: groupChannels * window.taps,
      k: window.taps * groupChannels, n: n, taps: window.taps)
  }

  var scratchByteCount: Int {
    roundedUp(frameByteCount) + roundedUp(weights.scratchByteCount(groups * packedPerGroup))
      + (row?.scratchByteCount ?? 0)
  }

  func run(_ call: borrowing KernelCall) {
    let input = call.input(0).pointer(to: Float.self)
    let output = call.output(0).pointer(to: Float.self)
    let workers = call.workers
    let frame = call.scratch.pointer(to: Float.self)
    let afterFrame = call.scratch.base + roundedUp(frameByteCount)
    let packed = weights.address(scratch: afterFrame) {
      workers.forEach(
        groups, Self.packing(kernels, window, groups: groups, packedPerGroup, call.input(1).base, $0))
    }
    let partials = (afterFrame + roundedUp(weights.scratchByteCount(groups * packedPerGroup)))
      .assumingMemoryBound(to: Float.self)

    epilogue.withProgram(call) { program in
      if let row {
        row.run(input, packed, output, program: program, scratch: partials, workers: workers)
        return
      }
      withProduct(packed, program) { product in
        var product = product
        var image = 0
        while image < window.batch {
          let count = min(imagesPerFrame, window.batch - image)
          product.a = input + image * window.channels * window.height * window.width
          if isFramed {
            let framing = FrameWork(
              kernels: kernels, window: window, isPlanar: isPlanar, from: product.a, to: frame, images: count)
            workers.forEach(framing.parts, framing)
            product.a = UnsafePointer(frame)
          }
          product.c = output + image * window.outPixels * pitch
          product.epilogue.first_row = image * window.outPixels
          let work = ProductWork(
            kernels: kernels, cut: count == imagesPerFrame ? cuts.whole : cuts.last, product: product,
            aStep: window.channels / groups, bStep: packedPerGroup, cStep: window.outChannels / groups,
            columnStep: window.outChannels / groups)
          workers.forEach(groups * work.cut.parts, work)
          image += count
        }
      }
    }
  }

  /// The product of images, of which `a`, `c` and the first row are still to be told.
  private func withProduct(
    _ packed: UnsafePointer<Float>, _ program: nt_epilogue, _ body: (nt_gemm) -> Void
  ) {
    offsets.withUnsafeBufferPointer { offsets in
      var product = nt_gemm()
      product.a_x = window.strideX * window.channels
      product.a_y = window.strideY * lineStride
      product.a_image = imageStride
      product.width = window.outWidth
      product.height = window.outHeight
      product.offsets = offsets.baseAddress
      product.segment_count = offsets.count
      product.segment_length = runLength
      product.b = packed
      product.n = window.outChannels / groups
      product.c_stride = pitch
      product.epilogue = program
      body(product)
    }
  }
}

extension ConvolutionKernel: BandedKernel {
  func operandRows(_ operand: Int, for rows: Interval) -> Interval? {
    operand == 0 && !isPlanar ? window.inputRows(for: rows) : nil
  }

  /// Lines of the frame that `rows` of an image's output reach.
  private func lines(for rows: Interval) -> Interval {
    let first = rows.lowerBound * window.strideY
    let end = (rows.upperBound - 1) * window.strideY + (window.kernelHeight - 1) * window.dilationY + 1
    return first..<max(first, end)
  }

  func scratchByteCount(rows: Int) -> Int { isFramed ? lines(for: 0..<rows).count * lineStride * 4 : 0 }

  func run(_ call: borrowing KernelCall, rows: Interval) {
    guard case .constant(let storage) = weights else { preconditionFailure("bands need packed weights") }
    let (image, rows) = window.place(rows)
    let output = call.output(0).pointer(to: Float.self)
    let from = call.input(0).pointer(to: Float.self) + image * window.channels * window.height * window.width
    // Where the frame of the whole image would start.
    let lines = lines(for: rows)
    let frame = call.scratch.pointer(to: Float.self) - lines.lowerBound * lineStride
    if isFramed {
      FrameWork(kernels: kernels, window: window, isPlanar: isPlanar, from: from, to: frame, images: 1).fill(
        lines)
    }
    epilogue.withProgram(call) { program in
      withProduct(storage.bytes.pointer(to: Float.self), program) { product in
        let groupColumns = window.outChannels / groups
        for group in 0..<groups {
          var one = product
          one.a = (isFramed ? UnsafePointer(frame) : from) + group * (window.channels / groups)
          one.b += group * packedPerGroup
          one.c = output + image * window.outPixels * pitch + group * groupColumns
          one.epilogue.first_row = image * window.outPixels
          one.epilogue.first_column += group * groupColumns
          kernels.gemm(
            &one, rows: rows.lowerBound * window.outWidth..<rows.upperBound * window.outWidth,
            panels: 0..<kernels.panelCount(groupColumns))
        }
      }
    }
  }
}

/// Copies images into frames of zeros, as wide as the windows reach, channels innermost.
struct FrameWork: ParallelWork {
  let kernels: Microkernels
  let window: ImageWindow
  let isPlanar: Bool
  let from: UnsafePointer<Float>
  let to: UnsafeMutablePointer<Float>
  let images: Int

  private var lines: Int { images * window.reachedHeight }
  /// About 32 KiB each.
  var parts: Int {
    let floats = lines * window.reachedWidth * window.channels
    return max(1, min(lines, 16, floats / 8192))
  }

  func run(chunk: Int) { fill(part(chunk, of: parts, in: lines)) }

  func fill(_ lines: Interval) {
    let channels = window.channels
    let lineStride = window.reachedWidth * channels
    let left = min(window.padLeft, window.reachedWidth)
    let inside = max(0, min(window.width, window.reachedWidth - left))
    let right = window.reachedWidth - left - inside
    for line in lines {
      let image = line / window.reachedHeight
      let y = line % window.reachedHeight - window.padTop
      let target = to + line * lineStride
      guard y >= 0, y < window.height, inside > 0 else {
        target.update(repeating: 0, count: lineStride)
        continue
      }
      target.update(repeating: 0, count: left * channels)
      if isPlanar {
        let plane = window.height * window.width
        let start = image * channels * plane + y * window.width
        kernels.transpose(
          from + start, stride: plane, target + left * channels, stride: channels, rows: channels,
          columns: inside)
      } else {
        let start = (image * window.height + y) * window.width * channels
        (target + left * channels).update(from: from + start, count: inside * channels)
      }
      (target + (left + inside) * channels).update(repeating: 0, count: right * channels)
    }
  }
}

/// Bytes of scratch are handed out in cache lines.
func roundedUp(_ byteCount: Int) -> Int { (byteCount + 63) / 64 * 64 }

// MARK: - The row of the table

extension ConvolutionKernel {
  static func row(_ kernels: Microkernels) -> Kernel {
    Kernel(
      name: "simd.convolution.f32.nhwc.direct.\(kernels.isa)", operatorName: Convolution.name,
      consider: { consider($0) },
      implementation: .planned { (request, offer, constants, packs) throws(KernelError) in
        guard let (op, window) = geometry(request) else {
          throw KernelError("another request than considered")
        }
        return try ConvolutionKernel(
          request, offer, constants: constants, packs: packs, window: window, groups: op.groups,
          kernels: kernels)
      })
  }

  static func geometry(_ request: KernelRequest) -> (Convolution, ImageWindow)? {
    guard let op = request.op.base as? Convolution, request.inputs.count >= 2, let x = request.inputs[0],
      let output = request.outputs[0], let w = request.inputs[1],
      let window = ImageWindow(op.window, input: x.placement.sizes, output: output.sizes),
      op.groups > 0, window.channels % op.groups == 0, window.outChannels % op.groups == 0,
      w.placement.sizes.count == x.placement.rank, w.placement.sizes[0] == window.outChannels,
      w.placement.sizes[1] == window.channels / op.groups
    else { return nil }
    return (op, window)
  }

  private static func consider(_ request: KernelRequest) -> Verdict {
    guard request.isFloat32 else { return .declines("not float32") }
    guard let (_, window) = geometry(request) else {
      return .declines("not a convolution of one or two axes")
    }
    guard !request.isEmpty else { return .declines("nothing to compute") }
    guard window.channels * window.outChannels != 0 else { return .declines("no channels") }
    let rank = request.inputs[0]?.placement.rank ?? 0
    let offers = convolutionOffers(request, rank: rank) { space, steps in
      epilogue(request, fusedSteps: steps, space: space)
    }.map { $0.inRowBands(request).withPitch() }
    // The frame is filled from planes as cheaply as from pixels.
    guard window.channels > 1, window.channels <= 4, !window.staysInside || window.taps > 1 else {
      return .accepts(offers)
    }
    return .accepts(
      offers.flatMap { offer in
        var planar = offer
        planar.inputs[0] = .rowMajor(.float32)
        return [offer, planar]
      })
  }
}

/// The offer of a convolution on channels-last images.
func convolutionOffers(
  _ request: KernelRequest, rank: Int, epilogue: (RowSpace, Int) -> FusedEpilogue
) -> [Offer] {
  let space = RowSpace.channelsLast(request.outputs[0]?.sizes ?? [])
  let (steps, formats) = request.fusable(into: space)
  var offer = Offer.rowMajor(request, fusedSteps: steps.count)
  offer.inputs[0] = .channelsLast(.float32, rank: rank)
  offer.outputs[0] = .channelsLast(.float32, rank: rank)
  offer.epilogueInputs = formats
  offer.overlays = request.residualOverlay(epilogue(space, steps.count), fusedSteps: steps.count)
  offer.unalignedConstants = true
  if request.inputs[1]?.isConstant == true { offer.consumedConstants = [1] }
  offer.numerics = .reassociated
  return [offer]
}

extension Offer {
  /// The offer with the word that its kernel writes results of any pitch.
  func withPitch() -> Offer {
    var offer = self
    offer.stridedOutputs = true
    return offer
  }

  /// The offer with the word that its kernel computes row bands, where there are rows and the weights are packed.
  func inRowBands(_ request: KernelRequest) -> Offer {
    var offer = self
    let sizes = request.outputs[0]?.sizes ?? []
    offer.rowBands = sizes.count == 4 && sizes[2] > 1 && request.inputs[1]?.isConstant == true
    return offer
  }
}
