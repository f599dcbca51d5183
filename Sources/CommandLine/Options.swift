import Measurement
import Needletail
import Terminal

/// The options that several subcommands share, each declared once.
enum Options {
  static let json = reportOption

  static let verbose = Option<Bool>.flag("--verbose", short: "-v", "tell more")

  static let backend = Option<BackendChoice>.value(
    "--backend", "NAME", "naive, simd, openblas, onednn or auto", default: .auto, defaultText: "auto",
    Read.oneOf)

  /// nil: not given.
  static let backends = Option<[BackendChoice]?>.value(
    "--backend", "LIST", "backends separated by commas, or all", default: nil,
    defaultText: "all that are there"
  ) { (text) throws(UsageError) in try readBackends(text) }

  static let threads = Option<Int?>.value(
    "--threads", "N", "at most so many threads", default: nil,
    defaultText: "as many as processors, affinity and quota allow"
  ) { (text) throws(UsageError) in try Read.count(text) }

  static let batch = Option<Int?>.value(
    "--batch", "N", "items at once, for a model whose first size has a name", default: nil, defaultText: "1"
  ) { (text) throws(UsageError) in try Read.count(text) }

  static let batches = Option<[Int]?>.value(
    "--batch", "LIST", "batch sizes, such as 1,8,32 or 4,8,...,256", default: nil,
    defaultText: "1, or what the model fixes"
  ) { (text) throws(UsageError) in try Read.counts(text) }

  static let optimize = Option<Optimization>.value(
    "--optimize", "LEVEL", "none, folded or full", default: .full, defaultText: "full", Read.oneOf)

  static let strictNumerics = Option<Bool>.flag(
    "--strict-numerics", "no algorithms, such as Winograd's, with an error bound of their own")

  static let prefer = Option<Preference>.value(
    "--prefer", "WHAT", "speed or memory: the smallest weights", default: .speed, defaultText: "speed",
    Read.oneOf)

  static let maxMemory = Option<Int?>.value(
    "--max-memory", "SIZE", "bytes for values and packed weights, such as 200MB: the fastest plan that fits",
    default: nil, defaultText: "three quarters of what the machine has"
  ) { (text) throws(UsageError) in try Read.byteCount(text) }

  static let maxSteps = Option<Int?>.value(
    "--max-steps", "N", "steps that a run may take for loops and the like; a trip of a Loop takes 2048",
    default: nil, defaultText: "2147483648"
  ) { (text) throws(UsageError) in try Read.count(text) }

  static let tuningTable = Option<TuningTablePlace?>.value(
    "--tuning-table", "PATH",
    "where times of kernels are kept, so that 'auto' measures them once: a file, user (the user's cache folder) or none",
    default: nil, defaultText: "NEEDLETAIL_TUNING_TABLE, or else user"
  ) { (text) throws(UsageError) in place(text) }

  /// What `--tuning-table` or its variable names.
  static func place(_ text: String) -> TuningTablePlace {
    switch text {
    case "none", "": .none
    case "user": .perUser
    default: .file(text)
    }
  }

  /// How a model is compiled: see `compileOptions()`.
  static let compiling = [
    optimize.declaration, strictNumerics.declaration, prefer.declaration, maxMemory.declaration,
    maxSteps.declaration, isa.declaration,
  ]

  static let isa = Option<Instructions?>.value(
    "--isa", "SET",
    "no better instructions than portable, avx2, avx512 or neon: in our kernels and in libraries",
    default: nil, defaultText: "those of the processor"
  ) { (text) throws(UsageError) in try Read.oneOf(text) }

  static let size = Option<[String: Int]>(
    "--size", .value("NAME=N"), "the value of a named size; may be given again for others"
  ) { (texts) throws(UsageError) in
    var sizes: [String: Int] = [:]
    for text in texts {
      let pair = try Read.pair(text)
      sizes[pair.name] = try Read.count(pair.value)
    }
    return sizes
  }

  static let seed = Option<UInt64>.value(
    "--seed", "N", "of the random inputs", default: 1, defaultText: "1"
  ) { (text) throws(UsageError) in
    guard let seed = UInt64(text) else { throw UsageError("expected a whole number, found '\(text)'") }
    return seed
  }

  static let runs = Option<Int>.value(
    "--runs", "N", "at least so many runs", default: 30, defaultText: "30", Read.count)

  static let seconds = Option<Double>.value(
    "--seconds", "T", "at least so many seconds of each", default: 1, defaultText: "1", Read.seconds)

  static let limit = Option<Double>.value(
    "--limit", "T", "stop after so many seconds of each, whatever is missing", default: 20, defaultText: "20",
    Read.seconds)

  static let strict = Option<Bool>.flag("--strict", "exit with 4 when a measurement is INVALID")

  static let html = Option<String?>.value(
    "--html", "FILE", "write one self-contained page with pictures, drawn by gnuplot", default: nil
  ) { (text) throws(UsageError) in text }

  static let baseline = Option<String?>.value(
    "--baseline", "FILE", "a report written by --json: exit with 5 when a row is slower or larger than there",
    default: nil
  ) { (text) throws(UsageError) in text }

  static let tolerance = Option<Double>.value(
    "--tolerance", "PERCENT", "by how much rows may be slower than the baseline", default: 5,
    defaultText: "5",
    Read.tolerance)

  static let rtol = Option<Double>.value(
    "--rtol", "R", "relative tolerance", default: 1e-3, defaultText: "1e-3", Read.tolerance)

  static func readBackends(_ text: String) throws(UsageError) -> [BackendChoice]? {
    if text == "all" { return nil }
    var choices: [BackendChoice] = []
    for word in text.split(separator: ",", omittingEmptySubsequences: false) {
      let choice: BackendChoice = try Read.oneOf(String(word))
      if !choices.contains(choice) { choices.append(choice) }
    }
    return choices
  }
}

extension ParsedArguments {
  /// The backends asked for by name, each of which must be there; or all that are, with a note on those that are not.
  func backends(_ console: Console) throws -> [BackendChoice] {
    if let named = try value(of: Options.backends) {
      for backend in named { try Backends.shared.require(backend) }
      return named
    }
    for missing in Backends.shared.missing {
      console.warn("backend \(missing.backend.rawValue) is not there: \(missing.reason)")
    }
    let available = Backends.shared.available
    return BackendChoice.allCases.filter { available.contains($0) }
  }

  /// The model of the first argument; what its file warns of is printed.
  func model(_ console: Console) throws -> Model {
    let model = try Model(contentsOf: positional[0])
    if model.isCompiled { for warning in model.file.warnings { console.warn(warning) } }
    return model
  }

  /// The same where the model before its optimization is needed.
  func originalModel() throws -> Model {
    let model = try Model(contentsOf: positional[0])
    if model.isCompiled { throw EngineError.withoutOriginal(model.path) }
    return model
  }

  func measurementLimits() throws -> MeasurementLimits {
    MeasurementLimits(
      minimumRuns: try value(of: Options.runs), minimumSeconds: try value(of: Options.seconds),
      maximumSeconds: try value(of: Options.limit))
  }

  /// The batch sizes asked for; by default one, or what the model fixes.
  /// Throws before anything is measured where one of them cannot be made.
  func batches(of model: Model, _ maker: InputMaker) throws -> [Int] {
    let asked = try value(of: Options.batches)
    let batches = asked ?? [model.fixedBatch ?? 1]
    var maker = maker
    for batch in batches {
      if asked != nil { try model.requireBatch(batch) }
      maker.batch = model.batchSymbols.isEmpty ? nil : batch
      try maker.checkMemory(of: model)
    }
    return batches
  }
}

extension EngineError {
  static func withoutOriginal(_ path: String) -> EngineError {
    EngineError(
      .usage, subject: path, expectation: "an ONNX file", finding: "a compiled model, which has no original")
  }
}
