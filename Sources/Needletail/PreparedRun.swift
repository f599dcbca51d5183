import Host
import IR
import Kernels
import Measurement
import Runtime
import Tensors

/// What is known of a compiled model's plans before they run.
package struct PlanFacts: Sendable {
  package var labels: [ExecutionPlan.Label] = []
  package var arenaByteCount = 0
  /// The most bytes that live at once: no arena can be smaller.
  package var liveByteCount = 0
  package var reorderCount = 0
  /// In how many turns the batch is taken.
  package var turns = 1
  /// Parts whose sizes depend on data are planned while they run, and are not counted here.
  package var dependsOnData = false

  package init(_ program: Program) {
    for step in program.steps {
      switch step {
      case .plan(let plan, _, _):
        labels += plan.labels
        arenaByteCount += plan.arenaByteCount
        liveByteCount += plan.liveByteCount
        reorderCount += plan.reorderCount
        turns = max(turns, plan.turns)
      case .evaluate(_, _, let label, _, _): labels.append(label)
      case .region, .conditional, .loop: dependsOnData = true
      }
    }
  }

  /// Steps by backend, the busiest first.
  package var placement: [(backend: String, count: Int)] {
    var counts: [String: Int] = [:]
    for label in labels { counts[label.backend, default: 0] += 1 }
    return counts.map { (backend: $0.key, count: $0.value) }.sorted {
      ($1.count, $0.backend) < ($0.count, $1.backend)
    }
  }

  /// Nodes that another backend than `asked` runs; none for `auto`. Moving bytes is no node of the model's.
  package func strays(from asked: BackendChoice) -> [ExecutionPlan.Label] {
    if asked == .auto { return [] }
    return labels.filter {
      $0.backend != asked.rawValue && $0.operatorName != "Reorder" && $0.operatorName != "Copy"
    }
  }
}

extension InferenceRequest {
  /// The plans for these inputs, made now when they are not there yet.
  package func planFacts(for inputs: [String: RuntimeValue]) throws -> PlanFacts {
    let ordered = try order(inputs)
    return try model.withRunBudget {
      do throws(GraphError) {
        return PlanFacts(try target.executable.program(for: target.executable.key(of: ordered)))
      } catch { throw EngineError(.runFailed, subject: "", expectation: "", finding: error.description) }
    }
  }
}

/// A request with inputs and outputs bound, ready to be measured.
package final class PreparedRun {
  package let request: InferenceRequest
  package let facts: PlanFacts
  /// Of the first run.
  package let outputs: [String: RuntimeValue]
  package let planNanoseconds: UInt64
  package let firstRunNanoseconds: UInt64
  private let inputs: [String: RuntimeValue]
  private let isBound: Bool

  /// Plans, runs once, and binds.
  package init(
    _ compiled: CompiledModel, _ backend: BackendChoice, threads: Int?, inputs: [String: RuntimeValue]
  ) throws {
    request = try compiled.makeRequest(backend: backend, threads: threads)
    self.inputs = inputs
    let start = monotonicNanoseconds()
    facts = try request.planFacts(for: inputs)
    let planned = monotonicNanoseconds()
    outputs = try request.run(values: inputs)
    firstRunNanoseconds = monotonicNanoseconds() - planned
    planNanoseconds = planned - start
    isBound = try Self.bind(request, inputs, outputs)
  }

  /// Binds copies of the outputs, so that later runs do not overwrite what the first one returned. Values that are
  /// no tensors, and sizes that may change, are left to `run(values:)`.
  private static func bind(
    _ request: InferenceRequest, _ inputs: [String: RuntimeValue], _ outputs: [String: RuntimeValue]
  ) throws -> Bool {
    for (name, value) in inputs {
      guard case .tensor(let tensor) = value else { return false }
      try request.bind(input: name, to: tensor)
    }
    guard request.model.inputs.allSatisfy({ inputs[$0.name] != nil }) else { return false }
    for port in request.model.outputs {
      guard case .tensor(let tensor)? = outputs[port.name], tensor.dataType != .string else { return false }
      try request.bind(output: port.name, to: Tensor(uninitialized: tensor.dataType, sizes: tensor.sizes))
    }
    return true
  }

  package func run() throws {
    if isBound { try request.run() } else { _ = try request.run(values: inputs) }
  }

  /// Measures runs of one number of threads in turns.
  package static func measure(
    _ runs: [PreparedRun], _ limits: MeasurementLimits, progress: (Double) -> Void = { _ in }
  ) throws -> [MeasuredSeries] {
    try InterleavedMeasurement(limits: limits, threads: runs.first?.request.threads ?? 1).run(
      runs.map { run in { try run.run() } }, progress: progress)
  }

  /// Where the time of `runs` runs goes, step by step. A pass of its own: the clock between steps costs time too.
  package func profile(runs: Int) throws -> Profile {
    request.interpreter.profile = Profile()
    defer { request.interpreter.profile = nil }
    for _ in 0..<max(1, runs) { _ = try request.run(values: inputs) }
    return request.interpreter.profile ?? Profile()
  }
}
