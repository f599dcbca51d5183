import Glibc

extension ImportError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .file(let error): error.description
    case .malformed(let path, let error): "\(path): not a readable ONNX file: \(error)"
    case .notAModel(let path): "\(path): expected an ONNX model, found a file without a graph"
    case .tensor(let path, let place, let error): "\(path): \(place): \(error)"
    case .unsupported(let path, let list):
      "\(path): \(list.count) unsupported\n" + list.map { "  \($0)" }.joined(separator: "\n")
    case .structure(let path, let error): "\(path): \(error)"
    case .inference(let path, let error): "\(path): \(error)"
    }
  }
}

extension FileError: CustomStringConvertible {
  package var description: String { "\(path): \(reason)" }
}

extension FileError.Reason: CustomStringConvertible {
  package var description: String {
    switch self {
    case .missing: "no such file"
    case .directory: "expected a file, found a folder"
    case .notAFile: "expected a file, found a pipe or a device"
    case .empty: "the file is empty"
    case .invalidPath: "not a path"
    case .system(let call, let code): "\(call) failed: \(String(cString: strerror(code)))"
    }
  }
}

extension WireError: CustomStringConvertible {
  package var description: String { "\(field) at byte \(offset): \(reason)" }
}

extension WireError.Reason: CustomStringConvertible {
  package var description: String {
    switch self {
    case .truncated: "the message ends within a value"
    case .varintTooLong: "a number has more than 64 bits"
    case .outOfRange(let value): "expected a number of 32 bits, found \(value)"
    case .length(let length, let remaining): "expected \(length) bytes, found \(remaining)"
    case .wireType(let expected, let found): "expected wire type \(expected), found \(found)"
    case .unknownWireType(let type): "no wire type has the number \(type)"
    case .fieldNumber(let number): "no field has the number \(number)"
    case .unmatchedGroup: "a group ends that did not begin"
    case .depth(let limit): "nested deeper than \(limit) messages"
    case .count(let limit): "more than \(limit) items"
    case .repeated: "expected once, found again"
    case .packedSize(let count, let element): "expected a multiple of \(element) bytes, found \(count)"
    case .attributeKind(let declared, let found): "declared as \(declared), found \(found)"
    case .attributeType(let number): "no kind of attribute has the number \(number)"
    }
  }
}

extension TensorDecodeError: CustomStringConvertible {
  package var description: String { "tensor '\(tensor)': \(reason)" }
}

extension TensorDecodeError {
  fileprivate var isExternal: Bool { if case .external = reason { true } else { false } }
}

extension TensorDecodeError.Reason: CustomStringConvertible {
  package var description: String {
    switch self {
    case .elementType(let number): "unsupported-type: element type \(number)"
    case .negativeSize(let size): "expected sizes of at least 0, found \(size)"
    case .sizeOverflow: "the number of elements does not fit"
    case .rank(let rank): "expected at most \(TensorReader.rankLimit) axes, found \(rank)"
    case .byteCount(let expected, let found):
      "tensor-size-mismatch: expected \(expected) bytes, found \(found)"
    case .elementCount(let expected, let found):
      "tensor-size-mismatch: expected \(expected) elements, found \(found)"
    case .field(let field, let type): "\(field) is not for elements of type \(type.rawValue)"
    case .severalFields: "expected elements in one field, found several"
    case .notRepresentable(let value, let type): "\(value) is no \(type.rawValue)"
    case .segment: "segments of tensors are not supported"
    case .wire(let error): "\(error)"
    case .outOfMemory(let count): "no memory for \(count) bytes"
    case .budget(let count, let limit): "\(count) bytes are beyond the limit of \(limit)"
    case .sparse(let what): what
    case .external(let error): "\(error)"
    }
  }
}

extension ExternalDataError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .noFolder: "external data where there is no folder to read it from"
    case .outsideFolder(let location):
      "external-data-outside-model-dir: '\(location)' leads out of the model's folder"
    case .invalidPath(let location): "invalid-path: '\(location)'"
    case .link(let location): "external-data-outside-model-dir: '\(location)' is reached by a symbolic link"
    case .hardLink(let location):
      "external-data-outside-model-dir: '\(location)' has other names (hard links)"
    case .file(let location, let reason): "external data '\(location)': \(reason)"
    case .unknownKey(let key): "unknown key '\(key)' of external data"
    case .repeatedKey(let key): "key '\(key)' of external data comes twice"
    case .missingLocation: "external data without a location"
    case .invalidNumber(let key, let value): "expected a number as \(key) of external data, found '\(value)'"
    case .beyondEnd(let location, let offset, let count, let size):
      "external data '\(location)': expected \(count) bytes from \(offset) on, found a file of \(size)"
    case .byteCount(let location, let expected, let found):
      "tensor-size-mismatch: external data '\(location)': expected \(expected) bytes, found \(found)"
    }
  }
}

extension Unsupported: CustomStringConvertible {
  package var description: String {
    let opset = version > 0 ? " (opset \(version))" : ""
    // The place of a tensor tells a node by quotes of its own.
    if case .data = reason { return "\(subject): \(reason)" + (advice.map { "; \($0)" } ?? "") }
    let subject = operatorName.isEmpty ? "'\(subject)'" : "\(operatorName)\(opset) '\(subject)'"
    return "\(subject): \(reason)" + (advice.map { "; \($0)" } ?? "")
  }

  /// What to do about it, where something can be done.
  package var advice: String? {
    switch reason {
    case .form(let what) where what.contains("of ONNX Runtime"):
      "export the model without the fusions of ONNX Runtime"
    case .domain: "export the model without them, or with functions that say what they mean"
    case .unknownOperator: "express it by operators of the standard, or as a function of the model"
    case .data(let error) where error.isExternal:
      "keep files of external data beside the model, as it was exported"
    case .version(let found, let known):
      operatorName.isEmpty || found > known.upperBound
        ? "convert the model to opset \(known.upperBound) with onnx.version_converter"
        : "convert the model to opset \(known.lowerBound) or later with onnx.version_converter"
    case .attribute("training_mode", _, _): "export the model for inference"
    case .noOperatorSet: "add an opset_import to the model"
    case .form(let what) where what.contains("training"): "export the model for inference"
    case .type("a map"), .type("a sparse tensor"): "give tensors instead"
    default: nil
    }
  }
}

extension Unsupported.Reason: CustomStringConvertible {
  package var description: String {
    switch self {
    case .unknownOperator: "this operator is not supported"
    case .domain(let domain): "operators of the domain '\(domain)' are not supported"
    case .noOperatorSet: "the model names no version of the operator set it uses"
    case .version(let found, let known):
      "expected opset \(known.lowerBound) to \(known.upperBound), found \(found)"
    case .attribute(let name, let expected, let found):
      "attribute \(name): expected \(expected), found \(found)"
    case .missingAttribute(let name): "attribute \(name): expected, found nothing"
    case .unknownAttribute(let name): "attribute \(name) is unknown in this version"
    case .inputCount(let expected, let found): "expected \(Self.count(expected)) inputs, found \(found)"
    case .outputCount(let expected, let found): "expected \(Self.count(expected)) outputs, found \(found)"
    case .type(let what): "unsupported-type: \(what)"
    case .form(let what): what
    case .data(let error): "\(error)"
    case .operands(let what): what
    }
  }

  private static func count(_ range: ClosedRange<Int>) -> String {
    if range.lowerBound == range.upperBound { return "\(range.lowerBound)" }
    return range.upperBound == .max
      ? "at least \(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)"
  }
}

extension StructureError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .unknownValue(let name, let node): "node '\(node)' reads '\(name)', which nothing makes"
    case .cycle(let node): "node '\(node)' depends on its own result"
    case .duplicateValue(let name, let subject): "'\(subject)' makes '\(name)', which is there already"
    case .unknownOutput(let name): "output '\(name)' is made by nothing"
    case .duplicatePort(let name): "two inputs or outputs are named '\(name)'"
    case .unnamed(let what): "\(what) has no name"
    case .inputType(let name, let found): "input '\(name)': expected a type, found \(found)"
    case .functionCycle(let name): "function '\(name)' calls itself"
    case .budget(let what, let limit): "beyond the budget of \(limit) \(what)"
    }
  }
}
