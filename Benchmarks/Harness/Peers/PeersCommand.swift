import Glibc
import Host
import Reports
import Terminal

private let quick = Option<Bool>.flag("--quick", "a few models at batch 1, in under 5 minutes; the default")
private let full = Option<Bool>.flag(
  "--full", "every model, batch and engine, until the ratios are known; takes two hours")
private let resume = Option<Bool>.flag("--resume", "keep the cells that the file of --json holds already")

private let listModels = Option<Bool>.flag(
  "--list-models", "print the models that would be measured, and end")

private let models = Option<[String]?>.value(
  "--models", "LIST", "names of folders in Benchmarks/models/built", default: nil,
  defaultText: "those of the mode", names)
private let engines = Option<[String]?>.value(
  "--engines", "LIST", "engines by name", default: nil, defaultText: "all that can read a model", names)
private let threads = Option<[Int]>.value(
  "--threads", "LIST", "threads of each engine", default: [1, 2], defaultText: "1,2", Read.counts)
private let batches = Option<[Int]?>.value(
  "--batch", "LIST", "batch sizes", default: nil, defaultText: "1 with --quick, 1,4,32 with --full"
) { (text) throws(UsageError) in try Read.counts(text) }
private let limit = Option<Double?>.value(
  "--limit", "T", "measure a cell for at most so many seconds", default: nil,
  defaultText: "16 with --quick, 90 with --full"
) { (text) throws(UsageError) in try Read.seconds(text) }

func names(_ text: String) throws(UsageError) -> [String]? {
  let names = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
  // They become parts of paths.
  guard names.allSatisfy({ !$0.isEmpty && !$0.contains("/") && !$0.hasPrefix(".") }) else {
    throw UsageError("expected names parted by commas, found '\(text)'")
  }
  return names
}

/// What `--quick` and `--full` stand for.
private struct Mode {
  var name: String
  var models: [String]
  var engines: [String]
  var batches: [Int]
  var limits = CellLimits()
  var patience = WorkerPatience()
  /// Of the whole measurement; cells that would begin later are left out, and said to be.
  var totalSeconds = Double.infinity

  static var quick: Mode {
    var mode = Mode(
      name: "quick", models: ["mnist_mlp", "mnist_cnn", "squeezenet1_1", "mobilenet_v2"],
      // TensorFlow takes seconds to start; Keras stands for it.
      engines: EngineTable.peers.filter { !$0.hasPrefix("tensorflow") }, batches: [1])
    mode.limits.seconds = 0.5
    mode.limits.runs = 10
    mode.limits.turnSeconds = 0.03
    mode.limits.maximumSeconds = 16
    mode.patience.hello = 30
    mode.patience.prepare = 30
    mode.patience.other = 20
    mode.totalSeconds = 255
    return mode
  }

  static var full: Mode {
    var mode = Mode(
      name: "full",
      models: [
        "mnist_mlp", "mnist_cnn", "squeezenet1_1", "mobilenet_v2", "efficientnet_b0", "resnet50", "resnet101",
        "bert_l6_h384", "keras_mobilenet_v2", "resnet101_v2", "xception",
      ], engines: EngineTable.peers, batches: [1, 4, 32])
    mode.limits.seconds = 3
    mode.limits.turnSeconds = 0.1
    mode.limits.maximumSeconds = 90
    return mode
  }
}

package let peersCommand = CommandDeclaration(
  name: "peers", summary: "Measures needletail beside other engines: time, memory, loading, outputs.",
  discussion:
    "Each engine is a process of its own for each model, batch and number of threads; they run in turns, and "
    + "the others stand still. Rounds are added until the 95 % interval of the ratio over the best f32 engine is below "
    + "6 %, or the cell's time is over. With --json the file is rewritten after every cell, and --resume goes on from it.",
  options: [
    quick.declaration, full.declaration, models.declaration, listModels.declaration, engines.declaration,
    threads.declaration,
    batches.declaration, limit.declaration, resume.declaration,
  ] + DocumentOptions.declarations,
  examples: [
    "peers --quick", "peers --full --json peers.json --html peers.html --resume",
    "peers --models mobilenet_v2 --engines needletail,onnxruntime --threads 1 --batch 1,8",
  ],
  exitCodes: [.success, .failure], run: peers)

private func peers(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
  let isFull = try arguments.value(of: full)
  if isFull, try arguments.value(of: quick) { throw UsageError("--quick and --full exclude each other") }
  var mode = isFull ? Mode.full : .quick
  let modelNames = try arguments.value(of: models) ?? mode.models
  if try arguments.value(of: listModels) {
    for name in modelNames { console.print(name) }
    return .success
  }
  let repository = try Repository.find()
  let documents = try DocumentOptions(arguments)
  mode.engines = try arguments.value(of: engines) ?? mode.engines
  mode.batches = try arguments.value(of: batches) ?? mode.batches
  mode.limits.maximumSeconds = try arguments.value(of: limit) ?? mode.limits.maximumSeconds
  let table = EngineTable(repository)
  let asked = try mode.engines.map { try table.engine($0) }
  let list = try BenchmarkModel.models(modelNames, in: repository.models)
  let threadCounts = try arguments.value(of: threads)
  if let competition = HostFacts.competition() { console.warn(competition) }

  var runner = CellRunner(engines: asked)
  runner.limits = mode.limits
  runner.patience = mode.patience
  runner.standIn = try table.engine("needletail_naive")
  runner.log = { console.log($0) }
  var report = PeersReport(
    mode: mode.name, host: HostFacts.read().json(threads: nil), method: mode.limits.json)
  if try arguments.value(of: resume) { report.cells = try earlierCells(documents.json, mode.name) }
  let start = monotonicNanoseconds()
  var leftOut: [String] = []
  for model in list {
    for batch in mode.batches {
      for threads in threadCounts {
        let name = "\(model.name), batch \(batch), \(counted(threads, "thread"))"
        if report.cells.contains(where: {
          $0.model == model.name && $0.batch == batch && $0.threads == threads
        }) {
          console.log("\(name): measured before")
          continue
        }
        let elapsed = Double(monotonicNanoseconds() - start) / 1e9
        if elapsed >= mode.totalSeconds {
          leftOut.append(name)
          continue
        }
        let cell = try runner.run(model, batch: batch, threads: threads)
        report.cells.append(cell)
        // Whatever ends the program, this cell is kept.
        if let path = documents.json, path != "-" { try replaceFile(path, report.json.text) }
        console.log("\(name): \(significant(cell.seconds, 3)) s, \(PeersReport.line(cell))")
      }
    }
  }
  try documents.write(report.json, report.page, console)
  console.print(report.summaryTable.textTable)
  console.print()
  console.print(report.sentence)
  if case .verdict(let isValid, let reasons) = report.verdict {
    console.print("verdict \(isValid ? "VALID" : "INVALID")")
    for reason in reasons { console.print("  \(reason)") }
  }
  for name in leftOut { console.warn("\(name) was left out: the time of --\(mode.name) was over") }
  return .success
}

private func earlierCells(_ path: String?, _ mode: String) throws -> [PeerCell] {
  guard let path, path != "-" else { throw UsageError("--resume needs the file of --json") }
  guard access(path, F_OK) == 0 else { return [] }
  let text = try readTextFile(path)
  do {
    let earlier = try PeersReport(parsing: text)
    guard earlier.mode == mode else {
      throw ToolError("a report of --\(earlier.mode), which --\(mode) cannot go on from")
    }
    return earlier.cells
  } catch let error as ToolError {
    throw ToolError("\(path): \(error.message)")
  } catch { throw ToolError("\(path): \(error)") }
}

extension CellLimits {
  fileprivate var json: JSON {
    .object([
      ("interleaved", .bool(true)), ("turn_s", .number(turnSeconds)),
      ("minimum_s_per_pass", .number(seconds)),
      ("minimum_runs_per_pass", .integer(runs)), ("maximum_s_per_cell", .number(maximumSeconds)),
      ("ratio_interval_wanted", .number(PeerCell.widestRatio)), ("tie", .number(PeerCell.tie)),
      ("output_tolerance_of_scale_f32", .number(CellRunner.tolerance)),
      ("output_tolerance_of_scale_other", .number(CellRunner.coarseTolerance)),
    ])
  }
}

extension PeersReport {
  /// A cell in a line.
  fileprivate static func line(_ cell: PeerCell) -> String {
    guard let ratio = cell.ratioOverBest, let best = cell.best else { return "no ratio" }
    return "\(cell.verdict.rawValue): \(best.engine) takes \(speedupText(ratio))"
  }
}
