import COneDNN
import IR
import Kernels
import Operators
import Tensors

/// Changes of layout of 32-bit floats.
enum ReorderKernel {
  static let row = Kernel(
    name: "onednn.reorder.f32.permuted", operatorName: Reorder.name, consider: consider,
    implementation: .planned(prepare))

  @Sendable private static func consider(_ request: KernelRequest) -> Verdict {
    if let reason = request.commonRefusal { return .declines(reason) }
    guard let op = request.op.base as? Reorder, let x = request.inputs.first??.placement else {
      return .declines("operands are missing")
    }
    if op.format.storage != .float32 { return .declines("a change of element type") }
    let from = x.format.layout
    guard let plan = parts(x.sizes, from: from, to: op.format.layout, threads: 1)?.first else {
      return .declines("a blocked layout")
    }
    if case .failure(let error) = plan.problem.implementation() { return .declines(error.reason) }
    var offer = Offer.rowMajor(request)
    offer.inputs[0] = x.format
    offer.outputs[0] = op.format
    return .accepts([offer])
  }

  @Sendable private static func prepare(
    _ request: KernelRequest, _ offer: Offer, _ constants: [Constant?], _ packs: PackedWeights
  ) throws(KernelError) -> any PreparedKernel {
    guard let x = request.inputs.first??.placement, let from = offer.inputs.first ?? nil,
      let to = offer.outputs.first ?? nil,
      let plans = parts(x.sizes, from: from.layout, to: to.layout, threads: request.threads)
    else { throw KernelError("no such offer") }
    return try PartitionedKernel(plans, Roles(), inputCount: request.inputs.count, packedWeights: packs)
  }

  private static func parts(_ sizes: [Int], from: Layout, to: Layout, threads: Int) -> [PartPlan]? {
    guard let source = from.strides(of: sizes), let destination = to.strides(of: sizes) else { return nil }
    let count = sizes.reduce(1, *)
    // The axis that lies outermost in the destination and has something to share out.
    let axis = sizes.indices.filter { sizes[$0] > 1 }.max { destination[$0] < destination[$1] } ?? 0
    let parts = min(max(1, threads), max(1, count / 16_384))
    guard !sizes.isEmpty else { return nil }
    return Partition.ranges(sizes[axis], parts: parts).map { range in
      var part = sizes
      part[axis] = range.count
      return PartPlan(
        problem: onednn_problem(
          .reorder, source: View(part, strides: source), destination: View(part, strides: destination)),
        source: range.lowerBound * source[axis], destination: range.lowerBound * destination[axis])
    }
  }
}
