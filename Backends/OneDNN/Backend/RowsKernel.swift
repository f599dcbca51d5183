import COneDNN
import IR
import Kernels
import Operators
import Tensors

/// Functions of rows that lie one after the other in memory: softmax and layer normalization.
enum RowsKernel {
  static let softmax = row("softmax", Softmax.name)
  static let logSoftmax = row("logsoftmax", LogSoftmax.name)
  static let layerNormalization = row("layernormalization", LayerNormalization.name)

  private static func row(_ word: String, _ operatorName: String) -> Kernel {
    Kernel(
      name: "onednn.\(word).f32.rows", operatorName: operatorName, consider: consider,
      implementation: .planned(prepare))
  }

  @Sendable private static func consider(_ request: KernelRequest) -> Verdict {
    switch plan(request, threads: 1) {
    case .failure(let error): return .declines(error.reason)
    case .success(let (plans, _)):
      if case .failure(let error) = plans[0].problem.implementation() { return .declines(error.reason) }
      var offer = Offer.rowMajor(request)
      offer.numerics = .reassociated
      offer.overlays = [Overlay(operand: 0)]
      return .accepts([offer])
    }
  }

  @Sendable private static func prepare(
    _ request: KernelRequest, _ offer: Offer, _ constants: [Constant?], _ packs: PackedWeights
  ) throws(KernelError) -> any PreparedKernel {
    let (plans, roles) = try plan(request, threads: request.threads).get()
    return try PartitionedKernel(plans, roles, inputCount: request.inputs.count, packedWeights: packs)
  }

  private static func plan(_ request: KernelRequest, threads: Int) -> Result<([PartPlan], Roles), KernelError>
  {
    func refuse(_ reason: String) -> Result<([PartPlan], Roles), KernelError> {
      .failure(KernelError(reason))
    }
    if let reason = request.commonRefusal { return refuse(reason) }
    guard let sizes = request.inputs.first??.placement.sizes else { return refuse("operands are missing") }
    let kind: OneDNNKind
    var axis: Int
    var reachesEnd = false
    var roles = Roles()
    var epsilon: Float = 0
    switch request.op.base {
    case let op as Softmax: (kind, axis, reachesEnd) = (.softmax, op.axis, op.flattens)
    case let op as LogSoftmax: (kind, axis, reachesEnd) = (.logSoftmax, op.axis, op.flattens)
    case let op as LayerNormalization:
      (kind, axis, reachesEnd) = (.layerNormalization, op.axis, true)
      epsilon = Float(op.epsilon.value)
      roles.weights = 1
      if request.inputs.count > 2, request.inputs[2] != nil { roles.bias = 2 }
    default: return refuse("another operator")
    }
    if axis < 0 { axis += sizes.count }
    guard sizes.indices.contains(axis) else { return refuse("an axis that does not exist") }
    if !reachesEnd && sizes[(axis + 1)...].contains(where: { $0 != 1 }) {
      return refuse("elements of a row that are not neighbours in memory")
    }
    let width = sizes[axis...].reduce(1, *)
    let rows = sizes[..<axis].reduce(1, *)
    if kind == .layerNormalization {
      for operand in request.inputs.dropFirst().compactMap({ $0?.placement })
      where operand.elementCount != width {
        return refuse("a scale or shift that broadcasts")
      }
    }
    let parts = min(max(1, threads), max(1, rows * width / 8_192))
    let plans = Partition.ranges(rows, parts: parts).map { range in
      let data = View.rowMajor([range.count, width])
      var problem = onednn_problem(
        kind, source: data, weights: roles.weights < 0 ? nil : .rowMajor([width]),
        bias: roles.bias < 0 ? nil : .rowMajor([width]), destination: data)
      problem.axis = 1
      problem.epsilon = epsilon
      return PartPlan(
        problem: problem, source: range.lowerBound * width, destination: range.lowerBound * width)
    }
    return .success((plans, roles))
  }
}
