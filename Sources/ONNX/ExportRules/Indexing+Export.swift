import IR
import Operators
import Tensors

extension ExportRules {
  static let indexing: [ExportRule] = [
    rule(GatherElements.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit("GatherElements", [.int("axis", op.axis)])
    },
    rule(GatherND.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit("GatherND", [.int("batch_dims", op.batchRank)])
    },
    rule(ScatterElements.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit(
        "ScatterElements", since: op.reduction.since, [.int("axis", op.axis), op.reduction.attribute])
    },
    rule(ScatterND.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit("ScatterND", since: op.reduction.since, [op.reduction.attribute])
    },
    rule(OneHot.self) { (op, n) throws(Unwritable.Reason) in try n.emit("OneHot", [.int("axis", op.axis)]) },
    rule(Compress.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit("Compress", [op.axis.map { .int("axis", $0) }])
    },
    rule(ReverseSequence.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit("ReverseSequence", [.int("time_axis", op.timeAxis), .int("batch_axis", op.batchAxis)])
    },
    rule(CenterCropPad.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit("CenterCropPad", since: 18, [op.axes.map { .ints("axes", $0) }])
    },
  ]

  static let ordering: [ExportRule] = [
    rule(TopK.self) { (op, n) throws(Unwritable.Reason) in
      try n.emitAll("TopK", n.inputs, since: 11, [.int("axis", op.axis), .flag("largest", op.largest)])
    },
    rule(Unique.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit("Unique", [op.axis.map { .int("axis", $0) }, .flag("sorted", op.sorted)])
    },
    rule(Cumulative.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit(
        op.function == .sum ? "CumSum" : "CumProd", since: op.function == .sum ? 14 : 26,
        [.flag("exclusive", op.exclusive), .flag("reverse", op.reverse)])
    },
    rule(EyeLike.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit("EyeLike", [op.dataType.map { .type("dtype", $0) }, .int("k", op.k)])
    },
    rule(Trilu.self) { (op, n) throws(Unwritable.Reason) in try n.emit("Trilu", [.flag("upper", op.upper)]) },
    plain(Det.self),
    rule(Einsum.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit("Einsum", [.text("equation", op.equation)])
    },
  ]
}

extension ScatterReduction {
  fileprivate var attribute: ExportAttribute? { self == .replace ? nil : .text("reduction", rawValue) }

  fileprivate var since: Int64 {
    switch self {
    case .replace: 13
    case .add, .mul: 16
    case .max, .min: 18
    }
  }
}
