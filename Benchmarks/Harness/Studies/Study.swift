import Host
import Reports
import Terminal

/// A table of a deployment study: what is measured, and how it is told.
package struct Study: Sendable {
  package var name: String
  package var title: String
  /// What the table answers.
  package var summary: String
  /// Measured by default, and with `--quick`.
  package var models: [String]
  package var quickModels: [String]
  package var measure: @Sendable (StudyContext) throws -> StudyResult
}

/// What a study gets to work with.
package struct StudyContext {
  package var models: [BenchmarkModel]
  package var threads: Int
  package var isQuick: Bool
  package var engines: EngineTable
  package var repository: Repository
  package var log: (String) -> Void
  /// Of cells that are measured in turns.
  package var limits = CellLimits()

  package init(
    models: [BenchmarkModel], threads: Int, isQuick: Bool, engines: EngineTable, repository: Repository,
    log: @escaping (String) -> Void = { _ in }
  ) {
    self.models = models
    self.threads = threads
    self.isQuick = isQuick
    self.engines = engines
    self.repository = repository
    self.log = log
    limits.seconds = isQuick ? 0.2 : 1
    limits.runs = isQuick ? 10 : 30
    limits.maximumSeconds = isQuick ? 10 : 120
  }

  /// A runner of cells whose times are this study's.
  package func runner(_ names: [String]) throws -> CellRunner {
    var runner = CellRunner(engines: try names.map { try engines.engine($0) })
    runner.standIn = try engines.engine("needletail_naive")
    runner.limits = limits
    runner.log = log
    return runner
  }

  /// A worker with a model ready, in a process of its own; nil, and a remark, when it cannot be had.
  func worker(
    _ name: String, _ model: BenchmarkModel, batch: Int, threads: Int, _ scratch: ScratchFolder,
    _ remarks: inout [String]
  ) throws -> EngineWorker? {
    let engine = try engines.engine(name)
    guard model.byteCount(of: engine.file) != nil else {
      remarks.append("\(name), \(model.name): the model has no \(engine.file)")
      return nil
    }
    let inputs = try scratch.folder("inputs_\(model.name)_\(batch)")
    try model.writeInputs(batch: batch, to: inputs)
    do throws(WorkerError) {
      let worker = try EngineWorker(engine, threads: threads, errorLog: scratch.path + "/errors.txt")
      try worker.prepare(model: model.folder, threads: threads, inputs: inputs)
      return worker
    } catch {
      remarks.append("\(name), \(model.name): \(error)")
      return nil
    }
  }
}

/// What a study has found.
package struct StudyResult: Sendable {
  /// One object a row, units in the names.
  package var rows: [JSON] = []
  package var sections: [Page.Section] = []
  /// What could not be measured, and why; where numbers come from.
  package var remarks: [String] = []
  /// Whether times were taken in turns, so that they can be judged.
  package private(set) var isJudged = false
  /// What speaks against the times.
  package private(set) var doubts: [String] = []

  package init() {}

  /// Notes of a cell what failed, what differs, and what is doubtful.
  mutating func note(_ cell: PeerCell) {
    isJudged = true
    for item in cell.results {
      if let reason = item.failure?.reason ?? item.differs.map({ "DIFFERS: \($0)" }) {
        remarks.append("\(cell.name), \(item.engine): \(reason)")
      }
      if !item.doubts.isEmpty {
        doubts.append("\(cell.name), \(item.engine): \(item.doubts.joined(separator: "; "))")
      }
    }
    doubts += cell.disturbances.map { "\(cell.name): \($0)" }
  }
}

extension Study {
  package func page(_ result: StudyResult) -> Page {
    var page = Page(title, summary: summary, sections: result.sections)
    if !result.remarks.isEmpty {
      page.sections.append(Page.Section("Remarks", result.remarks.map { .text($0) }))
    }
    if result.isJudged {
      page.sections.append(
        Page.Section("Verdict", [.verdict(isValid: result.doubts.isEmpty, reasons: result.doubts)]))
    }
    return page
  }
  package func json(_ result: StudyResult, threads: Int) -> JSON {
    .object([
      ("schema", .integer(1)), ("command", .string("study")), ("study", .string(name)),
      ("host", HostFacts.read().json(threads: threads)), ("threads", .integer(threads)),
      ("rows", .array(result.rows)), ("remarks", JSON(result.remarks)),
      ("doubts", JSON(result.doubts)),
    ])
  }
}

// MARK: - The command

private let quick = Option<Bool>.flag("--quick", "fewer sizes and shorter turns: minutes instead of an hour")
private let models = Option<[String]?>.value(
  "--models", "LIST", "names of folders in Benchmarks/models/built", default: nil,
  defaultText: "those of the study",
  names)
private let threads = Option<Int>.value(
  "--threads", "N", "threads of each engine", default: 1, defaultText: "1", Read.count)
private let listModels = Option<Bool>.flag(
  "--list-models", "print the models that would be measured, and end")

package let studies = [
  sweepStudy, sizeStudy, accuracyStudy, growthStudy, concurrencyStudy, neighbourStudy,
]

package let studyCommand = CommandDeclaration(
  name: "study",
  summary: "Measures a table of the deployment studies: \(studies.map(\.name).joined(separator: ", ")).",
  discussion: studies.map { "\($0.name): \($0.summary)" }.joined(separator: "\n"),
  arguments: [ArgumentDeclaration("NAME", "which table")],
  options: [quick.declaration, models.declaration, listModels.declaration, threads.declaration]
    + DocumentOptions.declarations,
  examples: [
    "study sweep --quick --html sweep.html",
    "study concurrency --models mobilenet_v2 --json concurrency.json",
  ],
  exitCodes: [.success, .failure], run: runStudy)

private func runStudy(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
  let name = arguments.positional[0]
  guard let study = studies.first(where: { $0.name == name }) else {
    throw UsageError(
      "unknown study '\(name)'",
      hint: nearest(to: name, in: studies.map(\.name)).map { "did you mean '\($0)'?" }
        ?? "one of \(studies.map(\.name).joined(separator: ", "))")
  }
  let isQuick = try arguments.value(of: quick)
  let modelNames = try arguments.value(of: models) ?? (isQuick ? study.quickModels : study.models)
  if try arguments.value(of: listModels) {
    for name in modelNames { console.print(name) }
    return .success
  }
  let documents = try DocumentOptions(arguments)
  let repository = try Repository.find()
  let threadCount = try arguments.value(of: threads)
  if let competition = HostFacts.competition() { console.warn(competition) }
  let context = StudyContext(
    models: try BenchmarkModel.models(modelNames, in: repository.models), threads: threadCount,
    isQuick: isQuick,
    engines: EngineTable(repository), repository: repository, log: { console.log($0) })
  let result = try study.measure(context)
  let page = study.page(result)
  try documents.write(study.json(result, threads: threadCount), page, console)
  console.print(markdown(of: page))
  return .success
}
