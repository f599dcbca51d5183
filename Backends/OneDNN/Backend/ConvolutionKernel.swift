import COneDNN
import IR
import Kernels
import Operators
import Tensors

/// Convolutions with constant weights in the library's own order, channels-last or row-major.
enum ConvolutionKernel {
  static let row = Kernel(
    name: "onednn.convolution.f32.direct", operatorName: Convolution.name, consider: consider,
    implementation: .planned(prepare))

  @Sendable static func consider(_ request: KernelRequest) -> Verdict {
    switch Geometry.of(request) {
    case .failure(let error): .declines(error.reason)
    case .success(let geometry):
      offers(request, channelAxis: 1, rowMajorCost: (geometry.rowMajorSlowness, geometry.work)) {
        steps, layout in geometry.parts(steps, layout: layout, threads: 1)
      }
    }
  }

  @Sendable static func prepare(
    _ request: KernelRequest, _ offer: Offer, _ constants: [Constant?], _ packs: PackedWeights
  ) throws(KernelError) -> any PreparedKernel {
    let geometry = try Geometry.of(request).get()
    guard let constant = constants[1], let format = offer.outputs.first ?? nil else {
      throw KernelError("weights that are not constant")
    }
    let steps = FusedSteps(request, channelAxis: 1, offer: offer)
    guard let plans = geometry.parts(steps, layout: format.layout, threads: request.threads) else {
      throw KernelError("no parts")
    }
    let roles = Roles(
      bias: geometry.hasBias ? 2 : -1, operands: steps.operandPlaces)
    return try PartitionedKernel(
      plans, roles, inputCount: request.inputs.count, constant: ConstantWeights(constant: constant),
      packedWeights: packs)
  }
}

/// The numbers of one convolution.
private struct Geometry {
  let window: Window
  let groups: Int
  let x, w, y: [Int]
  let hasBias: Bool

  static func of(_ request: KernelRequest) -> Result<Geometry, KernelError> {
    func refuse(_ reason: String) -> Result<Geometry, KernelError> { .failure(KernelError(reason)) }
    if let reason = request.commonRefusal { return refuse(reason) }
    guard let op = request.op.base as? Convolution, request.inputs.count >= 2, let x = request.inputs[0],
      let w = request.inputs[1], let y = request.outputs.first ?? nil
    else { return refuse("operands are missing") }
    if !w.isConstant { return refuse("weights that are not constant") }
    let rank = x.placement.rank
    if !(3...5).contains(rank) { return refuse("\(rank - 2) spatial axes") }
    guard let window = try? op.window.resolved(for: Array(x.placement.sizes[2...])) else {
      return refuse("an impossible window")
    }
    if op.groups < 1 || x.placement.sizes[1] % op.groups != 0 || y.sizes[1] % op.groups != 0 {
      return refuse("channels that are not a multiple of the groups")
    }
    return .success(
      Geometry(
        window: window, groups: op.groups, x: x.placement.sizes, w: w.placement.sizes, y: y.sizes,
        hasBias: request.inputs.count > 2 && request.inputs[2] != nil))
  }

  /// Row-major images go through a matrix of patches, which depthwise kernels have little use for.
  var rowMajorSlowness: Double { groups > 1 ? 10 : window.kernel.allSatisfy { $0 == 1 } ? 1.2 : 1.7 }

  var work: Int { y.reduce(1, *) * w.dropFirst().reduce(1, *) }

  /// Nil when the library's terms do not reach.
  func parts(_ steps: FusedSteps, layout: Layout, threads: Int) -> [PartPlan]? {
    let boxes: [Box]
    if layout == .rowMajor {
      // A part takes whole groups, so that it also takes a run of input channels.
      let step = groups > 1 ? y[1] / groups : 8
      boxes = Partition.channels(
        images: y[0], rows: y[2], channels: y[1], step: step, threads: threads, work: work)
    } else {
      boxes = Partition.rows(images: y[0], rows: y[2], channels: y[1], threads: threads, work: work)
    }
    var plans: [PartPlan] = []
    for box in boxes {
      guard let plan = part(box, steps, layout) else {
        return boxes.count > 1 ? part(.whole(y), steps, layout).map { [$0] } : nil
      }
      plans.append(plan)
    }
    return plans
  }

  private func part(_ box: Box, _ steps: FusedSteps, _ layout: Layout) -> PartPlan? {
    let spatial = x.count - 2
    var slabs: [Slab] = []
    for axis in 0..<spatial {
      let output = axis == 0 ? box.rows : 0..<y[axis + 2]
      guard let slab = Slab(window, axis: axis, input: x[axis + 2], output: output, of: y[axis + 2]) else {
        return nil
      }
      slabs.append(slab)
    }
    let outputs = box.channels.count
    let partGroups = groups > 1 ? outputs / (y[1] / groups) : 1
    let firstGroup = groups > 1 ? box.channels.lowerBound / (y[1] / groups) : 0
    let sourceBox = Box(
      images: box.images, rows: slabs[0].rows,
      channels: groups > 1 ? firstGroup * w[1]..<(firstGroup + partGroups) * w[1] : 0..<x[1])
    guard let source = View(sourceBox.sizes(of: x), layout: layout),
      let destination = View(box.sizes(of: y), layout: layout)
    else { return nil }

    let kernel = Array(w[2...])
    let weightSizes =
      groups > 1 ? [partGroups, outputs / partGroups, w[1]] + kernel : [outputs, w[1]] + kernel
    var problem = onednn_problem(
      .convolution, source: source, weights: .opaque(weightSizes), bias: hasBias ? .rowMajor([outputs]) : nil,
      destination: destination)
    problem.strides = triple(window.strides, or: 1)
    problem.dilations = triple(window.dilations, or: 1)
    problem.padsBegin = triple(slabs.map(\.padBegin), or: 0)
    problem.padsEnd = triple(slabs.map(\.padEnd), or: 0)
    let offset = box.offset(in: y, layout: layout)
    let chain = steps.steps(on: destination, channelAxis: 1, offset: offset, channel: box.channels.lowerBound)
    guard problem.append(chain.steps) else { return nil }
    return PartPlan(
      problem: problem, source: sourceBox.offset(in: x, layout: layout),
      weights: box.channels.lowerBound * w.dropFirst().reduce(1, *), bias: box.channels.lowerBound,
      destination: offset, operands: chain.offsets, weightsView: .rowMajor(weightSizes))
  }
}
