import Glibc
import Host
import Measurement
import Needletail
import Runtime
import Tensors
import Terminal

let workerCommand = CommandDeclaration(
  name: "worker",
  summary: "Answers requests on standard input, one a line, for measurements beside other engines.",
  discussion:
    "A request is a verb and NAME=VALUE fields parted by tabs: hello; prepare model= threads= inputs= "
    + "[backend=] [optimize=]; run seconds= maximum=; outputs directory=; evaluate images= labels= batch= count=; "
    + "load concurrency= seconds=; quit. An answer begins with ok, unsupported or error.",
  options: [], examples: [], exitCodes: [.success, .failure], isHidden: true
) { _, console in
  let worker = Worker()
  while let text = readLine() {
    let answer = worker.answer(to: text)
    console.print(answer.text)
    console.flush()
    if answer == Worker.goodbye { break }
  }
  return .success
}

/// This engine as it takes part in measurements beside others: one model, prepared once, run many times.
final class Worker {
  static let goodbye = WorkerLine("ok", ["goodbye": "1"])

  private struct Prepared {
    var model: Model
    var compiled: CompiledModel
    var backend: BackendChoice
    var threads: Int
    var inputs: [String: RuntimeValue]
    var run: PreparedRun
  }

  private var prepared: Prepared?
  private let baseBytes: Int

  init() {
    _ = Backends.shared
    baseBytes = peakResidentBytes()
  }

  func answer(to text: String) -> WorkerLine {
    do {
      let request = try WorkerLine(parsing: text)
      switch request.verb {
      case "hello": return hello()
      case "prepare": return try prepare(request)
      case "run": return try run(request)
      case "outputs": return try outputs(request)
      case "evaluate": return try evaluate(request)
      case "load": return try load(request)
      case "quit": return Self.goodbye
      default: return WorkerLine("error", ["message": "unknown verb '\(request.verb)'"])
      }
    } catch let error as EngineError where error.kind == .modelRejected {
      return WorkerLine("unsupported", ["reason": error.description])
    } catch let error as ToolError {
      return WorkerLine("error", ["message": error.message])
    } catch {
      return WorkerLine("error", ["message": "\(error)"])
    }
  }

  private func hello() -> WorkerLine {
    WorkerLine(
      "ok",
      [
        "engine": "needletail", "version": Engine.version, "precision": "f32",
        "call": "InferenceRequest.run() on bound tensors, in a Swift process",
        "package_bytes": "\(packageBytes(usedBy: []))", "base_bytes": "\(baseBytes)",
      ])
  }

  private func prepare(_ request: WorkerLine) throws -> WorkerLine {
    let backend: BackendChoice = try Read.oneOf(request.fields["backend"] ?? BackendChoice.auto.rawValue)
    let optimization: Optimization = try Read.oneOf(request.fields["optimize"] ?? Optimization.full.rawValue)
    let threads = try Read.count(request.text("threads"))
    let folder = try request.text("inputs")
    prepared = nil
    let start = monotonicNanoseconds()
    let model = try Model(contentsOf: try request.text("model") + "/model.onnx")
    let compiled = try model.compile(CompileOptions(optimization: optimization))
    let loaded = monotonicNanoseconds()
    // Reading the inputs is no part of loading the model.
    let inputs = try RecordedSet(folder: folder).inputs(of: model)
    let run = try PreparedRun(compiled, backend, threads: threads, inputs: inputs)
    try run.run()
    let loadNanoseconds = loaded - start + run.planNanoseconds
    prepared = Prepared(
      model: model, compiled: compiled, backend: backend, threads: threads, inputs: inputs, run: run)
    let peak = peakResidentBytes()
    return WorkerLine(
      "ok",
      [
        "load_ns": "\(loadNanoseconds)", "first_ns": "\(run.firstRunNanoseconds)", "peak_bytes": "\(peak)",
        "rise_bytes": "\(max(0, peak - baseBytes))",
        "package_bytes": "\(packageBytes(usedBy: run.facts.placement.map(\.backend)))",
      ])
  }

  private func ready() throws -> Prepared {
    guard let prepared else { throw ToolError("nothing is prepared: 'prepare' comes first") }
    return prepared
  }

  private func run(_ request: WorkerLine) throws -> WorkerLine {
    let prepared = try ready()
    let times = try TimedClosure { try prepared.run.run() }.turn(
      seconds: try request.number("seconds"), maximumRuns: max(1, try request.count("maximum")))
    return WorkerLine("ok", ["times_ns": times.map { "\(max(1, Int($0)))" }.joined(separator: ",")])
  }

  private func outputs(_ request: WorkerLine) throws -> WorkerLine {
    let prepared = try ready()
    let folder = try request.text("directory")
    let outputs = try prepared.run.request.run(values: prepared.inputs)
    for (i, port) in prepared.model.outputs.enumerated() {
      guard case .tensor(let tensor)? = outputs[port.name] else {
        throw ToolError("output '\(port.name)' is no tensor")
      }
      try tensor.write(npyFile: "\(folder)/output_\(i).npy")
    }
    return WorkerLine("ok", ["count": "\(prepared.model.outputs.count)"])
  }

  // MARK: Classifying

  private func evaluate(_ request: WorkerLine) throws -> WorkerLine {
    let prepared = try ready()
    let batch = try Read.count(request.text("batch"))
    let images = try Tensor(npyFile: try request.text("images"))
    let labels = try Tensor(npyFile: try request.text("labels")).int64s()
    let count = min(try Read.count(request.text("count")), labels.count)
    guard let input = prepared.model.inputs.first, prepared.model.inputs.count == 1,
      let output = prepared.model.outputs.last, images.rank >= 2, images.sizes[0] >= count,
      images.format.layout == .rowMajor
    else { throw ToolError("expected a model of one input, and as many pictures as labels") }
    // A request of its own: the prepared one is bound to outputs of its own batch.
    let classifier = try prepared.compiled.makeRequest(backend: prepared.backend, threads: prepared.threads)
    var result = Classification()
    let itemBytes = images.byteCount / max(1, images.sizes[0])
    var start = 0
    while start < count {
      let end = min(count, start + batch)
      let items = try Tensor(
        dataType: images.dataType, sizes: [end - start] + images.sizes.dropFirst(), storage: images.storage,
        byteOffset: images.byteOffset + start * itemBytes)
      let before = monotonicNanoseconds()
      let outputs = try classifier.run(values: [input.name: .tensor(items)])
      result.nanoseconds += monotonicNanoseconds() - before
      guard case .tensor(let scores)? = outputs[output.name] else {
        throw ToolError("the last output is no tensor")
      }
      try result.add(scores, labels[start..<end])
      start = end
    }
    return WorkerLine(
      "ok",
      [
        "correct": "\(result.correct)", "loss": "\(result.loss / Double(max(1, count)))",
        "total_ns": "\(result.nanoseconds)", "peak_bytes": "\(peakResidentBytes())",
      ])
  }

  // MARK: Many callers

  private func load(_ request: WorkerLine) throws -> WorkerLine {
    let prepared = try ready()
    let concurrency = try Read.count(request.text("concurrency"))
    let seconds = try request.number("seconds")
    guard concurrency <= 1024, seconds <= 3600 else {
      throw ToolError("at most 1024 callers and 3600 seconds")
    }
    let callers = try (0..<concurrency).map { _ in
      try PreparedRun(prepared.compiled, prepared.backend, threads: prepared.threads, inputs: prepared.inputs)
    }
    let limits = MeasurementLimits(minimumRuns: concurrency, minimumSeconds: seconds, maximumSeconds: 3600)
    let load = try ClosedLoop(limits: limits).observe(
      callers.map { caller in { try caller.run() } }, countsSystem: false)
    return WorkerLine(
      "ok",
      [
        "wall_ns": "\((load.requests.map(\.end).max() ?? load.start) - load.start)",
        "latencies_ns": load.requests.map { "\(Int($0.latency))" }.joined(separator: ","),
      ])
  }
}

/// What classifying labelled items has shown so far.
private struct Classification {
  var correct = 0
  /// The sum of the cross-entropies of the true classes.
  var loss = 0.0
  var nanoseconds: UInt64 = 0

  /// Rows that do not sum to 1 are logits.
  mutating func add(_ scores: Tensor, _ labels: ArraySlice<Int64>) throws {
    guard scores.sizes.first == labels.count, scores.elementCount > 0, let classes = scores.sizes.last else {
      throw ToolError("expected scores of \(labels.count) items, found \(scores.type)")
    }
    let values = try scores.doubles()
    for (row, label) in labels.enumerated() {
      let row = values[row * classes..<(row + 1) * classes]
      guard let index = Int(exactly: label), row.indices.contains(row.startIndex + index),
        let largest = row.max()
      else { throw ToolError("label \(label) is no class of \(classes)") }
      if row.firstIndex(of: largest) == row.startIndex + index { correct += 1 }
      let mine = row[row.startIndex + index]
      let sum = row.reduce(0, +)
      let isProbability = abs(sum - 1) < 1e-3 && row.allSatisfy { $0 >= -1e-6 }
      loss +=
        isProbability
        ? -log(max(mine, 1e-12)) : largest + log(row.reduce(0) { $0 + exp($1 - largest) }) - mine
    }
  }
}

/// Bytes of this program on disk with the libraries that it needs at run time: the language's, and those of the
/// backends that steps run on.
private func packageBytes(usedBy backends: [String]) -> Int {
  var prefixes = ["libswift", "libFoundation", "lib_Foundation", "libdispatch", "libBlocksRuntime"]
  if backends.contains("openblas") { prefixes += ["libopenblas", "libgfortran", "libquadmath"] }
  if backends.contains("onednn") { prefixes += ["libdnnl", "libgomp", "libOpenCL", "libtbb"] }
  var paths: Set<Substring> = []
  for line in readWholeFile("/proc/self/maps").split(separator: "\n") {
    guard let slash = line.firstIndex(of: "/"), let name = line.split(separator: "/").last,
      prefixes.contains(where: { name.hasPrefix($0) })
    else { continue }
    paths.insert(line[slash...])
  }
  return (["/proc/self/exe"] + paths.map(String.init)).reduce(0) { total, path in
    var status = stat()
    return stat(path, &status) == 0 ? total + Int(status.st_size) : total
  }
}

/// The text of a file of any length that the system makes up; empty when it cannot be read.
private func readWholeFile(_ path: String) -> String {
  let file = open(path, O_RDONLY | O_CLOEXEC)
  guard file >= 0 else { return "" }
  defer { close(file) }
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 65_536)
  while true {
    let count = read(file, &buffer, buffer.count)
    if count <= 0 { break }
    bytes += buffer[..<count]
  }
  return String(decoding: bytes, as: UTF8.self)
}
