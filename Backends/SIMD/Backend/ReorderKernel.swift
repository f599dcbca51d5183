import IR
import Kernels
import Operators
import Tensors

/// Changes of layout and transpositions of f32: copies from one order of axes to another.
struct ReorderKernel: PreparedKernel {
  private let kernels: Microkernels
  private let plan: StridedCopy

  var scratchByteCount: Int { 0 }

  func run(_ call: borrowing KernelCall) {
    let work = Work(
      kernels: kernels, plan: plan, from: call.input(0).pointer(to: Float.self),
      to: call.output(0).pointer(to: Float.self))
    call.workers.forEach(plan.parts, work)
  }

  private struct Work: ParallelWork {
    let kernels: Microkernels
    let plan: StridedCopy
    let from: UnsafePointer<Float>
    let to: UnsafeMutablePointer<Float>

    func run(chunk: Int) {
      let units = part(chunk, of: plan.parts, in: plan.outerCount * plan.slices)
      for unit in units {
        let (source, target) = plan.offsets(of: unit / plan.slices)
        let rows = part(unit % plan.slices, of: plan.slices, in: plan.rows, step: 16)
        if plan.isTransposed {
          kernels.transpose(
            from + source + rows.lowerBound * plan.sourceRow, stride: plan.sourceRow,
            to + target + rows.lowerBound, stride: plan.targetColumn, rows: rows.count, columns: plan.columns)
        } else {
          for row in rows {
            (to + target + row * plan.targetRow).update(
              from: from + source + row * plan.sourceRow, count: plan.columns)
          }
        }
      }
    }
  }

  static func rows(_ kernels: Microkernels) -> [Kernel] {
    let reorder = Kernel(
      name: "simd.reorder.f32.any.blocks.\(kernels.isa)", operatorName: Reorder.name,
      consider: { request in
        guard let op = request.op.base as? Reorder, let x = request.inputs.first ?? nil, request.isFloat32,
          op.format.storage == .float32, x.placement.format.storage == .float32
        else { return .declines("not float32") }
        guard plan(x.placement, to: op.format.layout) != nil else { return .declines("a blocked layout") }
        var offer = Offer(inputs: [x.placement.format], outputs: [op.format])
        offer.unalignedConstants = true
        return .accepts([offer])
      },
      implementation: .planned { (request, offer, _, _) throws(KernelError) in
        guard let x = request.inputs.first ?? nil, let from = offer.inputs[0], let to = offer.outputs[0],
          let plan = plan(x.placement.with(from), to: to.layout)
        else { throw KernelError("another request than considered") }
        return ReorderKernel(kernels: kernels, plan: plan)
      })
    let transpose = Kernel(
      name: "simd.transpose.f32.rowmajor.blocks.\(kernels.isa)", operatorName: Transpose.name,
      consider: { request in
        guard request.isFloat32 else { return .declines("not float32") }
        guard plan(transposing: request) != nil else { return .declines("a permutation of another rank") }
        var offer = Offer.rowMajor(request)
        offer.unalignedConstants = true
        return .accepts([offer])
      },
      implementation: .planned { (request, _, _, _) throws(KernelError) in
        guard let plan = plan(transposing: request) else {
          throw KernelError("another request than considered")
        }
        return ReorderKernel(kernels: kernels, plan: plan)
      })
    return [reorder, transpose] + blockRows(kernels)
  }

  private static func plan(_ x: Placement, to layout: Layout) -> StridedCopy? {
    guard !x.isEmpty, let from = x.elementStrides, let to = layout.strides(of: x.sizes) else { return nil }
    return StridedCopy(sizes: x.sizes, from: from, to: to)
  }

  private static func plan(transposing request: KernelRequest) -> StridedCopy? {
    guard let op = request.op.base as? Transpose, let x = request.inputs.first??.placement, !x.isEmpty,
      let strides = Layout.rowMajor.strides(of: x.sizes)
    else { return nil }
    let permutation = op.permutation ?? x.sizes.indices.reversed()
    guard permutation.sorted() == Array(x.sizes.indices) else { return nil }
    let sizes = permutation.map { x.sizes[$0] }
    guard let to = Layout.rowMajor.strides(of: sizes) else { return nil }
    return StridedCopy(sizes: sizes, from: permutation.map { strides[$0] }, to: to)
  }

  // MARK: Blocks of pixels and channels

  private static func blockRows(_ kernels: Microkernels) -> [Kernel] {
    [("depthtospace", DepthToSpace.name), ("spacetodepth", SpaceToDepth.name)].map { word, operatorName in
      Kernel(
        name: "simd.\(word).f32.any.blocks.\(kernels.isa)", operatorName: operatorName,
        consider: { request in
          guard request.isFloat32, !request.isEmpty else { return .declines("not float32") }
          let nchw = Layout.rowMajor, nhwc = Layout.channelsLast(rank: 4)
          let offers = [(nchw, nchw), (nhwc, nhwc), (nhwc, nchw)].compactMap { from, to -> Offer? in
            guard plan(blocks: request, from: from, to: to) != nil else { return nil }
            var offer = Offer.rowMajor(request)
            offer.inputs[0] = Format(storage: .float32, layout: from)
            offer.outputs[0] = Format(storage: .float32, layout: to)
            offer.unalignedConstants = true
            return offer
          }
          return offers.isEmpty ? .declines("blocks that do not divide the tensor") : .accepts(offers)
        },
        implementation: .planned { (request, offer, _, _) throws(KernelError) in
          guard let from = offer.inputs[0]?.layout, let to = offer.outputs[0]?.layout,
            let plan = plan(blocks: request, from: from, to: to)
          else { throw KernelError("another request than considered") }
          return ReorderKernel(kernels: kernels, plan: plan)
        })
    }
  }

  private static func plan(blocks request: KernelRequest, from: Layout, to: Layout) -> StridedCopy? {
    guard let x = request.inputs.first??.placement.sizes, let y = request.outputs.first??.sizes, x.count == 4,
      y.count == 4, let fromStrides = from.strides(of: x), let toStrides = to.strides(of: y)
    else { return nil }
    let block: Int
    let channelsFirst: Bool
    let isExpanding: Bool
    switch request.op.base {
    case let op as DepthToSpace: (block, channelsFirst, isExpanding) = (op.blockSize, op.mode == .crd, true)
    case let op as SpaceToDepth: (block, channelsFirst, isExpanding) = (op.blockSize, op.mode == .crd, false)
    default: return nil
    }
    let (deep, wide) = isExpanding ? (x, y) : (y, x)
    let (d, w) = isExpanding ? (fromStrides, toStrides) : (toStrides, fromStrides)
    guard block > 0, deep[0] == wide[0], deep[1] == wide[1] * block * block, wide[2] == deep[2] * block,
      wide[3] == deep[3] * block
    else { return nil }
    // Axes: image, channel, row, row of the block, column, column of the block.
    let sizes = [deep[0], wide[1], deep[2], block, deep[3], block]
    let inner = channelsFirst ? 1 : wide[1]
    let deepStrides = [
      d[0], d[1] * (channelsFirst ? block * block : 1), d[2], d[1] * block * inner, d[3], d[1] * inner,
    ]
    let wideStrides = [w[0], w[1], w[2] * block, w[2], w[3] * block, w[3]]
    return isExpanding
      ? StridedCopy(sizes: sizes, from: deepStrides, to: wideStrides)
      : StridedCopy(sizes: sizes, from: wideStrides, to: deepStrides)
  }
}
