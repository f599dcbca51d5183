import Foundation
import Host
import Needletail
import RecordedData
import Testing

/// A process that uses threads may fork, and may exit at any time.
@Suite struct ProcessTests {
  private static let model = Folders.bundled + "/mnist_cnn_bn/mnist_cnn_bn.onnx"

  @Test(arguments: Backends.shared.available)
  func childrenComputeAndExit(_ backend: BackendChoice) throws {
    try run("fork", backend, 200)
  }

  @Test(arguments: Backends.shared.available)
  func exitsWhileThreadsRun(_ backend: BackendChoice) throws {
    for index in 0..<10 { try run("exit", backend, index * 500) }
  }

  private func run(_ what: String, _ backend: BackendChoice, _ count: Int) throws {
    let probe = try #require(
      AllocationTests.executable?.deletingLastPathComponent().appendingPathComponent("ProcessProbe").path)
    let result = try runProgram(probe, [what, Self.model, backend.rawValue, "\(count)"], input: [])
    let words = String(decoding: result.output + result.errors, as: UTF8.self)
    #expect(result.exitCode == 0, "\(what) on \(backend.rawValue): \(words)")
  }
}
