import IR
import Operators
import Tensors

/// What is applied to a result element by element moves into the epilogue of the node that makes it:
///
///     Unary[relu](Binary[add](Conv(x, @w), r))  →  Conv(x, @w) {add #0, relu} with (r)
///     Binary[sub](@1.0, Softmax(x))             →  Softmax(x) {sub swapped #0} with (@1.0)
///     Cast[to=uint8](Conv(x, @w))               →  Conv(x, @w) {convert uint8}
///
/// The result is used by nobody else, the operand broadcasts to it and never enlarges it, and the order is
/// kept.
enum Epilogues {
  static let rules: [Rewrite] = [binary, unary, clip, scaleShift, cast]

  /// A result that may take one more step: its last step does not change its type.
  private static func open() -> AnyResult {
    AnyResult(
      where: { node in
        guard node.op.traits.contains(.acceptsEpilogue), node.regions.isEmpty,
          node.outputs.count(where: { $0 != nil }) == 1
        else { return false }
        switch node.epilogue.steps.last {
        case .convert, .quantize: return false
        default: return node.epilogue.steps.count < 16
        }
      })
  }

  /// Why a result cannot take a step, nil when it can.
  private static func obstacle(_ value: ValueID, in graph: borrowing Graph) -> String? {
    if !isArithmetic(graph.tensorType(value)?.dataType) { return "its operand is no float" }
    return graph.isUsedOnce(value) ? nil : "its operand is used elsewhere"
  }

  private static func isArithmetic(_ type: DataType?) -> Bool {
    type == .float32 || type == .float64 || type == .float16 || type == .bfloat16
  }

  /// Adds steps to the node that makes `value`, in place of `replaced`, whose own epilogue follows.
  private static func append(
    _ steps: [Epilogue.Step], with operands: [ValueID], to producer: Node, replacing node: Node,
    _ patch: inout Patch,
    in graph: borrowing Graph
  ) throws(GraphError) {
    let before = producer.epilogueInputs.count
    let added = Epilogue(producer.epilogue.steps + steps.map { $0.shiftingOperands(by: before) })
    let all = added.followed(by: node.epilogue, operandsBefore: before + operands.count)
    let results = try patch.insert(
      any: producer.op, producer.inputs, epilogue: all,
      with: producer.epilogueInputs + operands + node.epilogueInputs, regions: producer.regions,
      wanted: producer.outputs.map { $0 != nil }, named: producer.name, in: graph)
    if let old = node.outputs[0], let new = results[0] { patch.replace(old, with: new) }
  }

  private static let unary: Rewrite = {
    let x = open()
    let find = Find(
      Unary.self, x, anyEpilogue: true,
      where: { !$0.function.isPredicate && $0.function != .not && $0.function != .bitwiseNot })
    return Rewrite("unary-epilogue", at: find) { (graph, match, patch) throws(GraphError) in
      if let obstacle = obstacle(match[x], in: graph) { return .declined(obstacle) }
      try append(
        [.unary(match.op(find, in: graph).function)], with: [], to: graph[match.node(x)],
        replacing: graph[match.node(find)], &patch, in: graph)
      return .changed
    }
  }()

  private static let clip: Rewrite = {
    let x = open()
    let find = Find(Clip.self, x, anyEpilogue: true)
    return Rewrite("clip-epilogue", at: find) { (graph, match, patch) throws(GraphError) in
      let node = graph[match.node(find)]
      guard graph.operandCount(node.id) == 1 else { return .declined("its bounds are not known yet") }
      if let obstacle = obstacle(match[x], in: graph) { return .declined(obstacle) }
      let op = match.op(find, in: graph)
      try append(
        [.clamp(lower: op.lower ?? Real(-Double.infinity), upper: op.upper ?? Real(Double.infinity))],
        with: [],
        to: graph[match.node(x)], replacing: node, &patch, in: graph)
      return .changed
    }
  }()

  private static let cast: Rewrite = {
    let x = open()
    let find = Find(Cast.self, x, where: \.saturate)
    return Rewrite("cast-epilogue", at: find) { (graph, match, patch) throws(GraphError) in
      if let obstacle = obstacle(match[x], in: graph) { return .declined(obstacle) }
      let target = match.op(find, in: graph).to
      if target == .string || target.isComplex { return .declined("a step cannot make a \(target.rawValue)") }
      try append(
        [.convert(target)], with: [], to: graph[match.node(x)], replacing: graph[match.node(find)], &patch,
        in: graph)
      return .changed
    }
  }()

  private static let scaleShift: Rewrite = {
    let x = open()
    let (s, t) = (AnyConstant(), AnyConstant())
    let find = Find(ScaleShift.self, x, s, t, anyEpilogue: true)
    return Rewrite("scale-shift-epilogue", at: find) { (graph, match, patch) throws(GraphError) in
      if let obstacle = obstacle(match[x], in: graph) { return .declined(obstacle) }
      guard let rank = graph.rank(match[x]), let scale = graph.constant(match[s]),
        let shift = graph.constant(match[t]), let count = scale.type.sizes?.first
      else { return .declined("its rank is not known") }
      let sizes = [count] + [Int](repeating: 1, count: max(rank - 1 - match.op(find, in: graph).axis, 0))
      var steps: [Epilogue.Step] = []
      var operands: [ValueID] = []
      if scale.smallValues?.allSatisfy({ $0 == 1 }) != true {
        steps.append(.binary(.mul, operands.count, swapped: false))
        operands.append(patch.constant(try scale.reshaped(to: sizes), named: graph[match[s]].name))
      }
      if !FoldScaleShift.isNothing(shift) {
        steps.append(.binary(.add, operands.count, swapped: false))
        operands.append(patch.constant(try shift.reshaped(to: sizes), named: graph[match[t]].name))
      }
      try append(
        steps, with: operands, to: graph[match.node(x)], replacing: graph[match.node(find)], &patch, in: graph
      )
      return .changed
    }
  }()

  /// A residual Add could join either side: the one with more work to hide it in takes it, else the first.
  private static let binary: Rewrite = {
    let taker = open()
    let find = Find(Binary.self, anyEpilogue: true)
    return Rewrite("binary-epilogue", at: find) { (graph, match, patch) throws(GraphError) in
      let node = graph[match.node(find)]
      let function = match.op(find, in: graph).function
      guard node.inputs.count == 2, let left = node.inputs[0], let right = node.inputs[1] else {
        return .ignored
      }
      guard [.add, .sub, .mul, .div, .max, .min, .pow, .prelu].contains(function) else { return .ignored }
      guard let type = graph.tensorType(match[find]), isArithmetic(type.dataType), type.shape != nil else {
        return .declined("its result is no float of known rank")
      }
      var reason = "no operand is made by a node that takes steps"
      var candidates: [(value: ValueID, operand: ValueID, swapped: Bool)] = []
      for (value, operand, swapped) in [(left, right, false), (right, left, true)] {
        guard taker.admits(value, in: graph) else { continue }
        if swapped && function == .prelu { continue }
        if !graph.isUsedOnce(value) {
          reason = "an operand that takes steps is used elsewhere"
          continue
        }
        if graph.tensorType(value)?.shape != type.shape || !broadcasts(graph.shape(operand), to: type.shape) {
          reason = "an operand would enlarge the result"
        } else if graph.tensorType(value)?.dataType != type.dataType
          || graph.tensorType(operand)?.dataType != type.dataType
        {
          reason = "the element types differ"
        } else {
          candidates.append((value, operand, swapped))
        }
      }
      guard
        let best = candidates.first(where: { graph.producer(of: $0.value).flatMap(LinearForm.init) != nil })
          ?? candidates.first,
        let producer = graph.producer(of: best.value)
      else { return .declined(reason) }
      let swapped = best.swapped && !function.isCommutative
      try append(
        [.binary(function, 0, swapped: swapped)], with: [best.operand], to: producer, replacing: node, &patch,
        in: graph)
      return .changed
    }
  }()

  /// Whether sizes broadcast to `shape` whatever their symbols are.
  static func broadcasts(_ operand: [Dimension]?, to shape: [Dimension]?) -> Bool {
    guard let operand, let shape, operand.count <= shape.count else { return false }
    return zip(operand.reversed(), shape.reversed()).allSatisfy { $0.fixed == 1 || $0 == $1 }
  }
}
