import IR
import Operators
import Tensors

/// One form for everything that multiplies and adds constants per channel:
///
///     BatchNormalization(x, @γ, @β, @μ, @σ²)  →  ScaleShift[axis=1](x, @γ/√(σ²+ε), @β−μγ/√(σ²+ε))
///     Binary[mul](Conv(x, @w), @c[C,1,1])      →  ScaleShift[axis=1](Conv(x, @w), @c, @−0)
///     ScaleShift(ScaleShift(x, @a, @b), @c, @d) →  ScaleShift(x, @a·c, @b·c+d)
///
/// −0 is the number that adding changes nothing.
enum ChannelAffine {
  static let rules: [Rewrite] = [batchNormalization, merge, arithmetic]

  private static let batchNormalization: Rewrite = {
    let (x, gamma, beta, mean, variance) = (
      Anything(), AnyConstant(), AnyConstant(), AnyConstant(), AnyConstant()
    )
    let find = Find(BatchNormalization.self, x, gamma, beta, mean, variance, anyEpilogue: true)
    return Rewrite("batch-normalization-to-scale-shift", at: find) {
      (graph, match, patch) throws(GraphError) in
      let node = graph[match.node(find)]
      guard let type = graph.tensorType(match[x]), type.isFoldableFloat else {
        return .declined("it is not float32 or float64")
      }
      guard let rank = type.shape?.count, rank >= 2 else { return .declined("its channel axis is not known") }
      var statistics: [Constant] = []
      for place in [gamma, beta, mean, variance] {
        if let constant = graph.constant(match[place]) { statistics.append(constant) }
      }
      guard let sizes = statistics[0].type.sizes, sizes.count == 1,
        statistics.allSatisfy({ $0.type.sizes == sizes && $0.type.dataType == type.dataType })
      else { return .declined("its statistics differ in type") }
      let epsilon = match.op(find, in: graph).epsilon
      let scale = try Constant.computed(
        "scale of a batch normalization, epsilon \(epsilon.text)", from: statistics, dataType: type.dataType,
        sizes: sizes
      ) { s in s[0].indices.map { s[0][$0] / (s[3][$0] + epsilon.value).squareRoot() } }
      let shift = try Constant.computed(
        "shift of a batch normalization, epsilon \(epsilon.text)", from: statistics, dataType: type.dataType,
        sizes: sizes
      ) { s in s[0].indices.map { s[1][$0] - s[2][$0] * (s[0][$0] / (s[3][$0] + epsilon.value).squareRoot()) }
      }
      try patch.replace(
        match[find], by: ScaleShift(axis: 1),
        [
          match[x], patch.constant(scale, named: graph[match[gamma]].name + ".scale"),
          patch.constant(shift, named: graph[match[beta]].name + ".shift"),
        ], epilogue: node.epilogue, with: node.epilogueInputs, named: node.name, in: graph)
      return .changed
    }
  }()

  private static let merge: Rewrite = {
    let (x, a, b, c, d) = (Anything(), AnyConstant(), AnyConstant(), AnyConstant(), AnyConstant())
    let inner = Find(ScaleShift.self, x, a, b, usedOnce: true)
    let outer = Find(ScaleShift.self, inner, c, d, anyEpilogue: true)
    return Rewrite("merge-scale-shifts", at: outer) { (graph, match, patch) throws(GraphError) in
      let node = graph[match.node(outer)]
      let op = match.op(outer, in: graph)
      guard op.axis == match.op(inner, in: graph).axis, let first = graph.constant(match[a]),
        let shift = graph.constant(match[b]), let second = graph.constant(match[c]),
        let last = graph.constant(match[d]),
        let sizes = first.type.sizes
      else { return .declined("the axes differ") }
      let type = first.type.dataType
      let scale = try Constant.computed("a·c", from: [first, second], dataType: type, sizes: sizes) { s in
        s[0].indices.map { s[0][$0] * s[1][$0] }
      }
      let total = try Constant.computed("b·c+d", from: [shift, second, last], dataType: type, sizes: sizes) {
        s in
        s[0].indices.map { s[0][$0] * s[1][$0] + s[2][$0] }
      }
      try patch.replace(
        match[outer], by: op,
        [
          match[x], patch.constant(scale, named: graph[match[c]].name),
          patch.constant(total, named: graph[match[d]].name),
        ], epilogue: node.epilogue, with: node.epilogueInputs, named: node.name, in: graph)
      return .changed
    }
  }()

  /// Arithmetic with a constant becomes a scale and a shift only where something below can take them in.
  private static let arithmetic: Rewrite = {
    let x = AnyResult(
      usedOnce: true, where: { $0.epilogue.isEmpty && ($0.op is ScaleShift || LinearForm(of: $0) != nil) })
    let find = Find(
      Binary.self, anyEpilogue: true, where: { [.add, .sub, .mul, .div].contains($0.function) })
    return Rewrite("constant-arithmetic-to-scale-shift", at: find) {
      (graph, match, patch) throws(GraphError) in
      let node = graph[match.node(find)]
      let function = match.op(find, in: graph).function
      guard node.inputs.count == 2, let left = node.inputs[0], let right = node.inputs[1] else {
        return .ignored
      }
      let swapped = graph.constant(left) != nil
      let (value, operand) = swapped ? (right, left) : (left, right)
      guard let constant = graph.constant(operand), graph.constant(value) == nil, x.admits(value, in: graph),
        let producer = graph.producer(of: value)
      else { return .ignored }
      if swapped && function == .div { return .declined("a constant is divided by it") }
      guard let type = graph.tensorType(value), type.isFoldableFloat, constant.type.dataType == type.dataType,
        let shape = type.shape, graph.tensorType(match[find]) == type
      else { return .declined("its result is not a float of the same shape") }
      let form = LinearForm(of: producer)
      if let form, producer.inputs[form.weights].flatMap({ graph.constant($0) }) == nil {
        return .declined("the weights are not constant")
      }
      guard let axis = (producer.op as? ScaleShift)?.axis ?? form?.resultAxis(rank: shape.count),
        let count = shape[axis].fixed, let sizes = constant.type.sizes,
        isPerChannel(sizes, rank: shape.count, axis: axis, count: count)
      else { return .declined("the constant is not one number per channel") }
      if let form, form.bias == nil, function == .add || function == .sub {
        return .declined("\(producer.op.name) takes no bias")
      }
      let dataType = type.dataType
      let (scale, shift) = try affine(function, swapped: swapped, constant, dataType, count: count)
      try patch.replace(
        match[find], by: ScaleShift(axis: axis),
        [
          value, patch.constant(scale, named: node.name + ".scale"),
          patch.constant(shift, named: node.name + ".shift"),
        ], epilogue: node.epilogue, with: node.epilogueInputs, named: node.name, in: graph)
      return .changed
    }
  }()

  private static func affine(
    _ function: BinaryFunction, swapped: Bool, _ constant: Constant, _ dataType: DataType, count: Int
  ) throws(GraphError) -> (scale: Constant, shift: Constant) {
    func vector(_ text: String, _ body: @escaping @Sendable (Double) -> Double) throws(GraphError) -> Constant
    {
      try Constant.computed("\(text) [\(count)]", from: [constant], dataType: dataType, sizes: [count]) { s in
        (0..<count).map { body(s[0].count == 1 ? s[0][0] : s[0][$0]) }
      }
    }
    let one = try Constant.filled(1, dataType: dataType, sizes: [count])
    let nothing = try Constant.filled(-0.0, dataType: dataType, sizes: [count])
    switch function {
    case .mul: return (try vector("c") { $0 }, nothing)
    case .div: return (try vector("1/c") { 1 / $0 }, nothing)
    case .sub where swapped:
      return (try .filled(-1, dataType: dataType, sizes: [count]), try vector("c") { $0 })
    case .sub: return (one, try vector("-c") { -$0 })
    default: return (one, try vector("c") { $0 })
    }
  }

  /// Whether sizes broadcast as one number, or as one number per position of `axis`.
  static func isPerChannel(_ sizes: [Int], rank: Int, axis: Int, count: Int) -> Bool {
    guard sizes.count <= rank else { return false }
    for (i, size) in sizes.enumerated() where size != 1 {
      if i + rank - sizes.count != axis || size != count { return false }
    }
    return true
  }
}
