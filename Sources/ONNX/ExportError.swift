import Glibc

/// A model that cannot be written as ONNX.
package enum ExportError: Error, Sendable {
  /// Everything that has no standard form, all at once.
  case unwritable([Unwritable])
  case opset(Int64, known: ClosedRange<Int64>)
  /// A constant that could not be computed.
  case constant(name: String, reason: String)
  case writing(path: String, call: String, code: Int32)
}

/// One node that has no standard form in the operator set that is written.
package struct Unwritable: Error, Hashable, Sendable {
  package let node: String
  package let operatorName: String
  package let reason: Reason

  package enum Reason: Error, Hashable, Sendable {
    case opset(needed: Int64, asked: Int64, operatorName: String)
    case form(String)
  }
}

extension Unwritable: CustomStringConvertible {
  package var description: String { "\(operatorName) '\(node)': \(reason)" }
}

extension Unwritable.Reason: CustomStringConvertible {
  package var description: String {
    switch self {
    case .opset(let needed, let asked, let name): "\(name) needs opset \(needed), \(asked) was asked for"
    case .form(let what): what
    }
  }
}

extension ExportError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .unwritable(let list):
      "\(list.count) without a form in ONNX\n" + list.map { "  \($0)" }.joined(separator: "\n")
    case .opset(let asked, let known):
      "expected opset \(known.lowerBound) to \(known.upperBound), found \(asked)"
    case .constant(let name, let reason): "constant '\(name)': \(reason)"
    case .writing(let path, let call, let code): "\(path): \(call): \(String(cString: strerror(code)))"
    }
  }
}
