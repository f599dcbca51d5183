import IR
import Operators
import Tensors

/// Padding in front of a window goes into the window:
///
///     Conv[pads=p](Pad[pads=q](x))                  →  Conv[pads=p+q](x), padding with zero
///     AveragePool[countIncludePad](Pad[pads=q](x))  →  AveragePool[countIncludePad, pads+=q](x), with zero
///     MaxPool(Pad[pads=q, value=-inf](x))           →  MaxPool[pads+=q](x)
enum FoldPadding {
  static let rules: [Rewrite] = [
    rule("fold-padding-into-convolution", Convolution.self) { op, pads, value in
      guard value.value == 0 else { return "the padding is not zero" }
      return add(pads, to: &op.window)
    },
    rule("fold-padding-into-average-pool", AveragePool.self) { op, pads, value in
      guard value.value == 0 else { return "the padding is not zero" }
      if op.ceilMode { return "windows beyond the end would count other elements" }
      let isPadded = (op.window.padsBegin + op.window.padsEnd).contains { $0 != 0 }
      if isPadded && !op.countIncludePad { return "its own padding does not count, the other would" }
      op.countIncludePad = true
      return add(pads, to: &op.window)
    },
    rule("fold-padding-into-max-pool", MaxPool.self) { op, pads, value in
      guard value.value == -.infinity else { return "the padding is not minus infinity" }
      if op.ceilMode { return "windows beyond the end would start elsewhere" }
      if let reason = add(pads, to: &op.window) { return reason }
      let window = op.window
      let isCovered = window.kernel.indices.contains {
        max(window.padsBegin[$0], window.padsEnd[$0]) >= window.kernel[$0]
      }
      return isCovered ? "a window could see padding alone" : nil
    },
  ]

  /// Pads per spatial axis.
  private struct Pads {
    var begin: [Int]
    var end: [Int]
  }

  private static func add(_ pads: Pads, to window: inout Window) -> String? {
    guard window.autoPad == .explicit else { return "its padding follows from the sizes" }
    guard pads.begin.count == window.kernel.count else { return "the padding has another rank" }
    for i in pads.begin.indices {
      window.padsBegin[i] += pads.begin[i]
      window.padsEnd[i] += pads.end[i]
    }
    return nil
  }

  /// `body` changes the operator, or says why not.
  private static func rule<Op: Operator>(
    _ name: String, _ type: Op.Type, _ body: @escaping @Sendable (inout Op, Pads, Real) -> String?
  ) -> Rewrite {
    let x = Anything()
    let pad = Find(Pad.self, x, usedOnce: true)
    let find = Find(type, pad, anyEpilogue: true)
    return Rewrite(name, at: find) { (graph, match, patch) throws(GraphError) in
      let node = graph[match.node(find)]
      let padding = match.op(pad, in: graph)
      guard padding.mode == .constant else { return .declined("the padding is no constant") }
      guard graph.operandCount(match.node(pad)) == 1, let rank = graph.rank(match[x]), rank >= 3,
        let pads = spatial(padding, rank: rank)
      else { return .declined("the padding is not known, crops, or covers other axes than the window") }
      if type == MaxPool.self, node.outputs.count > 1, node.outputs[1] != nil {
        return .declined("indices count the padding")
      }
      var op = match.op(find, in: graph)
      if let reason = body(&op, pads, padding.value ?? 0) { return .declined(reason) }
      var inputs = node.inputs
      inputs[0] = match[x]
      try patch.substitute(node, op: op, inputs: inputs, in: graph)
      return .changed
    }
  }

  private static func spatial(_ op: Pad, rank: Int) -> Pads? {
    guard let pads = op.pads else { return nil }
    let axes = op.axes ?? Array(0..<rank)
    guard pads.count == 2 * axes.count else { return nil }
    var begin = [Int](repeating: 0, count: rank)
    var end = begin
    for (i, axis) in axes.enumerated() {
      let axis = axis < 0 ? axis + rank : axis
      guard (0..<rank).contains(axis), (0..<1 << 32).contains(pads[i]),
        (0..<1 << 32).contains(pads[axes.count + i])
      else { return nil }
      begin[axis] = pads[i]
      end[axis] = pads[axes.count + i]
    }
    guard begin[0] == 0, begin[1] == 0, end[0] == 0, end[1] == 0 else { return nil }
    return Pads(begin: Array(begin.dropFirst(2)), end: Array(end.dropFirst(2)))
  }
}
