import IR
import Kernels
import Operators
import SIMDMicrokernels
import Tensors

/// Transposed convolutions as one direct convolution per phase of the stride.
///
/// With stride s and padding p, output row y is reached by the taps k ≡ y + p (mod s), which fall on
/// neighbouring input rows: rows of equal phase are a convolution of stride 1 with every s-th tap, backwards.
struct ConvTransposeKernel: PreparedKernel {
  /// One axis of a phase: the first output position and the input position of its last tap, how many outputs,
  /// how many taps, and the tap that comes first in the order of the input.
  private struct Axis {
    var firstOutput: Int
    var firstInput: Int
    var count: Int
    var taps: Int
    var firstTap: Int
  }

  private struct Phase {
    var y: Axis
    var x: Axis
    /// Where its weights and offsets start.
    var packedOffset: Int
    var offsets: Range
    typealias Range = Swift.Range<Int>
  }

  private let kernels: Microkernels
  private let window: ImageWindow
  private let frame: ImageWindow
  private let groups: Int
  private let phases: [Phase]
  private let offsets: [Int]
  private let packedPerGroup: Int
  private let lineCount: Int
  private let weights: PackedOperand
  private let epilogue: FusedEpilogue

  init(
    _ request: KernelRequest, _ offer: Offer, constants: [Constant?], packs: PackedWeights,
    window: ImageWindow,
    groups: Int, kernels: Microkernels
  ) throws(KernelError) {
    self.kernels = kernels
    self.window = window
    self.groups = groups
    let mostY = (window.kernelHeight + window.strideY - 1) / window.strideY
    let mostX = (window.kernelWidth + window.strideX - 1) / window.strideX
    var frame = window
    (frame.strideY, frame.strideX, frame.kernelHeight, frame.kernelWidth) = (1, 1, mostY, mostX)
    frame.outHeight = (window.outHeight - 1 + window.padTop) / window.strideY + 1
    frame.outWidth = (window.outWidth - 1 + window.padLeft) / window.strideX + 1
    (frame.padTop, frame.padLeft) = (mostY - 1, mostX - 1)
    self.frame = frame

    let groupChannels = window.channels / groups
    let n = window.outChannels / groups
    var phases: [Phase] = []
    var offsets: [Int] = []
    var packed = 0
    for fy in 0..<window.strideY {
      let y = Self.axis(fy, window.strideY, window.kernelHeight, window.padTop, window.outHeight)
      for fx in 0..<window.strideX {
        let x = Self.axis(fx, window.strideX, window.kernelWidth, window.padLeft, window.outWidth)
        if y.count == 0 || x.count == 0 { continue }
        let start = offsets.count
        for ty in 0..<y.taps {
          for tx in 0..<x.taps { offsets.append((ty * frame.reachedWidth + tx) * window.channels) }
        }
        phases.append(Phase(y: y, x: x, packedOffset: packed, offsets: start..<offsets.count))
        packed += nt_packed_count(y.taps * x.taps * groupChannels, n)
      }
    }
    self.phases = phases
    self.offsets = offsets
    packedPerGroup = packed
    lineCount = phases.reduce(0) { $0 + $1.y.count }

    let space = RowSpace.channelsLast(request.outputs[0]?.sizes ?? [])
    epilogue = FusedEpilogue(
      Self.program(request, fusedSteps: offer.fusedSteps, space: space), space: space,
      registers: [.bias, .clamp])
    if let constant = constants[1] {
      let geometry = "\(window.kernelHeight)x\(window.kernelWidth).strides\(window.strideY)x\(window.strideX)"
      // Which phases there are.
      let (high, wide) = (min(window.outHeight, window.strideY), min(window.outWidth, window.strideX))
      let place = "pads\(window.padTop)x\(window.padLeft).out\(high)x\(wide)"
      let key = PackKey(
        [constant.id],
        format:
          "simd.1.\(kernels.isa).panels\(kernels.panelUnits).transposed.groups\(groups).\(geometry).\(place)")
      let pack = { [phases, kernels] (source: UnsafeRawPointer, target: UnsafeMutablePointer<Float>) in
        Self.pack(source, window, groups: groups, phases, packed, kernels, target)
      }
      weights = .constant(
        try packs.packed(key, byteCount: groups * packed * 4) { (bytes) throws(KernelError) in
          try constant.float32().withBytes { pack($0.base, bytes.pointer(to: Float.self)) }
        })
    } else {
      weights = .perRun
    }
  }

  private static func axis(_ phase: Int, _ stride: Int, _ kernel: Int, _ pad: Int, _ size: Int) -> Axis {
    let first = ((phase - pad) % stride + stride) % stride
    let taps = phase < kernel ? (kernel - phase + stride - 1) / stride : 0
    return Axis(
      firstOutput: first, firstInput: (first + pad) / stride,
      count: first < size ? (size - first - 1) / stride + 1 : 0,
      taps: taps, firstTap: phase + stride * (taps - 1))
  }

  /// Weights [C, O/groups, kh, kw], by group and phase, as K = (taps in the order of the input, c).
  private static func pack(
    _ source: UnsafeRawPointer, _ window: ImageWindow, groups: Int, _ phases: [Phase], _ packedPerGroup: Int,
    _ kernels: Microkernels, _ target: UnsafeMutablePointer<Float>
  ) {
    let channels = window.channels / groups
    let n = window.outChannels / groups
    for group in 0..<groups {
      let from = source + group * channels * n * window.taps * 4
      for phase in phases {
        let to = target + group * packedPerGroup + phase.packedOffset
        let k = phase.y.taps * phase.x.taps * channels
        for ty in 0..<phase.y.taps {
          for tx in 0..<phase.x.taps {
            let tap =
              (phase.y.firstTap - ty * window.strideY) * window.kernelWidth + phase.x.firstTap - tx
              * window.strideX
            nt_pack(
              kernels.panelUnits, from + tap * 4, n * window.taps, window.taps, k,
              (ty * phase.x.taps + tx) * channels,
              channels, n, to)
          }
        }
      }
    }
  }

  /// The operator's own bias, then the epilogue.
  private static func program(_ request: KernelRequest, fusedSteps: Int, space: RowSpace) -> [FusedEpilogue
    .Step]
  {
    var steps = request.fusable(into: space, limit: fusedSteps).steps
    if request.inputs.count > 2, request.inputs[2] != nil {
      let perChannel = OperandAccess(
        layout: .rowMajor, columnStride: 1, rowStride: 0, imageStride: 0, perImage: false)
      steps.insert(.binary(Int32(NT_ADD), .input(2), perChannel, swapped: false), at: 0)
    }
    return steps
  }

  private var frameFloats: Int { frame.reachedHeight * frame.reachedWidth * window.channels }
  var scratchByteCount: Int {
    roundedUp(window.batch * frameFloats * 4) + weights.scratchByteCount(groups * packedPerGroup)
  }

  func run(_ call: borrowing KernelCall) {
    let workers = call.workers
    let output = call.output(0).pointer(to: Float.self)
    let framed = call.scratch.pointer(to: Float.self)
    let framing = FrameWork(
      kernels: kernels, window: frame, isPlanar: false, from: call.input(0).pointer(to: Float.self),
      to: framed,
      images: window.batch)
    workers.forEach(framing.parts, framing)
    let packed = weights.address(scratch: call.scratch.base + roundedUp(window.batch * frameFloats * 4)) {
      Self.pack(call.input(1).base, window, groups: groups, phases, packedPerGroup, kernels, $0)
    }
    epilogue.withProgram(call) { program in
      offsets.withUnsafeBufferPointer { offsets in
        let work = Work(
          kernel: self, framed: UnsafePointer(framed), packed: packed, output: output,
          offsets: offsets.baseAddress,
          program: program)
        workers.forEach(window.batch * groups * lineCount, work)
      }
    }
  }

  /// One line of one phase of one group of one image.
  private struct Work: ParallelWork {
    let kernel: ConvTransposeKernel
    let framed: UnsafePointer<Float>
    let packed: UnsafePointer<Float>
    let output: UnsafeMutablePointer<Float>
    let offsets: UnsafePointer<Int>?
    let program: nt_epilogue

    func run(chunk: Int) {
      let k = kernel
      let w = k.window
      var line = chunk % k.lineCount
      let group = chunk / k.lineCount % k.groups
      let image = chunk / k.lineCount / k.groups
      var index = 0
      while line >= k.phases[index].y.count {
        line -= k.phases[index].y.count
        index += 1
      }
      let phase = k.phases[index]
      let channels = w.channels / k.groups
      let n = w.outChannels / k.groups
      // The frame starts `pad` positions before the image; a window ends at the input of its first tap.
      let top = phase.y.firstInput + line - phase.y.taps + 1 + k.frame.padTop
      let left = phase.x.firstInput - phase.x.taps + 1 + k.frame.padLeft
      let y = phase.y.firstOutput + line * w.strideY
      var product = nt_gemm()
      let pixel = top * k.frame.reachedWidth + left
      product.a = framed + image * k.frameFloats + pixel * w.channels + group * channels
      product.a_x = w.channels
      product.width = phase.x.count
      product.height = 1
      product.offsets = offsets.map { $0 + phase.offsets.lowerBound }
      product.segment_count = phase.offsets.count
      product.segment_length = channels
      product.b = packed + group * k.packedPerGroup + phase.packedOffset
      product.n = n
      let target = (image * w.outHeight + y) * w.outWidth + phase.x.firstOutput
      product.c = output + target * w.outChannels + group * n
      product.c_stride = w.strideX * w.outChannels
      product.epilogue = program
      product.epilogue.first_column = group * n
      k.kernels.gemm(&product, rows: 0..<phase.x.count, panels: 0..<k.kernels.panelCount(n))
    }
  }

  // MARK: The row of the table

  static func row(_ kernels: Microkernels) -> Kernel {
    Kernel(
      name: "simd.convtranspose.f32.nhwc.phases.\(kernels.isa)", operatorName: ConvTranspose.name,
      consider: { consider($0) },
      implementation: .planned { (request, offer, constants, packs) throws(KernelError) in
        guard let (window, groups) = geometry(request) else {
          throw KernelError("another request than considered")
        }
        return try ConvTransposeKernel(
          request, offer, constants: constants, packs: packs, window: window, groups: groups, kernels: kernels
        )
      })
  }

  private static func geometry(_ request: KernelRequest) -> (ImageWindow, Int)? {
    guard let op = request.op.base as? ConvTranspose, request.inputs.count >= 2,
      let x = request.inputs[0]?.placement.sizes,
      let w = request.inputs[1]?.placement.sizes, let output = request.outputs[0]?.sizes, x.count > 2,
      w.count == x.count,
      let resolved = try? op.resolved(for: Array(x.dropFirst(2))),
      resolved.outputSizes == Array(output.dropFirst(2)),
      let window = ImageWindow(resolved.window, input: x, output: output), window.dilationY == 1,
      window.dilationX == 1,
      op.groups > 0, window.channels % op.groups == 0, window.outChannels % op.groups == 0,
      w[0] == window.channels, w[1] == window.outChannels / op.groups
    else { return nil }
    return (window, op.groups)
  }

  private static func consider(_ request: KernelRequest) -> Verdict {
    guard request.isFloat32 else { return .declines("not float32") }
    guard !request.isEmpty, let output = request.outputs[0] else { return .declines("nothing to compute") }
    guard geometry(request) != nil else { return .declines("dilated, or not of one or two axes") }
    let space = RowSpace.channelsLast(output.sizes)
    let (steps, _) = request.fusable(into: space)
    // Lines of a phase are not rows in sequence: only operands that all rows share can be read.
    let shared = steps.prefix { step in
      if case .binary(_, _, let access, _) = step { return access.rowStride == 0 && !access.perImage }
      return true
    }
    let (_, formats) = request.fusable(into: space, limit: shared.count)
    var offer = Offer.rowMajor(request, fusedSteps: shared.count)
    offer.inputs[0] = .channelsLast(.float32, rank: output.rank)
    offer.outputs[0] = .channelsLast(.float32, rank: output.rank)
    offer.epilogueInputs = formats
    offer.unalignedConstants = true
    if request.inputs[1]?.isConstant == true { offer.consumedConstants = [1] }
    offer.numerics = .reassociated
    return .accepts([offer])
  }
}
