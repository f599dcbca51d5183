import Host
import Kernels
import Needletail
import Reports
import Terminal

private let skipMemory = Option<Bool>.flag(
  "--no-fresh", "do not start a fresh process per variant: no peak memory, load time and first run")

private let stol = Option<Double>.value(
  "--stol", "S", "tolerance as a share of the largest element of an output", default: 1e-4, defaultText: "1e-4",
  Read.tolerance)

let compareCommand = CommandDeclaration(
  name: "compare",
  summary: "Compares a model as it is with the same model folded and optimized: time, memory, numerics.",
  discussion: "Original: the file's graph, node for node. Folded: constants folded, dead nodes and identities removed. "
    + "Optimized: every pass. The three run in turns, round by round, in one process; ratios are taken within each "
    + "round. Peak memory, load time and first run are measured in a fresh process for each variant. Results are "
    + "compared with the original on naive, on random inputs and on the inputs recorded beside the model.",
  arguments: [ArgumentDeclaration("MODEL", "an ONNX file")],
  options: [
    Options.batches.declaration, Options.backends.declaration, Options.threads.declaration,
    Options.strictNumerics.declaration, Options.runs.declaration, Options.seconds.declaration,
    Options.limit.declaration, Options.rtol.declaration, stol.declaration, skipMemory.declaration,
    Options.size.declaration, Options.seed.declaration, Options.strict.declaration, Options.json.declaration,
  ],
  examples: ["compare model.onnx", "compare model.onnx --batch 4,8,...,256 --backend all --json report.json"],
  exitCodes: [.success, .failure, .modelRejected, .verificationFailed, .measurementInvalid], run: compare)

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
  let skipsMemory = try arguments.value(of: skipMemory)
  let tolerance = Tolerance(
    relative: try arguments.value(of: Options.rtol), absolute: 1e-7, scaled: try arguments.value(of: stol))
  let maker = InputMaker(sizes: try arguments.value(of: Options.size), seed: try arguments.value(of: Options.seed))
  let model = try Model(contentsOf: arguments.positional[0])
  let batches = try arguments.batches(of: model)
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
          console.progress("\(backend.rawValue), batch \(batch): fresh process, \(variant.rawValue)", Double(i) / 3)
          fresh[i] = try freshFigures(
            model, variant, backend, batch: model.batchSymbols.isEmpty ? nil : batch, maker, threads: threads,
            isStrict: isStrictNumerics, console)
        }
      }
      let cell = try comparison.cell(backend, batch: batch) { console.progress($0, $1) }
      cells.append(ComparedCell(cell: cell, fresh: fresh))
    }
  }
  console.clearProgress()
  let report = ComparisonReport(
    model: model, cells: cells, limits: limits, tolerance: tolerance, threads: threads,
    passCount: comparison.compiledModel(.optimized)?.passReports.count { $0.changes > 0 } ?? 0)
  try report.print(console)
  try console.report(try report.json(), to: try arguments.value(of: Options.json))
  if report.failures.count > 0 { return .verificationFailed }
  return isStrict && !report.isValid ? .measurementInvalid : .success
}
