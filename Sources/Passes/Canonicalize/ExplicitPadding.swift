import IR
import Operators
import Tensors

/// Padding that follows from sizes becomes numbers, once the sizes are known:
///
///     Conv[autoPad=sameUpper](x: [N,3,8,8])  →  Conv[padsBegin=[0,0], padsEnd=[1,1]](x)
enum ExplicitPadding {
  static let rules: [Rewrite] = [
    rule("explicit-padding-convolution", Convolution.self) { (op, sizes) throws(GraphError) in
      if let window = try resolved(op.window, sizes) { op.window = window } else { return false }
      return true
    },
    rule("explicit-padding-max-pool", MaxPool.self) { (op, sizes) throws(GraphError) in
      if let window = try resolved(op.window, sizes) { op.window = window } else { return false }
      return true
    },
    rule("explicit-padding-average-pool", AveragePool.self) { (op, sizes) throws(GraphError) in
      if let window = try resolved(op.window, sizes) { op.window = window } else { return false }
      return true
    },
    rule("explicit-padding-transposed-convolution", ConvTranspose.self) { (op, sizes) throws(GraphError) in
      guard let sizes else { return false }
      let window = try op.resolved(for: sizes).window
      op = ConvTranspose(window: window, groups: op.groups, outputPadding: op.outputPadding)
      return true
    },
  ]

  private static func isImplicit(_ op: any Operator) -> Bool {
    switch op {
    case let op as Convolution: op.window.autoPad != .explicit
    case let op as MaxPool: op.window.autoPad != .explicit
    case let op as AveragePool: op.window.autoPad != .explicit
    case let op as ConvTranspose: op.window.autoPad != .explicit || op.outputShape != nil
    default: false
    }
  }

  private static func resolved(_ window: Window, _ sizes: [Int]?) throws(GraphError) -> Window? {
    if let sizes { return try window.resolved(for: sizes) }
    guard window.autoPad == .valid else { return nil }
    return Window(kernel: window.kernel, strides: window.strides, dilations: window.dilations)
  }

  /// `body` sets the numbers for the spatial sizes of the operand, and returns whether they were enough.
  private static func rule<Op: Operator>(
    _ name: String, _ type: Op.Type, _ body: @escaping @Sendable (inout Op, [Int]?) throws(GraphError) -> Bool
  ) -> Rewrite {
    let x = Anything()
    let find = Find(type, x, anyEpilogue: true, where: isImplicit)
    return Rewrite(name, at: find) { (graph, match, patch) throws(GraphError) in
      let node = graph[match.node(find)]
      var op = match.op(find, in: graph)
      var spatial: [Int]? = []
      for dimension in (graph.shape(match[x]) ?? []).dropFirst(2) {
        if let size = dimension.fixed { spatial?.append(size) } else { spatial = nil }
      }
      if graph.rank(match[x]) == nil { spatial = nil }
      guard try body(&op, spatial) else { return .declined("the sizes are not known yet") }
      let old = node.outputs.first.flatMap { $0 }.flatMap { graph.shape($0) }
      try patch.substitute(node, op: op, in: graph)
      if let old, let new = patch.replacements.first.flatMap({ patch.operand($0.new, in: graph).shape }),
        new != old
      {
        return .declined("numbers would make \(new), not \(old)")
      }
      return .changed
    }
  }
}
