import Compiler
import Host
import IR
import Kernels
import Measurement
import Needletail
import Operators
import Passes
import Runtime
import Tensors

/// What was measured of one candidate.
struct MeasuredKernel: Sendable {
  var kernel: String
  var formats: String
  var numerics: Numerics
  var isPick: Bool
  /// Close enough to the fastest to be measured as long as was asked for.
  var isContender: Bool
  var series: MeasuredSeries
  var statistics: Statistics
  /// How its result differs from naive's; nil: not beyond the tolerance.
  var mistake: String?
  var doubts: [MeasurementDoubt]
}

/// All candidates for one layer.
struct MeasuredLayer: Sendable {
  var model: String
  var name: String
  /// `Conv 3×3/2 64×56×56 → 128×28×28`
  var shape: String
  var count: Int
  var batch: Int
  var ceilings: Ceilings
  var work: Work
  /// The compiler moves no byte for it.
  var isPickView: Bool
  var kernels: [MeasuredKernel]
  var refusals: [(kernel: String, reason: String)]
}

/// Measures every kernel that the compiler considers for a layer, in turns.
struct KernelBenchmark {
  let limits: MeasurementLimits
  let batch: Int
  let ceilings: Ceilings
  private let team: Team
  private let specializer: Specializer
  private let oracle: Specializer

  /// Sums in another order and other algorithms stay within this share of the largest result.
  static let tolerance = Tolerance(relative: 1e-3, absolute: 1e-7, scaled: 1e-4)

  init(limits: MeasurementLimits, batch: Int, ceilings: Ceilings, tuningSeconds: Double = 10) {
    self.limits = limits
    self.batch = batch
    self.ceilings = ceilings
    team = Team(threads: ceilings.threads)
    func make(_ selection: Selection) -> Specializer {
      let registry = Backends.shared.registry
      return Specializer(
        backends: registry,
        options: PlanOptions(
          selection: selection, threads: ceilings.threads, allowed: [.exact, .reassociated, .transformed],
          tuningBudget: UInt64(tuningSeconds * 1e9)),
        packed: PackedWeights(),
        context: PassContext { (node, inputs) throws(GraphError) in try registry.evaluate(node, inputs) },
        pipeline: PassCatalog.specialize, tuner: Tuner(threads: ceilings.threads))
    }
    specializer = make(.auto)
    oracle = make(.backend(.naive))
  }

  func measure(_ layer: LayerShape, of model: String) throws -> MeasuredLayer {
    let inputs = try layer.inputs(batch: batch)
    let keys = inputs.map { InputKey(.tensor($0)) }
    let found = try specializer.layerCandidates(for: layer.graph, inputs: keys)
    let expected = try reference(layer, inputs, keys)
    var runs: [(candidate: LayerCandidate, run: LayerRun, mistake: String?)] = []
    var refusals = found.refusals
    for candidate in found.candidates {
      do {
        let run = try LayerRun(candidate.plan, inputs, team)
        try run.run()
        runs.append((candidate, run, try mistake(try run.outputs(), expected)))
      } catch { refusals.append((candidate.kernel, "\(error)")) }
    }
    // Those far behind are measured too, but a short time is enough to say so.
    let quick = try runs.map { try $0.run.quickNanoseconds() }
    let close = (quick.min() ?? 0) * Self.contention
    let contends = runs.indices.map { quick[$0] <= close || runs[$0].candidate.isPick }
    var kernels: [MeasuredKernel] = []
    for (isContender, limits) in [(true, limits), (false, Self.brief(limits))] {
      let group = runs.indices.filter { contends[$0] == isContender }.map { runs[$0] }
      let series = try InterleavedMeasurement(limits: limits, threads: ceilings.threads).run(
        group.map { item in { try item.run.run() } })
      for (item, series) in zip(group, series) {
        guard let statistics = series.statistics else { continue }
        kernels.append(
          MeasuredKernel(
            kernel: item.candidate.kernel, formats: item.candidate.formats, numerics: item.candidate.numerics,
            isPick: item.candidate.isPick, isContender: isContender, series: series, statistics: statistics,
            mistake: item.mistake, doubts: series.doubts(limits)))
      }
    }
    kernels.sort { $0.statistics.median < $1.statistics.median }
    return MeasuredLayer(
      model: model, name: layer.graph.name, shape: layer.shapeText, count: layer.count, batch: batch,
      ceilings: ceilings, work: found.work,
      isPickView: found.isPickView, kernels: kernels, refusals: refusals)
  }

  /// A candidate that takes longer than so many times the fastest, at a first look, cannot win.
  private static let contention = 2.0

  private static func brief(_ limits: MeasurementLimits) -> MeasurementLimits {
    var brief = MeasurementLimits(
      minimumRuns: 7, minimumSeconds: limits.minimumSeconds / 10, maximumSeconds: limits.maximumSeconds / 10,
      turnSeconds: limits.turnSeconds)
    brief.patience = 1
    return brief
  }

  private func reference(_ layer: LayerShape, _ inputs: [Tensor], _ keys: [InputKey]) throws -> [Tensor] {
    guard let plan = try oracle.program(for: layer.graph, inputs: keys, path: "").singlePlan else {
      throw ShapeError(description: "\(layer.graph.name): its sizes depend on data")
    }
    let run = try LayerRun(plan, inputs, team)
    try run.run()
    return try run.outputs()
  }

  private func mistake(_ actual: [Tensor], _ expected: [Tensor]) throws -> String? {
    for (a, e) in zip(actual, expected) {
      let difference = try TensorDifference(a, expected: e, Self.tolerance)
      if !difference.isWithin { return difference.reason ?? "differs from naive" }
    }
    return nil
  }
}
