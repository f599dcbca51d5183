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
    let keys = inputs.map { InputKey(.tensor($0), readsContents: false) }
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
      let series = try InterleavedMeasurement(limits: limits).run(group.map { item in { try item.run.run() } })
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

/// A plan with memory of its own for everything.
private final class LayerRun {
  private let instance: PlanInstance
  private let team: Team
  private let inputs: [Tensor]
  private let results: [Tensor]

  /// Inputs are brought to the formats that the plan wants.
  init(_ plan: ExecutionPlan, _ tensors: [Tensor], _ team: Team) throws {
    self.team = team
    instance = try PlanInstance(plan)
    var inputs: [Tensor] = []
    for (placement, tensor) in zip(plan.inputs, tensors) {
      let input = try tensor.reordered(to: placement.format)
      instance.setInput(inputs.count, input.bytes)
      inputs.append(input)
    }
    var results: [Tensor] = []
    for placement in plan.outputs {
      let result = try Tensor(uninitialized: placement.dataType, sizes: placement.sizes, format: placement.format)
      if let bytes = result.mutableBytes { instance.setOutput(results.count, bytes) }
      results.append(result)
    }
    self.inputs = inputs
    self.results = results
  }

  func run() throws {
    team.lease()
    defer { team.release() }
    try instance.run(Workers(team: team))
  }

  /// The fastest of a few runs.
  func quickNanoseconds() throws -> Double {
    var best = UInt64.max
    let end = monotonicNanoseconds() + 3_000_000
    for count in 1...50 {
      let start = monotonicNanoseconds()
      try run()
      best = min(best, monotonicNanoseconds() - start)
      if count >= 3, monotonicNanoseconds() > end { break }
    }
    return Double(best)
  }

  /// In row-major order; copies.
  func outputs() throws -> [Tensor] { try results.map { try $0.reordered(to: .rowMajor($0.dataType)) } }
}

extension LayerShape {
  /// The types of the inputs with their sizes; every symbol is the batch.
  func inputTypes(batch: Int) throws -> [(dataType: DataType, sizes: [Int])] {
    var types: [(dataType: DataType, sizes: [Int])] = []
    for port in graph.inputs {
      guard let type = graph[port.value].type.tensor, let shape = type.shape else {
        throw ShapeError(description: "\(graph.name): input \(port.name) is no tensor of known rank")
      }
      var sizes: [Int] = []
      for dimension in shape {
        var bindings: [Symbol: Int] = [:]
        for symbol in dimension.symbols { bindings[symbol] = batch }
        guard let size = try dimension.bound(bindings).fixed, size >= 0 else {
          throw ShapeError(description: "\(graph.name): input \(port.name) has a size \(dimension.text)")
        }
        sizes.append(size)
      }
      types.append((type.dataType, sizes))
    }
    return types
  }

  /// Seeded random inputs: −1 to 1 for floats, zeros for what may be an index.
  func inputs(batch: Int) throws -> [Tensor] {
    var tensors: [Tensor] = []
    for (port, type) in zip(graph.inputs, try inputTypes(batch: batch)) {
      let count = try Tensor.elementCount(of: type.sizes)
      var random = SplitMix(seed: 1, port.name)
      let isFloat = type.dataType.isFloatingPoint
      let elements = (0..<count).map { _ in isFloat ? random.nextFloat() : 0 }
      tensors.append(try .fromFloats(elements, dataType: type.dataType, sizes: type.sizes))
    }
    return tensors
  }

  /// `Conv 3×3/2 64×56×56 → 128×28×28`, sizes without the batch where they have one.
  var shapeText: String {
    guard let node = graph.liveNodes.first else { return "" }
    var words = [node.op.name]
    if let convolution = node.op as? Convolution {
      let stride = convolution.window.strides.first { $0 != 1 }.map { "/\($0)" } ?? ""
      words[0] += " " + convolution.window.kernel.map(String.init).joined(separator: "×") + stride
      if convolution.groups > 1 { words[0] += " g\(convolution.groups)" }
    }
    func text(_ shape: [Dimension]) -> String {
      let sizes = shape.count > 1 && shape.first?.fixed == nil ? Array(shape.dropFirst()) : shape
      return sizes.map(\.text).joined(separator: "×")
    }
    let operands = (node.inputs.prefix(node.op is MatMul ? 2 : 1)).compactMap { $0 }
    words.append(operands.map { text(graph[$0].type.tensor?.shape ?? []) }.joined(separator: ", "))
    let results = node.outputs.compactMap { $0 }.map { text(graph[$0].type.tensor?.shape ?? []) }
    words.append("→ " + results.joined(separator: ", "))
    let steps = node.epilogue.steps.map { String($0.text.prefix { $0 != " " && $0 != "(" }) }
    if !steps.isEmpty { words.append("{" + steps.joined(separator: ", ") + "}") }
    return words.joined(separator: " ")
  }
}
