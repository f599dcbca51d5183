import IR
import Operators
import Tensors

/// Where an operator that is linear in its weights keeps what a scale and a shift of its result go into.
struct LinearForm {
  /// The operand of the weights, and that of the bias where there is one.
  var weights: Int
  var bias: Int?
  private var channelsLast: Bool

  /// nil for operators that are not linear in one operand.
  init?(of node: Node) {
    guard node.inputs.count > 1, node.inputs[0] != nil, node.inputs[1] != nil else { return nil }
    weights = 1
    switch node.op {
    case is Convolution, is ConvTranspose:
      bias = 2
      channelsLast = false
    case is Gemm:
      bias = 2
      channelsLast = true
    case is MatMul:
      bias = nil
      channelsLast = true
    default: return nil
    }
  }

  /// The axis of the result along which weights are independent.
  func resultAxis(rank: Int) -> Int? {
    if rank < 2 { return nil }
    return channelsLast ? rank - 1 : 1
  }
}

extension LinearForm {
  /// The weights with the results' channels scaled; nil with a reason where that has no form.
  static func scaled(_ weights: Constant, of op: any Operator, by scale: Constant) throws(GraphError)
    -> Constant?
  {
    guard let sizes = weights.type.sizes, let channels = scale.type.sizes?.first else { return nil }
    switch op {
    case is Convolution:
      return sizes.count >= 3 && sizes[0] == channels ? try weights.scaled(by: scale, along: 0) : nil
    case let op as Gemm:
      let axis = op.transB ? 0 : 1
      return sizes.count == 2 && sizes[axis] == channels ? try weights.scaled(by: scale, along: axis) : nil
    case is MatMul:
      let axis = sizes.count - 1
      return sizes.count >= 2 && sizes[axis] == channels ? try weights.scaled(by: scale, along: axis) : nil
    case let op as ConvTranspose:
      // [C, O/groups, …]: row c belongs to group c / (C/groups), which makes O/groups of the channels.
      guard sizes.count >= 3, op.groups > 0, sizes[0] % op.groups == 0, sizes[0] > 0,
        sizes[1] * op.groups == channels
      else { return nil }
      let inner = sizes[2...].reduce(1, *)
      let (perGroup, outputs) = (sizes[0] / op.groups, sizes[1])
      if inner == 0 || outputs == 0 { return nil }
      return try weights.scaled(by: scale, "scale outputs of \(op.groups) groups", along: inner) { i in
        let (c, o) = (i / outputs, i % outputs)
        return c / perGroup * outputs + o
      }
    default: return nil
    }
  }
}
