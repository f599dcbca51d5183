import Glibc
import Host
import Terminal

/// Where the benchmarks find what they need.
package struct Repository: Sendable {
  package let root: String

  /// The folder above this program, or above the working folder, that holds the benchmarks' models.
  package static func find() throws -> Repository {
    for start in [executableFolder, workingFolder] {
      var folder = start
      while folder.hasPrefix("/") && folder != "/" {
        if access(folder + "/Benchmarks/Harness", F_OK) == 0 { return Repository(root: folder) }
        folder = parentFolder(of: folder)
      }
    }
    throw ToolError("no folder above \(executableFolder) or \(workingFolder) holds Benchmarks/Harness")
  }

  package var models: String { root + "/Benchmarks/models/built" }
  package var results: String { root + "/Benchmarks/results" }
  package var peers: String { root + "/Benchmarks/Peers" }

  /// The tool lies beside this program.
  package static var tool: String { executableFolder + "/needletail" }

  /// The Python that has the other engines: `PEERS_PYTHON`, or that of the environment made on first use.
  package var python: String? {
    if let named = environmentVariable("PEERS_PYTHON") { return named }
    let made = peers + "/.venv/bin/python"
    return access(made, X_OK) == 0 ? made : nil
  }

  private static var executableFolder: String { parentFolder(of: realPath("/proc/self/exe")) }
  private static var workingFolder: String { realPath(".") }

  private static func realPath(_ path: String) -> String {
    guard let text = realpath(path, nil) else { return path }
    defer { free(text) }
    return String(cString: text)
  }
}

/// Makes a folder and those above it.
package func makeFolder(_ path: String) throws(ToolError) {
  if path.isEmpty || isFolder(path) { return }
  let parent = parentFolder(of: path)
  if parent != path { try makeFolder(parent) }
  if mkdir(path, 0o755) != 0 && errno != EEXIST {
    throw ToolError("\(path): \(String(cString: strerror(errno)))")
  }
}

/// A folder for what one measurement writes, removed at its end.
package final class ScratchFolder {
  package let path: String

  package init() throws(ToolError) {
    var template = Array(
      ((environmentVariable("TMPDIR") ?? "/tmp") + "/needletail-XXXXXX").utf8CString)
    guard let made = mkdtemp(&template) else {
      throw ToolError("no temporary folder: \(String(cString: strerror(errno)))")
    }
    path = String(cString: made)
  }

  deinit { Self.remove(path) }

  package func folder(_ name: String) throws(ToolError) -> String {
    try makeFolder(path + "/" + name)
    return path + "/" + name
  }

  private static func remove(_ path: String) {
    if isFolder(path) && !isLink(path) {
      for entry in folderEntries(path) { remove(path + "/" + entry) }
      rmdir(path)
    } else {
      unlink(path)
    }
  }
}

/// Replaces a file in one step: a reader, or who comes after a kill, finds the old text or the new.
package func replaceFile(_ path: String, _ text: String) throws {
  try makeFolder(parentFolder(of: path))
  let new = path + ".new"
  try writeFile(new, Array(text.utf8))
  guard rename(new, path) == 0 else { throw ToolError("\(path): \(String(cString: strerror(errno)))") }
}
