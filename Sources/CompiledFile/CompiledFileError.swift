import ONNX

/// A compiled file that cannot be read or written.
package enum CompiledFileError: Error, Hashable, Sendable {
  case file(FileError)
  /// Another format of file.
  case foreign
  /// Of a version of the format that this one does not read.
  case version(Int)
  case damaged(String)
  /// A call that failed while writing.
  case writing(call: String, code: Int32)
  /// A constant of the model that cannot be computed.
  case constant(String)
}
