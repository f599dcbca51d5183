import IR
import Operators
import Tensors

extension ExportRules {
  static let normalization: [ExportRule] = [
    rule(BatchNormalization.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit("BatchNormalization", [.real("epsilon", op.epsilon)])
    },
    rule(ScaleShift.self) { (op, n) throws(Unwritable.Reason) in
      let rank = try n.rank(0)
      let axis = op.axis < 0 ? op.axis + rank : op.axis
      guard 0..<rank ~= axis else { throw .form("axis \(op.axis) is outside of rank \(rank)") }
      func spread(_ index: Int, _ suffix: String) throws(Unwritable.Reason) -> String {
        let after = rank - axis - 1
        if let constant = n.operand(index)?.constant, let sizes = constant.type.sizes {
          let ones = [Int](repeating: 1, count: after)
          return try n.reshaped(constant, to: sizes + ones, named: "\(n.node.name)/\(suffix)")
        }
        if after == 0 { return n.input(index) }
        return try n.insert(
          "Unsqueeze", [n.input(index), try n.ints(Array(1...after), suffix: "axes")], suffix: suffix)
      }
      let scaled = try n.insert("Mul", [n.input(0), try spread(1, "scale")], suffix: "scaled")
      try n.emit("Add", [scaled, try spread(2, "shift")])
    },
    rule(InstanceNormalization.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit("InstanceNormalization", [.real("epsilon", op.epsilon)])
    },
    rule(LayerNormalization.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit("LayerNormalization", since: 17, [.int("axis", op.axis), .real("epsilon", op.epsilon)])
    },
    rule(RMSNormalization.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit("RMSNormalization", since: 23, [.int("axis", op.axis), .real("epsilon", op.epsilon)])
    },
    rule(GroupNormalization.self) { (op, n) throws(Unwritable.Reason) in
      var operands = n.inputs
      if op.scalesGroups, n.version >= 21 {
        // One number for each group, as later versions have it for each channel.
        guard let channels = n.operand(0)?.shape?.dropFirst().first?.fixed, op.groups > 0,
          channels % op.groups == 0,
          channels <= 1 << 24
        else { throw .form("needs a known number of channels") }
        let groups = try n.ints((0..<channels).map { $0 / (channels / op.groups) }, suffix: "groups")
        for i in 1..<3 {
          operands[i] = try n.insert("Gather", [operands[i], groups], suffix: i == 1 ? "scale" : "bias")
        }
      }
      try n.emit(
        "GroupNormalization", operands, since: op.scalesGroups ? 18 : 21,
        [.int("num_groups", op.groups), .real("epsilon", op.epsilon)])
    },
    rule(LRN.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit(
        "LRN",
        [.int("size", op.size), .real("alpha", op.alpha), .real("beta", op.beta), .real("bias", op.bias)])
    },
    rule(LpNormalization.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit("LpNormalization", [.int("axis", op.axis), .int("p", op.p)])
    },
    rule(Softmax.self) { (op, n) throws(Unwritable.Reason) in
      try n.along(op.axis, flattens: op.flattens, "Softmax")
    },
    rule(LogSoftmax.self) { (op, n) throws(Unwritable.Reason) in
      try n.along(op.axis, flattens: op.flattens, "LogSoftmax")
    },
    rule(Hardmax.self) { (op, n) throws(Unwritable.Reason) in
      try n.along(op.axis, flattens: op.flattens, "Hardmax")
    },
  ]

  static let reduction: [ExportRule] = [
    rule(Reduce.self) { (op, n) throws(Unwritable.Reason) in
      let names: [Reduce.Function: String] = [
        .sum: "ReduceSum", .mean: "ReduceMean", .max: "ReduceMax", .min: "ReduceMin", .prod: "ReduceProd",
        .l1: "ReduceL1", .l2: "ReduceL2", .logSum: "ReduceLogSum", .logSumExp: "ReduceLogSumExp",
        .sumSquare: "ReduceSumSquare",
      ]
      // An empty list means the same as none.
      let axes = op.axes?.isEmpty ?? false ? "" : try n.parameter(op.axes, or: 1, suffix: "axes")
      let isBool = (try? n.dataType(0)) == .bool
      try n.emit(
        names[op.function] ?? "", [n.input(0), axes], since: isBool ? 20 : 18,
        [.flag("keepdims", op.keepDims), op.noopWithEmptyAxes ? .flag("noop_with_empty_axes", true) : nil])
    },
    rule(ArgReduce.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit(
        op.function == .max ? "ArgMax" : "ArgMin",
        [.int("axis", op.axis), .flag("keepdims", op.keepDims), .flag("select_last_index", op.selectLast)])
    },
  ]
}

extension ExportContext {
  /// A function along one axis, or along all from `axis` on together.
  fileprivate func along(_ axis: Int, flattens: Bool, _ operatorName: String) throws(Unwritable.Reason) {
    let isLast = axis == -1 || axis == operand(0)?.shape.map { $0.count - 1 }
    guard flattens, !isLast else { return try emit(operatorName, since: 13, [.int("axis", axis)]) }
    let sizes = try insert("Shape", [input(0)], suffix: "sizes")
    let matrix = try insert("Flatten", [input(0)], suffix: "matrix", [.int("axis", axis)])
    let rows = try insert(operatorName, [matrix], since: 13, suffix: "rows", [.int("axis", -1)])
    try emit("Reshape", [rows, sizes], since: 14, [.flag("allowzero", true)])
  }
}
