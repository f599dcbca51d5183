import IR
import Kernels
import Operators
import SIMDMicrokernels
import Tensors

/// Convolutions in which every channel is a group of its own, on channels-last images, without a frame.
struct DepthwiseKernel: PreparedKernel {
  private let kernels: Microkernels
  private let window: ImageWindow
  private let weights: PackedOperand
  private let epilogue: FusedEpilogue
  private let partsPerImage: Int

  init(
    _ request: KernelRequest, _ offer: Offer, constants: [Constant?], packs: PackedWeights,
    window: ImageWindow,
    kernels: Microkernels
  ) throws(KernelError) {
    self.kernels = kernels
    self.window = window
    let space = RowSpace.channelsLast(request.outputs[0]?.sizes ?? [])
    epilogue = Self.epilogue(request, fusedSteps: offer.fusedSteps, space: space)
    partsPerImage = WindowWork.parts(of: window, taps: 150_000, threads: request.threads)
    if let constant = constants[1] {
      let key = PackKey(
        [constant.id], format: "simd.1.depthwise.blocks16.\(window.kernelHeight)x\(window.kernelWidth)")
      weights = .constant(
        try packs.packed(key, byteCount: Self.packedCount(window) * 4) { (bytes) throws(KernelError) in
          try constant.float32().withBytes { Self.pack($0.base, window, bytes.pointer(to: Float.self)) }
        })
    } else {
      weights = .perRun
    }
  }

  private static func epilogue(_ request: KernelRequest, fusedSteps: Int, space: RowSpace) -> FusedEpilogue {
    ConvolutionKernel.epilogue(request, fusedSteps: fusedSteps, space: space, registers: [.bias, .clamp])
  }

  private static func packedCount(_ window: ImageWindow) -> Int {
    (window.channels + 15) / 16 * 16 * window.taps
  }

  /// [C, 1, kh, kw] as [block][tap][16].
  private static func pack(
    _ source: UnsafeRawPointer, _ window: ImageWindow, _ target: UnsafeMutablePointer<Float>
  ) {
    let taps = window.taps
    target.update(repeating: 0, count: packedCount(window))
    for c in 0..<window.channels {
      for tap in 0..<taps {
        target[(c / 16 * taps + tap) * 16 + c % 16] =
          source.loadUnaligned(fromByteOffset: (c * taps + tap) * 4, as: Float.self)
      }
    }
  }

  var scratchByteCount: Int { weights.scratchByteCount(Self.packedCount(window)) }

  func run(_ call: borrowing KernelCall) {
    withWork(call) { work in call.workers.forEach(window.batch * partsPerImage, work) }
  }

  private func withWork(_ call: borrowing KernelCall, _ body: (WindowWork) -> Void) {
    let packed = weights.address(scratch: call.scratch.base) { Self.pack(call.input(1).base, window, $0) }
    let input = call.input(0).pointer(to: Float.self)
    let output = call.output(0).pointer(to: Float.self)
    epilogue.withProgram(call) { program in
      var entry = window.microkernelWindow(input: input, output: output, channels: window.channels)
      entry.weights = packed
      entry.epilogue = program
      body(
        WindowWork(
          kernels: kernels, kind: .depthwise, window: entry, rows: window.outHeight,
          partsPerImage: partsPerImage))
    }
  }

  static func row(_ kernels: Microkernels) -> Kernel {
    Kernel(
      name: "simd.depthwise.f32.nhwc.tiles.\(kernels.isa)", operatorName: Convolution.name,
      consider: { consider($0) },
      implementation: .planned { (request, offer, constants, packs) throws(KernelError) in
        guard let (_, window) = ConvolutionKernel.geometry(request) else {
          throw KernelError("another request than considered")
        }
        return try DepthwiseKernel(
          request, offer, constants: constants, packs: packs, window: window, kernels: kernels)
      })
  }

  private static func consider(_ request: KernelRequest) -> Verdict {
    guard request.isFloat32 else { return .declines("not float32") }
    guard let (op, window) = ConvolutionKernel.geometry(request) else {
      return .declines("not a convolution of one or two axes")
    }
    guard !request.isEmpty else { return .declines("nothing to compute") }
    guard op.groups == window.channels, window.outChannels == window.channels else {
      return .declines("not depthwise")
    }
    let offers = convolutionOffers(request, rank: request.inputs[0]?.placement.rank ?? 0) { space, steps in
      epilogue(request, fusedSteps: steps, space: space)
    }
    return .accepts(offers.map { $0.inRowBands(request) })
  }
}

extension DepthwiseKernel: BandedKernel {
  func operandRows(_ operand: Int, for rows: Interval) -> Interval? {
    operand == 0 ? window.inputRows(for: rows) : nil
  }

  func scratchByteCount(rows: Int) -> Int { 0 }

  func run(_ call: borrowing KernelCall, rows: Interval) {
    withWork(call) { $0.run(window.place(rows)) }
  }
}

extension ImageWindow {
  /// The window as the micro-kernels know it, of the first image.
  func microkernelWindow(
    input: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>, channels: Int
  ) -> nt_window {
    var entry = nt_window()
    entry.input = input
    entry.in_x = channels
    entry.in_y = width * channels
    entry.in_height = height
    entry.in_width = width
    entry.channels = channels
    entry.kernel_height = kernelHeight
    entry.kernel_width = kernelWidth
    entry.stride_y = strideY
    entry.stride_x = strideX
    entry.dilation_y = dilationY
    entry.dilation_x = dilationX
    entry.pad_top = padTop
    entry.pad_left = padLeft
    entry.pad_bottom = padBottom
    entry.pad_right = padRight
    entry.output = output
    entry.out_x = channels
    entry.out_y = outWidth * channels
    entry.out_width = outWidth
    return entry
  }
}

/// Rows of windows over a batch of channels-last images.
struct WindowWork: ParallelWork {
  enum Kind { case depthwise, maximum, average }

  let kernels: Microkernels
  let kind: Kind
  let window: nt_window
  let rows: Int
  let partsPerImage: Int

  /// Parts of an image of about so many `taps`, pixels that a window reads. Their number is even, so that threads have
  /// equal shares from step to step, of which they find most in their own caches.
  static func parts(of window: ImageWindow, taps: Int, threads: Int) -> Int {
    let wanted = window.outPixels * window.channels * window.taps / taps
    let most = min(16, (window.outHeight + 1) / 2)
    return threads == 1 || wanted < 2 ? 1 : max(1, min(wanted + wanted % 2, most - most % 2))
  }

  func run(chunk: Int) {
    // Micro-kernels take two rows at a time; where there are few, equal shares count for more.
    let step = rows < 8 * partsPerImage ? 1 : 2
    run((chunk / partsPerImage, part(chunk % partsPerImage, of: partsPerImage, in: rows, step: step)))
  }

  func run(_ place: (image: Int, rows: Interval)) {
    var one = window
    one.input += place.image * window.in_height * window.in_y
    one.output += place.image * rows * window.out_y
    one.epilogue.first_row += place.image * rows * window.out_width
    switch kind {
    case .depthwise: kernels.depthwise(&one, rows: place.rows)
    case .maximum: kernels.maxPool(&one, rows: place.rows)
    case .average: kernels.averagePool(&one, rows: place.rows)
    }
  }
}
