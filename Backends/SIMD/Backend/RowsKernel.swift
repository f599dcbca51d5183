import IR
import Kernels
import Operators
import SIMDMicrokernels
import Tensors

/// Softmax, layer and instance normalization: rows of memory, each by itself.
struct RowsKernel: PreparedKernel {
  private enum Function: Sendable {
    case softmax(logarithm: Bool)
    case layerNorm(epsilon: Float, hasBias: Bool)
    /// Rows are channels in turn.
    case instanceNorm(epsilon: Float, channels: Int)
  }

  private let kernels: Microkernels
  private let function: Function
  private let rows: Int
  private let count: Int
  private let epilogue: FusedEpilogue

  var scratchByteCount: Int { 0 }

  func run(_ call: borrowing KernelCall) {
    let workers = call.workers
    let x = call.input(0).pointer(to: Float.self)
    let y = call.output(0).pointer(to: Float.self)
    var scale: UnsafePointer<Float>?
    var bias: UnsafePointer<Float>?
    switch function {
    case .softmax: break
    case .layerNorm(_, let hasBias):
      scale = call.input(1).pointer(to: Float.self)
      bias = hasBias ? call.input(2).pointer(to: Float.self) : nil
    case .instanceNorm:
      scale = call.input(1).pointer(to: Float.self)
      bias = call.input(2).pointer(to: Float.self)
    }
    let rowsPerPart = max(1, 4096 / max(count, 1))
    epilogue.withProgram(call) { program in
      let work = Work(
        kernel: self, x: x, y: y, scale: scale, bias: bias, program: program, rowsPerPart: rowsPerPart)
      workers.forEach((rows + rowsPerPart - 1) / rowsPerPart, work)
    }
  }

  private struct Work: ParallelWork {
    let kernel: RowsKernel
    let x: UnsafePointer<Float>
    let y: UnsafeMutablePointer<Float>
    let scale: UnsafePointer<Float>?
    let bias: UnsafePointer<Float>?
    let program: nt_epilogue
    let rowsPerPart: Int

    func run(chunk: Int) {
      let k = kernel
      let first = chunk * rowsPerPart
      let rows = first..<min(first + rowsPerPart, k.rows)
      let from = x + first * k.count
      let to = y + first * k.count
      switch k.function {
      case .softmax(let logarithm):
        k.kernels.softmax(from, to, rows: rows.count, count: k.count, logarithm: logarithm)
      case .layerNorm(let epsilon, _):
        guard let scale else { return }
        k.kernels.layerNorm(
          from, to, rows: rows.count, count: k.count, scale: scale, bias: bias, epsilon: epsilon)
      case .instanceNorm(let epsilon, let channels):
        guard let scale, let bias else { return }
        for row in rows {
          let channel = row % channels
          let at = (row - first) * k.count
          k.kernels.layerNorm(
            from + at, to + at, rows: 1, count: k.count, scale: scale + channel, bias: bias + channel,
            step: 0,
            epsilon: epsilon)
        }
      }
      if program.step_count > 0 {
        withUnsafePointer(to: program) {
          k.kernels.steps($0, to, stride: k.count, rows: rows, columns: 0..<k.count)
        }
      }
    }
  }

  // MARK: The rows of the table

  /// What an offer in `layout` computes.
  private struct Geometry {
    var function: Function
    var rows: Int
    var count: Int
    var space: RowSpace
    /// Rows of several axes are not columns of the space: nothing can be fused.
    var fuses: Bool
  }

  private static func geometry(_ request: KernelRequest, layout: Layout) -> Geometry? {
    guard let output = request.outputs.first ?? nil else { return nil }
    let sizes = output.sizes
    func rows(from axis: Int, _ function: Function) -> Geometry? {
      guard layout == .rowMajor, axis >= 0, axis < sizes.count else { return nil }
      return Geometry(
        function: function, rows: sizes[..<axis].reduce(1, *), count: sizes[axis...].reduce(1, *),
        space: .rows(sizes, layout: .rowMajor), fuses: axis == sizes.count - 1)
    }
    func softmax(_ axis: Int, flattens: Bool, logarithm: Bool) -> Geometry? {
      let axis = axis < 0 ? axis + sizes.count : axis
      if layout == .rowMajor {
        let isLast = axis >= 0 && axis < sizes.count && sizes[(axis + 1)...].allSatisfy { $0 == 1 }
        return flattens || isLast ? rows(from: axis, .softmax(logarithm: logarithm)) : nil
      }
      guard !flattens, axis == 1 else { return nil }
      let channels = sizes[1]
      return Geometry(
        function: .softmax(logarithm: logarithm), rows: sizes.reduce(1, *) / max(channels, 1),
        count: channels,
        space: .channelsLast(sizes), fuses: true)
    }
    switch request.op.base {
    case let op as Softmax: return softmax(op.axis, flattens: op.flattens, logarithm: false)
    case let op as LogSoftmax: return softmax(op.axis, flattens: op.flattens, logarithm: true)
    case let op as LayerNormalization:
      let axis = op.axis < 0 ? op.axis + sizes.count : op.axis
      guard axis >= 0, axis < sizes.count, request.inputs.count >= 2, let scale = request.inputs[1] else {
        return nil
      }
      let count = sizes[axis...].reduce(1, *)
      guard scale.placement.elementCount == count else { return nil }
      let bias = request.inputs.count > 2 ? request.inputs[2] : nil
      if let bias, bias.placement.elementCount != count { return nil }
      return rows(from: axis, .layerNorm(epsilon: op.epsilon.float, hasBias: bias != nil))
    case let op as InstanceNormalization:
      guard layout == .rowMajor, sizes.count > 2, request.inputs.count == 3,
        request.inputs.dropFirst().allSatisfy({ $0?.placement.elementCount == sizes[1] })
      else { return nil }
      return Geometry(
        function: .instanceNorm(epsilon: op.epsilon.float, channels: sizes[1]), rows: sizes[0] * sizes[1],
        count: sizes[2...].reduce(1, *), space: .planes(sizes), fuses: true)
    default: return nil
    }
  }

  static func rows(_ kernels: Microkernels) -> [Kernel] {
    let words = [
      ("softmax", Softmax.name), ("logsoftmax", LogSoftmax.name), ("layernorm", LayerNormalization.name),
      ("instancenorm", InstanceNormalization.name),
    ]
    return words.map { word, operatorName in
      Kernel(
        name: "simd.\(word).f32.any.rows.\(kernels.isa)", operatorName: operatorName,
        consider: { consider($0) },
        implementation: .planned { (request, offer, _, _) throws(KernelError) in
          guard let layout = offer.outputs[0]?.layout, let g = geometry(request, layout: layout) else {
            throw KernelError("another request than considered")
          }
          let steps = request.fusable(into: g.space, limit: offer.fusedSteps).steps
          return RowsKernel(
            kernels: kernels, function: g.function, rows: g.rows, count: g.count,
            epilogue: FusedEpilogue(steps, space: g.space, registers: []))
        })
    }
  }

  private static func consider(_ request: KernelRequest) -> Verdict {
    guard request.outputs.dropFirst().allSatisfy({ $0 == nil }) else {
      return .declines("statistics are wanted")
    }
    guard request.isFloat32 else { return .declines("not float32") }
    guard !request.isEmpty, let output = request.outputs[0] else { return .declines("nothing to compute") }
    var layouts = [Layout.rowMajor]
    if output.rank >= 3 { layouts.append(.channelsLast(rank: output.rank)) }
    let offers = layouts.compactMap { layout -> Offer? in
      guard let g = geometry(request, layout: layout) else { return nil }
      let (steps, formats) = request.fusable(into: g.space, limit: g.fuses ? FusedEpilogue.maximumSteps : 0)
      var offer = Offer.rowMajor(request, fusedSteps: steps.count)
      offer.inputs[0] = Format(storage: .float32, layout: layout)
      offer.outputs[0] = offer.inputs[0]
      offer.epilogueInputs = formats
      if steps.isEmpty, request.inputs[0]?.isConstant == false { offer.overlays = [Overlay(operand: 0)] }
      offer.unalignedConstants = true
      offer.numerics = .reassociated
      return offer
    }
    return offers.isEmpty ? .declines("an axis that is not innermost") : .accepts(offers)
  }
}
