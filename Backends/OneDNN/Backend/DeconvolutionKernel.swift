import COneDNN
import IR
import Kernels
import Operators
import Tensors

/// Transposed convolutions with constant weights; threads share out images only.
enum DeconvolutionKernel {
  static let row = Kernel(
    name: "onednn.convtranspose.f32.direct", operatorName: ConvTranspose.name, consider: consider,
    implementation: .planned(prepare))

  @Sendable static func consider(_ request: KernelRequest) -> Verdict {
    if let reason = refusal(request) { return .declines(reason) }
    return offers(request, channelAxis: 1) { steps, layout in parts(request, steps, layout, threads: 1) }
  }

  @Sendable static func prepare(
    _ request: KernelRequest, _ offer: Offer, _ constants: [Constant?], _ packs: PackedWeights
  ) throws(KernelError) -> any PreparedKernel {
    if let reason = refusal(request) { throw KernelError(reason) }
    let steps = FusedSteps(request, channelAxis: 1, offer: offer)
    guard let constant = constants[1], let format = offer.outputs.first ?? nil,
      let plans = parts(request, steps, format.layout, threads: request.threads)
    else { throw KernelError("weights that are not constant") }
    let hasBias = request.inputs.count > 2 && request.inputs[2] != nil
    return try PartitionedKernel(
      plans, Roles(bias: hasBias ? 2 : -1, operands: steps.operandPlaces),
      inputCount: request.inputs.count, constant: ConstantWeights(constant: constant), packedWeights: packs)
  }

  private static func refusal(_ request: KernelRequest) -> String? {
    if let reason = request.commonRefusal { return reason }
    guard let op = request.op.base as? ConvTranspose, request.inputs.count >= 2, let x = request.inputs[0],
      let w = request.inputs[1], request.outputs.first != nil
    else { return "operands are missing" }
    if !w.isConstant { return "weights that are not constant" }
    if op.window.autoPad != .explicit || op.outputShape != nil { return "padding that is not yet known" }
    if !(3...5).contains(x.placement.rank) { return "\(x.placement.rank - 2) spatial axes" }
    if op.groups < 1 || x.placement.sizes[1] % op.groups != 0 {
      return "channels that are not a multiple of the groups"
    }
    return nil
  }

  private static func parts(_ request: KernelRequest, _ steps: FusedSteps, _ layout: Layout, threads: Int)
    -> [PartPlan]?
  {
    guard let op = request.op.base as? ConvTranspose, let x = request.inputs[0]?.placement.sizes,
      let w = request.inputs[1]?.placement.sizes, let y = request.outputs[0]?.sizes
    else { return nil }
    let groups = op.groups
    let inputs = x[1] / groups
    let outputs = w[1]
    let kernel = Array(w[2...])
    let area = kernel.reduce(1, *)
    // The file has [C, O/G, …] with C = G · C/G; the library wants [G, O/G, C/G, …].
    let tail = Layout.rowMajor.strides(of: kernel) ?? []
    let sizes = groups > 1 ? [groups, outputs, inputs] + kernel : [outputs, inputs] + kernel
    let strides = (groups > 1 ? [inputs * outputs * area] : []) + [area, outputs * area] + tail
    let hasBias = request.inputs.count > 2 && request.inputs[2] != nil
    let work = x.reduce(1, *) * outputs * area
    return Partition.rows(images: x[0], rows: 1, channels: y[1], threads: threads, work: work).compactMap {
      box in
      let whole = Box(images: box.images, rows: 0..<y[2], channels: 0..<y[1])
      let from = Box(images: box.images, rows: 0..<x[2], channels: 0..<x[1])
      guard let source = View(from.sizes(of: x), layout: layout),
        let destination = View(whole.sizes(of: y), layout: layout)
      else { return nil }
      var problem = onednn_problem(
        .deconvolution, source: source, weights: .opaque(sizes), bias: hasBias ? .rowMajor([y[1]]) : nil,
        destination: destination)
      problem.strides = triple(op.window.strides, or: 1)
      problem.dilations = triple(op.window.dilations, or: 1)
      problem.padsBegin = triple(op.window.padsBegin, or: 0)
      // What is left of the full result, less than nothing where output padding adds rows.
      let ends = kernel.indices.map {
        (x[$0 + 2] - 1) * op.window.strides[$0] + op.window.reach($0) - op.window.padsBegin[$0] - y[$0 + 2]
      }
      problem.padsEnd = triple(ends, or: 0)
      let offset = whole.offset(in: y, layout: layout)
      let chain = steps.steps(on: destination, channelAxis: 1, offset: offset, channel: 0)
      guard problem.append(chain.steps) else { return nil }
      return PartPlan(
        problem: problem, source: from.offset(in: x, layout: layout), destination: offset,
        operands: chain.offsets,
        weightsView: View(sizes, strides: strides))
    }
  }
}
