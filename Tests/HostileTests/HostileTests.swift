import TestSupport
import Testing

/// The tool on hostile models: a result or one clear error, in bounded memory, and never a signal.
///
/// A run that would not end is ended by a limit of processor time, which is far above what any case needs.
@Suite struct HostileTests {
  static let cases = sizeCases + stepCases + memoryCases + graphCases

  @Test(arguments: cases, ["naive", "auto"])
  func isAnswered(_ item: HostileCase, _ backend: String) throws {
    // Compilation for `--batch` lists and measurements take their own backends.
    let words = item.command == "run" ? ["--backend", backend] : []
    if words.isEmpty && backend != "naive" { return }
    let folder = TemporaryFolder()
    defer { withExtendedLifetime(folder) {} }
    for (name, bytes) in item.files { folder.write(name, bytes) }
    let answer = try LimitedRun([item.command, "model.onnx"] + item.words + words, in: folder.path)
    #expect(item.codes.contains(answer.code), "exit code \(answer.code): \(answer.errors)")
    #expect(answer.peakMebibytes < 1024, "\(answer.peakMebibytes) MiB")
    if answer.code != 0 {
      #expect(answer.errors.contains("error"), "\(answer.errors)")
      #expect(item.says.isEmpty || item.says.contains { answer.errors.contains($0) }, "\(answer.errors)")
    }
  }
}
