import IR
import Kernels
import Operators
import SIMDMicrokernels
import Tensors

/// Maximum and average over windows of channels-last images.
struct PoolingKernel: PreparedKernel {
  private let kernels: Microkernels
  private let window: ImageWindow
  private let kind: WindowWork.Kind
  private let countsPadding: Bool
  private let epilogue: FusedEpilogue
  private let partsPerImage: Int

  var scratchByteCount: Int { 0 }

  func run(_ call: borrowing KernelCall) {
    withWork(call) { work in call.workers.forEach(window.batch * partsPerImage, work) }
  }

  private func withWork(_ call: borrowing KernelCall, _ body: (WindowWork) -> Void) {
    let input = call.input(0).pointer(to: Float.self)
    let output = call.output(0).pointer(to: Float.self)
    epilogue.withProgram(call) { program in
      var entry = window.microkernelWindow(input: input, output: output, channels: window.channels)
      entry.count_padding = countsPadding ? 1 : 0
      entry.epilogue = program
      body(
        WindowWork(
          kernels: kernels, kind: kind, window: entry, rows: window.outHeight, partsPerImage: partsPerImage))
    }
  }

  static func rows(_ kernels: Microkernels) -> [Kernel] {
    [("maxpool", MaxPool.name), ("averagepool", AveragePool.name)].map { word, operatorName in
      Kernel(
        name: "simd.\(word).f32.nhwc.windows.\(kernels.isa)", operatorName: operatorName,
        consider: { consider($0) },
        implementation: .planned { (request, offer, _, _) throws(KernelError) in
          guard let (window, kind, countsPadding) = geometry(request) else {
            throw KernelError("another request than considered")
          }
          let space = RowSpace.channelsLast(request.outputs[0]?.sizes ?? [])
          let steps = request.fusable(into: space, limit: offer.fusedSteps).steps
          return PoolingKernel(
            kernels: kernels, window: window, kind: kind, countsPadding: countsPadding,
            epilogue: FusedEpilogue(steps, space: space, registers: [.clamp]),
            partsPerImage: WindowWork.parts(of: window, taps: 100_000, threads: request.threads))
        })
    }
  }

  private static func geometry(_ request: KernelRequest) -> (ImageWindow, WindowWork.Kind, Bool)? {
    guard let input = request.inputs.first ?? nil, let output = request.outputs.first ?? nil else {
      return nil
    }
    func window(_ w: Window) -> ImageWindow? {
      ImageWindow(w, input: input.placement.sizes, output: output.sizes)
    }
    switch request.op.base {
    case let op as MaxPool: return window(op.window).map { ($0, .maximum, false) }
    case let op as AveragePool: return window(op.window).map { ($0, .average, op.countIncludePad) }
    default: return nil
    }
  }

  private static func consider(_ request: KernelRequest) -> Verdict {
    guard request.outputs.dropFirst().allSatisfy({ $0 == nil }) else {
      return .declines("indices are wanted")
    }
    guard request.isFloat32 else { return .declines("not float32") }
    guard !request.isEmpty, let output = request.outputs[0] else { return .declines("nothing to compute") }
    guard geometry(request) != nil else { return .declines("not a window of one or two axes") }
    let (steps, formats) = request.fusable(into: .channelsLast(output.sizes))
    let format = Format.channelsLast(.float32, rank: output.rank)
    var offer = Offer(inputs: [format], epilogueInputs: formats, outputs: [format], fusedSteps: steps.count)
    offer.outputs += request.outputs.dropFirst().map { _ in nil }
    offer.unalignedConstants = true
    offer.rowBands = output.rank == 4 && output.sizes[2] > 1
    offer.numerics = request.op.base is MaxPool && steps.isEmpty ? .exact : .reassociated
    return .accepts([offer])
  }
}

extension PoolingKernel: BandedKernel {
  func operandRows(_ operand: Int, for rows: Interval) -> Interval? {
    operand == 0 ? window.inputRows(for: rows) : nil
  }

  func scratchByteCount(rows: Int) -> Int { 0 }

  func run(_ call: borrowing KernelCall, rows: Interval) {
    withWork(call) { $0.run(window.place(rows)) }
  }
}
