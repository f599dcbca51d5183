import IR
import Kernels
import Operators
import Tensors

/// Concatenation as copies of blocks, of elements of whole bytes in any order of axes.
struct ConcatKernel: PreparedKernel {
  /// Bytes that each operand puts beside the others, once per outer position.
  private let blocks: [Int]
  private let offsets: [Int]
  private let stride: Int
  private let outer: Int

  var scratchByteCount: Int { 0 }

  func run(_ call: borrowing KernelCall) {
    for i in blocks.indices where blocks[i] > 0 {
      let work = Work(
        from: call.input(i).base, to: call.output(0).base + offsets[i], block: blocks[i], stride: stride,
        outer: outer)
      call.workers.forEach(work.parts, work)
    }
  }

  private struct Work: ParallelWork {
    let from: UnsafeRawPointer
    let to: UnsafeMutableRawPointer
    let block: Int
    let stride: Int
    let outer: Int

    /// About 64 KiB each.
    var parts: Int { max(1, min(outer, 16, outer * block / 65536)) }

    func run(chunk: Int) {
      for i in part(chunk, of: parts, in: outer) {
        (to + i * stride).copyMemory(from: from + i * block, byteCount: block)
      }
    }
  }

  private static func make(_ request: KernelRequest, layout: Layout) -> ConcatKernel? {
    guard let op = request.op.base as? Concat, let output = request.outputs[0],
      let bits = output.dataType.bitWidth,
      bits >= 8, output.dataType != .string, let order = layout.order(rank: output.rank)
    else { return nil }
    let axis = op.axis < 0 ? op.axis + output.rank : op.axis
    guard let position = order.firstIndex(of: axis) else { return nil }
    let outer = order[..<position].reduce(1) { $0 * output.sizes[$1] }
    let inner = order[(position + 1)...].reduce(bits / 8) { $0 * output.sizes[$1] }
    var blocks: [Int] = []
    var offsets: [Int] = []
    var end = 0
    for slot in request.inputs {
      guard let slot, slot.placement.rank == output.rank, slot.placement.dataType == output.dataType else {
        return nil
      }
      offsets.append(end)
      blocks.append(slot.placement.sizes[axis] * inner)
      end += slot.placement.sizes[axis] * inner
    }
    guard end == output.sizes[axis] * inner else { return nil }
    return ConcatKernel(blocks: blocks, offsets: offsets, stride: end, outer: outer)
  }

  static func row(_ kernels: Microkernels) -> Kernel {
    Kernel(
      name: "simd.concat.any.any.copies.\(kernels.isa)", operatorName: Concat.name,
      consider: { request in
        guard let output = request.outputs.first ?? nil, !output.isEmpty else {
          return .declines("nothing to compute")
        }
        var layouts = [Layout.rowMajor]
        if output.rank >= 3 { layouts.append(.channelsLast(rank: output.rank)) }
        let offers = layouts.compactMap { layout -> Offer? in
          guard make(request, layout: layout) != nil else { return nil }
          let format = Format(storage: output.dataType, layout: layout)
          var offer = Offer(
            inputs: request.inputs.map { _ in format },
            epilogueInputs: request.epilogueInputs.map { .rowMajor($0.placement.dataType) }, outputs: [format]
          )
          offer.unalignedConstants = true
          return offer
        }
        return offers.isEmpty
          ? .declines("elements below a byte, or operands of several types") : .accepts(offers)
      },
      implementation: .planned { (request, offer, _, _) throws(KernelError) in
        guard let layout = offer.outputs[0]?.layout, let kernel = make(request, layout: layout) else {
          throw KernelError("another request than considered")
        }
        return kernel
      })
  }
}
