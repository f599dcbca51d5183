import IR
import Operators
import Tensors

extension ExportRules {
  static let control: [ExportRule] = [
    rule(If.self) { (_, n) throws(Unwritable.Reason) in
      guard n.node.regions.count == 2 else { throw .form("has \(n.node.regions.count) branches") }
      try n.emitAll(
        "If", [n.input(0)],
        [
          try n.region("then_branch", 0, formals: 0, operandsFrom: 1),
          try n.region("else_branch", 1, formals: 0, operandsFrom: 1),
        ])
    },
    rule(Loop.self) { (op, n) throws(Unwritable.Reason) in
      guard n.node.regions.count == 1 else { throw .form("has \(n.node.regions.count) bodies") }
      let own = 2 + op.carried
      try n.emitAll(
        "Loop", (0..<own).map { n.input($0) }, [try n.region("body", 0, formals: own, operandsFrom: own)])
    },
    // The planner alone makes groups, of graphs that are bound to sizes.
    rule(Group.self) { (_, _) throws(Unwritable.Reason) in throw .form("a group of a plan") },
  ]

  static let sequences: [ExportRule] = [
    plain(SequenceConstruct.self), plain(SequenceAt.self), plain(SequenceLength.self),
    plain(SequenceInsert.self),
    plain(SequenceErase.self),
    rule(SequenceEmpty.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit("SequenceEmpty", [.type("dtype", op.dataType)])
    },
    rule(SplitToSequence.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit("SplitToSequence", [.int("axis", op.axis), .flag("keepdims", op.keepDims)])
    },
    rule(ConcatFromSequence.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit("ConcatFromSequence", [.int("axis", op.axis), .flag("new_axis", op.newAxis)])
    },
    rule(OptionalOf.self) { (op, n) throws(Unwritable.Reason) in
      let type = op.dataType.map { type in
        let element = PortTypes.proto(.tensor(type, nil)) { _, _ in nil }
        return ExportAttribute(name: "type", value: .type(op.isSequence ? .sequence(element) : element))
      }
      try n.emit("Optional", since: 15, [type])
    },
    plain(OptionalHasElement.self, since: 18), plain(OptionalGetElement.self, since: 18),
  ]
}
