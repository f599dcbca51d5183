import Host
import Kernels
import Measurement
import Passes
import Runtime
import Tensors

/// What one pass earned: the model without it against the model with every pass.
package struct PassContribution: Sendable {
  package var pass: String
  /// Changes that the pass makes to this model before sizes are bound.
  package var changes: Int
  /// Without the pass.
  package var nodeCount = 0
  /// Without the pass.
  package var arenaByteCount = 0
  /// Nanoseconds by which a run without the pass takes longer, round by round; nil when it could not be left out.
  package var earned: Statistics?
  /// How far results move when the pass is left out, and the largest of those results.
  package var worstAbsolute = 0.0
  package var scale = 0.0
  /// Why the pass was not left out.
  package var refusal: String?
}

/// What each pass earned on one backend at one batch size, all measured in turns in one measurement.
package struct PassContributions: Sendable {
  package var backend: BackendChoice
  package var batch: Int
  package var threads: Int
  /// With every pass.
  package var nodeCount: Int
  package var arenaByteCount: Int
  package var statistics: Statistics?
  /// In the order of the pipeline.
  package var entries: [PassContribution]
  package var doubts: [MeasurementDoubt]
}

extension PassContributions {
  /// Leaves out, one at a time, each pass that changes the model, and the layouts that kernels like best.
  package static func measure(
    _ model: Model, _ options: CompileOptions, _ backend: BackendChoice, batch: Int, inputs: InputMaker,
    threads: Int?,
    limits: MeasurementLimits, progress: (String, Double) -> Void = { _, _ in }
  ) throws -> PassContributions {
    var maker = inputs
    maker.batch = model.batchSymbols.isEmpty ? nil : batch
    let values = try maker.values(for: model)
    let compiled = try model.compile(options)
    let full = try PreparedRun(compiled, backend, threads: threads, inputs: values)
    var entries = candidates(compiled)
    var runs = [full]
    var measured: [Int] = []
    for i in entries.indices where entries[i].refusal == nil {
      progress("planning without \(entries[i].pass)", 0)
      var reduced = options
      reduced.disabledPasses.append(entries[i].pass)
      do {
        let rest = try model.compile(reduced)
        let run = try PreparedRun(rest, backend, threads: threads, inputs: values)
        entries[i].nodeCount = rest.nodeCount
        entries[i].arenaByteCount = run.facts.arenaByteCount
        try entries[i].compare(full.outputs, run.outputs)
        runs.append(run)
        measured.append(i)
      } catch let error as EngineError {
        entries[i].refusal = "the model does not run without it: \(error.finding)"
      }
    }
    let series = try PreparedRun.measure(runs, limits) {
      progress("what each pass earned", $0)
    }
    for (i, without) in zip(measured, series.dropFirst()) {
      entries[i].earned = without.excess(over: series[0])
    }
    return PassContributions(
      backend: backend, batch: batch, threads: full.request.threads, nodeCount: compiled.nodeCount,
      arenaByteCount: full.facts.arenaByteCount, statistics: series[0].statistics, entries: entries,
      doubts: series[0].doubts(limits))
  }

  /// Passes that changed something, each once, and the choice of layouts.
  private static func candidates(_ compiled: CompiledModel) -> [PassContribution] {
    var entries: [PassContribution] = []
    for report in compiled.passReports where report.changes > 0 {
      if let i = entries.firstIndex(where: { $0.pass == report.pass }) {
        entries[i].changes += report.changes
      } else {
        entries.append(PassContribution(pass: report.pass, changes: report.changes))
        entries[entries.count - 1].refusal = PassCatalog.foundations[report.pass]
      }
    }
    return entries + [PassContribution(pass: CompileOptions.layoutChoice, changes: 0)]
  }
}

extension PassContribution {
  fileprivate mutating func compare(_ full: [String: RuntimeValue], _ without: [String: RuntimeValue]) throws
  {
    for (name, value) in full {
      guard case .tensor(let expected) = value, case .tensor(let actual)? = without[name] else { continue }
      let difference = try TensorDifference(actual, expected: expected)
      worstAbsolute = max(worstAbsolute, difference.worstAbsolute)
      scale = max(scale, difference.scale)
    }
  }
}
