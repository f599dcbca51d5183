import Glibc

/// A folder that lasts as long as somebody holds it.
package final class TemporaryFolder: Sendable {
  package let path: String

  package init() {
    var template = Array("/tmp/needletail-test-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else { fatalError("no temporary folder: errno \(errno)") }
    path = String(cString: made)
  }

  deinit { Self.remove(path) }

  /// Writes a file, making the folders on its way.
  @discardableResult
  package func write(_ name: String, _ bytes: [UInt8]) -> String {
    var folder = path
    for part in name.split(separator: "/").dropLast() {
      folder += "/" + part
      mkdir(folder, 0o755)
    }
    let file = path + "/" + name
    guard let stream = fopen(file, "wb") else { fatalError("cannot write \(file): errno \(errno)") }
    fwrite(bytes, 1, bytes.count, stream)
    fclose(stream)
    return file
  }

  private static func remove(_ path: String) {
    if let stream = opendir(path) {
      while let entry = readdir(stream) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
          pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != "." && name != ".." { remove(path + "/" + name) }
      }
      closedir(stream)
      rmdir(path)
    } else {
      unlink(path)
    }
  }
}
