import Glibc
import Host

/// Where tests find models and recorded tensors.
package enum Folders {
  /// The package's own folder.
  package static let package: String = {
    let parts = #filePath.split(separator: "/")
    return "/" + parts.dropLast(3).joined(separator: "/")
  }()

  /// The models that live in the repository: always there.
  package static let bundled = package + "/Models"

  /// The data kept beside the repository, or named by `NEEDLETAIL_DATA`; nil when it is not there.
  package static let shared: String? = {
    let beside = package.split(separator: "/").dropLast().map { "/" + $0 }.joined() + "/shared/data"
    let candidates = [getenv("NEEDLETAIL_DATA").map { String(cString: $0) }, beside].compactMap { $0 }
    if let found = candidates.first(where: { access($0 + "/models", R_OK) == 0 }) { return found }
    print("No shared data at \(candidates.joined(separator: " or ")): tests of larger models are left out.")
    return nil
  }()

  /// The names in a folder, sorted; none when it cannot be read.
  package static func entries(of path: String) -> [String] {
    guard let folder = opendir(path) else { return [] }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { tuple in
        tuple.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names.sorted()
  }

  package static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  package static func byteCount(of path: String) -> Int {
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_size) : 0
  }

  /// The file's bytes; empty when it cannot be read.
  package static func contents(of path: String) -> [UInt8] {
    guard let file = fopen(path, "rb") else { return [] }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: byteCount(of: path))
    let count = fread(&bytes, 1, bytes.count, file)
    return Array(bytes.prefix(count))
  }

  package static func write(_ bytes: [UInt8], to path: String) {
    guard let file = fopen(path, "wb") else { return }
    fwrite(bytes, 1, bytes.count, file)
    fclose(file)
  }
}
