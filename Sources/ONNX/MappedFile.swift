import Glibc
import Tensors

/// The bytes of a file, mapped read-only or copied, for as long as somebody holds it.
///
/// A mapping promises that nobody shortens the file meanwhile: reading beyond a shortened file's end is a bus
/// error. `copy: true` reads the file into memory instead.
package final class MappedFile: Sendable {
  /// What tells this file from any other: device, inode, size and times, or the contents of bytes in memory.
  package struct Identity: Hashable, Sendable {
    package var words: [UInt64]
  }

  package let path: String
  package let bytes: Bytes
  package let identity: Identity
  private let memory: Memory

  private enum Memory: Sendable {
    case mapped(UInt)
    case owned(TensorStorage)
  }

  /// Opens the file at `path`. Throws for a missing file, a directory, a device and a file without bytes.
  package convenience init(path: String, copy: Bool = false) throws(FileError) {
    if path.isEmpty || path.utf8.contains(0) { throw FileError(path: path, .invalidPath) }
    // Not blocking: opening a pipe would wait for its writer.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    if descriptor < 0 {
      throw FileError(
        path: path, errno == ENOENT || errno == ENOTDIR ? .missing : .system(call: "open", code: errno))
    }
    defer { close(descriptor) }
    try self.init(descriptor: descriptor, path: path, copy: copy)
  }

  /// Maps or copies an open file; the descriptor stays the caller's.
  package init(descriptor: Int32, path: String, copy: Bool) throws(FileError) {
    var status = stat()
    if fstat(descriptor, &status) != 0 { throw FileError(path: path, .system(call: "fstat", code: errno)) }
    switch status.st_mode & S_IFMT {
    case S_IFREG: break
    case S_IFDIR: throw FileError(path: path, .directory)
    default: throw FileError(path: path, .notAFile)
    }
    let count = Int(status.st_size)
    if count == 0 { throw FileError(path: path, .empty) }
    self.path = path
    identity = Identity(words: [
      UInt64(truncatingIfNeeded: status.st_dev), UInt64(truncatingIfNeeded: status.st_ino), UInt64(count),
      MappedFile.nanoseconds(status.st_mtim), MappedFile.nanoseconds(status.st_ctim),
    ])
    if copy {
      let storage = try MappedFile.read(descriptor, count: count, path: path)
      bytes = storage.bytes
      memory = .owned(storage)
    } else {
      guard let base = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), base != MAP_FAILED else {
        throw FileError(path: path, .system(call: "mmap", code: errno))
      }
      bytes = Bytes(base: UnsafeRawPointer(base), count: count)
      memory = .mapped(UInt(bitPattern: base))
    }
  }

  /// Bytes in memory under a name, copied.
  package init(contents: [UInt8], named path: String) throws(FileError) {
    if contents.isEmpty { throw FileError(path: path, .empty) }
    let storage = try MappedFile.allocate(contents.count, path: path)
    if let target = storage.mutableBytes {
      contents.withUnsafeBytes { source in
        if let base = source.baseAddress { target.base.copyMemory(from: base, byteCount: source.count) }
      }
    }
    self.path = path
    bytes = storage.bytes
    memory = .owned(storage)
    var digest = Digest()
    digest.add(storage.bytes)
    identity = Identity(words: [digest.high, digest.low])
  }

  deinit {
    if case .mapped(let address) = memory {
      munmap(UnsafeMutableRawPointer(bitPattern: address), bytes.count)
    }
  }

  /// A view of some of the bytes that keeps the file alive.
  package func storage(_ range: Range<Int>) -> TensorStorage {
    precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count, "range outside of the file")
    return TensorStorage(
      bytes: Bytes(base: bytes.base + range.lowerBound, count: range.count), owner: .mapping(self))
  }

  private static func nanoseconds(_ time: timespec) -> UInt64 {
    UInt64(truncatingIfNeeded: time.tv_sec) &* 1_000_000_000 &+ UInt64(truncatingIfNeeded: time.tv_nsec)
  }

  private static func allocate(_ count: Int, path: String) throws(FileError) -> TensorStorage {
    do { return try TensorStorage.allocate(byteCount: count) } catch {
      throw FileError(path: path, .system(call: "allocate", code: ENOMEM))
    }
  }

  private static func read(_ descriptor: Int32, count: Int, path: String) throws(FileError) -> TensorStorage {
    let storage = try allocate(count, path: path)
    guard let target = storage.mutableBytes else {
      throw FileError(path: path, .system(call: "allocate", code: ENOMEM))
    }
    var done = 0
    while done < count {
      let part = Glibc.pread(descriptor, target.base + done, count - done, off_t(done))
      if part < 0 {
        if errno == EINTR { continue }
        throw FileError(path: path, .system(call: "read", code: errno))
      }
      // The file became shorter since its size was asked.
      if part == 0 { throw FileError(path: path, .system(call: "read", code: EIO)) }
      done += part
    }
    return storage
  }
}
