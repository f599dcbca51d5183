import IR

/// A model that cannot be read, with the evidence; `ImportError+Text` makes sentences of it.
package enum ImportError: Error, Sendable {
  case file(FileError)
  case malformed(path: String, WireError)
  /// Well-formed, but without a graph.
  case notAModel(path: String)
  case tensor(path: String, place: String, TensorDecodeError)
  /// Everything that is not supported, all at once.
  case unsupported(path: String, [Unsupported])
  case structure(path: String, StructureError)
  case inference(path: String, GraphError)
}

/// One thing in a model that Needletail does not do.
package struct Unsupported: Error, Hashable, Sendable {
  package enum Reason: Error, Hashable, Sendable {
    /// No import rule for this operator.
    case unknownOperator
    case domain(String)
    /// No version of the operator set says what the operator means.
    case noOperatorSet
    /// The version is older than the first or newer than the last that is known.
    case version(found: Int64, known: ClosedRange<Int64>)
    case attribute(name: String, expected: String, found: String)
    case missingAttribute(String)
    case unknownAttribute(String)
    case inputCount(expected: ClosedRange<Int>, found: Int)
    case outputCount(expected: ClosedRange<Int>, found: Int)
    case type(String)
    case form(String)
    /// Elements of a tensor that are not there or do not fit.
    case data(TensorDecodeError)
    /// Types or sizes of its operands that the operator does not take.
    case operands(String)
  }

  /// The node's path, such as `If_3/then/Conv_1`, or the name of an input.
  package let subject: String
  package let operatorName: String
  /// Version of the operator set that the model names; 0 when there is none.
  package let version: Int64
  package let reason: Reason

  /// The attribute that is to blame.
  package var attribute: String? {
    switch reason {
    case .attribute(let name, _, _), .missingAttribute(let name), .unknownAttribute(let name): name
    default: nil
    }
  }
}

/// A graph whose parts do not fit together.
package enum StructureError: Error, Hashable, Sendable {
  case unknownValue(name: String, node: String)
  case cycle(node: String)
  case duplicateValue(name: String, subject: String)
  case unknownOutput(String)
  case duplicatePort(String)
  case unnamed(String)
  case inputType(name: String, found: String)
  case functionCycle(String)
  case budget(String, limit: Int)
}
