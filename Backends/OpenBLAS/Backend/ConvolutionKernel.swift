import IR
import Kernels
import Operators
import Tensors

/// Convolutions as products with a matrix of patches (im2col), or of the image itself where the kernel is one
/// element.
///
/// Source: Chellapilla, Puri, Simard, "High performance convolutional neural networks for document
/// processing" (2006).
enum ConvolutionKernel {
  /// Row-major: result [O, P] = weights [O, K] · patches [K, P], per image and group.
  static func rowMajor(_ library: Library) -> Kernel { row(library, "nchw", isChannelsLast: false) }
  /// Channels-last: result [P, O] = patches [P, K] · weights [K, O], per image.
  static func channelsLast(_ library: Library) -> Kernel { row(library, "nhwc", isChannelsLast: true) }

  private static func row(_ library: Library, _ layout: String, isChannelsLast: Bool) -> Kernel {
    Kernel(
      name: "openblas.convolution.f32.\(layout).im2col", operatorName: Convolution.name,
      consider: { request in
        switch PatchGeometry.of(request, isChannelsLast: isChannelsLast) {
        case .failure(let error): return .declines(error.reason)
        case .success(let geometry):
          var offer = Offer.rowMajor(request, fusedSteps: geometry.sweep(request, limit: .max).fused)
          offer.numerics = .reassociated
          if isChannelsLast {
            let layout = Layout.channelsLast(rank: geometry.rank)
            offer.inputs[0]?.layout = layout
            offer.outputs[0]?.layout = layout
            for (i, slot) in request.epilogueInputs.enumerated() where slot.placement.rank == geometry.rank {
              if slot.placement.sizes == request.outputs[0]?.sizes { offer.epilogueInputs[i].layout = layout }
            }
            offer.consumedConstants = [1]
          }
          return .accepts([offer])
        }
      },
      implementation: .planned { (request, offer, constants, packs) throws(KernelError) in
        let geometry = try PatchGeometry.of(request, isChannelsLast: isChannelsLast).get()
        var packed: TensorStorage?
        if isChannelsLast {
          guard let weights = constants[1] else { throw KernelError("weights that are not constant") }
          packed = try geometry.packed(weights, packs)
        }
        return PreparedConvolution(
          library: library, geometry: geometry, packed: packed,
          sweep: geometry.sweep(request, limit: offer.fusedSteps).sweep)
      })
  }
}

extension PatchGeometry {
  static func of(_ request: KernelRequest, isChannelsLast: Bool) -> Result<PatchGeometry, KernelError> {
    func refuse(_ reason: String) -> Result<PatchGeometry, KernelError> { .failure(KernelError(reason)) }
    if let reason = request.commonRefusal { return refuse(reason) }
    guard let op = request.op.base as? Convolution, request.inputs.count >= 2,
      let x = request.inputs[0]?.placement.sizes, let weights = request.inputs[1],
      let y = (request.outputs.first ?? nil)?.sizes
    else { return refuse("operands are missing") }
    let w = weights.placement.sizes
    if x.count != 3 && x.count != 4 { return refuse("\(x.count - 2) spatial axes") }
    if op.groups < 1 || x[1] % op.groups != 0 || y[1] % op.groups != 0 {
      return refuse("channels that are not a multiple of the groups")
    }
    if op.groups > 1 && w[1] == 1 { return refuse("depthwise: no matrix to multiply") }
    if isChannelsLast && op.groups > 1 { return refuse("groups in channels-last order") }
    if isChannelsLast && !weights.isConstant { return refuse("weights that are not constant") }
    guard let window = try? op.window.resolved(for: Array(x[2...])) else {
      return refuse("an impossible window")
    }
    let geometry = PatchGeometry(
      x: x, w: w, y: y, window: window, groups: op.groups, isChannelsLast: isChannelsLast,
      hasBias: request.inputs.count > 2 && request.inputs[2] != nil)
    // One row of the result at least is gathered at a time.
    if geometry.depth.multipliedReportingOverflow(by: geometry.outputWidth * 4).partialValue > 1 << 30 {
      return refuse("patches beyond a gigabyte")
    }
    return .success(geometry)
  }

  /// The bias and the epilogue's leading steps, and how many of the latter.
  func sweep(_ request: KernelRequest, limit: Int) -> (sweep: Sweep, fused: Int) {
    let count = request.inputs.count
    let leading =
      hasBias ? [Sweep.Step(action: .add(1), operand: 2, extent: isChannelsLast ? .row : .column)] : []
    let result = request.outputs[0]?.sizes ?? []
    let steps = Sweep.steps(request, limit: limit) { operand in
      if operand.elementCount == 1 { return .scalar }
      if operand.sizes == result { return .full }
      let padded = [Int](repeating: 1, count: max(0, rank - operand.rank)) + operand.sizes
      let isChannel = padded.indices.allSatisfy { padded[$0] == ($0 == 1 ? outputs : 1) }
      return isChannel && padded.count == rank ? (isChannelsLast ? .row : .column) : nil
    }
    let all = Sweep(leading + steps, inputCount: count)
    return all.fits ? (all, steps.count) : (Sweep(leading, inputCount: count), 0)
  }

  /// Weights as [kh, kw, I] × [O].
  func packed(_ constant: Constant, _ packs: PackedWeights) throws(KernelError) -> TensorStorage {
    let key = PackKey([constant.id], format: "f32 kernel·input × output")
    return try packs.packed(key, byteCount: depth * outputs * 4) { (target) throws(KernelError) in
      let tensor: Tensor
      do { tensor = try constant.tensor() } catch { throw KernelError("\(error)") }
      guard let from = tensor.placement.elementStrides else {
        throw KernelError("weights in a blocked layout")
      }
      let sizes = tensor.sizes
      // Axes O, I, k…; outermost in the pack are k…, then I, then O.
      var to = [1, outputs]
      var step = sizes[1] * outputs
      for axis in (2..<sizes.count).reversed() {
        to.insert(step, at: 2)
        step *= sizes[axis]
      }
      copyStrided(
        from: tensor.bytes.base, strides: from, to: target.base, strides: to, sizes: sizes,
        elementByteCount: 4)
      withExtendedLifetime(tensor) {}
    }
  }
}

final class PreparedConvolution: PreparedKernel {
  let scratchByteCount: Int
  let library: Library
  let geometry: PatchGeometry
  let sweep: Sweep
  private let packed: TensorStorage?
  /// Rows of the result whose patches are gathered at a time.
  private let bandRows: Int

  init(library: Library, geometry: PatchGeometry, packed: TensorStorage?, sweep: Sweep) {
    self.library = library
    self.geometry = geometry
    self.packed = packed
    self.sweep = sweep
    // Patches that stay in the caches until they are multiplied.
    let rowBytes = geometry.depth * geometry.outputWidth * 4
    bandRows =
      geometry.isDirect ? geometry.outputHeight : max(1, min(geometry.outputHeight, (4 << 20) / rowBytes))
    scratchByteCount = geometry.isDirect ? 0 : bandRows * rowBytes
  }

  func run(_ call: borrowing KernelCall) throws(KernelFault) {
    let g = geometry
    let x = call.input(0).pointer(to: Float.self)
    let y = call.output(0).pointer(to: Float.self)
    let weights = packed.map { $0.bytes.pointer(to: Float.self) } ?? call.input(1).pointer(to: Float.self)
    let patches = call.scratch.pointer(to: Float.self)
    let operands = sweep.operands(call)
    // Images of a direct channels-last convolution are one long matrix.
    let isOneMatrix = g.isDirect && g.isChannelsLast
    for image in 0..<(isOneMatrix ? 1 : g.images) {
      for group in 0..<g.groups {
        var row = 0
        while row < g.outputHeight {
          let rows = min(bandRows, g.outputHeight - row)
          let source = x + (image * g.groups + group) * g.groupInputs * g.inputArea
          if !g.isDirect {
            let gather = GatherWork(geometry: g, source: source, patches: patches, row: row, rows: rows)
            call.workers.forEach(gather.chunks, gather)
          }
          let points = isOneMatrix ? g.images * g.outputArea : rows * g.outputWidth
          let origin = (image * g.groups + group) * g.groupOutputs * g.outputArea
          let work = MultiplyWork(
            kernel: self, patches: g.isDirect ? source : UnsafePointer(patches),
            weights: weights + group * g.groupOutputs * g.depth, y: y, operands: operands,
            blocks: g.isChannelsLast
              ? Blocks(m: points, n: g.groupOutputs, k: g.depth)
              : Blocks(m: g.groupOutputs, n: points, k: g.depth),
            points: points, firstPoint: row * g.outputWidth, group: group, origin: origin)
          call.workers.forEach(work.blocks.count, work)
          row += rows
        }
      }
    }
  }
}

/// One product of a convolution: a band of one group of one image.
private struct MultiplyWork: ParallelWork {
  unowned(unsafe) let kernel: PreparedConvolution
  let patches, weights: UnsafePointer<Float>
  let y: UnsafeMutablePointer<Float>
  let operands: SweepOperands
  let blocks: Blocks
  let points, firstPoint, group: Int
  /// Where the group of the image starts in the result.
  let origin: Int

  func run(chunk: Int) {
    let g = kernel.geometry
    if g.isChannelsLast {
      let (rows, columns) = blocks.range(chunk, m: points, n: g.outputs)
      let first = firstPoint + rows.lowerBound
      let block = y + origin + first * g.outputs + columns.lowerBound
      kernel.library.multiply(
        m: rows.count, n: columns.count, k: g.depth, alpha: 1, patches + rows.lowerBound * g.depth,
        aStride: g.depth,
        transA: false, weights + columns.lowerBound, bStride: g.outputs, transB: false, into: block,
        cStride: g.outputs)
      kernel.sweep.apply(
        block, rows: rows.count, columns: columns.count, row: first, column: columns.lowerBound,
        stride: g.outputs,
        origin: origin, operands)
      return
    }
    let (rows, columns) = blocks.range(chunk, m: g.groupOutputs, n: points)
    let stride = g.isDirect ? g.outputArea : points
    let column = firstPoint + columns.lowerBound
    let block = y + origin + rows.lowerBound * g.outputArea + column
    kernel.library.multiply(
      m: rows.count, n: columns.count, k: g.depth, alpha: 1, weights + rows.lowerBound * g.depth,
      aStride: g.depth,
      transA: false, patches + columns.lowerBound, bStride: stride, transB: false, into: block,
      cStride: g.outputArea)
    // Rows of the sweep are channels of the whole result, whose images are apart by all of them.
    kernel.sweep.apply(
      block, rows: rows.count, columns: columns.count, row: group * g.groupOutputs + rows.lowerBound,
      column: column,
      stride: g.outputArea, origin: origin - group * g.groupOutputs * g.outputArea, operands)
  }
}
