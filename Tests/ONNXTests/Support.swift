import Glibc
import Testing

@testable import ONNX

/// A folder that goes away with the test.
final class TemporaryFolder {
  let path: String

  init() {
    var template = Array("/tmp/needletail-tests-XXXXXX".utf8CString)
    path = template.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress, mkdtemp(base) != nil else { return "/nonexistent" }
      return String(cString: base)
    }
  }

  @discardableResult
  func write(_ name: String, _ bytes: [UInt8]) -> String {
    let target = path + "/" + name
    let file = fopen(target, "wb")
    if let file {
      fwrite(bytes, 1, bytes.count, file)
      fclose(file)
    }
    return target
  }

  func folder(_ name: String) { mkdir(path + "/" + name, 0o755) }

  deinit { Self.remove(path) }

  private static func remove(_ path: String) {
    if let entries = opendir(path) {
      while let entry = readdir(entries) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) { tuple in
          tuple.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name == "." || name == ".." { continue }
        let child = path + "/" + name
        var status = stat()
        if lstat(child, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
          remove(child)
        } else {
          unlink(child)
        }
      }
      closedir(entries)
    }
    rmdir(path)
  }
}

/// The models that are kept beside the repository; tests that need them are skipped where they are missing.
enum SharedModels {
  static let root: String? = {
    let near = #filePath.split(separator: "/").dropLast(3)
    let candidates = [
      getenv("NEEDLETAIL_DATA").map { String(cString: $0) },
      "/" + near.dropLast().joined(separator: "/") + "/shared/data",
    ]
    return candidates.compactMap { $0 }.first { access($0 + "/models", R_OK) == 0 }
  }()

  /// Paths of every `.onnx` file below `models/`, sorted.
  static let all: [String] = {
    guard let root else {
      print("shared models not found: set NEEDLETAIL_DATA to their folder; tests on them are skipped")
      return []
    }
    var found: [String] = []
    collect(root + "/models", &found)
    return found.sorted()
  }()

  static var supported: [String] { all.filter { !$0.contains("/must-be-refused/") } }

  /// Recorded inputs and outputs of the supported models.
  static let recorded: [String] = {
    guard let root else { return [] }
    var found: [String] = []
    collect(root + "/models", &found, ending: ".pb")
    return found.sorted()
  }()

  static func path(_ name: String) -> String? {
    all.first { $0.hasSuffix("/" + name + "/model.onnx") }
  }

  private static func collect(_ path: String, _ found: inout [String], ending: String = ".onnx") {
    guard let entries = opendir(path) else { return }
    defer { closedir(entries) }
    while let entry = readdir(entries) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { tuple in
        tuple.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name.hasPrefix(".") { continue }
      let child = path + "/" + name
      var status = stat()
      guard stat(child, &status) == 0 else { continue }
      if status.st_mode & S_IFMT == S_IFDIR {
        collect(child, &found, ending: ending)
      } else if name.hasSuffix(ending) {
        found.append(child)
      }
    }
  }
}
