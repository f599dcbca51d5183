import Foundation

/// One run of the tool to its end, within limits of memory and processor time.
struct LimitedRun {
  /// The exit code; 128 and the signal where a signal ended it.
  var code: Int32
  var errors: String
  /// The most resident memory that was seen.
  var peakMebibytes: Int

  /// Above this the run is ended: a fault must not take the machine's memory.
  private static let memoryLimit = 1536
  private static let processorSeconds = 60

  /// Runs the tool, which lies beside the bundle of the tests.
  init(_ words: [String], in folder: String) throws {
    let bundle = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let tool = URL(fileURLWithPath: bundle).deletingLastPathComponent().appendingPathComponent("needletail")
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", "ulimit -t \(Self.processorSeconds); exec \"$0\" \"$@\"", tool.path] + words
    process.currentDirectoryURL = URL(fileURLWithPath: folder)
    process.environment = ProcessInfo.processInfo.environment.merging(
      ["NEEDLETAIL_TUNING_TABLE": "none", "SWIFT_BACKTRACE": "enable=no"]) { $1 }
    let errors = folder + "/standard-error"
    _ = FileManager.default.createFile(atPath: errors, contents: nil)
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle(forWritingAtPath: errors)
    try process.run()
    var peak = 0
    while process.isRunning {
      peak = max(peak, Self.peakMebibytes(of: process.processIdentifier))
      if peak > Self.memoryLimit { kill(process.processIdentifier, SIGKILL) }
      usleep(5_000)
    }
    process.waitUntilExit()
    code = process.terminationStatus + (process.terminationReason == .uncaughtSignal ? 128 : 0)
    self.errors = (try? String(contentsOfFile: errors, encoding: .utf8)) ?? ""
    peakMebibytes = peak
  }

  private static func peakMebibytes(of process: Int32) -> Int {
    guard let status = try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8),
      let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
      let kibibytes = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first
    else { return 0 }
    return (Int(kibibytes) ?? 0) >> 10
  }
}
