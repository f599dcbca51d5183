import Host
import Kernels
import Measurement
import Needletail
import Reports
import Terminal

private let skipMemory = Option<Bool>.flag(
  "--no-fresh", "do not start a fresh process per variant: no peak memory, load time and first run")

private let stol = Option<Double>.value(
  "--stol", "S", "tolerance as a share of the largest element of an output", default: 1e-4,
  defaultText: "1e-4",
  Read.tolerance)

private let passes = Option<Bool>.flag(
  "--passes",
  "measure what each pass earned, left out one at a time, at the first batch; --html asks for it too")

let compareCommand = CommandDeclaration(
  name: "compare",
  summary: "Compares a model as it is with the same model folded and optimized: time, memory, numerics.",
  discussion:
    "Original: the file's graph, node for node. Folded: constants folded, dead nodes and identities removed. "
    + "Optimized: every pass. The three run in turns, round by round, in one process; ratios are taken within each "
    + "round. Peak memory, load time and first run are measured in a fresh process for each variant. Results are "
    + "compared with the original on naive, on random inputs and on the inputs recorded beside the model.",
  arguments: [ArgumentDeclaration("MODEL", "an ONNX file")],
  options: [
    Options.batches.declaration, Options.backends.declaration, Options.threads.declaration,
    Options.strictNumerics.declaration, Options.isa.declaration, Options.runs.declaration,
    Options.seconds.declaration,
    Options.limit.declaration, Options.rtol.declaration, stol.declaration, skipMemory.declaration,
    passes.declaration, Options.size.declaration, Options.seed.declaration, Options.strict.declaration,
    Options.baseline.declaration, Options.tolerance.declaration, Options.html.declaration,
    Options.json.declaration,
  ],
  examples: [
    "compare model.onnx", "compare model.onnx --batch 4,8,...,256 --backend all --html report.html",
  ],
  exitCodes: [.success, .failure, .modelRejected, .verificationFailed, .measurementInvalid, .regression],
  run: compare)

/// A cell with what fresh processes said of its rows.
struct ComparedCell: Sendable {
  var cell: ComparisonCell
  var fresh: [FreshFigures?]
}

private func compare(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
  let backends = try arguments.backends(console)
  let limits = try arguments.measurementLimits()
  let threads = try arguments.value(of: Options.threads)
  let isStrict = try arguments.value(of: Options.strict)
  let isStrictNumerics = try arguments.value(of: Options.strictNumerics)
  if let competition = HostFacts.competition() { console.warn(competition) }
  let extras = try arguments.reportExtras()
  let skipsMemory = try arguments.value(of: skipMemory)
  let tolerance = Tolerance(
    relative: try arguments.value(of: Options.rtol), absolute: 1e-7, scaled: try arguments.value(of: stol))
  let maker = InputMaker(
    sizes: try arguments.value(of: Options.size), seed: try arguments.value(of: Options.seed))
  let model = try arguments.originalModel()
  let batches = try arguments.batches(of: model, maker)
  let comparison = try ModelComparison(
    model, limits: limits, threads: threads, tolerance: tolerance, inputs: maker,
    numerics: isStrictNumerics ? .strict : .fast)
  var cells: [ComparedCell] = []
  for backend in backends {
    for batch in batches {
      // First, while this process is small: a large parent makes no difference to the child, but busy threads do.
      var fresh: [FreshFigures?] = Variant.allCases.map { _ in nil }
      if !skipsMemory {
        for (i, variant) in Variant.allCases.enumerated() {
          console.progress(
            "\(backend.rawValue), batch \(batch): fresh process, \(variant.rawValue)", Double(i) / 3)
          fresh[i] = try freshFigures(
            model, variant, backend, batch: model.batchSymbols.isEmpty ? nil : batch, maker, threads: threads,
            isStrict: isStrictNumerics, console)
        }
      }
      let cell = try comparison.cell(backend, batch: batch) { console.progress($0, $1) }
      cells.append(ComparedCell(cell: cell, fresh: fresh))
    }
  }
  var contributions: PassContributions?
  if try arguments.value(of: passes) || extras.html != nil {
    contributions = try passContributions(
      model, backends, batches[0], maker, threads, limits, isStrict: isStrictNumerics, console)
  }
  console.clearProgress()
  let report = ComparisonReport(
    model: model, cells: cells, limits: limits, tolerance: tolerance, threads: threads,
    passCount: comparison.compiledModel(.optimized)?.passReports.count { $0.changes > 0 } ?? 0,
    passes: contributions.map { PassesReport(contributions: $0) },
    ceilings: try extras.ceilings(threads: threads))
  try report.print(console)
  let json = try report.json()
  try console.report(json, to: extras.json)
  let isRegression = try extras.finish(json, console)
  if report.failures.count > 0 { return .verificationFailed }
  if isRegression { return .regression }
  return isStrict && !report.isValid ? .measurementInvalid : .success
}

/// What each pass earned, on auto when it was asked for and else on the first backend. A few runs of each are enough.
private func passContributions(
  _ model: Model, _ backends: [BackendChoice], _ batch: Int, _ maker: InputMaker, _ threads: Int?,
  _ limits: MeasurementLimits, isStrict: Bool, _ console: Console
) throws -> PassContributions {
  var brief = limits
  brief.minimumRuns = min(limits.minimumRuns, 15)
  brief.minimumSeconds = min(limits.minimumSeconds, 0.3)
  brief.maximumSeconds = min(limits.maximumSeconds, 3)
  brief.patience = min(limits.patience, 1.5)
  return try PassContributions.measure(
    model, CompileOptions(numerics: isStrict ? .strict : .fast),
    backends.contains(.auto) ? .auto : backends[0],
    batch: batch, inputs: maker, threads: threads, limits: brief
  ) { console.progress($0, $1) }
}
