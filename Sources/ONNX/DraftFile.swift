import Glibc

/// A file that takes its place whole or not at all: written under another name first.
final class DraftFile {
  private let path: String
  private let draft: String
  private var descriptor: Int32
  private(set) var byteCount = 0
  private var isCommitted = false

  init(_ path: String) throws(ExportError) {
    self.path = path
    draft = "\(path).\(getpid()).part"
    descriptor = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    if descriptor < 0 { throw .writing(path: path, call: "open", code: errno) }
  }

  func write(_ bytes: [UInt8]) throws(ExportError) {
    let code = bytes.withUnsafeBytes { put($0) }
    if code != 0 { throw .writing(path: path, call: "write", code: code) }
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws(ExportError) {
    let code = put(bytes)
    if code != 0 { throw .writing(path: path, call: "write", code: code) }
  }

  /// Zeros up to the next multiple of `alignment`.
  func align(to alignment: Int) throws(ExportError) {
    let padding = (alignment - byteCount % alignment) % alignment
    if padding > 0 { try write([UInt8](repeating: 0, count: padding)) }
  }

  /// Ends writing: nothing stands under `path` yet.
  func finish() throws(ExportError) {
    // Pipes and devices cannot be synchronized.
    if fsync(descriptor) != 0 && errno != EINVAL { throw .writing(path: path, call: "fsync", code: errno) }
    close(descriptor)
    descriptor = -1
  }

  func commit() throws(ExportError) {
    if rename(draft, path) != 0 { throw .writing(path: path, call: "rename", code: errno) }
    isCommitted = true
  }

  /// What the system says; 0: nothing is wrong.
  private func put(_ bytes: UnsafeRawBufferPointer) -> Int32 {
    var done = 0
    while done < bytes.count, let base = bytes.baseAddress {
      let part = Glibc.write(descriptor, base + done, bytes.count - done)
      if part < 0 {
        if errno == EINTR { continue }
        return errno
      }
      done += part
    }
    byteCount += done
    return 0
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
    if !isCommitted { unlink(draft) }
  }
}
