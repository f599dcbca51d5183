import Needletail
import TestSupport
import Testing

@Suite struct RequestTests {
  private let folder = TemporaryFolder()

  /// `y = relu(x + bias)` for `x: float32[N,4]`.
  private func compiled(_ optimization: Optimization = .full) throws -> CompiledModel {
    try Model(contentsOf: folder.write("tiny.onnx", TinyModel.bytes()))
      .compile(CompileOptions(optimization: optimization))
  }

  private func x(_ elements: [Float], columns: Int = 4) throws -> Tensor {
    try Tensor(elements, sizes: [elements.count / columns, columns])
  }

  @Test(arguments: Optimization.allCases) func everyBackendAnswersTheSame(optimization: Optimization) throws {
    let compiled = try compiled(optimization)
    for backend in Backends.shared.available {
      let y = try compiled.run(["x": x([1, 2, 3, 4, -1, 2, -3, 4])], backend: backend)["y"]
      #expect(try y?.elements(of: Float.self) == [2, 0, 6, 0, 0, 0, 0, 0], "\(backend)")
      #expect(y?.sizes == [2, 4])
    }
  }

  @Test func boundMemoryIsReadAndWritten() throws {
    let request = try compiled().makeRequest(backend: .simd, threads: 1)
    let output = try x([9, 9, 9, 9])
    try request.bind(input: "x", to: x([1, 2, 3, 4]))
    try request.bind(output: "y", to: output)
    try request.run()
    #expect(try output.elements(of: Float.self) == [2, 0, 6, 0])
    // Another batch needs another plan, and the output of the first no longer fits.
    try request.bind(input: "x", to: x([1, 2, 3, 4, 5, 6, 7, 8]))
    #expect(throws: EngineError.self) { try request.run() }
    let larger = try x([Float](repeating: 9, count: 8))
    try request.bind(output: "y", to: larger)
    try request.run()
    #expect(try larger.elements(of: Float.self) == [2, 0, 6, 0, 6, 4, 10, 4])
  }

  @Test func anUnboundInputIsNamed() throws {
    let request = try compiled().makeRequest(backend: .naive)
    let error = #expect(throws: EngineError.self) { try request.run() }
    #expect(error?.kind == .wrongInput)
    #expect(error?.subject == "input 'x'")
  }

  @Test func wrongInputsAreNamed() throws {
    let compiled = try compiled()
    func error(_ inputs: [String: Tensor]) -> EngineError? {
      #expect(throws: EngineError.self) { try compiled.run(inputs, backend: .naive) }
    }
    #expect(error([:])?.subject == "input 'x'")
    #expect(error(["z": try! x([1, 2, 3, 4])])?.subject == "input 'z'")  // four elements make a row of four
    let wide = error(["x": try! x([1, 2, 3, 4, 5], columns: 5)])  // five elements make a row of five
    #expect(wide?.kind == .wrongInput)
    #expect(wide?.expectation == "float32[N,4]")
    #expect(wide?.finding == "float32[1,5]")
    let whole = error(["x": try! Tensor([1, 2, 3, 4] as [Int32], sizes: [1, 4])])  // the sizes fit
    #expect(whole?.finding == "int32[1,4]")
  }

  @Test func missingBackendsSayWhatToInstall() {
    for missing in Backends.shared.missing {
      #expect(!missing.reason.isEmpty)
      let error = #expect(throws: EngineError.self) { try Backends.shared.require(missing.backend) }
      #expect(error?.kind == .backendUnavailable)
    }
    for backend in Backends.shared.available {
      #expect(throws: Never.self) { try Backends.shared.require(backend) }
    }
  }

  @Test func onePlanServesManyRequests() throws {
    let compiled = try compiled()
    let first = try compiled.makeRequest(backend: .simd)
    let second = try compiled.makeRequest(backend: .simd)
    for request in [first, second, first] {
      let y = try request.run(["x": x([1, 2, 3, 4])])["y"]
      #expect(try y?.elements(of: Float.self) == [2, 0, 6, 0])
    }
  }
}
