import Host
import Kernels
import Measurement
import Needletail
import RecordedData
import TestSupport
import Testing

@testable import NeedletailBenchmarks

@Suite struct ShapeFileTests {
  static let bundled = ["mnist_mlp", "mnist_cnn_bn", "keras_mnist_cnn"]

  @Test(arguments: bundled)
  func whatAModelGivesReadsBack(_ name: String) throws {
    let model = try Model(contentsOf: "\(Folders.bundled)/\(name)/\(name).onnx")
    let file = try ShapeFile(of: model, named: name, sizes: [:])
    let read = try ShapeFile(text: file.text, name: name)
    #expect(read.text == file.text)
    #expect(read.layers.map(\.count) == file.layers.map(\.count))
    #expect(!read.layers.isEmpty)
    // Distinct means distinct, whatever the layers are called.
    let texts = Set(read.layers.map { $0.graph.text().drop { $0 != "(" } })
    #expect(texts.count == read.layers.count)
  }

  /// Every file of the folder, as committed.
  @Test(
    arguments: Folders.entries(of: Folders.package + "/Benchmarks/Shapes").filter { $0.hasSuffix(".txt") })
  func committedFilesReadBack(_ name: String) throws {
    let text = String(
      decoding: Folders.contents(of: "\(Folders.package)/Benchmarks/Shapes/\(name)"), as: UTF8.self)
    let file = try ShapeFile(text: text, name: name)
    #expect(file.text == text)
    for layer in file.layers {
      #expect(layer.count > 0)
      let sizes = try layer.inputTypes(batch: 2).map(\.sizes)
      #expect(!sizes.isEmpty && sizes.allSatisfy { !$0.contains(0) }, "\(layer.graph.name)")
    }
  }

  @Test func mistakesAreNamedWithTheirLine() {
    func message(_ text: String) -> String {
      do { _ = try ShapeFile(text: text, name: "f.txt") } catch { return error.description }
      return ""
    }
    let relu = "graph g(%x: float32[N,4]) -> (%y) {\n  %y = Unary[function=relu](%x)\n}\n"
    #expect(message("count 1\n" + relu).isEmpty)
    #expect(message("") == "f.txt: no layer")
    #expect(message(relu).contains("line 1: expected 'count N' before a graph"))
    #expect(message("count 0\n" + relu).contains("line 1: expected 'count N' with a number above 0"))
    #expect(message("count 1\ncount 1\n" + relu).contains("line 2"))
    #expect(
      message("count 1\nrelu\n").contains("line 2: expected 'count N', a graph or a comment, found 'relu'"))
    #expect(message("count 1\n" + relu.dropLast(2)).contains("the last graph has no end"))
    #expect(message("count 1\n" + relu + "count 3\n").contains("no graph follows"))
    #expect(
      message("count 1\ngraph g(%x: float32[N]) -> (%x) {\n}\n").contains("a graph of one node, found 0"))
  }

  @Test func theBatchStaysOpenAndOtherSizesAreAskedFor() throws {
    let folder = TemporaryFolder()
    let model = try Model(contentsOf: folder.write("tiny.onnx", TinyModel.bytes()))
    let file = try ShapeFile(of: model, named: "tiny", sizes: [:])
    #expect(file.layers.contains { !$0.graph.symbols.isEmpty })
    guard let shared = Folders.shared else { return }
    let open = try Model(contentsOf: shared + "/models/vespa_dummy_transformer/model.onnx")
    #expect(throws: ShapeError.self) { try ShapeFile(of: open, named: "open", sizes: [:]) }
  }

  /// Where layouts are free, a transpose only renames axes: no kernel can be faster.
  @Test func aViewIsNoSlowPick() throws {
    let text = """
      count 1
      graph heads(%x: float32[N,8,4,2]) -> (%y) {
        %y = Transpose[permutation=[0,2,1,3]](%x)
      }
      """
    let layer = try #require(try ShapeFile(text: text, name: "heads").layers.first)
    let ceilings = Ceilings(
      threads: 1, isa: "made up", operationsPerSecond: 1,
      levels: [Ceilings.Level("DRAM", byteCount: nil, bytesPerSecond: 1)])
    let limits = MeasurementLimits(
      minimumRuns: 6, minimumSeconds: 0.001, maximumSeconds: 1, turnSeconds: 0.0001)
    let measured = try KernelBenchmark(limits: limits, batch: 1, ceilings: ceilings).measure(
      layer, of: "test")
    #expect(measured.isPickView)
    #expect(measured.slowPick == nil)
    #expect(KernelReport(layers: [measured], seconds: 0.001).problems == [])
  }

  /// A small layer on every kernel: results agree with naive's, and the compiler picks one of them.
  @Test func everyKernelOfALayerIsMeasured() throws {
    let text = """
      count 2
      graph small(%x: float32[N,16,6,6]) -> (%y) {
        @w = constant float32[24,16,3,3] id 1
        @b = constant float32[24] id 2
        %y = Conv[window={kernel=[3,3], padsBegin=[1,1], padsEnd=[1,1]}, groups=1](%x, @w, @b) {relu, exp}
      }
      """
    let layer = try #require(try ShapeFile(text: text, name: "small").layers.first)
    let ceilings = Ceilings(
      threads: 1, isa: "made up", operationsPerSecond: 1e12,
      levels: [Ceilings.Level("DRAM", byteCount: nil, bytesPerSecond: 1e12)])
    let limits = MeasurementLimits(
      minimumRuns: 6, minimumSeconds: 0.001, maximumSeconds: 1, turnSeconds: 0.0001)
    let measured = try KernelBenchmark(limits: limits, batch: 2, ceilings: ceilings, tuningSeconds: 5)
      .measure(layer, of: "test")
    #expect(
      measured.work
        == Work(operations: 2 * 2 * 24 * 36 * 144, bytes: 4 * (2 * 16 * 36 + 24 * 144 + 24 + 2 * 24 * 36)))
    #expect(measured.kernels.contains { $0.kernel.hasPrefix("simd.") })
    #expect(measured.kernels.allSatisfy { $0.mistake == nil })
    #expect(measured.pick != nil)
    #expect(measured.shape == "Conv 3×3 16×6×6 → 24×6×6 {relu, exp}")
    #expect(!measured.isPickView)
    let report = KernelReport(layers: [measured], seconds: 0.001)
    #expect(report.json.text.contains("\"share_of_roof\""))
    #expect(report.page.sections.map(\.title).prefix(2) == ["Whole models", "test, batch 2, 1 thread"])
  }
}
