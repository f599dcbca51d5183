/// A file that cannot be opened or read, with the reason the system gives.
package struct FileError: Error, Hashable, Sendable {
  package enum Reason: Hashable, Sendable {
    case missing
    case directory
    /// A pipe, a socket or a device.
    case notAFile
    case empty
    case invalidPath
    case system(call: String, code: Int32)
  }

  package let path: String
  package let reason: Reason

  package init(path: String, _ reason: Reason) {
    self.path = path
    self.reason = reason
  }
}
