import NeedletailBenchmarks
import Reports
import Terminal
import Testing

@Suite struct ReadmeTests {
  @Test func readmeHoldsTheMeasuredNumbers() throws {
    let repository = try Repository.find()
    let text = try readTextFile(repository.readme)
    #expect(
      try expectedReadme(repository, text) == text,
      "README.md differs: run 'needletail-benchmarks readme' and look at it")
  }

  private let text = """
    # A title

    <!-- The tables up to the next comment are written by 'needletail-benchmarks readme'. -->
    an old table
    <!-- end of the tables -->
    The end.
    """

  private func comparison(_ verdict: String = "VALID") throws -> JSON {
    try JSON.parse(
      """
      {"schema": 1, "command": "compare", "model": {"path": "Models/digits/model.onnx"}, "host": {"processor": "A 1000"},
       "rows": [
        {"backend": "simd", "batch": 1, "threads": 2, "variant": "original", "p50_ms": 2.5, "p50_ci95_ms": [2.4, 2.6],
         "verdict": "VALID", "speedup_over_original": null},
        {"backend": "simd", "batch": 1, "threads": 2, "variant": "optimized", "p50_ms": 1.25,
         "p50_ci95_ms": [1.24, 1.26], "verdict": "\(verdict)", "speedup_over_original": {"p50": 2.001}}]}
      """)
  }

  private func peers() -> JSON {
    func result(_ name: String, _ time: Double) -> PeerResult {
      var result = PeerResult(name)
      result.facts.precision = "f32"
      result.facts.version = "3.1"
      result.difference = 0
      result.times = PeerResult.Times(runs: 8, median: time * 1e6, interval: nil, p99: time * 1e6)
      result.roundMedians = [Double](repeating: time * 1e6, count: 8)
      return result
    }
    let cell = PeerCell(
      model: "digits", batch: 1, threads: 2,
      results: [result("needletail", 2), result("mnn", 3), result("ncnn", 4)], reference: "mnn")
    return PeersReport(mode: "quick", host: .null, method: .null, cells: [cell]).json
  }

  @Test func figuresAreTakenFromReports() throws {
    var figures = ReadmeFigures()
    try figures.add(try comparison())
    try figures.add(peers())
    let written = try figures.written(into: text)
    #expect(written.hasPrefix("# A title\n") && written.hasSuffix("\nThe end."))
    #expect(!written.contains("an old table"))
    #expect(written.contains("on A 1000"))
    #expect(written.contains("| digits | simd | 2.50 | 1.250 | 2.00× |"), "\(written)")
    #expect(
      written.contains("| digits | 1 | 2 | 2.00 | mnn | 3.00 | 1.50× (1.47 … 1.53) | faster |"), "\(written)")
    #expect(written.contains("faster in 1, tie in 0, slower in 0. Engines: mnn 3.1, ncnn 3.1."))
    #expect(try figures.written(into: written) == written)
    let read = try ReadmeFigures(parsing: figures.json.text)
    #expect(
      read.variants == figures.variants && read.peers == figures.peers && read.versions == figures.versions)
    #expect(try read.written(into: text) == written)
  }

  @Test func doubtfulNumbersAreMarked() throws {
    var figures = ReadmeFigures()
    try figures.add(try comparison("INVALID"))
    #expect(figures.markdown.contains("2.00× INVALID"))
  }

  @Test func otherTextsAreRefused() throws {
    var figures = ReadmeFigures()
    #expect(throws: ToolError.self) { try figures.add(.object([("command", .string("bench"))])) }
    #expect(throws: ToolError.self) { try figures.add(.object([("command", .string("compare"))])) }
    #expect(throws: ToolError.self) { try figures.add(.object([("command", .string("peers"))])) }
    #expect(throws: ToolError.self) { try figures.written(into: "# no comments") }
    #expect(throws: (any Error).self) { try ReadmeFigures(parsing: "{}") }
    #expect(throws: (any Error).self) { try ReadmeFigures(parsing: "no JSON") }
  }
}
