import IR
import Tensors

extension NodeContext {
  package func reals(_ name: String) throws(Unsupported.Reason) -> [Real]? {
    guard let value = attribute(name) else { return nil }
    guard case .floats(let numbers) = value else { throw mismatch(name, "FLOATS", value) }
    return numbers.map { Real($0) }
  }

  package func byteStrings(_ name: String) throws(Unsupported.Reason) -> [[UInt8]]? {
    guard let value = attribute(name) else { return nil }
    guard case .strings(let texts) = value else { throw mismatch(name, "STRINGS", value) }
    return texts
  }

  package func texts(_ name: String) throws(Unsupported.Reason) -> [String]? {
    try byteStrings(name)?.map { String(decoding: $0, as: UTF8.self) }
  }

  /// An element type by ONNX's number; 0 counts as none.
  package func elementType(_ name: String) throws(Unsupported.Reason) -> DataType? {
    guard let number = try optionalInt(name), number != 0 else { return nil }
    guard let type = Int32(exactly: number).flatMap({ DataType(onnx: $0) }) else {
      throw .attribute(name: name, expected: "an element type", found: "\(number)")
    }
    return type
  }
}
