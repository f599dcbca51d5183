import Needletail
import Tensors
import TestSupport
import Testing

/// A request's whole life, generated: tensors are bound, bound anew, changed and released, runs by name come between
/// bound ones, some fail, and every result is compared with naive's.
@Suite struct RequestLifeTests {
  /// y = Relu(x · w + b)[from:], with `from` an input that decides a size.
  private static let bytes = ModelBytes.model(
    [
      ModelBytes.node("MatMul", ["x", "w"], ["p"]), ModelBytes.node("Add", ["p", "b"], ["s"]),
      ModelBytes.node("Relu", ["s"], ["r"]), ModelBytes.node("Slice", ["r", "from", "end"], ["y"]),
    ], [ModelBytes.port("x", .float, ["N", 8]), ModelBytes.port("from", .int64, [1])],
    [ModelBytes.port("y", .float, ["M", 4])],
    [
      ModelBytes.floats("w", (0..<32).map { Float($0 % 7) - 3 }, sizes: [8, 4]),
      ModelBytes.floats("b", [1, -1, 2, 0]),
      ModelBytes.integers("end", [1000]),
    ])

  @Test(arguments: Backends.shared.available, [UInt64(1), 2, 3])
  func everyRunIsRight(_ backend: BackendChoice, seed: UInt64) throws {
    let folder = TemporaryFolder()
    defer { withExtendedLifetime(folder) {} }
    let model = try Model(contentsOf: folder.write("model.onnx", Self.bytes)).compile(
      CompileOptions(tuningSeconds: 0.02))
    var life = Life(
      random: SeededGenerator(seed: seed), request: try model.makeRequest(backend: backend, threads: 2),
      oracle: try model.makeRequest(backend: .naive, threads: 1))
    for _ in 0..<120 { try life.step() }
  }

  @Test func tasksShareAModel() async throws {
    let folder = TemporaryFolder()
    defer { withExtendedLifetime(folder) {} }
    let model = try Model(contentsOf: folder.write("model.onnx", Self.bytes)).compile(
      CompileOptions(tuningSeconds: 0.02, planByteLimit: 1 << 16))
    try await withThrowingTaskGroup(of: Void.self) { group in
      for task in 0..<64 {
        group.addTask {
          var life = Life(
            random: SeededGenerator(seed: UInt64(task)),
            request: try model.makeRequest(backend: task % 2 == 0 ? .simd : .auto, threads: 2),
            oracle: try model.makeRequest(backend: .naive, threads: 1))
          for _ in 0..<12 { try life.step() }
        }
      }
      try await group.waitForAll()
    }
  }
}

private struct Life {
  var random: SeededGenerator
  let request: InferenceRequest
  let oracle: InferenceRequest
  var x: Tensor?
  var from: Tensor?
  var y: Tensor?

  init(random: SeededGenerator, request: InferenceRequest, oracle: InferenceRequest) {
    self.random = random
    self.request = request
    self.oracle = oracle
  }

  mutating func step() throws {
    switch Int.random(in: 0..<9, using: &random) {
    case 0: try bindX()
    case 1: try bindFrom()
    case 2: try bindY(rows: Int.random(in: 0..<6, using: &random))
    case 3: try changeContents()
    case 4: try runByName()
    case 5:
      if let x, let bound = y, Bool.random(using: &random) {
        // The same memory as an input and as an output is refused, and what was bound stays.
        let alias = try Tensor(dataType: .float32, sizes: [1, 4], storage: x.storage)
        if x.byteCount > 0 {
          #expect(throws: EngineError.self) { try request.bind(output: "y", to: alias) }
        }
        y = bound
      }
    case 6:
      y = nil
      try request.unbind(output: "y")
    default: try runBound()
    }
  }

  private mutating func floats(_ count: Int) -> [Float] {
    (0..<count).map { _ in Float(Int.random(in: -4...4, using: &random)) }
  }

  private mutating func bindX() throws {
    let rows = Int.random(in: 1..<6, using: &random)
    let tensor = try Tensor(floats(rows * 8), sizes: [rows, 8])
    try request.bind(input: "x", to: tensor)
    x = tensor
  }

  private mutating func bindFrom() throws {
    let tensor = try Tensor([Int64.random(in: 0..<5, using: &random)], sizes: [1])
    try request.bind(input: "from", to: tensor)
    from = tensor
  }

  private mutating func bindY(rows: Int) throws {
    let tensor = try Tensor([Float](repeating: -9, count: rows * 4), sizes: [rows, 4])
    try request.bind(output: "y", to: tensor)
    y = tensor
  }

  private mutating func changeContents() throws {
    if let x, let bytes = x.mutableBytes {
      let elements = floats(x.elementCount)
      elements.withUnsafeBytes {
        bytes.base.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(bytes.base), byteCount: $0.count)
      }
    }
    if let from, let bytes = from.mutableBytes {
      bytes.base.storeBytes(of: Int64.random(in: 0..<5, using: &random), as: Int64.self)
    }
  }

  private mutating func runByName() throws {
    let rows = Int.random(in: 1..<6, using: &random)
    let inputs = [
      "x": try Tensor(floats(rows * 8), sizes: [rows, 8]),
      "from": try Tensor([Int64.random(in: 0..<5, using: &random)], sizes: [1]),
    ]
    let expected = try #require(try oracle.run(inputs)["y"])
    try expect(expected) { try #require(try request.run(inputs)["y"]) }
  }

  private mutating func runBound() throws {
    guard let x, let from else {
      #expect(throws: EngineError.self) { try request.run() }
      return
    }
    let expected = try #require(try oracle.run(["x": x, "from": from])["y"])
    guard let y else {
      #expect(throws: EngineError.self) { try request.run() }
      return
    }
    try expect(expected) {
      try request.run()
      return y
    }
  }

  /// The run gives what is expected; a bound output of other sizes is refused.
  private func expect(_ expected: Tensor, _ run: () throws -> Tensor) throws {
    if let y, y.sizes != expected.sizes {
      #expect(throws: EngineError.self) { _ = try run() }
      return
    }
    #expect(try run().elements(of: Float.self) == expected.elements(of: Float.self))
  }
}
