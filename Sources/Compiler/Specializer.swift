import IR
import Kernels
import Operators
import Passes
import Runtime
import Synchronization
import Tensors

/// The second compilation: binds sizes, simplifies, chooses kernels, packs weights and plans memory.
///
/// One specializer serves one set of options; `packed` and `tuner` may be shared with others.
package final class Specializer: PlanSource {
  package let backends: BackendSet
  package let options: PlanOptions
  package let packed: PackedWeights
  private let context: PassContext
  private let pipeline: Pipeline
  private let disabledPasses: [String]
  private let tuner: Tuner
  private let lastReports = Mutex<[NodeReport]>([])

  package init(
    backends: BackendSet, options: PlanOptions, packed: PackedWeights, context: PassContext, pipeline: Pipeline,
    disabledPasses: [String] = [], tuner: Tuner
  ) {
    self.backends = backends
    self.options = options
    self.packed = packed
    self.context = context
    self.pipeline = pipeline
    self.disabledPasses = disabledPasses
    self.tuner = tuner
  }

  /// What was considered for each node of the plans made last.
  package var reports: [NodeReport] { lastReports.withLock { $0 } }

  package func program(for graph: Graph, inputs: [InputKey], path: String) throws(GraphError) -> Program {
    var bound = try bind(graph, inputs)
    _ = pipeline.run(on: &bound, in: context, options: Pipeline.Options(disabled: disabledPasses))
    lastReports.withLock { if path.isEmpty { $0 = [] } }
    return try Partition(graph: bound, backends: backends, options: options).program(
      path: path, source: self
    ) { (region) throws(GraphError) in try self.plan(region) }
  }

  /// The graph with the types and contents of actual inputs, everything inferred again.
  private func bind(_ graph: Graph, _ inputs: [InputKey]) throws(GraphError) -> Graph {
    var operands: [Operand?] = []
    for (port, key) in zip(graph.inputs, inputs) {
      guard case .tensor(let dataType, let sizes, let contents) = key else {
        operands.append(nil)
        continue
      }
      let type = ValueType.tensor(TensorType(dataType, sizes: sizes))
      if !type.isCompatible(with: graph[port.value].type) {
        throw GraphError(.replacedType(expected: graph[port.value].type, found: type), node: "input \(port.name)")
      }
      operands.append(Operand(type, contents: contents.map { $0.map { Dimension(Int($0)) } }))
    }
    return try graph.inferred(operands)
  }

  // MARK: Plans

  private func plan(_ region: Graph) throws(GraphError) -> ExecutionPlan {
    guard options.selection == .auto else { return try plan(region, options, packed) }
    tuner.start(budget: options.tuningBudget)
    let chosen = try plan(region, options, PackedWeights())
    return try fastest(of: chosen, region)
  }

  private func plan(_ region: Graph, _ options: PlanOptions, _ packed: PackedWeights) throws(GraphError)
    -> ExecutionPlan
  {
    var graph = region
    var assignment = AssignKernels(backends: backends, options: options, tuner: tuner)
    let assigned = try assignment.run(on: &graph)
    let reports = assignment.reports
    if options.selection == self.options.selection { lastReports.withLock { $0 += reports } }
    var builder = PlanBuilder(graph: graph, options: options, backends: backends, packed: packed)
    return try builder.build(assigned)
  }

  /// `auto` against each backend alone, run in turns: kernels measured one by one may mislead, the whole does not.
  /// The winner is built anew with the shared weights; the others' weights go.
  private func fastest(of mixed: ExecutionPlan, _ region: Graph) throws(GraphError) -> ExecutionPlan {
    var rivals: [(options: PlanOptions, plan: ExecutionPlan)] = [(options, mixed)]
    for id in backends.available where id != .naive {
      var single = options
      single.selection = .backend(id)
      guard let plan = try? plan(region, single, PackedWeights()) else { continue }
      let kernels = plan.labels.map(\.kernel)
      if rivals.contains(where: { $0.plan.labels.map(\.kernel) == kernels }) { continue }
      // A rival that hardly uses its own kernels is another one in disguise.
      if plan.labels.contains(where: { $0.backend == id.name }) { rivals.append((single, plan)) }
    }
    var winner = 0
    if rivals.count > 1 {
      let times = raceTimes(rivals.map(\.plan), threads: options.threads, budget: options.tuningBudget / 2)
      for i in times.indices.dropFirst() where times[i] < times[winner] * (winner == 0 ? 0.98 : 1) { winner = i }
    }
    var final = rivals[winner].options
    if winner == 0 { final = options }
    return try plan(region, final, packed)
  }
}
