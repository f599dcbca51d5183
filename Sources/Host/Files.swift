import Glibc

/// Opens a file to read it. Throws for a folder, a device and a pipe, which may have no end: it does not wait for one.
private func openRegular(_ path: String) throws(FileError) -> Int32 {
  let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
  guard file >= 0 else { throw FileError(path) }
  var status = stat()
  if fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG { return file }
  close(file)
  throw FileError(path, "it is not a regular file")
}

/// The text of a small file such as those of the control group; nil when it cannot be read.
package func readSmallFile(_ path: String) -> String? {
  guard let file = try? openRegular(path) else { return nil }
  defer { close(file) }
  var bytes = [UInt8](repeating: 0, count: 65_536)
  let count = read(file, &bytes, bytes.count)
  guard count >= 0 else { return nil }
  return String(decoding: bytes[..<count], as: UTF8.self)
}

/// All bytes of the file at `path`; throws what the system says, or that they are more than `limit`.
package func readFile(_ path: String, atMost limit: Int = .max) throws(FileError) -> [UInt8] {
  let file = try openRegular(path)
  defer { close(file) }
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 1 << 18)
  while true {
    let count = read(file, &buffer, buffer.count)
    if count < 0 && errno == EINTR { continue }
    if count < 0 { throw FileError(path) }
    if count == 0 { return bytes }
    bytes += buffer[..<count]
    if bytes.count > limit { throw FileError(path, "it has more than \(limit) bytes") }
  }
}

/// Replaces the file at `path`; throws what the system says.
package func writeFile(_ path: String, _ bytes: [UInt8]) throws(FileError) {
  let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
  guard file >= 0 else { throw FileError(path) }
  defer { close(file) }
  var done = 0
  while done < bytes.count {
    let count = bytes.withUnsafeBytes {
      Glibc.write(file, $0.baseAddress.map { $0 + done }, bytes.count - done)
    }
    if count < 0 && errno == EINTR { continue }
    if count <= 0 { throw FileError(path) }
    done += count
  }
}

/// Replaces the file at `path` at once or not at all: readers see the old one or the new one. Throws what the system says.
package func replaceFile(_ path: String, _ bytes: [UInt8]) throws(FileError) {
  var template = Array("\(path).XXXXXX".utf8CString)
  let descriptor = mkstemp(&template)
  if descriptor < 0 { throw FileError(path) }
  close(descriptor)
  let draft = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
  do throws(FileError) {
    try writeFile(draft, bytes)
    if rename(draft, path) != 0 { throw FileError(path) }
  } catch {
    unlink(draft)
    throw error
  }
}

/// Makes the folder and those above it, for this user alone, where they are missing. Throws what the system says.
package func makeFolder(_ path: String) throws(FileError) {
  if isFolder(path) { return }
  let above = parentFolder(of: path)
  if above != path { try makeFolder(above) }
  if mkdir(path, 0o700) != 0 && errno != EEXIST { throw FileError(path) }
}

/// Whether there is a file, a folder or something else of that name.
package func isThere(_ path: String) -> Bool { access(path, F_OK) == 0 }

/// Another one when the file is replaced or changed; nil when there is none.
package func fileIdentity(_ path: String) -> String? {
  var status = stat()
  guard stat(path, &status) == 0 else { return nil }
  return "\(status.st_size) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
}

/// Removes files of a folder whose names begin with `prefix`, the oldest first, until `count` are left.
package func removeOldest(in folder: String, prefix: String, keeping count: Int) {
  var files: [(path: String, seconds: Int)] = []
  for name in folderEntries(folder) where name.hasPrefix(prefix) {
    var status = stat()
    let path = "\(folder)/\(name)"
    if lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG {
      files.append((path, status.st_mtim.tv_sec))
    }
  }
  files.sort { ($0.seconds, $0.path) > ($1.seconds, $1.path) }
  for file in files.dropFirst(count) { unlink(file.path) }
}

/// What the system said of a file a moment ago.
package struct FileError: Error, CustomStringConvertible {
  package let description: String

  init(_ path: String) { description = "\(path): \(String(cString: strerror(errno)))" }

  package init(_ path: String, _ reason: String) { description = "\(path): \(reason)" }
}

/// Names in a folder, sorted; none when it cannot be read.
package func folderEntries(_ path: String) -> [String] {
  guard let stream = opendir(path) else { return [] }
  defer { closedir(stream) }
  var names: [String] = []
  while let entry = readdir(stream) {
    let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
      pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
    }
    if name != "." && name != ".." { names.append(name) }
  }
  return names.sorted()
}

package func isFolder(_ path: String) -> Bool {
  var status = stat()
  return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
}

/// A symbolic link, which a search does not follow: it may lead back up.
package func isLink(_ path: String) -> Bool {
  var status = stat()
  return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
}

package func parentFolder(of path: String) -> String {
  guard let slash = path.lastIndex(of: "/") else { return "." }
  return slash == path.startIndex ? "/" : String(path[..<slash])
}
