import IR
import Operators

/// How one operator of the vocabulary is written: the counterpart of `ImportRule`.
///
/// ```swift
/// rule(Flatten.self) { op, n in try n.emit("Flatten", [.int("axis", op.axis)]) }
/// ```
struct ExportRule: Sendable {
  let operatorName: String
  /// Writes the node. Throws what has no form; the exporter adds the node's name.
  let write: @Sendable (ExportContext) throws(Unwritable.Reason) -> Void
}

/// Every rule, by the name of the operator.
package enum ExportRules {
  static let all: [ExportRule] =
    convolution + linear + elementwise + normalization + reduction + shaping + selection + indexing + ordering
    + sampling + generation + control + sequences + transformer + quantization + recurrent + signal + random
    + text
    + learned + training

  private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.operatorName, $0) })

  /// Names of the operators that can be written.
  package static var operatorNames: Set<String> { Set(byName.keys) }

  static func write(_ context: ExportContext) throws(Unwritable.Reason) {
    guard let rule = byName[context.node.op.name] else { throw .form("this operator has no form in ONNX") }
    try rule.write(context)
  }

  /// A rule for one type of operator.
  static func rule<Op: Operator>(
    _ type: Op.Type, _ write: @escaping @Sendable (Op, ExportContext) throws(Unwritable.Reason) -> Void
  ) -> ExportRule {
    ExportRule(operatorName: Op.name) { (context) throws(Unwritable.Reason) in
      guard let op = context.node.op as? Op else { throw .form("another operator has this name") }
      try write(op, context)
    }
  }

  /// A rule for an operator without attributes, which has the same operands and results in ONNX.
  static func plain<Op: Operator>(_ type: Op.Type, since version: Int64 = 1) -> ExportRule {
    rule(type) { (_, n) throws(Unwritable.Reason) in try n.emit(Op.name, since: version) }
  }
}
