import COneDNN
import IR
import Kernels
import Operators
import Tensors

/// Functions of each element, of one operand or of two.
enum ElementwiseKernel {
  static let unary = row("unary", Unary.name)
  static let clip = row("clip", Clip.name)
  static let binary = row("binary", Binary.name)

  private static func row(_ word: String, _ operatorName: String) -> Kernel {
    Kernel(
      name: "onednn.\(word).f32.any", operatorName: operatorName, consider: consider,
      implementation: .planned(prepare))
  }

  @Sendable private static func consider(_ request: KernelRequest) -> Verdict {
    if let reason = request.commonRefusal { return .declines(reason) }
    guard let y = request.outputs.first ?? nil, request.inputs.first != nil else {
      return .declines("operands are missing")
    }
    var accepted: [Offer] = []
    var refusal = "a function that oneDNN does not have"
    for layout in y.rank > 2 ? [Layout.rowMajor, .channelsLast(rank: y.rank)] : [.rowMajor] {
      guard let work = Elementwise(request, layout) else { continue }
      guard let plan = work.parts(threads: 1).first else { continue }
      if case .failure(let error) = plan.problem.implementation() {
        refusal = error.reason
        continue
      }
      var offer = Offer.rowMajor(request)
      for (i, format) in work.layouts.enumerated() where offer.inputs.indices.contains(i) {
        offer.inputs[i]?.layout = format
      }
      offer.outputs[0]?.layout = layout
      offer.numerics = work.isExact ? .exact : .reassociated
      offer.overlays = [Overlay(operand: work.source)]
      accepted.append(offer)
    }
    return accepted.isEmpty ? .declines(refusal) : .accepts(accepted)
  }

  @Sendable private static func prepare(
    _ request: KernelRequest, _ offer: Offer, _ constants: [Constant?], _ packs: PackedWeights
  ) throws(KernelError) -> any PreparedKernel {
    guard let format = offer.outputs.first ?? nil, let work = Elementwise(request, format.layout) else {
      throw KernelError("no such offer")
    }
    return try PartitionedKernel(
      work.parts(threads: request.threads), Roles(source: work.source, weights: work.other ?? -1),
      inputCount: request.inputs.count, packedWeights: packs)
  }
}

/// One elementwise problem on memory in a layout.
private struct Elementwise {
  private enum Extent { case same, scalar, channelInnermost, sizes }

  /// The operand that has every element of the result, and the other one.
  var source = 0
  var other: Int?
  /// Of the inputs.
  var layouts: [Layout]
  var isExact = false
  private var function: onednn_step?
  private var combination = OneDNNCombination.add
  private let sizes: [Int]
  private var otherSizes: [Int] = []
  private var extent = Extent.same

  init?(_ request: KernelRequest, _ layout: Layout) {
    guard let x = request.inputs.first??.placement, let y = request.outputs.first ?? nil else { return nil }
    sizes = y.sizes
    layouts = [layout]
    switch request.op.base {
    case let op as Unary:
      guard let steps = onednn_step.steps(op.function), steps.count == 1 else { return nil }
      function = steps[0]
      isExact = [.abs, .sqrt, .round, .neg].contains(op.function)
    case let op as Clip:
      if request.inputs.dropFirst().contains(where: { $0 != nil }) { return nil }
      function = .function(
        .clip, op.lower.map { Float($0.value) } ?? -.infinity, op.upper.map { Float($0.value) } ?? .infinity)
    case let op as Binary:
      guard request.inputs.count == 2, let second = request.inputs[1]?.placement else { return nil }
      switch op.function {
      case .add: combination = .add
      case .sub: combination = .subtract
      case .mul: combination = .multiply
      case .div: combination = .divide
      case .max: combination = .maximum
      case .min: combination = .minimum
      default: return nil
      }
      isExact = true
      if x.sizes == y.sizes {
        other = 1
      } else if second.sizes == y.sizes && op.function.isCommutative {
        (source, other) = (1, 0)
      } else {
        return nil
      }
      guard place(other == 1 ? second : x, layout) else { return nil }
    default: return nil
    }
  }

  /// Finds how the operand that may broadcast lies beside a result in `layout`.
  private mutating func place(_ operand: Placement, _ layout: Layout) -> Bool {
    otherSizes = [Int](repeating: 1, count: sizes.count - operand.rank) + operand.sizes
    var mine = Layout.rowMajor
    if otherSizes == sizes {
      extent = .same
      guard operand.rank == sizes.count || layout == .rowMajor else { return false }
      mine = layout
    } else if otherSizes.allSatisfy({ $0 == 1 }) {
      extent = .scalar
    } else if layout == .rowMajor {
      extent = .sizes
    } else if sizes.count > 1, otherSizes.indices.allSatisfy({ $0 == 1 || otherSizes[$0] == 1 }) {
      extent = .channelInnermost
    } else {
      return false
    }
    layouts = source == 0 ? [layout, mine] : [mine, layout]
    return true
  }

  func parts(threads: Int) -> [PartPlan] {
    let count = sizes.reduce(1, *)
    let parts = min(max(1, threads), max(1, count / 16_384))
    func plans(_ total: Int, _ width: Int, _ views: (Int) -> (View, View)) -> [PartPlan] {
      Partition.ranges(total, parts: parts).map { range in
        let (data, second) = views(range.count)
        let start = range.lowerBound * width
        return PartPlan(
          problem: problem(data, second), source: start, weights: extent == .same ? start : 0,
          destination: start)
      }
    }
    switch extent {
    case .same: return plans(count, 1) { (.rowMajor([$0]), .rowMajor([$0])) }
    case .scalar: return plans(count, 1) { (.rowMajor([$0]), .rowMajor([1])) }
    case .channelInnermost:
      let channels = sizes[1]
      return plans(count / channels, channels) { (.rowMajor([$0, channels]), .rowMajor([1, channels])) }
    case .sizes: return [PartPlan(problem: problem(.rowMajor(sizes), .rowMajor(otherSizes)))]
    }
  }

  private func problem(_ data: View, _ second: View) -> onednn_problem {
    if let function {
      var problem = onednn_problem(.function, source: data, destination: data)
      problem.function = function.function
      problem.alpha = function.alpha
      problem.beta = function.beta
      return problem
    }
    var problem = onednn_problem(.combination, source: data, weights: second, destination: data)
    problem.combination = combination
    return problem
  }
}
