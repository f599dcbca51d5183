import Tensors

/// A tensor of a file whose elements cannot be read: which, and why.
package struct TensorDecodeError: Error, Hashable, Sendable {
  package enum Reason: Hashable, Sendable {
    case elementType(Int32)
    case negativeSize(Int64)
    case sizeOverflow
    case rank(Int)
    case byteCount(expected: Int, found: Int)
    case elementCount(expected: Int, found: Int)
    /// The elements are in a field that is not for this type.
    case field(String, DataType)
    case severalFields
    /// A number that the element type cannot hold.
    case notRepresentable(Int64, DataType)
    case segment
    case wire(WireError)
    case outOfMemory(byteCount: Int)
    case budget(byteCount: Int, limit: Int)
    case sparse(String)
    case external(ExternalDataError)
  }

  package let tensor: String
  package let reason: Reason

  package init(_ tensor: String, _ reason: Reason) {
    self.tensor = tensor
    self.reason = reason
  }
}

/// External data that is not read, and why. Locations are as the file gives them.
package enum ExternalDataError: Error, Hashable, Sendable {
  /// The model has no folder: it comes from memory, or is test data.
  case noFolder
  /// Absolute, or with a step upwards.
  case outsideFolder(location: String)
  /// Empty, too long, or with an empty component or a zero byte.
  case invalidPath(location: String)
  /// A symbolic link leads there.
  case link(location: String)
  /// Other names lead to the same file, maybe from outside of the folder.
  case hardLink(location: String)
  case file(location: String, FileError.Reason)
  case unknownKey(String)
  case repeatedKey(String)
  case missingLocation
  case invalidNumber(key: String, value: String)
  case beyondEnd(location: String, offset: Int, byteCount: Int, fileByteCount: Int)
  case byteCount(location: String, expected: Int, found: Int)
}
