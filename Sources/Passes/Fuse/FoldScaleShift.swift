import IR
import Operators
import Tensors

/// One law: a scale and a shift per channel go into whatever is linear in its weights.
///
///     ScaleShift(Conv(x, @w, @b), @s, @t)   →  Conv(x, @w·s, @b·s+t)
///     ScaleShift(Gemm(x, @w), @s, @t)       →  Gemm(x, @w·s, @t)
///     ScaleShift(MatMul(x, @w), @s, @t)     →  MatMul(x, @w·s) {add #0} with (@t)
///     Conv(ScaleShift(x, @s, @t), @w, @b)   →  Conv(x, @w·s, @b+Σw·t), where nothing is padded
enum FoldScaleShift {
  static let rules: [Rewrite] = [after, before]

  private static let after: Rewrite = {
    let linear = AnyResult(where: { $0.epilogue.isEmpty && LinearForm(of: $0) != nil })
    let (s, t) = (AnyConstant(), AnyConstant())
    let find = Find(ScaleShift.self, linear, s, t, anyEpilogue: true)
    return Rewrite("fold-scale-shift", at: find) { (graph, match, patch) throws(GraphError) in
      let (outer, inner) = (graph[match.node(find)], graph[match.node(linear)])
      guard let form = LinearForm(of: inner), let weightsID = inner.inputs[form.weights],
        let scale = graph.constant(match[s]), let shift = graph.constant(match[t])
      else { return .ignored }
      guard let rank = graph.rank(match[linear]),
        form.resultAxis(rank: rank) == match.op(find, in: graph).axis
      else {
        return .declined("it scales another axis than the weights make")
      }
      guard graph.isUsedOnce(match[linear]) else { return .declined("its operand is used elsewhere") }
      guard let weights = graph.constant(weightsID) else { return .declined("the weights are not constant") }
      guard weights.type.isFoldableFloat, weights.type.dataType == scale.type.dataType,
        let folded = try LinearForm.scaled(weights, of: inner.op, by: scale)
      else { return .declined("weights of type \(weights.type) cannot take the scale") }
      var inputs = inner.inputs
      var op = inner.op
      var epilogue = outer.epilogue
      var epilogueInputs = outer.epilogueInputs
      inputs[form.weights] = patch.constant(folded, named: graph[weightsID].name)
      if let biasIndex = form.bias {
        let biasID = biasIndex < inputs.count ? inputs[biasIndex] : nil
        guard let bias = try newBias(biasID.map { graph[$0].constant }, of: inner.op, scale, shift) else {
          return .declined("the bias is not one constant per channel")
        }
        if var gemm = op as? Gemm {
          gemm.beta = 1
          op = gemm
        }
        if biasID != nil || !isNothing(shift) {
          while inputs.count <= biasIndex { inputs.append(nil) }
          inputs[biasIndex] = patch.constant(
            bias, named: biasID.map { graph[$0].name } ?? "\(inner.name).bias")
        }
      } else if !isNothing(shift) {
        epilogue = Epilogue([.binary(.add, 0, swapped: false)]).followed(
          by: outer.epilogue, operandsBefore: 1)
        epilogueInputs = [match[t]] + outer.epilogueInputs
      }
      let result = try patch.insert(
        any: op, inputs, epilogue: epilogue, with: epilogueInputs, regions: [], wanted: [true],
        named: inner.name,
        in: graph)
      if let new = result[0] { patch.replace(match[find], with: new) }
      return .changed
    }
  }()

  /// b·s + t, with what Gemm multiplies its addend by; nil when there is a bias that has no such form. The
  /// outer optional of `bias`: whether there is one.
  private static func newBias(_ bias: Constant??, of op: any Operator, _ scale: Constant, _ shift: Constant)
    throws(GraphError) -> Constant?
  {
    guard let bias else { return shift }
    guard let bias, let channels = scale.type.sizes?.first, let sizes = bias.type.sizes,
      bias.type.dataType == scale.type.dataType,
      sizes.count <= 2, sizes.dropLast().allSatisfy({ $0 == 1 }),
      sizes.last ?? 1 == 1 || sizes.last == channels
    else { return nil }
    let beta = (op as? Gemm)?.beta.value ?? 1
    return try Constant.computed(
      "b·s+t, beta \(Real(beta).text)", from: [bias, scale, shift], dataType: scale.type.dataType,
      sizes: [channels]
    ) { v in (0..<channels).map { (v[0].count == 1 ? v[0][0] : v[0][$0]) * beta * v[1][$0] + v[2][$0] } }
  }

  /// Whether a shift is −0 everywhere: adding it changes nothing, not even a sign.
  static func isNothing(_ shift: Constant) -> Bool {
    shift.smallValues?.allSatisfy { $0 == 0 && $0.sign == .minus } ?? false
  }

  private static func isZero(_ shift: Constant) -> Bool { shift.smallValues?.allSatisfy { $0 == 0 } ?? false }

  private static let before: Rewrite = {
    let (x, s, t, w) = (Anything(), AnyConstant(), AnyConstant(), AnyConstant())
    let inner = Find(ScaleShift.self, x, s, t, usedOnce: true, where: { $0.axis == 1 })
    let outer = Find(Convolution.self, inner, w, anyEpilogue: true)
    return Rewrite("fold-scale-shift-before-convolution", at: outer) {
      (graph, match, patch) throws(GraphError) in
      let node = graph[match.node(outer)]
      let op = match.op(outer, in: graph)
      guard let scale = graph.constant(match[s]), let shift = graph.constant(match[t]),
        let weights = graph.constant(match[w]),
        let sizes = weights.type.sizes, let channels = scale.type.sizes?.first, sizes.count >= 3
      else { return .ignored }
      let isPadded =
        op.window.autoPad == .sameUpper || op.window.autoPad == .sameLower
        || (op.window.padsBegin + op.window.padsEnd).contains { $0 != 0 }
      if isPadded, !isZero(shift) { return .declined("the padding is zero, not the shift") }
      let biasID = node.inputs.count > 2 ? node.inputs[2] : nil
      let bias = biasID.flatMap { graph.constant($0) }
      if biasID != nil, bias == nil { return .declined("the bias is not constant") }
      let dataType = scale.type.dataType
      guard weights.type.dataType == dataType, op.groups > 0, sizes[0] % op.groups == 0, sizes[0] > 0,
        sizes[1] * op.groups == channels
      else { return .declined("the weights have another type or other channels") }
      let (outputs, perGroup, inner) = (sizes[0] / op.groups, sizes[1], sizes[2...].reduce(1, *))
      let channel: @Sendable (Int) -> Int = { i in
        i / perGroup / outputs * perGroup + i % perGroup
      }
      let folded = try weights.scaled(
        by: scale, "scale inputs of \(op.groups) groups", along: inner, channel: channel)
      var inputs = [match[x], patch.constant(folded, named: graph[match[w]].name), biasID]
      if !isZero(shift) {
        let total = try Constant.computed(
          "b+Σw·t of \(op.groups) groups", from: [weights, shift] + (bias.map { [$0] } ?? []),
          dataType: dataType,
          sizes: [sizes[0]]
        ) { v in
          var sums = v.count > 2 ? v[2] : [Double](repeating: 0, count: sizes[0])
          for (i, weight) in v[0].enumerated() {
            sums[i / inner / perGroup] += weight * v[1][channel(i / inner)]
          }
          return sums
        }
        inputs[2] = patch.constant(total, named: biasID.map { graph[$0].name } ?? "\(node.name).bias")
      }
      try patch.substitute(node, inputs: inputs, in: graph)
      return .changed
    }
  }()
}
