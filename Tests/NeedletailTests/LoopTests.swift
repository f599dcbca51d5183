import Needletail
import Tensors
import TestSupport
import Testing

/// Loops run their trips on one plan, within the budget of a run.
@Suite struct LoopTests {
  /// `y`: x plus the number of each trip; `n` trips.
  private static let bytes: [UInt8] = {
    let body = ModelBytes.graph(
      [
        ModelBytes.node("Identity", ["c"], ["d"]), ModelBytes.node("Cast", ["i"], ["f"], ["to": .int(1)]),
        ModelBytes.node("Add", ["v", "f"], ["w"]), ModelBytes.node("Identity", ["w"], ["s"]),
      ],
      [ModelBytes.port("i", .int64, []), ModelBytes.port("c", .bool, []), ModelBytes.port("v", .float, [4])],
      [ModelBytes.port("d", .bool, []), ModelBytes.port("w", .float, [4]), ModelBytes.port("s", .float, [4])])
    return ModelBytes.model(
      [ModelBytes.node("Loop", ["n", "", "x"], ["y", "all"], ["body": .graph(body)])],
      [ModelBytes.port("x", .float, [4]), ModelBytes.port("n", .int64, [])],
      [ModelBytes.port("y", .float, [4]), ModelBytes.port("all", .float, ["T", 4])])
  }()

  private func compiled(_ options: CompileOptions = CompileOptions(tuningSeconds: 0.02)) throws
    -> CompiledModel
  {
    let folder = TemporaryFolder()
    defer { withExtendedLifetime(folder) {} }
    return try Model(contentsOf: folder.write("model.onnx", Self.bytes)).compile(options)
  }

  @Test(arguments: Backends.shared.available)
  func tripsShareAPlan(_ backend: BackendChoice) throws {
    let model = try compiled()
    let request = try model.makeRequest(backend: backend, threads: 1)
    let x = try Tensor([0, 1, 2, 3] as [Float], sizes: [4])
    var byteCount: Int?
    for trips in [3, 1000] {
      let outputs = try request.run(["x": x, "n": Tensor(scalar: Int64(trips))])
      let sum = Float(trips * (trips - 1) / 2)
      let expected: [Float] = (0..<4).map { i -> Float in Float(i) + sum }
      #expect(try outputs["y"]?.elements(of: Float.self) == expected)
      #expect(outputs["all"]?.sizes == [trips, 4])
      // A plan for each number of trips, as it is a size of a result, and none for each trip.
      if let byteCount { #expect(model.planByteCount <= byteCount + 65_536, "\(trips) trips") }
      byteCount = model.planByteCount
    }
  }

  @Test func tripsBeyondTheBudgetAreRefused() throws {
    var options = CompileOptions(tuningSeconds: 0.02)
    options.stepLimit = 64 << 20
    let request = try compiled(options).makeRequest(backend: .naive, threads: 1)
    let x = try Tensor([0, 1, 2, 3] as [Float], sizes: [4])
    _ = try request.run(["x": x, "n": Tensor(scalar: Int64(1000))])
    for trips in [Int64(100_000), Int64.max] {
      let error = try #require(throws: EngineError.self) {
        _ = try request.run(["x": x, "n": Tensor(scalar: trips)])
      }
      #expect(error.kind == .runFailed && error.description.contains("steps"), "\(error)")
    }
    _ = try request.run(["x": x, "n": Tensor(scalar: Int64(10))])
  }

  @Test func keptResultsAreWithinTheMemoryLimit() throws {
    let options = CompileOptions(memoryLimit: 4 << 20, tuningSeconds: 0.02)
    let request = try compiled(options).makeRequest(backend: .naive, threads: 1)
    let x = try Tensor([0, 1, 2, 3] as [Float], sizes: [4])
    // 16 bytes a trip, and as many for the result.
    _ = try request.run(["x": x, "n": Tensor(scalar: Int64(10_000))])
    let error = try #require(throws: EngineError.self) {
      _ = try request.run(["x": x, "n": Tensor(scalar: Int64(400_000))])
    }
    #expect(error.kind == .runFailed && error.description.contains("limit"), "\(error)")
  }
}
