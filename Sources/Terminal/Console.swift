import Glibc
import Host
import Reports

/// Where the tool writes: results to standard output, everything else to standard error.
///
/// Unchecked: a tool's command runs on one thread, which is the only one that writes.
package final class Console: @unchecked Sendable {
  private var buffer: [UInt8] = []
  /// Standard output belongs to JSON: text is not written.
  package var isSilent = false
  /// Progress and colour are for people who watch.
  package let isTerminal: Bool
  private var progressLine = ""

  package init() {
    isTerminal = isatty(STDERR_FILENO) == 1
  }

  /// A line of the result.
  package func print(_ line: String = "") {
    if isSilent { return }
    clearProgress()
    buffer += Array(line.utf8)
    buffer.append(10)
    if buffer.count > 1 << 16 { flush() }
  }

  package func print(_ table: TextTable) { for line in table.lines { print(line) } }

  /// The one thing that standard output gets while it belongs to JSON.
  package func write(json: String) {
    clearProgress()
    buffer += Array(json.utf8)
    flush()
  }

  /// A line for the person who runs the tool.
  package func log(_ line: String) {
    flush()
    clearProgress()
    Self.write(Array((line + "\n").utf8), to: STDERR_FILENO)
  }

  package func error(_ message: String) {
    log((isTerminal ? "\u{1B}[31merror:\u{1B}[0m " : "error: ") + message)
  }

  package func warn(_ message: String) {
    log((isTerminal ? "\u{1B}[33mnote:\u{1B}[0m " : "note: ") + message)
  }

  /// A bar, redrawn in place; nothing when nobody watches.
  package func progress(_ label: String, _ share: Double) {
    guard isTerminal else { return }
    let filled = Int((min(1, max(0, share)) * 24).rounded())
    let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 24 - filled)
    let line = "\(bar) \(pad("\(Int(share * 100))", 3)) % \(label)"
    if line == progressLine { return }
    flush()
    progressLine = line
    Self.write(Array("\r\u{1B}[K\(line)".utf8), to: STDERR_FILENO)
  }

  package func clearProgress() {
    if progressLine.isEmpty { return }
    progressLine = ""
    Self.write(Array("\r\u{1B}[K".utf8), to: STDERR_FILENO)
  }

  package func flush() {
    if buffer.isEmpty { return }
    Self.write(buffer, to: STDOUT_FILENO)
    buffer = []
  }

  private static func write(_ bytes: [UInt8], to file: Int32) {
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.write(file, $0.baseAddress.map { $0 + done }, bytes.count - done)
      }
      if count < 0 && errno == EINTR { continue }
      // The reader is gone: nobody is left to tell.
      if count <= 0 { return }
      done += count
    }
  }
}

extension Console {
  /// Writes the report where `--json` says; nothing when it was not given.
  package func report(_ json: JSON, to target: String?) throws {
    guard let target else { return }
    if target == "-" {
      write(json: json.text)
    } else {
      try writeFile(target, Array(json.text.utf8))
    }
  }
}

/// Trouble of the tool itself, outside of the engine: exit code 1 unless said otherwise.
package struct ToolError: Error {
  package var message: String
  package var code: ExitCode

  package init(_ message: String, code: ExitCode = .failure) {
    self.message = message
    self.code = code
  }
}
