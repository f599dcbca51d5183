import NeedletailBenchmarks
import Reports
import TestSupport
import Testing

@Suite(.serialized) struct CellRunnerTests {
  private let folder = TemporaryFolder()

  private func run(_ engines: [Engine], _ change: (inout CellRunner) -> Void = { _ in }) throws -> PeerCell {
    var runner = FakeEngine.runner(engines)
    change(&runner)
    return try runner.run(try FakeEngine.model(in: folder), batch: 1, threads: 1)
  }

  @Test func enginesTakeTurnsAndTheOrderAlternates() throws {
    let log = folder.path + "/log.txt"
    let engines = ["a", "b", "c"].map { FakeEngine.engine($0, "log=\(log)") }
    _ = try run(engines)
    let verbs = try readTextFile(log).split(separator: "\n")
    #expect(
      verbs.prefix(9) == [
        "a hello", "a prepare", "a outputs", "b hello", "b prepare", "b outputs", "c hello", "c prepare",
        "c outputs",
      ])
    let runs = verbs.filter { $0.hasSuffix(" run") }.map { String($0.prefix(1)) }
    // Behind the warm-ups, which each engine has for itself.
    let measured = runs.suffix(21).joined()
    #expect(String(repeating: "abccba", count: 5).contains(measured), "\(runs.joined())")
    #expect(verbs.suffix(3).allSatisfy { $0.hasSuffix("quit") })
  }

  @Test func ratiosAreTheirTimeOverOurs() throws {
    let cell = try run([
      FakeEngine.engine("needletail", "time_ns=1000"), FakeEngine.engine("onnxruntime", "time_ns=2000"),
      FakeEngine.engine("mnn", "time_ns=1500"),
    ])
    #expect(cell.best?.engine == "mnn")
    let ratio = try #require(cell.ratioOverBest)
    #expect(abs(ratio.median - 1.5) < 0.01)
    #expect(abs((cell.ratio("onnxruntime")?.median ?? 0) - 2) < 0.01)
    #expect(cell.verdict == .faster)
    #expect(cell.isPrecise)
    #expect(cell.result("mnn")?.roundMedians.count ?? 0 >= 7)
    let facts = try #require(cell.result("mnn"))
    #expect(facts.load.riseBytes == 3000 && facts.facts.packageBytes == 1000 && facts.facts.call == "nothing")
  }

  @Test func differingOutputsAreFlaggedAndNeverTheBest() throws {
    let cell = try run([
      FakeEngine.engine("needletail", "time_ns=1000"), FakeEngine.engine("onnxruntime", "time_ns=2000"),
      FakeEngine.engine("mnn", "time_ns=500", "output=1.01"),
      FakeEngine.engine("ncnn", "time_ns=1500", "output=1.0005"),
      FakeEngine.engine("openvino_default", "time_ns=100", "precision=bf16", "output=1.01"),
    ])
    #expect(cell.reference == "onnxruntime")
    #expect(cell.result("mnn")?.differs != nil)
    #expect(abs((cell.result("mnn")?.difference ?? 0) - 0.01) < 1e-4)
    #expect(cell.result("ncnn")?.differs == nil)
    #expect(cell.result("openvino_default")?.differs == nil, "fewer bits, larger differences")
    #expect(cell.best?.engine == "ncnn")
    let page = markdown(of: report([cell]).page)
    #expect(page.contains("DIFFERS"))
    #expect(page.contains("precision bf16"))
  }

  @Test func ourOwnDifferingOutputsGiveNoVerdict() throws {
    let cell = try run([
      FakeEngine.engine("needletail", "time_ns=1", "output=2"),
      FakeEngine.engine("onnxruntime", "time_ns=2000"),
    ])
    #expect(cell.verdict == .none)
    #expect(cell.ratioOverBest == nil)
    #expect(markdown(of: report([cell]).page).contains("needletail DIFFERS"))
  }

  @Test func faultsStayWithTheirEngine() throws {
    let cell = try run([
      FakeEngine.engine("needletail", "time_ns=1000"), FakeEngine.engine("onnxruntime", "time_ns=2000"),
      FakeEngine.engine("mnn", "crash=prepare"), FakeEngine.engine("ncnn", "crash=run", "after=9"),
      FakeEngine.engine("litert", "hang=run", "after=9"), FakeEngine.engine("pytorch", "unsupported=prepare"),
      FakeEngine.engine("keras", "answer=run:ok"), Engine("absent", command: ["/no/such/engine"]),
      Engine("other", command: ["true"], file: "model.other"),
    ])
    func failure(_ engine: String) -> PeerResult.Failure? { cell.result(engine)?.failure }
    #expect(failure("mnn")?.kind == "crashed")
    #expect(failure("mnn")?.reason.contains("a scripted fall") == true)
    #expect(failure("ncnn")?.kind == "crashed")
    #expect(failure("litert")?.kind == "timed_out")
    #expect(failure("litert")?.reason.contains("'run'") == true)
    #expect(failure("pytorch") == PeerResult.Failure(kind: "unsupported", reason: "no such operator"))
    #expect(failure("keras")?.reason.contains("times_ns") == true)
    #expect(failure("absent") != nil)
    #expect(failure("other")?.reason == "the model has no model.other")
    #expect(cell.best?.engine == "onnxruntime")
    #expect(abs((cell.ratioOverBest?.median ?? 0) - 2) < 0.01, "the others go on")
    let text = markdown(of: report([cell]).page)
    #expect(text.contains("crashed: ended with exit code 7: a scripted fall"))
  }

  @Test func aStandInIsTheReferenceWhenThereIsNoOther() throws {
    let engines = [FakeEngine.engine("needletail", "output=3"), FakeEngine.engine("mnn", "output=1")]
    let alone = try run(engines)
    #expect(alone.reference == "")
    #expect(alone.best == nil, "what was not compared does not count")
    let cell = try run(engines) { $0.standIn = FakeEngine.engine("needletail_naive", "output=3") }
    #expect(cell.reference == "needletail_naive")
    #expect(cell.result("mnn")?.differs != nil)
    #expect(cell.result("needletail")?.counts == true)
  }

  @Test func reportsAreReadBack() throws {
    let cell = try run([
      FakeEngine.engine("needletail", "time_ns=1000"), FakeEngine.engine("onnxruntime", "time_ns=1020"),
      FakeEngine.engine("mnn", "crash=prepare"),
    ])
    let written = report([cell])
    let read = try PeersReport(parsing: written.json.text)
    #expect(markdown(of: read.page) == markdown(of: written.page))
    #expect(read.cells[0].results.map(\.failure) == written.cells[0].results.map(\.failure))
    #expect(read.cells[0].verdict == .tie)
    #expect(read.summaryTable.rows == written.summaryTable.rows)
    #expect(throws: (any Error).self) { try PeersReport(parsing: "{}") }
    #expect(throws: (any Error).self) {
      try PeersReport(parsing: written.json.text.replacing("\"schema\": 1", with: "\"schema\": 9"))
    }
  }

  @Test func geometricMeansTreatTwiceAndHalfAlike() throws {
    #expect(abs(try #require(geometricMean([2, 0.5])) - 1) < 1e-12)
    #expect(abs(try #require(geometricMean([1, 4])) - 2) < 1e-12)
    #expect(geometricMean([]) == nil)
    #expect(geometricMean([1, 0]) == nil)
  }

  @Test func summariesCountVerdicts() {
    let report = report([
      cell(ours: 1, theirs: 2), cell(ours: 2, theirs: 1), cell(ours: 1, theirs: 1.04),
      cell(ours: 1, theirs: nil),
    ])
    let summary = PeerSummary(report.cells)
    #expect(summary.counts == [.faster: 1, .slower: 1, .tie: 1, .none: 1])
    #expect(abs((summary.geometricMean ?? 0) - 1.0131) < 1e-3)
    #expect(report.sentence.contains("faster in 1, tie in 1, slower in 1, not compared in 1 of 4 cells"))
    #expect(report.summaryTable.rows.map(\.last) == ["faster", "slower", "tie", "no other engine counts"])
  }

  @Test func verdictsNameTheirDoubts() {
    var noisy = cell(ours: 1, theirs: 2)
    noisy.disturbances = ["the control group stopped the process"]
    for (cells, isExpectedValid) in [
      ([cell(ours: 1, theirs: 2)], true), ([noisy], false), ([cell(ours: 1, theirs: nil)], false),
      ([], false),
    ] {
      guard case .verdict(let isValid, let reasons) = report(cells).verdict else {
        Issue.record("no verdict")
        continue
      }
      #expect(isValid == isExpectedValid && reasons.isEmpty == isValid, "\(reasons)")
    }
  }

  // MARK: Helpers

  private func report(_ cells: [PeerCell]) -> PeersReport {
    PeersReport(mode: "quick", host: .null, method: .null, cells: cells)
  }

  private func cell(ours: Double, theirs: Double?) -> PeerCell {
    func result(_ name: String, _ time: Double) -> PeerResult {
      var result = PeerResult(name)
      result.facts.precision = "f32"
      result.difference = 0
      result.times = PeerResult.Times(runs: 8, median: time, interval: nil, p99: time)
      result.roundMedians = [Double](repeating: time, count: 8)
      return result
    }
    return PeerCell(
      model: "m", batch: 1, threads: 1,
      results: [result("needletail", ours)] + (theirs.map { [result("mnn", $0)] } ?? []),
      reference: "onnxruntime")
  }
}
