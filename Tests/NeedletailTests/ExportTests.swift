import Needletail
import RecordedData
import Tensors
import TestSupport
import Testing

/// A model that was written as ONNX and read again gives the answers of the original.
@Suite struct ExportTests {
  private let folder = TemporaryFolder()
  private var path: String { folder.path + "/written.onnx" }
  private static let source = Folders.bundled + "/mnist_cnn_bn/mnist_cnn_bn.onnx"
  private static let bundled = ModelTestCase.find(below: Folders.bundled).filter {
    !$0.name.hasPrefix("onnx/")
  }

  private func answers(_ model: Model, _ optimization: Optimization = .none) throws -> [String: RuntimeValue]
  {
    let request = try model.compile(CompileOptions(optimization: optimization)).makeRequest(
      backend: .naive, threads: 1)
    return try request.run(values: InputMaker(batch: model.batchSymbols.isEmpty ? nil : 2).values(for: model))
  }

  private func mismatch(_ found: [String: RuntimeValue], _ expected: [String: RuntimeValue]) throws -> String?
  {
    for (name, value) in expected {
      guard let other = found[name] else { return "output '\(name)' is missing" }
      let tolerance = Tolerance(relative: 0, absolute: 1e-9, scaled: 1e-5)
      if let what = try other.difference(from: value, tolerance) { return "output '\(name)': \(what)" }
    }
    return nil
  }

  @Test(arguments: bundled, Optimization.allCases)
  func bundledModelsAnswerTheSame(_ recorded: ModelTestCase, _ optimization: Optimization) throws {
    let model = try Model(contentsOf: recorded.modelPath)
    try model.export(to: path, optimization: optimization)
    let written = try Model(contentsOf: path)
    #expect(written.inputs == model.inputs)
    #expect(written.outputs.map(\.name) == model.outputs.map(\.name))
    #expect(try mismatch(try answers(written), try answers(model)) == nil)
  }

  @Test func namesOfNodesAndFusedStepsStay() throws {
    let compiled = try Model(contentsOf: Self.source).compile()
    let report = try compiled.export(to: path)
    #expect(report.operatorCounts["BatchNormalization"] == nil)
    #expect(report.operatorCounts["Relu"] == 3)
    #expect(report.operatorSet == 20)
    let names = try Model(contentsOf: path).graph.liveNodes.map(\.name)
    #expect(compiled.graph.liveNodes.allSatisfy { names.contains($0.name) })
  }

  /// Constants are in the order of their use, and nothing tells of time or place.
  @Test func theSameModelGivesTheSameFile() throws {
    let compiled = try Model(contentsOf: Self.source).compile()
    try compiled.export(to: path)
    let other = folder.path + "/other.onnx"
    try Model(contentsOf: Self.source).compile().export(to: other)
    #expect(Folders.contents(of: path) == Folders.contents(of: other))
  }

  @Test func weightsGoToAFileOfTheirOwn() throws {
    let model = try Model(contentsOf: Self.source)
    let report = try model.compile().export(to: path, ExportOptions(separatesWeights: true))
    #expect(report.dataPath == path + ".data")
    #expect(report.byteCount < 10_000)
    #expect(report.dataByteCount > 200_000)
    #expect(try mismatch(try answers(try Model(contentsOf: path)), try answers(model)) == nil)
  }

  /// The mapped file that a model reads its weights from may be replaced by the model itself.
  @Test func aModelMayBeWrittenOverItself() throws {
    let own = folder.write("own.onnx", Folders.contents(of: Self.source))
    let model = try Model(contentsOf: own)
    let expected = try answers(model)
    try model.compile().export(to: own)
    #expect(try mismatch(try answers(try Model(contentsOf: own)), expected) == nil)
  }

  @Test func aCompiledFileIsWrittenToo() throws {
    let model = try Model(contentsOf: Self.source)
    let compiled = folder.path + "/model.ntl"
    try model.compile().write(to: compiled)
    try Model(contentsOf: compiled).compile().export(to: path)
    let written = try Model(contentsOf: path)
    #expect(written.inputs == model.inputs)
    #expect(try mismatch(try answers(written), try answers(model)) == nil)
  }

  @Test func versionsThatCannotBeWrittenAreUsage() throws {
    let compiled = try Model(contentsOf: Self.source).compile()
    for version in [-1, 0, 17, 29, Int.max] {
      let error = #expect(throws: EngineError.self) {
        try compiled.export(to: path, ExportOptions(operatorSet: version))
      }
      #expect(error?.kind == .usage)
    }
    for version in 18...28 {
      let report = try compiled.export(to: path, ExportOptions(operatorSet: version))
      #expect(report.operatorSet == version)
      #expect(try Model(contentsOf: path).file.operatorSets.map(\.version) == [Int64(version)])
    }
  }

  @Test func nodesWithoutAFormAreNamed() throws {
    let model = try Model(contentsOf: Folders.bundled + "/contributed/contributed_gelu/contributed_gelu.onnx")
    let error = #expect(throws: EngineError.self) {
      try model.compile().export(to: path, ExportOptions(operatorSet: 19))
    }
    #expect(error?.kind == .modelRejected)
    let node = try #require(model.graph.liveNodes.first).name
    #expect("\(try #require(error))".contains("Unary '\(node)': Gelu needs opset 20, 19 was asked for"))
    #expect(Folders.entries(of: folder.path).isEmpty)
  }

  @Test func nothingIsLeftWhereAFileCannotBeWritten() throws {
    let compiled = try Model(contentsOf: Self.source).compile()
    let error = #expect(throws: EngineError.self) {
      try compiled.export(to: folder.path + "/none/model.onnx")
    }
    #expect(error?.kind == .unreadableFile)
    #expect(throws: EngineError.self) { try compiled.export(to: folder.path) }
    #expect(Folders.entries(of: folder.path).isEmpty)
  }
}
