import Foundation
import Needletail
import RecordedData
import Synchronization
import TestSupport

/// The ONNX backend test suite, unpacked into a folder that goes away with the tests.
struct ONNXSuite: Sendable {
  /// A network whose input is `arange(n) / n`, with the answer that was recorded.
  struct Light: Sendable {
    var name: String
    var modelPath: String
    var outputPath: String
  }

  private let folder: TemporaryFolder
  /// Of node, simple, pytorch-converted and pytorch-operator.
  let cases: [ModelTestCase]
  let light: [Light]

  /// The suite's own tolerance, and half a unit of the last place of the largest element: a small result of sums of
  /// large terms was recorded with that error.
  static let tolerance = Tolerance(relative: 1e-3, absolute: 1e-7, scaled: 0x1p-24)

  static let shared = ONNXSuite()

  private init?() {
    guard let data = Folders.shared else { return nil }
    let archives = Folders.entries(of: data + "/onnx-suite").filter { $0.hasSuffix(".tar.gz") }
    guard let archive = archives.first else { return nil }
    let folder = TemporaryFolder()
    let tar = Process()
    tar.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    tar.arguments = [
      "tar", "-xzf", "\(data)/onnx-suite/\(archive)", "-C", folder.path, "--strip-components=1",
    ]
    do { try tar.run() } catch { return nil }
    tar.waitUntilExit()
    if tar.terminationStatus != 0 { return nil }
    self.folder = folder
    cases = ModelTestCase.find(below: folder.path)
    light = Folders.entries(of: folder.path + "/light").filter { $0.hasSuffix(".onnx") }.map { file in
      let name = String(file.dropLast(".onnx".count))
      let path = "\(folder.path)/light/\(name)"
      return Light(name: name, modelPath: path + ".onnx", outputPath: path + "_output_0.pb")
    }
  }

  /// What came of every case.
  func run(on backend: BackendChoice, _ optimization: Optimization) -> [ModelTestResult] {
    let runner = ModelTestRunner(
      backends: [backend], optimizations: [optimization], tolerance: Self.tolerance, threads: 1)
    return results { _, test in runner.run(test) }
  }

  /// What came of every case whose model was optimized, written as ONNX and read again.
  func runExported() -> [ModelTestResult] {
    let runner = ModelTestRunner(
      backends: [.naive], optimizations: [.none], tolerance: Self.tolerance, threads: 1)
    return results { i, test in
      var written = test
      written.modelPath = "\(folder.path)/written-\(i).onnx"
      do {
        try Model(contentsOf: test.modelPath).export(to: written.modelPath, optimization: .full)
      } catch let error as EngineError where error.kind == .modelRejected {
        return .refused("\(error)")
      } catch {
        return .failed("\(error)")
      }
      return runner.run(written)
    }
  }

  /// Many cases at a time, each on one thread.
  private func results(_ run: @Sendable (Int, ModelTestCase) -> ModelTestResult) -> [ModelTestResult] {
    let results = Mutex([ModelTestResult](repeating: .failed("did not run"), count: cases.count))
    DispatchQueue.concurrentPerform(iterations: cases.count) { i in
      let result = run(i, cases[i])
      results.withLock { $0[i] = result }
    }
    return results.withLock { $0 }
  }
}

extension ModelTestCase {
  private static let coreTypes: Set<DataType> = [.float32, .int8, .int32, .int64, .uint8, .bool]

  /// Whether it is of the core that every engine should have: a node of the standard's own domain, on tensors of float32,
  /// int8, int32, int64, uint8 and bool, that is no training, no loss, no chance, no decoder of pictures, and not the
  /// expansion of a function.
  func isCore() throws -> Bool {
    guard name.hasPrefix("node/"), !name.contains("expanded"), !name.contains("train"),
      !name.contains("image_decoder")
    else { return false }
    let model: Model
    do { model = try Model(contentsOf: modelPath) } catch { return false }
    let isPlain = (model.inputs + model.outputs).allSatisfy { port in
      guard case .tensor(let type) = port.type else { return false }
      return Self.coreTypes.contains(type.dataType)
    }
    return isPlain && !model.drawsAtRandom
      && model.file.operatorCounts.allSatisfy { !$0.name.contains("::") && !$0.name.hasSuffix("Loss") }
  }
}
