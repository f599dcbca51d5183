import CompiledFile
import Compiler
import Glibc
import ONNX
import Passes

extension CompiledModel {
  /// Writes the model with every plan made so far: the optimized graph, the choices of kernels, and the weights packed
  /// for them. `Model(contentsOf:)` maps such a file, and plans for the same sizes and backends are then made without
  /// measuring and without packing.
  ///
  /// `packedOnly` leaves out weights that those plans need only packed: the file is smaller, and serves no other sizes,
  /// backends or processors. Throws when the file cannot be written.
  public func write(to path: String, packedOnly: Bool = false) throws {
    let file = CompiledFile(
      key: Engine.key, origin: origin, options: options.parts, graph: graph, choices: choices.all,
      packed: packed.all)
    do throws(CompiledFileError) {
      try file.write(to: path, leavingOut: packedOnly ? file.constantsOnlyPacked : [])
    } catch { throw EngineError(error, path: path) }
  }
}

extension EngineError {
  init(_ error: CompiledFileError, path: String) {
    func rejected(_ expectation: String, _ finding: String) -> EngineError {
      EngineError(
        .modelRejected, subject: path, expectation: expectation, finding: finding,
        hint: "compile the ONNX file again: needletail compile MODEL -o \(path)")
    }
    func system(_ call: String, _ code: Int32) -> EngineError {
      EngineError(
        .unreadableFile, subject: path, expectation: "",
        finding: "\(call): \(String(cString: strerror(code)))")
    }
    switch error {
    case .file(let error):
      self.init(.unreadableFile, subject: "", expectation: "", finding: ImportError.file(error).description)
    case .foreign: self = rejected("a compiled model", "another kind of file")
    case .version(let found):
      self = rejected("a file of format 1", "format \(found), of another version of the engine")
    case .damaged(let what): self = rejected("a whole file", "it is damaged: \(what)")
    case .writing(let call, let code): self = system(call, code)
    case .constant(let what): self.init(.runFailed, subject: path, expectation: "", finding: what)
    }
  }
}

// MARK: - Options in the file

extension CompileOptions {
  var parts: [CompiledFile.KeyPart] {
    [
      CompiledFile.KeyPart(name: "optimize", value: optimization.rawValue),
      CompiledFile.KeyPart(name: "numerics", value: numerics.rawValue),
      CompiledFile.KeyPart(name: "prefer", value: prefer.rawValue),
      CompiledFile.KeyPart(name: "fold budget", value: "\(foldBudgetBytes)"),
    ] + (memoryLimit.map { [CompiledFile.KeyPart(name: "memory limit", value: "\($0)")] } ?? [])
      + disabledPasses.map { CompiledFile.KeyPart(name: "without pass", value: $0) }
  }

  /// The options that a file was compiled with. What it does not know stays as it is by default.
  init(parts: [CompiledFile.KeyPart]) {
    self.init()
    for part in parts {
      switch part.name {
      case "optimize": optimization = Optimization(rawValue: part.value) ?? optimization
      case "numerics": numerics = NumericsPolicy(rawValue: part.value) ?? numerics
      case "prefer": prefer = Preference(rawValue: part.value) ?? prefer
      case "memory limit": memoryLimit = Int(part.value)
      case "fold budget": foldBudgetBytes = Int(part.value) ?? foldBudgetBytes
      case "without pass": disabledPasses.append(part.value)
      default: break
      }
    }
  }

  /// The options with which a file that was compiled with `self` is used when `asked` is asked for. Throws where that is
  /// neither the file's own nor the default.
  func used(asking asked: CompileOptions, path: String) throws -> CompileOptions {
    let usual = CompileOptions()
    func conflict<T: Equatable>(_ option: KeyPath<CompileOptions, T>, _ name: String) throws {
      if asked[keyPath: option] == self[keyPath: option] || asked[keyPath: option] == usual[keyPath: option] {
        return
      }
      throw EngineError(
        .usage, subject: path, expectation: "\(name) \(self[keyPath: option]), with which it was compiled",
        finding: "\(asked[keyPath: option])", hint: "compile the ONNX file with it")
    }
    try conflict(\.optimization, "optimization")
    try conflict(\.numerics, "numerics")
    try conflict(\.prefer, "preference for")
    try conflict(\.disabledPasses, "disabled passes")
    var options = self
    options.tuningSeconds = asked.tuningSeconds
    options.planByteLimit = asked.planByteLimit
    options.memoryLimit = asked.memoryLimit ?? memoryLimit
    options.stepLimit = asked.stepLimit
    options.tuningTable = asked.tuningTable
    options.keepsDisturbedTimes = asked.keepsDisturbedTimes
    return options
  }
}
