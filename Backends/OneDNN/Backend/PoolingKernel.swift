import COneDNN
import IR
import Kernels
import Operators
import Tensors

/// Maximum and average pooling, also over whole images. The maximum of nothing but minus infinity is the
/// lowest finite float here, where the library starts.
enum PoolingKernel {
  static let maximum = row("maxpool", MaxPool.name)
  static let average = row("averagepool", AveragePool.name)
  static let globalMaximum = row("globalmaxpool", GlobalMaxPool.name)
  static let globalAverage = row("globalaveragepool", GlobalAveragePool.name)

  private static func row(_ word: String, _ operatorName: String) -> Kernel {
    Kernel(
      name: "onednn.\(word).f32.direct", operatorName: operatorName, consider: consider,
      implementation: .planned(prepare))
  }

  /// The library crashes when it compiles steps after pooling for SSE4.1 and no channel is left for the upper half of
  /// a register.
  private static var fusesSteps: Bool { !String(cString: onednn_identity()).hasSuffix("sse41") }

  @Sendable private static func consider(_ request: KernelRequest) -> Verdict {
    switch Pooling.of(request) {
    case .failure(let error): .declines(error.reason)
    case .success(let pooling):
      offers(
        request, channelAxis: 1, limit: fusesSteps ? .max : 0, consumesWeights: false,
        rowMajorCost: (3, pooling.work)
      ) { steps, layout in pooling.parts(steps, layout: layout, threads: 1) }
    }
  }

  @Sendable private static func prepare(
    _ request: KernelRequest, _ offer: Offer, _ constants: [Constant?], _ packs: PackedWeights
  ) throws(KernelError) -> any PreparedKernel {
    let pooling = try Pooling.of(request).get()
    let steps = FusedSteps(request, channelAxis: 1, offer: offer)
    guard let format = offer.outputs.first ?? nil,
      let plans = pooling.parts(steps, layout: format.layout, threads: request.threads)
    else { throw KernelError("no parts") }
    return try PartitionedKernel(
      plans, Roles(operands: steps.operandPlaces),
      inputCount: request.inputs.count, packedWeights: packs)
  }
}

private struct Pooling {
  let kind: OneDNNKind
  let window: Window
  let x, y: [Int]

  static func of(_ request: KernelRequest) -> Result<Pooling, KernelError> {
    func refuse(_ reason: String) -> Result<Pooling, KernelError> { .failure(KernelError(reason)) }
    if let reason = request.commonRefusal { return refuse(reason) }
    guard let x = request.inputs.first??.placement.sizes, let y = (request.outputs.first ?? nil)?.sizes else {
      return refuse("operands are missing")
    }
    if !(3...5).contains(x.count) { return refuse("\(x.count - 2) spatial axes") }
    let image = Window(kernel: Array(x[2...]))
    let kind: OneDNNKind
    var window: Window
    switch request.op.base {
    case let op as MaxPool: (kind, window) = (.maxPooling, op.window)
    case let op as AveragePool:
      (kind, window) = (op.countIncludePad ? .averageWithPadding : .averageWithoutPadding, op.window)
    case is GlobalMaxPool: (kind, window) = (.maxPooling, image)
    case is GlobalAveragePool: (kind, window) = (.averageWithoutPadding, image)
    default: return refuse("another operator")
    }
    guard let resolved = try? window.resolved(for: Array(x[2...])) else {
      return refuse("an impossible window")
    }
    window = resolved
    for axis in window.kernel.indices {
      let end = (y[axis + 2] - 1) * window.strides[axis] - window.padsBegin[axis] + window.reach(axis)
      let beyond = end - x[axis + 2]
      if kind == .averageWithPadding && beyond > window.padsEnd[axis] {
        return refuse("a window that reaches beyond its padding")
      }
      // Every window must see an element, whatever its dilation skips.
      let gap = window.dilations[axis]
      if window.padsBegin[axis] > (window.kernel[axis] - 1) * gap || beyond > (window.kernel[axis] - 1) * gap
      {
        return refuse("windows of nothing but padding")
      }
      if gap > 1 && x[axis + 2] < gap { return refuse("windows of nothing but padding") }
    }
    return .success(Pooling(kind: kind, window: window, x: x, y: y))
  }

  var work: Int { y.reduce(1, *) * window.kernel.reduce(1, *) }

  func parts(_ steps: FusedSteps, layout: Layout, threads: Int) -> [PartPlan]? {
    let boxes =
      layout == .rowMajor
      ? Partition.channels(images: y[0], rows: y[2], channels: y[1], step: 1, threads: threads, work: work)
      : Partition.rows(images: y[0], rows: y[2], channels: y[1], threads: threads, work: work)
    var plans: [PartPlan] = []
    for box in boxes {
      guard let plan = part(box, steps, layout) else { return nil }
      plans.append(plan)
    }
    return plans
  }

  private func part(_ box: Box, _ steps: FusedSteps, _ layout: Layout) -> PartPlan? {
    var slabs: [Slab] = []
    for axis in window.kernel.indices {
      let output = axis == 0 ? box.rows : 0..<y[axis + 2]
      guard let slab = Slab(window, axis: axis, input: x[axis + 2], output: output, of: y[axis + 2]) else {
        return nil
      }
      slabs.append(slab)
    }
    let from = Box(images: box.images, rows: slabs[0].rows, channels: box.channels)
    guard let source = View(from.sizes(of: x), layout: layout),
      let destination = View(box.sizes(of: y), layout: layout)
    else { return nil }
    var problem = onednn_problem(kind, source: source, destination: destination)
    problem.window = triple(window.kernel, or: 1)
    problem.strides = triple(window.strides, or: 1)
    problem.dilations = triple(window.dilations, or: 1)
    problem.padsBegin = triple(slabs.map(\.padBegin), or: 0)
    problem.padsEnd = triple(slabs.map(\.padEnd), or: 0)
    let offset = box.offset(in: y, layout: layout)
    let chain = steps.steps(on: destination, channelAxis: 1, offset: offset, channel: box.channels.lowerBound)
    guard problem.append(chain.steps) else { return nil }
    return PartPlan(
      problem: problem, source: from.offset(in: x, layout: layout), destination: offset,
      operands: chain.offsets)
  }
}
