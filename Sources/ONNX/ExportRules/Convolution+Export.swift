import IR
import Operators
import Tensors

extension ExportRules {
  static let convolution: [ExportRule] = [
    rule(Convolution.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit("Conv", try operands(n), attributes(op.window) + [.int("group", op.groups)])
    },
    rule(ConvTranspose.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit(
        "ConvTranspose", try operands(n),
        attributes(op.window) + [
          .int("group", op.groups), .ints("output_padding", op.outputPadding),
          op.outputShape.map { .ints("output_shape", $0) },
        ])
    },
    rule(ConvInteger.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit("ConvInteger", attributes(op.window) + [.int("group", op.groups)])
    },
    rule(QLinearConv.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit("QLinearConv", attributes(op.window) + [.int("group", op.groups)])
    },
    rule(DeformConv.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit(
        "DeformConv", since: 19,
        attributes(op.window) + [.int("group", op.groups), .int("offset_group", op.offsetGroups)])
    },
    rule(MaxPool.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit(
        "MaxPool", since: leavesWindowsOut(op.window, op.ceilMode) ? 22 : 1,
        attributes(op.window) + [
          .flag("ceil_mode", op.ceilMode), .flag("storage_order", op.columnMajorIndices),
        ])
    },
    rule(AveragePool.self) { (op, n) throws(Unwritable.Reason) in
      let isDilated = op.window.dilations.contains { $0 != 1 }
      try n.emit(
        "AveragePool", since: leavesWindowsOut(op.window, op.ceilMode) ? 22 : isDilated ? 19 : 10,
        attributes(op.window, dilates: isDilated) + [
          .flag("ceil_mode", op.ceilMode), .flag("count_include_pad", op.countIncludePad),
        ])
    },
    rule(LpPool.self) { (op, n) throws(Unwritable.Reason) in
      guard let p = Int(exactly: op.p.value) else { throw .form("a power of \(op.p) is no whole number") }
      try n.emit(
        "LpPool", since: leavesWindowsOut(op.window, op.ceilMode) ? 22 : 18,
        attributes(op.window) + [.int("p", p), .flag("ceil_mode", op.ceilMode)])
    },
    plain(GlobalAveragePool.self), plain(GlobalMaxPool.self),
    rule(MaxUnpool.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit("MaxUnpool", attributes(op.window, dilates: false))
    },
    rule(Col2Im.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit(
        "Col2Im", since: 18,
        [
          op.strides.map { .ints("strides", $0) }, op.dilations.map { .ints("dilations", $0) },
          op.pads.map { .ints("pads", $0) },
        ])
    },
  ]

  /// Whether a last window may begin behind the operand: it counts nowhere here, and in ONNX from version 22 on.
  private static func leavesWindowsOut(_ window: Window, _ ceilMode: Bool) -> Bool {
    ceilMode
      && (window.autoPad != .explicit || window.padsEnd.contains { $0 > 0 }
        || zip(window.strides, window.kernel).contains { $0 > $1 })
  }

  /// Operands, with the bias that the epilogue begins with.
  private static func operands(_ n: ExportContext) throws(Unwritable.Reason) -> [String] {
    guard !n.has(2), let bias = try n.takeBias() else { return n.inputs }
    return [n.input(0), n.input(1), bias]
  }

  static func attributes(_ window: Window, dilates: Bool = true) -> [ExportAttribute?] {
    let pads: ExportAttribute =
      switch window.autoPad {
      case .explicit: .ints("pads", window.padsBegin + window.padsEnd)
      case .sameUpper: .text("auto_pad", "SAME_UPPER")
      case .sameLower: .text("auto_pad", "SAME_LOWER")
      case .valid: .text("auto_pad", "VALID")
      }
    return [
      .ints("kernel_shape", window.kernel), .ints("strides", window.strides),
      dilates ? .ints("dilations", window.dilations) : nil, pads,
    ]
  }

  static let linear: [ExportRule] = [
    rule(Gemm.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit(
        "Gemm",
        [
          .flag("transA", op.transA), .flag("transB", op.transB), .real("alpha", op.alpha),
          .real("beta", op.beta),
        ])
    },
    plain(MatMul.self),
  ]
}
