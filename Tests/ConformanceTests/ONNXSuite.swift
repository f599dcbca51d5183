import Foundation
import Needletail
import RecordedData
import Synchronization
import TestSupport

/// The ONNX backend test suite, unpacked into a folder that goes away with the tests.
struct ONNXSuite: Sendable {
  enum Outcome: Sendable {
    case passed
    /// The model uses something that Needletail does not have; it said so before running anything.
    case refused(String)
    case failed(String)
  }

  private let folder: TemporaryFolder
  let cases: [String: [RecordedModel]]

  static let shared = ONNXSuite()

  private init?() {
    guard let data = Folders.shared else { return nil }
    let archives = Folders.entries(of: data + "/onnx-suite").filter { $0.hasSuffix(".tar.gz") }
    guard let archive = archives.first else { return nil }
    folder = TemporaryFolder()
    let tar = Process()
    tar.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    tar.arguments = [
      "tar", "-xzf", "\(data)/onnx-suite/\(archive)", "-C", folder.path, "--strip-components=1",
    ]
    do { try tar.run() } catch { return nil }
    tar.waitUntilExit()
    if tar.terminationStatus != 0 { return nil }
    var cases: [String: [RecordedModel]] = [:]
    for category in ["node", "simple", "pytorch-converted", "pytorch-operator"] {
      cases[category] = RecordedModel.all(below: "\(folder.path)/\(category)")
    }
    self.cases = cases
  }

  /// Runs every case of a category on `backend`, many at a time, each on one thread.
  func run(_ category: String, on backend: BackendChoice) -> [(name: String, outcome: Outcome)] {
    run(category) { Self.run($0, on: backend) }
  }

  /// Writes every case of a category as ONNX, optimized, and runs what was written as it is.
  func runExported(_ category: String) -> [(name: String, outcome: Outcome)] {
    let folder = TemporaryFolder()
    return run(category) { recorded in
      let name = recorded.path.map { $0 == "/" ? "_" : String($0) }.joined()
      return Self.run(recorded, on: .naive, through: "\(folder.path)/\(name)")
    }
  }

  private func run(
    _ category: String, _ body: @Sendable (RecordedModel) -> Outcome
  ) -> [(name: String, outcome: Outcome)] {
    let cases = cases[category] ?? []
    let outcomes = Mutex([Outcome?](repeating: nil, count: cases.count))
    DispatchQueue.concurrentPerform(iterations: cases.count) { i in
      let outcome = body(cases[i])
      outcomes.withLock { $0[i] = outcome }
    }
    let found = outcomes.withLock { $0 }
    return zip(cases, found).map { ($0.name, $1 ?? .failed("did not run")) }
  }

  /// `path`: where the model is written and read again on its way.
  private static func run(
    _ recorded: RecordedModel, on backend: BackendChoice, through path: String? = nil
  ) -> Outcome {
    var model: Model
    do {
      model = try Model(contentsOf: recorded.path)
      if let path { try model.export(to: path) }
    } catch let error as EngineError {
      return error.kind == .modelRejected ? .refused(error.description) : .failed(error.description)
    } catch { return .failed("\(error)") }
    do {
      if let path { model = try Model(contentsOf: path) }
      let options = CompileOptions(optimization: path == nil ? .full : .none)
      let request = try model.compile(options).makeRequest(backend: backend, threads: 1)
      let relative = model.drawsAtRandom ? Double.infinity : 1e-3
      for set in recorded.sets {
        let run = try RecordedModel.run(at: set, of: model)
        let found = try request.run(values: run.inputs)
        if let what = run.mismatch(
          found, .elementwise(relative: relative, absolute: relative < 1 ? 1e-7 : relative))
        {
          return .failed(what)
        }
      }
      return .passed
    } catch { return .failed("\(error)") }
  }
}
