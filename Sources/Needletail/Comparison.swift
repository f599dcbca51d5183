import Host
import Kernels
import Measurement
import Runtime
import Tensors

/// The three ways of compiling that `compare` sets side by side.
package enum Variant: String, Sendable, Hashable, CaseIterable {
  /// The file's graph, node for node.
  case original
  /// Constants folded, dead nodes and identities removed.
  case folded
  /// Every pass.
  case optimized

  package var optimization: Optimization {
    switch self {
    case .original: .none
    case .folded: .folded
    case .optimized: .full
    }
  }
}

/// How far a variant's results lie from those of the original on naive.
package struct VariantNumerics: Sendable {
  package var worstAbsolute = 0.0
  /// The largest magnitude of the output in which the worst difference stands.
  package var scale = 0.0
  package var worstOutput = ""
  package var beyondCount = 0
  package var reason: String?
  /// Rows whose largest score is at the same place, of those compared; none when no output looks like scores.
  package var topSame = 0
  package var topCount = 0
  /// Items that were compared.
  package var itemCount = 0

  package init() {}

  package var isWithin: Bool { beyondCount == 0 && reason == nil }
}

extension VariantNumerics {
  mutating func add(
    _ actual: [String: RuntimeValue], _ expected: [String: RuntimeValue], _ model: Model,
    _ tolerance: Tolerance
  ) throws {
    for (i, port) in model.outputs.enumerated() {
      guard case .tensor(let e)? = expected[port.name] else { continue }
      guard case .tensor(let a)? = actual[port.name] else {
        reason = "output '\(port.name)' is missing"
        continue
      }
      if i == 0 { itemCount += max(1, e.sizes.first ?? 1) }
      let difference = try TensorDifference(a, expected: e, tolerance)
      beyondCount += difference.beyondCount
      if !difference.isWithin, reason == nil {
        reason = "output '\(port.name)': \(difference.reason ?? "differs")"
      }
      if difference.worstAbsolute > worstAbsolute || worstOutput.isEmpty {
        worstAbsolute = difference.worstAbsolute
        scale = difference.scale
        worstOutput = port.name
      }
      if difference.isComparable, e.rank == 2, let mine = try a.topClasses(), let theirs = try e.topClasses()
      {
        topCount += theirs.count
        topSame += zip(mine, theirs).count { $0 == $1 }
      }
    }
  }

  package mutating func merge(_ other: VariantNumerics) {
    if other.worstAbsolute > worstAbsolute || worstOutput.isEmpty {
      worstAbsolute = other.worstAbsolute
      scale = other.scale
      worstOutput = other.worstOutput
    }
    beyondCount += other.beyondCount
    if reason == nil { reason = other.reason }
    topSame += other.topSame
    topCount += other.topCount
    itemCount += other.itemCount
  }
}

/// One variant on one backend at one batch size.
package struct ComparisonRow: Sendable {
  package var variant: Variant
  package var series: MeasuredSeries
  /// How many times faster than the original, from the medians of each round.
  package var speedup: Statistics?
  package var facts: PlanFacts
  package var nodeCount: Int
  package var numerics: VariantNumerics
  package var profile: Profile
  package var doubts: [MeasurementDoubt]
}

package struct ComparisonCell: Sendable {
  package var backend: BackendChoice
  package var batch: Int
  package var threads: Int
  package var rows: [ComparisonRow]
}

/// Compares the variants of a model, backend by backend and batch by batch.
package final class ModelComparison {
  /// How often each variant runs again to tell where its time goes.
  package static let profileRuns = 5

  package let model: Model
  package let limits: MeasurementLimits
  package let threads: Int?
  package let tolerance: Tolerance
  package let inputs: InputMaker
  private let compiled: [(variant: Variant, model: CompiledModel)]
  private let recorded: [RecordedSet]
  /// Seconds that the original on naive may take for one reference.
  private let referenceSeconds: Double
  private var references: [Int: (inputs: [String: RuntimeValue], outputs: [String: RuntimeValue])] = [:]
  private var recordedReferences: [(inputs: [String: RuntimeValue], outputs: [String: RuntimeValue])]?
  private var secondsPerItem: Double?

  package init(
    _ model: Model, limits: MeasurementLimits, threads: Int?, tolerance: Tolerance, inputs: InputMaker,
    numerics: NumericsPolicy = .fast, referenceSeconds: Double = 10
  ) throws {
    self.model = model
    self.limits = limits
    self.threads = threads
    self.tolerance = tolerance
    self.inputs = inputs
    self.referenceSeconds = referenceSeconds
    recorded = RecordedSet.sets(in: parentFolder(of: model.path))
    compiled = try Variant.allCases.map {
      ($0, try model.compile(CompileOptions(optimization: $0.optimization, numerics: numerics)))
    }
  }

  /// Pass reports and node counts come from here.
  package func compiledModel(_ variant: Variant) -> CompiledModel? {
    compiled.first { $0.variant == variant }?.model
  }

  /// Measures the variants in turns and compares what they answer.
  package func cell(
    _ backend: BackendChoice, batch: Int, progress: (String, Double) -> Void = { _, _ in }
  ) throws -> ComparisonCell {
    var maker = inputs
    maker.batch = batch
    let values = try maker.values(for: model)
    var runs: [PreparedRun] = []
    for (variant, compiled) in compiled {
      progress("\(backend.rawValue), batch \(batch): planning \(variant.rawValue)", 0)
      runs.append(try PreparedRun(compiled, backend, threads: threads, inputs: values))
    }
    progress("\(backend.rawValue), batch \(batch): verifying", 0)
    let numerics = try verify(runs, batch: batch)
    let watch = MachineWatch()
    let series = try PreparedRun.measure(runs, limits) {
      progress("\(backend.rawValue), batch \(batch)", $0)
    }
    let disturbances = watch.doubts()
    var rows: [ComparisonRow] = []
    for (i, (variant, compiled)) in compiled.enumerated() {
      let doubts = series[i].doubts(limits) + disturbances
      rows.append(
        ComparisonRow(
          variant: variant, series: series[i], speedup: i == 0 ? nil : series[i].speedups(over: series[0]),
          facts: runs[i].facts, nodeCount: compiled.nodeCount, numerics: numerics[i],
          profile: try runs[i].profile(runs: Self.profileRuns), doubts: doubts))
    }
    return ComparisonCell(backend: backend, batch: batch, threads: runs[0].request.threads, rows: rows)
  }

  // MARK: Verification

  private func verify(_ runs: [PreparedRun], batch: Int) throws -> [VariantNumerics] {
    let verified = try verifiedBatch(batch)
    let reference = try reference(batch: verified)
    var all: [VariantNumerics] = []
    for run in runs {
      var numerics = VariantNumerics()
      let outputs = verified == batch ? run.outputs : try run.request.run(values: reference.inputs)
      try numerics.add(outputs, reference.outputs, model, tolerance)
      for recorded in try recordedReference() {
        try numerics.add(try run.request.run(values: recorded.inputs), recorded.outputs, model, tolerance)
      }
      all.append(numerics)
    }
    return all
  }

  /// The largest batch up to `batch` for which naive is not too slow; a model with a fixed batch has no choice.
  private func verifiedBatch(_ batch: Int) throws -> Int {
    if model.batchSymbols.isEmpty { return batch }
    if secondsPerItem == nil {
      let start = monotonicNanoseconds()
      _ = try reference(batch: 1)
      secondsPerItem = Double(monotonicNanoseconds() - start) / 1e9
    }
    let affordable = Int(min(1e6, referenceSeconds / max(1e-9, secondsPerItem ?? 0)))
    return max(1, min(batch, affordable))
  }

  private func reference(batch: Int) throws -> (
    inputs: [String: RuntimeValue], outputs: [String: RuntimeValue]
  ) {
    if let known = references[batch] { return known }
    var maker = inputs
    maker.batch = batch
    let values = try maker.values(for: model)
    let reference = (inputs: values, outputs: try naive(values))
    references[batch] = reference
    return reference
  }

  private func recordedReference() throws -> [(
    inputs: [String: RuntimeValue], outputs: [String: RuntimeValue]
  )] {
    if let recordedReferences { return recordedReferences }
    var made: [(inputs: [String: RuntimeValue], outputs: [String: RuntimeValue])] = []
    for set in recorded.prefix(4) {
      let values = try set.inputs(of: model)
      made.append((values, try naive(values)))
    }
    recordedReferences = made
    return made
  }

  private func naive(_ values: [String: RuntimeValue]) throws -> [String: RuntimeValue] {
    try compiled[0].model.makeRequest(backend: .naive, threads: threads).run(values: values)
  }
}
