import COneDNN
import IR
import Kernels
import Tensors

/// Offers for channels-last and row-major data, as far as the library has more than its reference
/// implementation.
///
/// `parts` makes the library's problem for a layout and some fused steps. `rowMajorCost` is how many times longer
/// row-major data takes than a multiplication at the library's best, where it does.
func offers(
  _ request: KernelRequest, channelAxis: Int, leading: [FusedSteps.Item] = [], limit: Int = .max,
  numerics: Numerics = .reassociated, layouts: [Layout]? = nil, consumesWeights: Bool = true,
  rowMajorCost: (factor: Double, multiplications: Int)? = nil, _ parts: (FusedSteps, Layout) -> [PartPlan]?
) -> Verdict {
  guard let result = request.outputs.first ?? nil, let rank = request.inputs.first??.placement.rank else {
    return .declines("operands are missing")
  }
  var offers: [Offer] = []
  var refusal = "no layout that fits"
  for layout in layouts ?? [.channelsLast(rank: rank), .rowMajor] {
    let all = FusedSteps(request, channelAxis: channelAxis, leading: leading, limit: limit)
    let none = FusedSteps(request, channelAxis: channelAxis, leading: leading, limit: 0)
    var chosen: FusedSteps?
    for steps in all.count > 0 ? [all, none] : [all] {
      guard let whole = parts(steps, layout)?.first else { continue }
      switch whole.problem.implementation() {
      case .failure(let error): refusal = error.reason
      // The library's way around a step that its fast code lacks: better a sweep of somebody else.
      case .success(let name) where name.contains("gemm:jit") && layout != .rowMajor && steps.count > 0:
        continue
      case .success: chosen = steps
      }
      if chosen != nil { break }
    }
    guard let steps = chosen else { continue }
    var offer = Offer.rowMajor(request, fusedSteps: steps.count)
    offer.inputs[0]?.layout = layout
    offer.outputs[0] = Format(storage: .float32, layout: result.rank == rank ? layout : .rowMajor)
    offer.epilogueInputs = steps.formats(request, layout: layout)
    offer.numerics = numerics
    offer.fixedReductionOrder = numerics == .exact
    if consumesWeights { offer.consumedConstants = [1] }
    if layout == .rowMajor, let cost = rowMajorCost {
      offer.predicted = .nanoseconds(
        500 + Int64(Double(cost.multiplications) / 30 * cost.factor) / Int64(max(1, request.threads))
          + Int64(request.epilogue.steps.count - steps.count) * Int64(result.byteCount / 5))
    }
    offers.append(offer)
    if let item = steps.accumulable(), let operand = steps.items[item].operand {
      var onto = steps
      onto.accumulate(operand: operand.place)
      if let whole = parts(onto, layout)?.first, case .success = whole.problem.implementation() {
        offer.overlays = [Overlay(operand: operand.place, required: true)]
        offers.append(offer)
      }
    }
  }
  return offers.isEmpty ? .declines(refusal) : .accepts(offers)
}

extension FusedSteps {
  /// The steps of a chosen offer: one of them may add onto the operand that the result overlays.
  init(_ request: KernelRequest, channelAxis: Int, leading: [Item] = [], offer: Offer) {
    self.init(request, channelAxis: channelAxis, leading: leading, limit: offer.fusedSteps)
    if let overlay = offer.overlays.first(where: \.required) { accumulate(operand: overlay.operand) }
  }
}
