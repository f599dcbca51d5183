import Foundation
import TestSupport
import Testing

/// Saved reports: pages, differences and baselines.
@Suite struct ReportTests {
  private func run(_ words: [String], path: String? = nil) throws -> (
    code: Int32, output: String, errors: String
  ) {
    let bundle = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let process = Process()
    process.executableURL = URL(fileURLWithPath: bundle).deletingLastPathComponent().appendingPathComponent(
      "needletail")
    process.arguments = words
    process.environment = ProcessInfo.processInfo.environment.merging(["NEEDLETAIL_TUNING_TABLE": "none"]) {
      $1
    }
    if let path { process.environment = ["PATH": path] }
    let output = Pipe()
    let errors = Pipe()
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    let complaint = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationStatus, text, complaint)
  }

  private static let quick = [
    "--seconds", "0.01", "--runs", "6", "--threads", "1", "--backend", "naive,simd",
  ]

  private static func hasGnuplot() -> Bool {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    return folders.contains { FileManager.default.isExecutableFile(atPath: "\($0)/gnuplot") }
  }

  @Test func savedReportsAreComparedAndShown() throws {
    let folder = TemporaryFolder()
    let model = folder.write("tiny.onnx", TinyModel.bytes())
    let saved = folder.path + "/a.json"
    let measured = try run(
      ["compare", model, "--batch", "1,2", "--passes", "--no-fresh", "--json", saved] + Self.quick)
    #expect(measured.code == 0, "\(measured.errors)")
    #expect(measured.output.contains("what each pass earned"))
    #expect(measured.output.contains("kernel-layouts"))
    let same = try run(["report", "diff", saved, saved])
    #expect(same.code == 0)
    #expect(same.output.hasPrefix("nothing changed in "))
    let markdown = try run(["report", "markdown", saved])
    #expect(markdown.code == 0, "\(markdown.errors)")
    for title in [
      "Time", "Growth with the batch", "Memory", "What each pass earned", "Placement", "Layer by layer",
    ] {
      #expect(markdown.output.contains("## \(title)\n"), "\(title)")
    }
    if Self.hasGnuplot() {
      let page = folder.path + "/a.html"
      #expect(try run(["report", "html", saved, "-o", page]).code == 0)
      let text = try String(contentsOfFile: page, encoding: .utf8)
      #expect(text.contains("<svg ") && text.contains("application/json") && !text.contains("http://"))
    }
  }

  @Test func loadsHavePagesToo() throws {
    let folder = TemporaryFolder()
    let model = folder.write("tiny.onnx", TinyModel.bytes())
    for rate in [[], ["--rate", "100,200"]] {
      let saved = folder.path + "/load.json"
      let measured = try run(
        [
          "bench", model, "--backend", "naive", "--threads", "1", "--concurrency", "1,2", "--seconds", "0.1",
          "--json", saved,
        ]
          + rate)
      #expect(measured.code == 0, "\(measured.errors)")
      let markdown = try run(["report", "markdown", saved])
      #expect(markdown.code == 0, "\(markdown.errors)")
      for text in ["## Throughput", "## Latency", "callers", rate.isEmpty ? "Closed loop" : "Open loop"] {
        #expect(markdown.output.contains(text), "\(text)")
      }
      #expect(
        try run(["report", "diff", saved, saved]).output
          == "nothing changed in \(rate.isEmpty ? 2 : 4) rows\n")
    }
  }

  @Test func baselinesAreHeld() throws {
    let folder = TemporaryFolder()
    let model = folder.write("tiny.onnx", TinyModel.bytes())
    let saved = folder.path + "/a.json"
    #expect(try run(["bench", model, "--json", saved] + Self.quick).code == 0)
    let text = try String(contentsOfFile: saved, encoding: .utf8)
    // A baseline whose arenas were smaller than any.
    let pattern = try Regex("\"arena_bytes\": [0-9]+")
    let small = folder.write("small.json", Array(text.replacing(pattern, with: "\"arena_bytes\": -1").utf8))
    let larger = try run(["bench", model, "--baseline", small, "--tolerance", "1e9"] + Self.quick)
    #expect(larger.code == 5, "\(larger.output) \(larger.errors)")
    #expect(larger.output.contains("WORSE naive, batch 1, threads 1: arena_bytes"))
    let loose = try run(["bench", model, "--baseline", saved, "--tolerance", "1e9"] + Self.quick)
    #expect(loose.code == 0, "\(loose.output) \(loose.errors)")
    let other = folder.write("other.json", Array(text.replacing("\"batch\": 1", with: "\"batch\": 7").utf8))
    let none = try run(["bench", model, "--baseline", other] + Self.quick)
    #expect(none.code == 1)
    #expect(none.errors.contains("nothing was compared"))
  }

  @Test func wrongReportsAreNamed() throws {
    let folder = TemporaryFolder()
    let model = folder.write("tiny.onnx", TinyModel.bytes())
    let bad = folder.write("bad.json", Array("{\"schema\": 1,".utf8))
    let foreign = folder.write("foreign.json", Array("{\"rows\": []}".utf8))
    let host = folder.write("host.json", Array("{\"schema\": 1, \"command\": \"host\"}".utf8))
    for words in [
      ["report", "diff", bad, bad], ["bench", model, "--baseline", bad],
      ["compare", model, "--baseline", bad],
    ] {
      let outcome = try run(words)
      #expect(outcome.code == 1)
      #expect(outcome.errors.contains("bad.json: no JSON"), "\(outcome.errors)")
      #expect(outcome.output.isEmpty, "nothing is measured in vain")
    }
    #expect(try run(["report", "markdown", foreign]).errors.contains("no report of ours"))
    #expect(try run(["report", "html", host]).errors.contains("reports of bench and compare"))
    #expect(try run(["report", "diff", "/no/such.json", bad]).errors.contains("/no/such.json"))
    #expect(try run(["report", "diff", bad]).code == 64)
    #expect(try run(["report", "dif", bad]).errors.contains("did you mean 'diff'?"))
    let lost = try run(["bench", model, "--json", folder.path + "/none/x.json"])
    #expect(
      lost.code == 1 && lost.output.isEmpty && lost.errors.contains("there is no folder"), "\(lost.errors)")
    // Without gnuplot on PATH, --html is refused before anything is measured.
    for command in ["bench", "compare"] {
      let outcome = try run([command, model, "--html", folder.path + "/x.html"], path: folder.path)
      #expect(outcome.code == 1)
      #expect(outcome.errors.contains("gnuplot-nox") && outcome.output.isEmpty, "\(outcome.errors)")
    }
  }
}
