import Foundation
import Needletail
import TestSupport
import Testing

/// Models whose sizes have names run on any, and what is kept of the sizes they ran on is bounded.
@Suite struct DynamicShapeTests {
  private let folder = TemporaryFolder()
  private let path: String

  init() { path = folder.write("dynamic.onnx", TinyModel.dynamicBytes()) }

  private static func input(_ batch: Int, _ length: Int) throws -> Tensor {
    try Tensor(
      (0..<batch * length * 4).map { Float(($0 * 7919) % 1000) / 500 - 1 }, sizes: [batch, length, 4])
  }

  private static let sizes = [(1, 1), (3, 5), (0, 4), (4, 0), (0, 0), (17, 2), (3, 5), (1, 64)]

  @Test(arguments: Backends.shared.available, Optimization.allCases)
  func everySizeGivesTheSameAsAModelOfItsOwn(_ backend: BackendChoice, _ optimization: Optimization) throws {
    let model = try Model(contentsOf: path)
    let request = try model.compile(CompileOptions(optimization: optimization, tuningSeconds: 0.05))
      .makeRequest(
        backend: backend, threads: 1)
    for (batch, length) in Self.sizes {
      let inputs = ["x": try Self.input(batch, length)]
      let found = try request.run(inputs)
      let expected = try model.compile(CompileOptions(optimization: .none)).makeRequest(
        backend: .naive, threads: 1
      )
      .run(inputs)
      let scores = try #require(try found["p"]?.floats())
      let expectedScores = try #require(try expected["p"]?.floats())
      #expect(found["p"]?.sizes == [batch, length, 8])
      #expect(zip(scores, expectedScores).allSatisfy { abs($0 - $1) < 1e-5 })
      #expect(try found["found"]?.elements(of: Int64.self) == expected["found"]?.elements(of: Int64.self))
      #expect(found["found"]?.sizes == [scores.count { $0 > 0.125 }, 4])
    }
  }

  @Test func leastRecentlyUsedPlansGoFirst() throws {
    let compiled = try Model(contentsOf: path).compile(CompileOptions(planByteLimit: 200_000))
    let request = try compiled.makeRequest(backend: .simd, threads: 1)
    func run(_ batch: Int) throws { _ = try request.run(["x": try Self.input(batch, 3)]) }
    try run(1)
    let one = compiled.planByteCount
    #expect(one > 0 && one < 50_000)
    for batch in 2..<200 {
      try run(batch)
      try run(1)
      #expect(compiled.planByteCount <= 200_000)
    }
    #expect(compiled.planEvictionCount > 0)
    // The one that was always used is still there: nothing is made, nothing goes.
    let before = (compiled.planByteCount, compiled.planEvictionCount)
    try run(1)
    #expect(before == (compiled.planByteCount, compiled.planEvictionCount))
  }

  @Test func onePlanStaysHoweverSmallTheLimit() throws {
    let compiled = try Model(contentsOf: path).compile(CompileOptions(planByteLimit: 0))
    let request = try compiled.makeRequest(backend: .simd, threads: 1)
    for batch in [1, 2, 1, 2] {
      #expect(try request.run(["x": try Self.input(batch, 3)])["p"]?.sizes == [batch, 3, 8])
    }
  }

  #if DEBUG
    private static let shapeCount = 500
    /// The heap has not seen all of its uses by then.
    private static let slack = 32 << 20
  #else
    private static let shapeCount = 10_000
    private static let slack = 4 << 20
  #endif

  /// In a process of its own, where nothing else allocates.
  @Test(arguments: [BackendChoice.simd, .auto])
  func memoryStaysFlatUnderTenThousandShapes(_ backend: BackendChoice) throws {
    let probe = Process()
    let executable: URL = try #require(AllocationTests.executable)
    probe.executableURL = executable
    let limit = 2 << 20
    probe.arguments = ["shapes", path, backend.rawValue, "\(Self.shapeCount)", "\(limit)"]
    // oneDNN keeps up to 1,024 primitives of its own, whoever made them: what is ours is looked at.
    probe.environment = ProcessInfo.processInfo.environment.merging(["ONEDNN_PRIMITIVE_CACHE_CAPACITY": "0"])
    { $1 }
    let output = Pipe()
    probe.standardOutput = output
    try probe.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    probe.waitUntilExit()
    let numbers = text.split { $0 == " " || $0 == "\n" }.compactMap { Int($0) }
    try #require(numbers.count == 4, "\(text)")
    let (early, late, held, evictions) = (numbers[0], numbers[1], numbers[2], numbers[3])
    #expect(held <= limit)
    #expect(evictions > Self.shapeCount / 2)
    #expect(late - early < Self.slack, "\(early) bytes after a fifth of the shapes, \(late) after all")
  }
}
