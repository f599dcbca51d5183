import Glibc

/// A file that takes its place whole or not at all: written under another name first.
package final class DraftFile<Failure: Error> {
  private let path: String
  private let draft: String
  private let failure: (_ call: String, _ code: Int32) -> Failure
  private var descriptor: Int32
  package private(set) var byteCount = 0
  private var isCommitted = false

  /// `failure` says what a call that fails is thrown as.
  package init(_ path: String, failure: @escaping (_ call: String, _ code: Int32) -> Failure) throws(Failure)
  {
    self.path = path
    self.failure = failure
    draft = "\(path).\(getpid()).part"
    descriptor = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    if descriptor < 0 { throw failure("open", errno) }
  }

  /// At the end.
  package func write(_ bytes: [UInt8]) throws(Failure) {
    let end = byteCount
    try write(bytes, at: end)
    byteCount = end + bytes.count
  }

  /// At the end.
  package func write(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
    let code = put(bytes, at: byteCount)
    if code != 0 { throw failure("write", code) }
    byteCount += bytes.count
  }

  /// Over bytes that are written already.
  package func write(_ bytes: [UInt8], at offset: Int) throws(Failure) {
    let code = bytes.withUnsafeBytes { put($0, at: offset) }
    if code != 0 { throw failure("write", code) }
  }

  /// Zeros up to the next multiple of `alignment`.
  package func align(to alignment: Int) throws(Failure) {
    let padding = (alignment - byteCount % alignment) % alignment
    if padding > 0 { try write([UInt8](repeating: 0, count: padding)) }
  }

  /// Ends writing: nothing stands under `path` yet.
  package func finish() throws(Failure) {
    // Pipes and devices cannot be synchronized.
    if fsync(descriptor) != 0 && errno != EINVAL { throw failure("fsync", errno) }
    close(descriptor)
    descriptor = -1
  }

  package func commit() throws(Failure) {
    if rename(draft, path) != 0 { throw failure("rename", errno) }
    isCommitted = true
  }

  /// What the system says; 0: nothing is wrong.
  private func put(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Int32 {
    var done = 0
    while done < bytes.count, let base = bytes.baseAddress {
      let part = pwrite(descriptor, base + done, bytes.count - done, off_t(offset + done))
      if part < 0 {
        if errno == EINTR { continue }
        return errno
      }
      done += part
    }
    return 0
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
    if !isCommitted { unlink(draft) }
  }
}
