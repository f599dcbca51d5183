import Glibc
import Needletail
import RecordedData
import TestSupport
import Testing

/// A damaged file is an error or a model that runs: a trap would end the test process.
///
/// The damaged bytes stand in a file while they are tried, so that a trap leaves its cause behind.
@Suite struct DamagedModelTests {
  static let seed: UInt64 = 20_261_121

  /// The models of one node are too many and too small to tell more.
  static let models = RecordedModelTests.bundled.filter { !$0.name.hasPrefix("onnx/") }

  @Test(arguments: models)
  func truncated(_ recorded: ModelTestCase) throws {
    let bytes = Folders.contents(of: recorded.modelPath)
    var random = SplitMix(Self.seed)
    // All of the first lengths, where headers are, and a sample of the others.
    let lengths = Array(0..<200) + (0..<100).map { _ in random.below(bytes.count) } + [bytes.count - 1]
    try Self.tryAll(recorded, lengths.map { length in Array(bytes.prefix(length)) }, "length", lengths)
  }

  @Test(arguments: models)
  func flipped(_ recorded: ModelTestCase) throws {
    let bytes = Folders.contents(of: recorded.modelPath)
    for round in 0..<300 {
      var random = SplitMix(Self.seed &+ UInt64(round))
      var damaged = bytes
      for _ in 0...random.below(4) {
        // Nearly all bytes are weights, which may be anything; the structure is where harm can be done.
        let position =
          Bool.random(using: &random) ? random.below(bytes.count) : Self.structural(bytes, &random)
        damaged[position] ^= UInt8(1 << random.below(8))
      }
      try Self.tryAll(recorded, [damaged], "round", [round])
    }
  }

  /// A position in the first or last 2 KiB of the file, where names, shapes and attributes of these models
  /// stand.
  private static func structural(_ bytes: [UInt8], _ random: inout SplitMix) -> Int {
    let offset = random.below(min(2048, bytes.count))
    return Bool.random(using: &random) ? offset : bytes.count - 1 - offset
  }

  private static func tryAll(_ recorded: ModelTestCase, _ files: [[UInt8]], _ what: String, _ labels: [Int])
    throws
  {
    let intact = try Model(contentsOf: recorded.modelPath)
    let inputs = try #require(recorded.sets.last).inputs(of: intact)
    // Names of cases hold the folders on the way to them.
    let name = recorded.name.split(separator: "/").joined(separator: "-")
    let folder = TemporaryFolder()
    for (bytes, label) in zip(files, labels) {
      let path = "\(folder.path)/\(name)-\(what)-\(label).onnx"
      Folders.write(bytes, to: path)
      do {
        let compiled = try Model(contentsOf: path).compile()
        _ = try compiled.makeRequest(backend: .simd, threads: 1).run(values: inputs)
      } catch let error as EngineError {
        #expect(!error.description.isEmpty)
      } catch {
        Issue.record("\(recorded.name), seed \(seed), \(what) \(label): \(error) is no EngineError")
      }
      unlink(path)
    }
  }
}

/// Sebastiano Vigna's SplitMix64.
struct SplitMix: RandomNumberGenerator {
  private var state: UInt64
  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }
}
