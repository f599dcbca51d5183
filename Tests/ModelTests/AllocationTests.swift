import Foundation
import Needletail
import RecordedData
import Testing

/// A run with inputs and outputs bound asks for no memory after the first.
///
/// Counted in a process of its own, where nothing else allocates.
@Suite struct AllocationTests {
  static let models: [String] = {
    let bundled = ["mnist_mlp", "mnist_cnn_bn", "keras_mnist_cnn"].map {
      "\(Folders.bundled)/\($0)/\($0).onnx"
    }
    let shared = Folders.shared.map { ["\($0)/models/mobilenet_v2_1.0_224_float/model.onnx"] } ?? []
    return bundled + shared
  }()

  @Test(arguments: models, [1, 2])
  func none(_ model: String, _ threads: Int) throws {
    let name = model.split(separator: "/").dropLast().last ?? ""
    for backend in Backends.shared.available where backend != .naive {
      guard let (own, libraries) = try Self.count(model, backend, threads: threads) else { continue }
      #expect(own == 0, "\(name) on \(backend.rawValue)")
      // The libraries allocate for themselves, which is theirs to decide, and ours to tell.
      if libraries > 0, threads == 1 {
        print("\(backend.rawValue) allocates \(Double(libraries) / 10) times per run of \(name)")
      }
    }
  }

  /// Allocations of ten runs after the first few: our own, and the libraries'.
  static func count(
    _ model: String, _ backend: BackendChoice, threads: Int
  ) throws -> (own: Int, libraries: Int)? {
    guard let executable else {
      Issue.record("AllocationProbe was not built")
      return nil
    }
    let probe = Process()
    probe.executableURL = executable
    probe.arguments = [model, backend.rawValue, "\(threads)", "10"]
    let output = Pipe()
    probe.standardOutput = output
    try probe.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    probe.waitUntilExit()
    let numbers = text.split { $0 == " " || $0 == "\n" }.map { Int($0) }
    guard numbers.count == 2, let own = numbers[0], let libraries = numbers[1] else {
      Issue.record("\(model) on \(backend.rawValue): \(text)")
      return nil
    }
    return (own, libraries)
  }

  /// Beside the test bundle.
  static let executable: URL? = {
    let folder = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    let found = folder.appendingPathComponent("AllocationProbe")
    return FileManager.default.isExecutableFile(atPath: found.path) ? found : nil
  }()
}
