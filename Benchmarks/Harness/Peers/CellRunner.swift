import Host
import Measurement
import Reports
import Terminal

/// How long a cell is measured.
package struct CellLimits: Sendable {
  /// Of each engine, in one pass; passes are added until the ratio is known.
  package var seconds = 1.0
  package var runs = 30
  package var turnSeconds = 0.05
  /// Of measuring, for all engines together.
  package var maximumSeconds = 60.0

  package init() {}
}

/// Runs a cell: an engine process each, readied one after the other, then measured in turns.
package struct CellRunner {
  package var engines: [Engine]
  package var limits = CellLimits()
  package var patience = WorkerPatience()
  /// The engine whose outputs are the reference, and who stands in for it.
  package var reference = "onnxruntime"
  package var standIn: Engine?
  /// Runs in a row whose mean is taken after the rounds; 0: none.
  package var meanRuns = 0
  /// Told of what happens, for people who watch.
  package var log: (String) -> Void = { _ in }

  package init(engines: [Engine]) { self.engines = engines }

  /// The largest difference of outputs that rounding explains, as a share of their scale.
  package static let tolerance = 1e-3
  /// The same for engines that compute in fewer bits.
  package static let coarseTolerance = 5e-2

  /// A worker that is ready to be measured, and where its result stands.
  private struct Contestant {
    var index: Int
    var worker: EngineWorker
    var outputs: String
    var outputCount: Int
    var series = MeasuredSeries()
  }

  package func run(_ model: BenchmarkModel, batch: Int, threads: Int) throws -> PeerCell {
    let start = monotonicNanoseconds()
    let scratch = try ScratchFolder()
    let inputs = try scratch.folder("inputs")
    try model.writeInputs(batch: batch, to: inputs)
    var cell = PeerCell(
      model: model.name, batch: batch, threads: threads, results: engines.map { PeerResult($0.name) },
      reference: "")
    var contestants: [Contestant] = []
    defer { for contestant in contestants { contestant.worker.quit() } }
    for (i, engine) in engines.enumerated() {
      guard model.byteCount(of: engine.file) != nil else {
        cell.results[i].failure = PeerResult.Failure(
          kind: "unsupported", reason: "the model has no \(engine.file)")
        continue
      }
      log("\(cell.name): starting \(engine.name)")
      do throws(WorkerError) {
        let ready = try ready(engine, i, model, threads: threads, inputs: inputs, scratch)
        cell.results[i].facts = ready.worker.facts
        cell.results[i].load = ready.worker.load
        contestants.append(ready)
      } catch {
        fail(&cell.results[i], error)
      }
    }
    try compare(contestants, &cell, model, threads: threads, inputs: inputs, scratch)
    let throttled = ThrottleCount.now()
    measure(&contestants, &cell)
    if let throttled, let doubt = ThrottleCount.now()?.doubt(since: throttled) {
      cell.disturbances = [doubt.finding]
    }
    takeMeans(contestants, &cell)
    cell.seconds = Double(monotonicNanoseconds() - start) / 1e9
    return cell
  }

  private func fail(_ result: inout PeerResult, _ error: WorkerError) {
    log("  \(result.engine): \(error)")
    result.failure = PeerResult.Failure(kind: error.kind, reason: error.description)
  }

  private func ready(
    _ engine: Engine, _ index: Int, _ model: BenchmarkModel, threads: Int, inputs: String,
    _ scratch: ScratchFolder
  ) throws(WorkerError) -> Contestant {
    let outputs: String
    do throws(ToolError) { outputs = try scratch.folder("outputs_\(index)") } catch {
      throw .cannotStart(error.message)
    }
    let worker = try EngineWorker(
      engine, threads: threads, errorLog: scratch.path + "/errors_\(index).txt", patience: patience)
    try worker.prepare(model: model.folder, threads: threads, inputs: inputs)
    let count = try worker.writeOutputs(to: outputs)
    return Contestant(index: index, worker: worker, outputs: outputs, outputCount: count)
  }

  // MARK: Outputs

  private func compare(
    _ contestants: [Contestant], _ cell: inout PeerCell, _ model: BenchmarkModel, threads: Int,
    inputs: String,
    _ scratch: ScratchFolder
  ) throws {
    var expected = contestants.first { $0.worker.engine.name == reference }
    if expected == nil, let standIn {
      do throws(WorkerError) {
        let made = try ready(standIn, engines.count, model, threads: threads, inputs: inputs, scratch)
        made.worker.quit()
        expected = made
      } catch { log("  \(standIn.name): \(error)") }
    }
    guard let expected else {
      log("  no outputs to compare with: nothing counts")
      return
    }
    cell.reference = expected.worker.engine.name
    for contestant in contestants {
      let difference = OutputDifference(
        contestant.outputs, count: contestant.outputCount, reference: expected.outputs,
        referenceCount: expected.outputCount)
      cell.results[contestant.index].difference = difference.worst
      let tolerance = cell.results[contestant.index].isSinglePrecision ? Self.tolerance : Self.coarseTolerance
      var reason = difference.reason
      if reason == nil, difference.worst > tolerance {
        reason = "\(scientific(difference.worst)) of the scale from \(cell.reference)"
      }
      cell.results[contestant.index].differs = reason
      if let reason { log("  \(contestant.worker.engine.name) DIFFERS: \(reason)") }
    }
  }

  // MARK: Times

  /// A subject that remembers its failure, so that the others can go on without it.
  private final class Watched: MeasuredSubject {
    let worker: EngineWorker
    var failure: WorkerError?

    init(_ worker: EngineWorker) { self.worker = worker }

    func turn(seconds: Double, maximumRuns: Int) throws -> [Double] {
      do { return try worker.turn(seconds: seconds, maximumRuns: maximumRuns) } catch let error as WorkerError
      {
        failure = error
        throw error
      }
    }
  }

  private func measure(_ contestants: inout [Contestant], _ cell: inout PeerCell) {
    let start = monotonicNanoseconds()
    log("\(cell.name): measuring \(contestants.count) engines in turns")
    while !contestants.isEmpty {
      let left = limits.maximumSeconds - Double(monotonicNanoseconds() - start) / 1e9
      let share = max(0, left) / Double(contestants.count)
      var pass = MeasurementLimits(
        minimumRuns: limits.runs, minimumSeconds: min(limits.seconds, share), maximumSeconds: share,
        turnSeconds: limits.turnSeconds)
      // Whether to go on is decided by the ratio, pass by pass.
      pass.patience = 1
      let subjects = contestants.map { Watched($0.worker) }
      do {
        let series = try InterleavedMeasurement(limits: pass, threads: cell.threads).run(subjects: subjects)
        for i in contestants.indices { contestants[i].series.append(series[i]) }
      } catch {
        // The rounds of this pass are lost; those before it count, but not for the engine that failed.
        guard let i = subjects.firstIndex(where: { $0.failure != nil }), let failure = subjects[i].failure
        else {
          log("  \(error)")
          return
        }
        fail(&cell.results[contestants[i].index], failure)
        contestants[i].worker.quit()
        contestants.remove(at: i)
        continue
      }
      for contestant in contestants { note(contestant, pass, &cell.results[contestant.index]) }
      let hasOurs = cell.result(PeerCell.ours)?.counts == true && cell.best != nil
      if !hasOurs || cell.isPrecise || Double(monotonicNanoseconds() - start) / 1e9 >= limits.maximumSeconds {
        return
      }
    }
  }

  private func takeMeans(_ contestants: [Contestant], _ cell: inout PeerCell) {
    if meanRuns == 0 { return }
    for contestant in contestants {
      do {
        // Many seconds, so that the number of runs is what ends them.
        let times = try contestant.worker.turn(seconds: 3600, maximumRuns: meanRuns)
        cell.results[contestant.index].mean = times.reduce(0, +) / Double(times.count)
      } catch { log("  \(contestant.worker.engine.name): no mean: \(error)") }
    }
  }

  private func note(_ contestant: Contestant, _ limits: MeasurementLimits, _ result: inout PeerResult) {
    guard let statistics = contestant.series.statistics else { return }
    result.times = PeerResult.Times(
      runs: statistics.count, median: statistics.median, interval: statistics.medianInterval,
      p99: statistics.p99)
    result.roundMedians = contestant.series.turnMedians
    result.setAsideRounds = contestant.series.setAsideTurns
    result.doubts = contestant.series.doubts(limits).map(\.finding)
  }
}

extension MeasuredSeries {
  /// Another pass of the same subject.
  fileprivate mutating func append(_ pass: MeasuredSeries) {
    isWarm = (turns.isEmpty || isWarm) && pass.isWarm
    warmUpRuns += pass.warmUpRuns
    droppedTurns += pass.droppedTurns
    setAsideTurns += pass.setAsideTurns
    apartTurns += pass.apartTurns
    turns += pass.turns
  }
}
