import CompiledFile
import Kernels
import Needletail
import RecordedData
import Tensors
import TestSupport
import Testing

/// A compiled file gives the plans that it was written with, and whatever is wrong with one is told.
@Suite struct CompiledFileTests {
  private static let source = Folders.bundled + "/mnist_cnn_bn/mnist_cnn_bn.onnx"
  private let folder = TemporaryFolder()
  private var path: String { folder.path + "/model.ntl" }

  /// Writes the bundled model with plans for `batches`.
  @discardableResult
  private func write(
    _ backend: BackendChoice, batches: [Int] = [1], options: CompileOptions = CompileOptions(),
    packedOnly: Bool = false
  ) throws -> [[String: RuntimeValue]] {
    let model = try Model(contentsOf: Self.source)
    let compiled = try model.compile(options)
    let request = try compiled.makeRequest(backend: backend, threads: 2)
    let results = try batches.map { try request.run(values: InputMaker(batch: $0).values(for: model)) }
    try compiled.write(to: path, packedOnly: packedOnly)
    return results
  }

  private func kernels(_ compiled: CompiledModel, _ backend: BackendChoice, threads: Int = 2) throws
    -> [String]
  {
    let model = try Model(contentsOf: Self.source)
    let request = try compiled.makeRequest(backend: backend, threads: threads)
    return try request.planFacts(for: InputMaker(batch: 1).values(for: model)).labels.map(\.kernel)
  }

  private func run(_ model: Model, _ backend: BackendChoice, batch: Int = 1, threads: Int = 2) throws
    -> [String: RuntimeValue]
  {
    let request = try model.compile().makeRequest(backend: backend, threads: threads)
    return try request.run(values: InputMaker(batch: batch).values(for: model))
  }

  private func expectSame(_ a: [String: RuntimeValue], _ b: [String: RuntimeValue]) throws {
    #expect(a.keys.sorted() == b.keys.sorted())
    for (name, value) in a {
      let one = try #require(try value.tensor?.floats())
      #expect(try b[name]?.tensor?.floats() == one, "\(name)")
    }
  }

  @Test(arguments: Backends.shared.available)
  func givesTheSamePlanAndTheSameBits(_ backend: BackendChoice) throws {
    let expected = try write(backend, batches: [1, 5])
    let model = try Model(contentsOf: path)
    #expect(model.isCompiled)
    #expect(model.file.warnings.isEmpty)
    try expectSame(expected[0], run(model, backend))
    try expectSame(expected[1], run(model, backend, batch: 5))
    let original = try Model(contentsOf: Self.source)
    #expect(model.inputs == original.inputs)
    #expect(model.outputs.map(\.name) == original.outputs.map(\.name))
  }

  @Test func neitherMeasuresNorPacks() throws {
    try write(.auto)
    let compiled = try Model(contentsOf: path).compile(CompileOptions(tuningSeconds: 0))
    let written = try CompiledFile(contentsOf: path)
    let choice = try #require(written.choices.values.first)
    let here = try kernels(compiled, .auto)
    #expect(choice.kernels.filter { $0 != "view" }.allSatisfy { here.contains($0) })
    // Nothing was packed beside what the file holds; constants that lay askew in the ONNX file lie well here.
    let packed = written.packed.filter { !$0.key.format.hasPrefix("tensor ") }
    #expect(compiled.packedByteCount == packed.values.reduce(0) { $0 + $1.storage.bytes.count })
  }

  @Test func servesOtherSizesThreadsAndBackends() throws {
    try write(.simd)
    let model = try Model(contentsOf: path)
    let original = try Model(contentsOf: Self.source)
    for (backend, batch, threads) in [
      (BackendChoice.simd, 3, 2), (.simd, 1, 1), (.naive, 2, 1), (.auto, 1, 2),
    ] {
      let a = try run(model, backend, batch: batch, threads: threads)
      let b = try run(original, .naive, batch: batch, threads: threads)
      for (name, value) in b {
        let expected = try #require(try value.tensor?.floats())
        let found = try #require(try a[name]?.tensor?.floats())
        #expect(zip(expected, found).allSatisfy { abs($0 - $1) < 1e-5 })
      }
    }
  }

  @Test func packedWeightsAloneServeTheirPlans() throws {
    let expected = try write(.simd)
    let whole = try Model(contentsOf: path).file.fileByteCount
    try write(.simd, packedOnly: true)
    let model = try Model(contentsOf: path)
    #expect(model.file.fileByteCount < whole)
    try expectSame(expected[0], run(model, .simd))
    let error = #expect(throws: EngineError.self) { try run(model, .naive) }
    #expect("\(try #require(error))".contains("without its original weights"))
  }

  @Test func anotherEngineIsToldAndPlansAnew() throws {
    let expected = try write(.simd)
    var file = try CompiledFile(contentsOf: path)
    for i in file.key.indices where file.key[i].name == "engine" { file.key[i].value = "0.0.0" }
    let other = folder.path + "/other.ntl"
    try file.write(to: other)
    let model = try Model(contentsOf: other)
    #expect(model.file.warnings.contains { $0.contains("engine") && $0.contains("0.0.0") })
    try expectSame(expected[0], run(model, .simd))
  }

  @Test func optionsAreThoseOfTheFile() throws {
    try write(.simd, options: CompileOptions(numerics: .strict))
    let model = try Model(contentsOf: path)
    #expect(try model.compile().options.numerics == .strict)
    #expect(throws: EngineError.self) { try model.compile(CompileOptions(optimization: .folded)) }
  }

  @Test func aFolderThatIsNotThereIsAnError() throws {
    let compiled = try Model(contentsOf: Self.source).compile()
    #expect(throws: EngineError.self) { try compiled.write(to: folder.path + "/none/model.ntl") }
  }

  // MARK: Damage

  @Test func everyCutIsFound() throws {
    try write(.simd)
    let bytes = Folders.contents(of: path)
    for count in [1, 7, 8, 20, 63, 64, 65, bytes.count / 2, bytes.count - 1] {
      let cut = folder.write("cut.ntl", Array(bytes.prefix(count)))
      #expect(throws: EngineError.self) { try run(Model(contentsOf: cut), .simd) }
    }
    let longer = folder.write("longer.ntl", bytes + [0])
    #expect(throws: EngineError.self) { try Model(contentsOf: longer) }
  }

  /// One changed bit is found, or lies between the parts, where nobody reads.
  @Test func changedBitsNeverChangeResults() throws {
    let expected = try write(.simd)
    let bytes = Folders.contents(of: path)
    var random = SeededGenerator(seed: 7)
    var refused = 0
    for _ in 0..<150 {
      var changed = bytes
      let position = Int(random.next() % UInt64(bytes.count))
      changed[position] ^= 1 << UInt8(random.next() % 8)
      let other = folder.write("changed.ntl", changed)
      do { try expectSame(expected[0], run(Model(contentsOf: other), .simd)) } catch is EngineError {
        refused += 1
      }
    }
    // Original weights are not read by this plan; most of the rest is.
    #expect(refused > 30)
  }

  /// Whatever a description says under a right checksum, the answer is an error or a run: no trap, no wild read.
  @Test func hostileDescriptionsAreRefusedOrHarmless() throws {
    try write(.simd)
    let bytes = Folders.contents(of: path)
    func word(_ offset: Int, _ bytes: [UInt8]) -> UInt64 {
      (0..<8).reduce(0) { $0 | UInt64(bytes[offset + $1]) << UInt64(8 * $1) }
    }
    func put(_ word: UInt64, _ offset: Int, _ bytes: inout [UInt8]) {
      for i in 0..<8 { bytes[offset + i] = UInt8(truncatingIfNeeded: word >> UInt64(8 * i)) }
    }
    func checksum(_ range: Swift.Range<Int>, _ bytes: [UInt8]) -> UInt64 {
      bytes.withUnsafeBytes {
        Checksum.of(Bytes(base: $0.baseAddress! + range.lowerBound, count: range.count))
      }
    }
    let start = Int(word(16, bytes))
    let count = Int(word(24, bytes))
    var random = SeededGenerator(seed: 11)
    for i in 0..<300 {
      var changed = bytes
      let position = start + Int(random.next() % UInt64(count))
      if i % 3 == 0 {
        let values: [UInt64] = [0, 1, .max, 1 << 62, UInt64(bytes.count), 64, 1 << 31]
        let aligned = min(start + (position - start) / 8 * 8, start + count - 8)
        put(values[i / 3 % values.count], aligned, &changed)
      } else {
        changed[position] = UInt8(truncatingIfNeeded: random.next())
      }
      put(checksum(start..<start + count, changed), 32, &changed)
      put(checksum(0..<48, changed), 48, &changed)
      let other = folder.write("hostile.ntl", changed)
      do { _ = try run(Model(contentsOf: other), .simd) } catch is EngineError {}
    }
  }
}

/// Plans that may not take more memory than they are given.
@Suite struct MemoryPreferenceTests {
  private func facts(_ options: CompileOptions) throws -> (packed: Int, kernels: [String]) {
    let model = try Model(contentsOf: Folders.bundled + "/mnist_cnn_bn/mnist_cnn_bn.onnx")
    let compiled = try model.compile(options)
    let request = try compiled.makeRequest(backend: .simd, threads: 1)
    let facts = try request.planFacts(for: InputMaker(batch: 8).values(for: model))
    return (compiled.packedByteCount, facts.labels.map(\.kernel))
  }

  @Test func memoryIsPreferredWhereAsked() throws {
    let fast = try facts(CompileOptions())
    let small = try facts(CompileOptions(prefer: .memory))
    #expect(fast.kernels.contains { $0.contains("winograd") })
    #expect(!small.kernels.contains { $0.contains("winograd") })
    #expect(small.packed < fast.packed)
  }

  @Test func theFastestPlanThatFitsIsTaken() throws {
    let fast = try facts(CompileOptions())
    let small = try facts(CompileOptions(prefer: .memory))
    let limited = try facts(CompileOptions(memoryLimit: small.packed + 2_000_000))
    #expect(limited.packed <= small.packed + 2_000_000)
    let roomy = try facts(CompileOptions(memoryLimit: fast.packed + 50_000_000))
    #expect(roomy.kernels == fast.kernels)
  }

  @Test func whatCannotFitIsRefusedWithItsBytes() throws {
    let error = #expect(throws: EngineError.self) { try facts(CompileOptions(memoryLimit: 1_000)) }
    #expect("\(try #require(error))".contains("the limit is 1000"))
  }
}
