import Needletail
import RecordedData
import Testing

/// Models that cannot be run say which node or operator is to blame.
@Suite(.enabled(if: Folders.shared != nil)) struct RefusalTests {
  @Test(arguments: [
    ("qonnx_bsd300x3-espcn_subpixel_quant_model", ["onnx.brevitas", "Quant"]),
    ("vespa_gather", ["Gather"]),
    ("nv_weightless.conv", ["tensor-size-mismatch", "'b'"]),
  ])
  func namesTheCulprit(_ name: String, _ words: [String]) throws {
    let folder = try #require(Folders.shared)
    let error = try #require(throws: EngineError.self) {
      _ = try Model(contentsOf: "\(folder)/models/must-be-refused/\(name)/model.onnx").compile()
    }
    #expect(error.kind == .modelRejected)
    for word in words { #expect(error.description.contains(word), "\(error)") }
  }

  /// Its operators of ONNX Runtime have a meaning here.
  @Test func takesTheFusedGPT2() throws {
    let folder = try #require(Folders.shared)
    let name = "genai_hf-internal-testing_tiny-random-gpt2-fp32_past"
    _ = try Model(contentsOf: "\(folder)/models/must-be-refused/\(name)/model.onnx").compile()
  }

  @Test func everyRefusalIsCovered() throws {
    let folder = try #require(Folders.shared)
    #expect(Folders.entries(of: folder + "/models/must-be-refused").count == 4)
  }
}

/// What a caller can do wrong is an error with the name of the input, never a trap.
@Suite struct WrongInputTests {
  let model = Result { try Model(contentsOf: Folders.bundled + "/mnist_mlp/mnist_mlp.onnx") }

  private func error(_ inputs: [String: Tensor]) throws -> EngineError {
    let request = try model.get().compile().makeRequest(backend: .simd, threads: 1)
    return try #require(throws: EngineError.self) { _ = try request.run(inputs) }
  }

  @Test func missing() throws {
    let error = try error([:])
    #expect(error.kind == .wrongInput && error.description.contains("'input'"))
  }

  @Test func unknownName() throws {
    let image = try Tensor([Float](repeating: 0, count: 784), sizes: [1, 1, 28, 28])
    let error = try error(["image": image])
    #expect(error.kind == .wrongInput && error.description.contains("'image'"))
  }

  @Test func wrongShape() throws {
    let error = try error(["input": try Tensor([Float](repeating: 0, count: 784), sizes: [1, 28, 28])])
    #expect(error.kind == .wrongInput && error.description.contains("[N,1,28,28]"), "\(error)")
  }

  @Test func wrongType() throws {
    let error = try error(["input": try Tensor([Int32](repeating: 0, count: 784), sizes: [1, 1, 28, 28])])
    #expect(error.kind == .wrongInput && error.description.contains("int32"), "\(error)")
  }

  @Test func noSuchFile() throws {
    let error = try #require(throws: EngineError.self) {
      _ = try Model(contentsOf: "/nonexistent/model.onnx")
    }
    #expect(error.kind == .unreadableFile && error.description.contains("/nonexistent/model.onnx"))
  }
}
