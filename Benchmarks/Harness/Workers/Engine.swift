import Terminal

/// An engine to measure: how its worker is started, and what it is told.
package struct Engine: Sendable, Hashable {
  package var name: String
  package var command: [String]
  /// Fields of `prepare` beside the model's.
  package var options: [String: String]
  /// The file that it reads; the others make theirs of `model.onnx`.
  package var file: String

  package init(
    _ name: String, command: [String], options: [String: String] = [:], file: String = "model.onnx"
  ) {
    self.name = name
    self.command = command
    self.options = options
    self.file = file
  }
}

/// The engines that this package's benchmarks know.
package struct EngineTable: Sendable {
  private var python: String?
  private var worker: String
  /// Takes the place of the engine of the same name.
  package var substitutes: [Engine] = []

  package init(_ repository: Repository) {
    python = repository.python
    worker = repository.peers + "/worker.py"
  }

  // swift-format-ignore
  private static let files: [(name: String, file: String)] = [
    ("onnxruntime",             "model.onnx"),
    ("onnxruntime_unoptimized", "model.onnx"),
    ("openvino_f32",            "model.onnx"),
    ("openvino_default",        "model.onnx"),
    ("litert",                  "model.tflite"),
    ("pytorch",                 "model.pt"),
    ("ncnn",                    "model.ncnn.param"),
    ("mnn",                     "model.mnn"),
    ("keras",                   "model.keras"),
    ("tensorflow_frozen",       "frozen.pb"),
    ("tensorflow_grappler",     "grappler.pb"),
  ]

  // swift-format-ignore
  private static let ours: [(name: String, options: [String: String])] = [
    ("needletail",           ["backend": "auto",  "optimize": "full"]),
    ("needletail_simd",      ["backend": "simd",  "optimize": "full"]),
    ("needletail_naive",     ["backend": "naive", "optimize": "none"]),
    ("needletail_original",  ["backend": "auto",  "optimize": "none"]),
    ("needletail_folded",    ["backend": "auto",  "optimize": "folded"]),
    ("needletail_openblas",  ["backend": "openblas", "optimize": "full"]),
    ("needletail_onednn",    ["backend": "onednn", "optimize": "full"]),
    ("needletail_simd_original", ["backend": "simd", "optimize": "none"]),
    ("needletail_simd_folded",   ["backend": "simd", "optimize": "folded"]),
  ]

  /// Those that `peers` measures when none are named.
  package static let peers = ["needletail"] + files.map(\.name)
  package static let names = ours.map(\.name) + files.map(\.name)

  package func engine(_ name: String) throws -> Engine {
    if let substitute = substitutes.first(where: { $0.name == name }) { return substitute }
    if let own = Self.ours.first(where: { $0.name == name }) {
      return Engine(name, command: [Repository.tool, "worker"], options: own.options)
    }
    guard let other = Self.files.first(where: { $0.name == name }) else {
      throw UsageError(
        "unknown engine '\(name)'",
        hint: nearest(to: name, in: Self.names).map { "did you mean '\($0)'?" }
          ?? "one of \(Self.names.joined(separator: ", "))")
    }
    guard let python else {
      throw ToolError(
        "engine '\(name)' needs the Python environment: make it with Benchmarks/Peers/environment, "
          + "or name a Python in PEERS_PYTHON")
    }
    return Engine(name, command: [python, worker, name], file: other.file)
  }
}
