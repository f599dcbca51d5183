import Host
@testable import Needletail
import RecordedData
import TestSupport
import Testing

/// Times of one compilation serve the next, where a user wants that.
@Suite struct TuningStoreTests {
  private let folder = TemporaryFolder()

  private func compiled(_ place: TuningTablePlace) throws -> (report: TuningReport, kernels: [String]) {
    let model = try Model(contentsOf: Folders.bundled + "/mnist_cnn_bn/mnist_cnn_bn.onnx")
    var options = CompileOptions()
    options.tuningTable = place
    options.keepsDisturbedTimes = true
    let compiled = try model.compile(options)
    let request = try compiled.makeRequest(backend: .auto, threads: 1)
    let facts = try request.planFacts(for: InputMaker(batch: 1).values(for: model))
    return (compiled.tuning, facts.labels.map(\.kernel))
  }

  @Test func secondCompilationMeasuresNothing() throws {
    let place = TuningTablePlace.file(folder.path + "/table.txt")
    let first = try compiled(place)
    #expect(first.report.measuredCount > 0)
    #expect(first.report.knownCount == 0)
    let second = try compiled(place)
    #expect(second.report.measuredCount == 0)
    #expect(second.report.knownCount > 0)
    #expect(second.kernels == first.kernels)
    #expect(second.report.notes.isEmpty)
  }

  @Test func nothingIsWrittenUnasked() throws {
    #expect(CompileOptions().tuningTable == .none)
    let report = try compiled(.none).report
    #expect(report.path == nil)
    #expect(report.measuredCount > 0)
  }

  @Test func placesThatCannotBeWrittenAreTold() throws {
    let report = try compiled(.file(folder.path + "/missing/table.txt")).report
    #expect(report.measuredCount > 0)
    #expect(report.notes.count == 1)
    #expect(report.notes[0].contains("not written"))
  }
}
