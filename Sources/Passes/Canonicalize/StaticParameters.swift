import IR
import Operators
import Tensors

/// Parameters that are known become attributes, which is the one form that kernels see:
///
///     Reshape(x, @[2, 3])      →  Reshape[target=[2,3]](x)
///     Clip(x, @0.0, @6.0)      →  Clip[lower=0.0, upper=6.0](x)
///     Slice(x, @[0], @[2])     →  Slice[starts=[0], ends=[2], axes=[0], steps=[1]](x)
enum StaticParameters {
  static let rules: [Rewrite] = [
    reshape,
    rule("static-slice", Slice.self, needing: { $0.starts == nil || $0.ends == nil }, slice),
    rule("static-pad", Pad.self, pad),
    rule("static-squeeze", Squeeze.self, needing: { $0.axes == nil }) { op, operands in
      guard let axes = operands.numbers(1) else { return nil }
      op.axes = axes
      return [1]
    },
    rule("static-unsqueeze", Unsqueeze.self, needing: { $0.axes == nil }) { op, operands in
      guard let axes = operands.numbers(1) else { return nil }
      op.axes = axes
      return [1]
    },
    rule("static-expand", Expand.self, needing: { $0.target == nil }) { op, operands in
      guard let target = operands.numbers(1) else { return nil }
      op.target = target
      return [1]
    },
    rule("static-tile", Tile.self, needing: { $0.repeats == nil }) { op, operands in
      guard let repeats = operands.numbers(1) else { return nil }
      op.repeats = repeats
      return [1]
    },
    rule("static-reduce", Reduce.self, needing: { $0.axes == nil }) { op, operands in
      guard let axes = operands.numbers(1) else { return nil }
      op.axes = axes
      return [1]
    },
    rule("static-split", Split.self, needing: { $0.sizes == nil }) { op, operands in
      guard let sizes = operands.numbers(1) else { return nil }
      op.sizes = sizes
      return [1]
    },
    rule("static-constant-of-shape", ConstantOfShape.self, needing: { $0.target == nil }) { op, operands in
      guard let target = operands.numbers(0) else { return nil }
      op.target = target
      return [0]
    },
    rule("static-clip", Clip.self, clip),
    rule("static-resize", Resize.self, resize),
  ]

  /// The operands of a node, as a rule reads them.
  struct Operands {
    let values: [Operand?]
    func has(_ i: Int) -> Bool { i < values.count && values[i] != nil }
    func numbers(_ i: Int) -> [Int]? { has(i) ? values[i]?.numbers : nil }

    /// A constant scalar that a `Real` holds exactly.
    func real(_ i: Int) -> Real? {
      guard has(i), let constant = values[i]?.constant, constant.type.sizes?.allSatisfy({ $0 == 1 }) == true,
        let value = constant.smallValues?.first, !value.isNaN
      else { return nil }
      if constant.type.dataType.isInteger, value.magnitude > 0x1p53 { return nil }
      return Real(value)
    }

    func reals(_ i: Int) -> [Real]? {
      guard has(i), let constant = values[i]?.constant, (constant.type.shape?.count ?? 2) <= 1 else {
        return nil
      }
      return constant.smallValues?.map { Real($0) }
    }
  }

  /// A rule for operators whose parameters are operands: `body` sets attributes and returns the operands to
  /// drop, or nil when they are not known. An empty list: nothing to do.
  private static func rule<Op: Operator>(
    _ name: String, _ type: Op.Type, needing: @escaping @Sendable (Op) -> Bool = { _ in true },
    _ body: @escaping @Sendable (inout Op, Operands) -> [Int]?
  ) -> Rewrite {
    let find = Find(type, anyEpilogue: true, where: needing)
    return Rewrite(name, at: find) { (graph, match, patch) throws(GraphError) in
      let node = graph[match.node(find)]
      var op = match.op(find, in: graph)
      var operands: [Operand?] = []
      for input in node.inputs { operands.append(input.map { graph[$0].operand }) }
      let firstParameter = op is ConstantOfShape ? 0 : 1
      guard operands.dropFirst(firstParameter).contains(where: { $0 != nil }) else { return .ignored }
      guard let dropped = body(&op, Operands(values: operands)) else {
        return .declined("its parameters are not known yet")
      }
      if dropped.isEmpty { return .ignored }
      var inputs = node.inputs
      for i in dropped where i < inputs.count { inputs[i] = nil }
      try patch.substitute(node, op: op, inputs: inputs, in: graph)
      return .changed
    }
  }

  /// A target may keep one unknown size, and sizes that are those of the operand, so that a symbolic batch is
  /// static too.
  private static let reshape: Rewrite = {
    let x = Anything()
    let find = Find(Reshape.self, x, Anything(), where: { $0.target == nil })
    return Rewrite("static-reshape", at: find) { (graph, match, patch) throws(GraphError) in
      let node = graph[match.node(find)]
      let op = match.op(find, in: graph)
      let target: [Int]
      let allowZero: Bool
      if let parameter = node.inputs[1], let numbers = graph.numbers(parameter) {
        (target, allowZero) = (numbers, op.allowZero)
      } else if let shape = graph.shape(match[find]),
        let found = ReshapeTarget.target(for: shape, from: graph.shape(match[x]))
      {
        (target, allowZero) = (found, false)
      } else {
        return .declined("its shape is not known yet")
      }
      try patch.replace(
        match[find], by: Reshape(target: target, allowZero: allowZero), [match[x]], named: node.name,
        in: graph)
      return .changed
    }
  }()

  private static func slice(_ op: inout Slice, _ operands: Operands) -> [Int]? {
    guard let starts = op.starts ?? operands.numbers(1), let ends = op.ends ?? operands.numbers(2) else {
      return nil
    }
    let axes = op.axes ?? operands.numbers(3)
    let steps = op.steps ?? operands.numbers(4)
    if (axes == nil && operands.has(3)) || (steps == nil && operands.has(4)) { return nil }
    op = Slice(
      starts: starts, ends: ends, axes: axes ?? Array(starts.indices),
      steps: steps ?? [Int](repeating: 1, count: starts.count))
    return [1, 2, 3, 4]
  }

  private static func pad(_ op: inout Pad, _ operands: Operands) -> [Int]? {
    guard let pads = op.pads ?? operands.numbers(1) else { return nil }
    let axes = op.axes ?? operands.numbers(3)
    let value = op.value ?? operands.real(2)
    if (axes == nil && operands.has(3)) || (value == nil && operands.has(2)) { return nil }
    op.pads = pads
    op.axes = axes
    op.value = value
    return [1, 2, 3]
  }

  private static func clip(_ op: inout Clip, _ operands: Operands) -> [Int]? {
    let lower = op.lower ?? operands.real(1)
    let upper = op.upper ?? operands.real(2)
    if (lower == nil && operands.has(1)) || (upper == nil && operands.has(2)) { return nil }
    op = Clip(lower: lower, upper: upper)
    return [1, 2]
  }

  private static func resize(_ op: inout Resize, _ operands: Operands) -> [Int]? {
    var dropped: [Int] = []
    if operands.has(1), op.coordinates != .tfCropAndResize { dropped.append(1) }
    if operands.has(2) {
      guard let scales = operands.reals(2) else { return nil }
      if !scales.isEmpty, op.scales == nil { op.scales = scales }
      dropped.append(2)
    }
    if operands.has(3) {
      guard let sizes = operands.numbers(3) else { return nil }
      if !sizes.isEmpty, op.sizes == nil { op.sizes = sizes }
      dropped.append(3)
    }
    return dropped
  }
}
