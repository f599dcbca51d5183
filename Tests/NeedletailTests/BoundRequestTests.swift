import Needletail
import Tensors
import TestSupport
import Testing

/// What a caller can do with bound memory: every run gives the right result, or names the tensor that is wrong.
@Suite struct BoundRequestTests {
  private func compiled(_ bytes: [UInt8], _ options: CompileOptions = CompileOptions(tuningSeconds: 0.05))
    throws
    -> CompiledModel
  {
    let folder = TemporaryFolder()
    defer { withExtendedLifetime(folder) {} }
    return try Model(contentsOf: folder.write("model.onnx", bytes)).compile(options)
  }

  private static let backends = Backends.shared.available

  /// y = x + 1 for x: float32[N].
  private static let add = ModelBytes.model(
    [ModelBytes.node("Add", ["x", "one"], ["y"])], [ModelBytes.port("x", .float, ["N"])],
    [ModelBytes.port("y", .float, ["N"])], [ModelBytes.floats("one", [1])])

  private func filled(_ value: Float, _ count: Int) throws -> Tensor {
    try Tensor([Float](repeating: value, count: count), sizes: [count])
  }

  /// Elements from −1 to 1.
  private func pattern(_ count: Int, step: Int, modulus: Int) -> [Float] {
    (0..<count).map { i -> Float in
      let number = (i * step) % modulus
      return Float(number) / Float(modulus / 2) - 1
    }
  }

  private func set<T: TensorElement>(_ tensor: Tensor, _ elements: [T]) throws {
    let target = try #require(tensor.mutableBytes)
    elements.withUnsafeBytes { source in
      guard let base = source.baseAddress else { return }
      target.base.copyMemory(from: base, byteCount: source.count)
    }
  }

  private func expectWrongInput(_ name: String, _ body: () throws -> Void) {
    do {
      try body()
      Issue.record("accepted")
    } catch let error as EngineError {
      #expect(error.kind == .wrongInput && error.description.contains("'\(name)'"), "\(error)")
    } catch { Issue.record("\(error)") }
  }

  @Test(arguments: backends)
  func anUnboundRunLeavesBoundMemoryInPlace(_ backend: BackendChoice) throws {
    let request = try compiled(Self.add).makeRequest(backend: backend, threads: 1)
    let y = try filled(0, 64)
    try request.bind(input: "x", to: filled(1, 64))
    try request.bind(output: "y", to: y)
    try request.run()
    for value in [Float(9), 20] {
      // The tensor ends with the run: the bound run must not read it.
      let other = try request.run(["x": filled(value, 64)])["y"]
      #expect(try other?.elements(of: Float.self) == [Float](repeating: value + 1, count: 64))
      try request.run()
      #expect(try y.elements(of: Float.self) == [Float](repeating: 2, count: 64))
    }
  }

  @Test func outputsOfAnotherFormAreRefused() throws {
    let request = try compiled(Self.add).makeRequest(backend: .simd, threads: 1)
    try request.bind(input: "x", to: filled(1, 192))
    expectWrongInput("y") {
      try request.bind(
        output: "y", to: Tensor(uninitialized: .float32, sizes: [192], format: Format(storage: .float16)))
    }
    expectWrongInput("y") {
      try request.bind(output: "y", to: Tensor([Int64](repeating: 0, count: 4), sizes: [4]))
    }
    expectWrongInput("y") {
      try request.bind(output: "y", to: Tensor([Float](repeating: 0, count: 4), sizes: [2, 2]))
    }
    let narrow = try TensorStorage.allocate(byteCount: 384)
    #expect(throws: TensorError.self) {
      try Tensor(dataType: .float32, sizes: [192], format: Format(storage: .float16), storage: narrow)
    }
    // Sizes that only the run shows.
    try request.bind(output: "y", to: filled(0, 4))
    expectWrongInput("y") { try request.run() }
    expectWrongInput("y") { _ = try request.run(["x": filled(1, 8)]) }
    try request.bind(output: "y", to: filled(0, 192))
    try request.run()
  }

  /// A start and an end that stand in inputs: sizes depend on them, or only elements.
  @Test(arguments: backends)
  func integersThatDecideSizesAreReadInEachRun(_ backend: BackendChoice) throws {
    let slice = ModelBytes.model(
      [ModelBytes.node("Slice", ["x", "from", "to"], ["y"])],
      [
        ModelBytes.port("x", .float, [8]), ModelBytes.port("from", .int64, [1]),
        ModelBytes.port("to", .int64, [1]),
      ], [ModelBytes.port("y", .float, ["M"])])
    let request = try compiled(slice).makeRequest(backend: backend, threads: 1)
    let (from, to) = (try Tensor([0] as [Int64], sizes: [1]), try Tensor([4] as [Int64], sizes: [1]))
    let y = try filled(0, 4)
    try request.bind(input: "x", to: Tensor((0..<8).map { Float($0) }, sizes: [8]))
    try request.bind(input: "from", to: from)
    try request.bind(input: "to", to: to)
    try request.bind(output: "y", to: y)
    try request.run()
    #expect(try y.elements(of: Float.self) == [0, 1, 2, 3])
    try set(from, [3] as [Int64])
    try set(to, [7] as [Int64])
    try request.run()
    #expect(try y.elements(of: Float.self) == [3, 4, 5, 6])
    try set(to, [8] as [Int64])
    expectWrongInput("y") { try request.run() }
    try set(to, [7] as [Int64])
    try request.run()
    #expect(try y.elements(of: Float.self) == [3, 4, 5, 6])
  }

  @Test(arguments: backends)
  func inputsThatAreCopiedAreCopiedInEachRun(_ backend: BackendChoice) throws {
    let request = try compiled(Self.add).makeRequest(backend: backend, threads: 1)
    let storage = try TensorStorage.allocate(byteCount: 300)
    let x = try Tensor(dataType: .float32, sizes: [64], storage: storage, byteOffset: 2)
    let y = try filled(0, 64)
    try request.bind(input: "x", to: x)
    try request.bind(output: "y", to: y)
    for value in [Float(1), 5] {
      try set(x, [Float](repeating: value, count: 64))
      try request.run()
      #expect(try y.elements(of: Float.self) == [Float](repeating: value + 1, count: 64))
    }
    let turn = ModelBytes.model(
      [ModelBytes.node("Add", ["x", "one"], ["y"])], [ModelBytes.port("x", .float, [2, 3])],
      [ModelBytes.port("y", .float, [2, 3])], [ModelBytes.floats("one", [1])])
    let turned = try compiled(turn).makeRequest(backend: backend, threads: 1)
    let columns = try Tensor(
      uninitialized: .float32, sizes: [2, 3], format: Format(storage: .float32, layout: .order([1, 0])))
    let rows = try Tensor([Float](repeating: 0, count: 6), sizes: [2, 3])
    try turned.bind(input: "x", to: columns)
    try turned.bind(output: "y", to: rows)
    for step in [Float(1), 10] {
      let byColumns: [Float] = [0, 3, 1, 4, 2, 5]
      try set(columns, byColumns.map { $0 * step })
      try turned.run()
      let expected: [Float] = (0..<6).map { i -> Float in Float(i) * step + 1 }
      #expect(try rows.elements(of: Float.self) == expected)
    }
  }

  /// Sizes that depend on data, and results that no plan makes.
  @Test(arguments: backends)
  func everyBoundOutputIsWritten(_ backend: BackendChoice) throws {
    let model = ModelBytes.model(
      [
        ModelBytes.node("NonZero", ["x"], ["places"]), ModelBytes.node("Identity", ["x"], ["same"]),
        ModelBytes.node(
          "If", ["c"], ["chosen"],
          [
            "then_branch": .graph(
              ModelBytes.graph(
                [ModelBytes.node("Neg", ["x"], ["a"])], [], [ModelBytes.port("a", .float, [4])])),
            "else_branch": .graph(
              ModelBytes.graph(
                [ModelBytes.node("Abs", ["x"], ["b"])], [], [ModelBytes.port("b", .float, [4])])),
          ]), ModelBytes.node("Identity", ["fixed"], ["constant"]),
      ], [ModelBytes.port("x", .float, [4]), ModelBytes.port("c", .bool, [])],
      [
        ModelBytes.port("places", .int64, [1, "K"]), ModelBytes.port("same", .float, [4]),
        ModelBytes.port("chosen", .float, [4]), ModelBytes.port("constant", .float, [2]),
      ], [ModelBytes.floats("fixed", [3, 4])])
    let request = try compiled(model).makeRequest(backend: backend, threads: 1)
    let places = try Tensor([-7, -7] as [Int64], sizes: [1, 2])
    let (same, chosen, constant) = (try filled(-7, 4), try filled(-7, 4), try filled(-7, 2))
    try request.bind(input: "x", to: Tensor([1, 0, -2, 0] as [Float], sizes: [4]))
    try request.bind(input: "c", to: Tensor(scalar: true))
    for (name, tensor) in [("places", places), ("same", same), ("chosen", chosen), ("constant", constant)] {
      try request.bind(output: name, to: tensor)
    }
    try request.run()
    #expect(try places.elements(of: Int64.self) == [0, 2])
    #expect(try same.elements(of: Float.self) == [1, 0, -2, 0])
    #expect(try chosen.elements(of: Float.self) == [-1, 0, 2, 0])
    #expect(try constant.elements(of: Float.self) == [3, 4])
    try request.bind(input: "x", to: Tensor([1, 2, -2, 0] as [Float], sizes: [4]))
    expectWrongInput("places") { try request.run() }
  }

  @Test func memoryIsNotSharedWithAnOutput() throws {
    let two = ModelBytes.model(
      [ModelBytes.node("Add", ["a", "b"], ["s"]), ModelBytes.node("Sub", ["a", "b"], ["d"])],
      [ModelBytes.port("a", .float, [4]), ModelBytes.port("b", .float, [4])],
      [ModelBytes.port("s", .float, [4]), ModelBytes.port("d", .float, [4])])
    let request = try compiled(two).makeRequest(backend: .simd, threads: 1)
    let storage = try TensorStorage.allocate(byteCount: 32)
    func part(_ offset: Int) throws -> Tensor {
      try Tensor(dataType: .float32, sizes: [4], storage: storage, byteOffset: offset)
    }
    try request.bind(input: "a", to: part(0))
    expectWrongInput("s") { try request.bind(output: "s", to: part(0)) }
    expectWrongInput("s") { try request.bind(output: "s", to: part(12)) }
    try request.bind(output: "s", to: part(16))
    expectWrongInput("d") { try request.bind(output: "d", to: part(16)) }
    expectWrongInput("s") { try request.bind(input: "b", to: part(8)) }
    expectWrongInput("s") { _ = try request.run(["a": filled(1, 4), "b": part(16)]) }
    try request.unbind(output: "s")
    try request.bind(input: "b", to: part(16))
    let sums = try request.run(["a": filled(1, 4), "b": filled(2, 4)])
    #expect(try sums["s"]?.elements(of: Float.self) == [3, 3, 3, 3])
  }

  /// Arenas of all requests of a model have one bound.
  @Test func arenasHaveOneBound() throws {
    let wide = ModelBytes.model(
      [
        ModelBytes.node("Add", ["x", "one"], ["a"]), ModelBytes.node("Softmax", ["a"], ["b"]),
        ModelBytes.node("MatMul", ["b", "w"], ["c"]), ModelBytes.node("Softmax", ["c"], ["y"]),
      ], [ModelBytes.port("x", .float, ["N", 16])], [ModelBytes.port("y", .float, ["N", 16])],
      [
        ModelBytes.floats("one", [1]),
        ModelBytes.floats("w", (0..<256).map { Float($0 % 5) }, sizes: [16, 16]),
      ])
    var options = CompileOptions(tuningSeconds: 0.05, planByteLimit: 1 << 20)
    options.optimization = .none
    let model = try compiled(wide, options)
    var requests: [InferenceRequest] = []
    for _ in 0..<8 {
      let request = try model.makeRequest(backend: .simd, threads: 1)
      for n in stride(from: 1000, through: 4000, by: 500) {
        _ = try request.run(["x": Tensor([Float](repeating: 0.5, count: n * 16), sizes: [n, 16])])
        #expect(model.arenaByteCount <= 1 << 20)
      }
      requests.append(request)
    }
    #expect(model.arenaByteCount > 0)
    requests = []
    #expect(model.arenaByteCount == 0)
  }

  /// A position that decides no size has one plan.
  @Test(arguments: backends)
  func aCounterHasOnePlan(_ backend: BackendChoice) throws {
    let counter = ModelBytes.model(
      [
        ModelBytes.node("Cast", ["pos"], ["p"], ["to": .int(1)]), ModelBytes.node("Add", ["x", "p"], ["s"]),
        ModelBytes.node("Gather", ["table", "pos"], ["row"]), ModelBytes.node("Add", ["s", "row"], ["y"]),
      ], [ModelBytes.port("x", .float, [4]), ModelBytes.port("pos", .int64, [])],
      [ModelBytes.port("y", .float, [4])],
      [ModelBytes.floats("table", (0..<400).map { Float($0) }, sizes: [100, 4])])
    let model = try compiled(counter)
    let request = try model.makeRequest(backend: backend, threads: 1)
    let x = try filled(1, 4)
    var byteCount: Int?
    for i in 0..<100 {
      let y = try request.run(["x": x, "pos": Tensor(scalar: Int64(i))])["y"]
      let expected: [Float] = (0..<4).map { j -> Float in Float(1 + 5 * i + j) }
      #expect(try y?.elements(of: Float.self) == expected)
      #expect(byteCount == nil || byteCount == model.planByteCount)
      byteCount = model.planByteCount
    }
  }

  /// The bits of a model do not depend on which number of threads was planned first.
  @Test(arguments: NumericsPolicy.allCases)
  func bitsDoNotDependOnWhatWasPlannedBefore(_ numerics: NumericsPolicy) throws {
    let weights = pattern(65_536, step: 37, modulus: 101)
    let product = ModelBytes.model(
      [ModelBytes.node("MatMul", ["x", "w"], ["y"])], [ModelBytes.port("x", .float, ["N", 256])],
      [ModelBytes.port("y", .float, ["N", 256])], [ModelBytes.floats("w", weights, sizes: [256, 256])])
    let x = try Tensor(pattern(64 * 256, step: 13, modulus: 97), sizes: [64, 256])
    func bits(_ threads: [Int]) throws -> [Int: [Float]] {
      let model = try compiled(product, CompileOptions(numerics: numerics))
      var found: [Int: [Float]] = [:]
      for count in threads {
        found[count] = try model.run(["x": x], backend: .simd, threads: count)["y"]?.elements(of: Float.self)
      }
      return found
    }
    let (up, down) = (try bits([1, 2]), try bits([2, 1]))
    #expect(up == down)
    if numerics == .strict { #expect(up[1] == up[2]) }
  }
}
