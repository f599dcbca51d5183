import NeedletailBenchmarks
import TestSupport

/// Engines that follow a script, and a model for them.
enum FakeEngine {
  static let script =
    #filePath.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 } + "/fake_worker.py"

  static func engine(_ name: String, _ words: String...) -> Engine {
    Engine(name, command: ["python3", script, "name=\(name)"] + words)
  }

  static func model(in folder: TemporaryFolder) throws -> BenchmarkModel {
    folder.write("tiny/model.onnx", TinyModel.bytes())
    let text = """
      {"name": "tiny", "inputs": [{"name": "x", "shape": ["N", 4], "dtype": "float32", "minimum": -1, "maximum": 1}],
       "accuracy": {"value": 0.5, "kind": "declared", "source": "nobody"}}
      """
    folder.write("tiny/model.json", Array(text.utf8))
    return try BenchmarkModel(folder: folder.path + "/tiny")
  }

  /// A runner that is done within a second.
  static func runner(_ engines: [Engine]) -> CellRunner {
    var runner = CellRunner(engines: engines)
    runner.limits.seconds = 0.0001
    runner.limits.runs = 6
    runner.limits.turnSeconds = 0.00001
    runner.limits.maximumSeconds = 5
    runner.patience.hello = 10
    runner.patience.prepare = 10
    runner.patience.other = 1
    runner.reference = "onnxruntime"
    return runner
  }
}
