import COneDNN
import IR
import Kernels
import Tensors

/// The leading steps of an epilogue in the library's terms.
struct FusedSteps {
  /// How an operand broadcasts to the result. Others exist, but only slow code of the library takes them.
  enum Extent { case scalar, channel, full }

  struct Item {
    var step: onednn_step
    /// Its place among inputs, then epilogue inputs, and its extent; nil: no operand.
    var operand: (place: Int, extent: Extent)?
  }

  var items: [Item] = []
  /// Steps of the epilogue covered.
  var count = 0

  /// As many steps as fit after the operator's own `leading` ones. `channelAxis`: the axis of the result that
  /// has a bias.
  init(_ request: KernelRequest, channelAxis: Int, leading: [Item] = [], limit: Int = .max) {
    items = leading
    guard let result = request.outputs.first ?? nil else { return }
    for step in request.epilogue.steps.prefix(limit) {
      guard let next = Self.items(step, request, result, channelAxis),
        items.count + next.count <= Int(onednn_step_limit)
      else { return }
      items += next
      count += 1
    }
  }

  private static func items(
    _ step: Epilogue.Step, _ request: KernelRequest, _ result: Placement, _ channelAxis: Int
  ) -> [Item]? {
    switch step {
    case .unary(let function):
      return onednn_step.steps(function)?.map { Item(step: $0) }
    case .clamp(let lower, let upper):
      return [Item(step: .function(.clip, Float(lower.value), Float(upper.value)))]
    case .binary(let function, let index, let swapped):
      let operand = request.epilogueInputs[index].placement
      guard operand.isDenseFloat,
        let extent = extent(of: operand.sizes, in: result.sizes, channelAxis: channelAxis)
      else {
        return nil
      }
      let at = (request.inputs.count + index, extent)
      switch (function, swapped) {
      case (.add, _): return [Item(step: .combination(.add), operand: at)]
      case (.mul, _): return [Item(step: .combination(.multiply), operand: at)]
      case (.max, _): return [Item(step: .combination(.maximum), operand: at)]
      case (.min, _): return [Item(step: .combination(.minimum), operand: at)]
      case (.sub, false): return [Item(step: .combination(.subtract), operand: at)]
      case (.div, false): return [Item(step: .combination(.divide), operand: at)]
      case (.sub, true):  // c − x = −x + c
        return [Item(step: .function(.linear, -1, 0)), Item(step: .combination(.add), operand: at)]
      default: return nil
      }
    case .quantize, .convert: return nil
    }
  }

  static func extent(of sizes: [Int], in result: [Int], channelAxis: Int) -> Extent? {
    if sizes.count > result.count { return nil }
    let padded = [Int](repeating: 1, count: result.count - sizes.count) + sizes
    if padded.allSatisfy({ $0 == 1 }) { return .scalar }
    if padded == result { return .full }
    let others = padded.indices.allSatisfy { $0 == channelAxis || padded[$0] == 1 }
    return others && padded[channelAxis] == result[channelAxis] ? .channel : nil
  }

  /// The formats that the operands must have beside a result in `layout`.
  func formats(_ request: KernelRequest, layout: Layout) -> [Format] {
    var formats = request.epilogueInputs.map { Format.rowMajor($0.placement.dataType) }
    guard let result = request.outputs.first ?? nil, let order = layout.order(rank: result.rank) else {
      return formats
    }
    for item in items {
      guard let (place, extent) = item.operand, extent == .full, place >= request.inputs.count else {
        continue
      }
      let index = place - request.inputs.count
      // An operand of lower rank lies as the last axes of the result do.
      let missing = result.rank - request.epilogueInputs[index].placement.rank
      formats[index].layout = .order(order.filter { $0 >= missing }.map { $0 - missing })
    }
    return formats
  }

  /// The first addition of a full operand, which could also be done by adding onto that operand's memory.
  func accumulable() -> Int? {
    items.firstIndex {
      $0.operand?.extent == .full && $0.step.combination == .add && $0.step.kind == .combination
    }
  }

  /// Turns the addition of the operand at `place` into one onto the destination's memory.
  mutating func accumulate(operand place: Int) {
    guard let i = accumulable(), items[i].operand?.place == place else { return }
    items[i].step.kind = .accumulate
    items[i].operand = nil
  }

  /// Places of the operands, for `Roles`.
  var operandPlaces: [Int] { items.map { $0.operand?.place ?? -1 } }

  /// The steps on a part of the result that `destination` describes and that starts at `offset` and
  /// `channel`.
  func steps(on destination: View, channelAxis: Int, offset: Int, channel: Int) -> (
    steps: [onednn_step], offsets: [Int]
  ) {
    var steps: [onednn_step] = []
    var offsets: [Int] = []
    for item in items {
      var step = item.step
      var start = 0
      switch item.operand?.extent {
      case nil: break
      case .scalar: step.operand = View.rowMajor([Int](repeating: 1, count: destination.sizes.count)).tensor
      case .full:
        step.operand = destination.tensor
        start = offset
      case .channel:
        var sizes = [Int](repeating: 1, count: destination.sizes.count)
        sizes[channelAxis] = destination.sizes[channelAxis]
        step.operand = View.rowMajor(sizes).tensor
        start = channel
      }
      steps.append(step)
      offsets.append(start)
    }
    return (steps, offsets)
  }
}

extension onednn_step {
  static func function(_ function: OneDNNFunction, _ alpha: Float = 0, _ beta: Float = 0) -> onednn_step {
    var step = onednn_step()
    step.kind = .function
    step.function = function
    step.alpha = alpha
    step.beta = beta
    return step
  }

  static func combination(_ combination: OneDNNCombination) -> onednn_step {
    var step = onednn_step()
    step.kind = .combination
    step.combination = combination
    return step
  }

  /// The steps that mean `function`; nil: the library has none. Not here are its exp, which makes infinity of NaN, its log,
  /// which makes −1.4e-6 of 1, and its softplus, which loses small results. Its relu and clip make the lower bound of NaN,
  /// as those of many engines do.
  static func steps(_ function: UnaryFunction) -> [onednn_step]? {
    switch function {
    case .relu: [.function(.relu)]
    case .leakyRelu(let alpha): [.function(.relu, Float(alpha.value))]
    case .sigmoid: [.function(.sigmoid)]
    case .tanh: [.function(.tanh)]
    case .elu(let alpha): [.function(.elu, Float(alpha.value))]
    case .abs: [.function(.abs)]
    case .sqrt: [.function(.sqrt)]
    case .gelu: [.function(.geluErf)]
    case .geluTanh: [.function(.geluTanh)]
    case .silu: [.function(.swish, 1)]
    case .swish(let alpha): [.function(.swish, Float(alpha.value))]
    case .hardSwish: [.function(.hardSwish)]
    case .mish: [.function(.mish)]
    case .round: [.function(.round)]
    case .neg: [.function(.linear, -1, 0)]
    case .hardSigmoid(let alpha, let beta):
      [.function(.linear, Float(alpha.value), Float(beta.value)), .function(.clip, 0, 1)]
    default: nil
    }
  }
}
