import Host
import IR
import Kernels
import Operators
import Passes
import Runtime
import Synchronization
import Tensors

/// The second compilation: binds sizes, simplifies, chooses kernels, packs weights and plans memory.
///
/// One specializer serves one set of options; `packed`, `tuner` and `budget` may be shared with others.
package final class Specializer: PlanSource {
  package let backends: BackendSet
  package let options: PlanOptions
  package let packed: PackedWeights
  package let choices: PlanChoices
  private let context: PassContext
  private let pipeline: Pipeline
  private let disabledPasses: [String]
  let tuner: Tuner
  package let budget: PlanBudget
  private let sharedConstants: Set<ConstantID>
  private let seenEvictions = Atomic<Int>(0)
  private let measuring: MeasuringGrant
  /// By the path of the graph: a graph inside, planned for ever new sizes, leaves those of its last plan.
  private let lastReports = Mutex<[(path: String, reports: [NodeReport])]>([])
  private let lastGuessCount = Mutex(0)

  package init(
    backends: BackendSet, options: PlanOptions, packed: PackedWeights, choices: PlanChoices = PlanChoices(),
    context: PassContext, pipeline: Pipeline, disabledPasses: [String] = [], tuner: Tuner,
    budget: PlanBudget = PlanBudget(), sharedConstants: Set<ConstantID> = []
  ) {
    self.backends = backends
    self.options = options
    self.packed = packed
    self.choices = choices
    self.context = context
    self.pipeline = pipeline
    self.disabledPasses = disabledPasses
    self.tuner = tuner
    self.budget = budget
    self.sharedConstants = sharedConstants
    measuring = MeasuringGrant(perPlan: options.tuningBudget)
  }

  /// What was considered for each node of the plans made last.
  package var reports: [NodeReport] { lastReports.withLock { $0.flatMap(\.reports) } }

  /// Nodes and values of the plans made last whose formats the solver had to guess, for they hang together in too many
  /// ways.
  package var guessCount: Int { lastGuessCount.withLock { $0 } }

  package func program(for graph: Graph, inputs: [InputKey], path: String) throws(GraphError) -> Program {
    let evictions = budget.evictionCount
    if seenEvictions.exchange(evictions, ordering: .relaxed) != evictions { packed.dropUnused() }
    let planning = Planning(
      candidates: CandidateTable(backends, options),
      // Of several plans, nobody knows yet which one's weights are wanted.
      check: choices.isSingle ? packed.checkAhead(threads: options.threads) : nil)
    defer { planning.check?.end() }
    let bound = try specialized(graph, inputs)
    lastReports.withLock { if path.isEmpty { $0 = [] } else { $0.removeAll { $0.path == path } } }
    if path.isEmpty { lastGuessCount.withLock { $0 = 0 } }
    if !options.keepsFileLayout, let split = BatchSplit(bound),
      let program = program(for: graph, inputs, split, path, planning)
    {
      return program
    }
    return try program(bound, path, planning)
  }

  /// What the steps of one call share.
  private struct Planning {
    let candidates: CandidateTable
    let check: WeightCheck?
  }

  private func program(_ bound: Graph, _ path: String, _ planning: Planning) throws(GraphError) -> Program {
    try Partition(graph: bound, backends: backends, options: options, candidates: planning.candidates)
      .program(
        path: path, source: self
      ) { (region) throws(GraphError) in try self.plan(region, path, planning) }
  }

  /// The program that takes the batch in parts; nil where that is not one plan for all of the graph.
  private func program(
    for graph: Graph, _ inputs: [InputKey], _ split: BatchSplit, _ path: String, _ planning: Planning
  ) -> Program? {
    let before = lastReports.withLock { $0 }
    guard let part = try? specialized(graph, split.inputs(inputs)), split.agrees(part),
      let program = try? program(part, path, planning), let turn = program.singlePlan
    else {
      lastReports.withLock { $0 = before }
      return nil
    }
    return Program(
      steps: [.plan(split.plan(turn), inputs: program.inputs, outputs: program.outputs)],
      registerCount: program.registerCount,
      inputs: program.inputs, constants: [], outputs: program.outputs)
  }

  /// The graph that kernels are chosen for.
  func specialized(_ graph: Graph, _ inputs: [InputKey]) throws(GraphError) -> Graph {
    var bound = try graph.inferred(graph.operands(for: inputs))
    _ = pipeline.run(on: &bound, in: context, options: Pipeline.Options(disabled: disabledPasses))
    return bound
  }

  // MARK: Plans

  private func plan(_ region: Graph, _ path: String, _ planning: Planning) throws(GraphError) -> ExecutionPlan
  {
    let key = PlanChoices.Key(region, options)
    let chosen: Draft
    if let known = recorded(region, key, planning.candidates) {
      chosen = known
    } else {
      // What is measured needs the threads.
      planning.check?.end()
      chosen = try measured(region, key, planning.candidates)
    }
    planning.check?.end()
    packed.absorb(chosen.packed)
    do { try packed.check(threads: options.threads) } catch { throw GraphError(.malformed(error.reason)) }
    lastReports.withLock { $0.append((path, chosen.reports)) }
    lastGuessCount.withLock { $0 += chosen.guessCount }
    return chosen.plan
  }

  /// What was chosen before; nil where nothing was, or for other kernels than there are now.
  private func recorded(_ region: Graph, _ key: PlanChoices.Key, _ candidates: CandidateTable) -> Draft? {
    guard let choice = choices.choice(for: key) else { return nil }
    var options = options
    if let backend = choice.backend { options.selection = .backend(BackendID(name: backend)) }
    return try? draft(region, options, over: packed, candidates, following: choice)
  }

  private func measured(
    _ region: Graph, _ key: PlanChoices.Key, _ candidates: CandidateTable
  ) throws(GraphError) -> Draft {
    guard options.selection == .auto else { return try kept(fitting(region, candidates), key) }
    let budget = measuring.next()
    // Of a plan that may not be measured any more, nothing is to be kept.
    let isMeasured = budget > 0 || options.tuningBudget == 0
    if isMeasured { tuner.start(budget: budget) }
    let start = monotonicNanoseconds()
    defer {
      if isMeasured { tuner.finish() }
      measuring.spend(monotonicNanoseconds() - start)
    }
    var chosen = try fitting(region, candidates)
    if !options.prefersMemory, budget > 0 {
      chosen = try fastest(region, against: chosen, key, budget: budget / 6)
    }
    return kept(chosen, key)
  }

  private func kept(_ chosen: Draft, _ key: PlanChoices.Key) -> Draft {
    choices.keep(chosen.choice, for: key)
    return chosen
  }

  /// The fastest plan that fits the limit: a byte of weights costs more from try to try. Throws what the smallest needs.
  private func fitting(_ region: Graph, _ candidates: CandidateTable) throws(GraphError) -> Draft {
    var options = options
    while options.bytePrice < PlanOptions.highestBytePrice {
      do throws(GraphError) { return try draft(region, options, over: packed, candidates) } catch {
        guard error.isBudget else { throw error }
      }
      options.bytePrice *= 2
    }
    return try draft(region, options, over: packed, candidates)
  }

  /// A plan that may be dropped again, with the packed weights that only it needs.
  private struct Draft {
    var plan: ExecutionPlan
    var reports: [NodeReport]
    var packed: PackedWeights
    var choice: PlanChoice
    var guessCount: Int
  }

  private func draft(
    _ region: Graph, _ options: PlanOptions, over base: PackedWeights, _ candidates: CandidateTable,
    following choice: PlanChoice? = nil
  ) throws(GraphError) -> Draft {
    try draft(region, options, in: PackedWeights(over: base), candidates, following: choice)
  }

  private func draft(
    _ region: Graph, _ options: PlanOptions, in packed: PackedWeights, _ candidates: CandidateTable,
    following choice: PlanChoice? = nil
  ) throws(GraphError) -> Draft {
    var graph = region
    var assignment = AssignKernels(backends: backends, options: options, tuner: tuner)
    if candidates.serves(options) { assignment.table = candidates }
    assignment.measures = self.options.selection == .auto
    assignment.recorded = choice
    let assigned = try assignment.run(on: &graph)
    // Before anything is packed.
    let weights = assigned.reduce(0.0) { $0 + Double($1.candidate.weightByteCount($1.request)) }
    if weights > Double(options.memoryLimit) {
      throw GraphError(
        .budget("the weights need \(Int(min(weights, 1e18))) bytes, the limit is \(options.memoryLimit)"))
    }
    var builder = PlanBuilder(graph: graph, options: options, backends: backends, packed: packed)
    builder.tuner = self.options.selection == .auto ? tuner : nil
    builder.recordedBands = choice?.bands
    builder.sharedConstants = sharedConstants
    let plan = try builder.build(assigned)
    var reports = assignment.reports
    for decision in builder.bandDecisions {
      for i in reports.indices where decision.nodes.contains(reports[i].node) {
        reports[i].bands = decision.text
      }
    }
    let needed = plan.workingByteCount + packed.byteCount
    if needed > options.memoryLimit {
      throw GraphError(
        .budget("values and weights need \(needed) bytes, the limit is \(options.memoryLimit)"))
    }
    var backend: String?
    if case .backend(let id) = options.selection { backend = id.name }
    return Draft(
      plan: plan, reports: reports, packed: packed,
      choice: PlanChoice(
        backend: backend, rounds: assignment.rounds, kernels: assigned.map(\.candidate.name),
        bands: builder.bandDecisions.map { $0.rows != nil }, constants: builder.readConstants),
      guessCount: assignment.guessCount)
  }

  /// The fastest plan: kernels mixed as measured one by one, which may mislead, against each backend alone, run in
  /// turns as a whole. The mixture stays unless another is clearly faster.
  private func fastest(
    _ region: Graph, against mixture: Draft, _ key: PlanChoices.Key, budget: UInt64
  ) throws(GraphError) -> Draft {
    // Every plan of the race has memory of its own for all values.
    if mixture.plan.workingByteCount > options.memoryLimit / 8 { return mixture }
    let weights = BorrowedWeights(mixture.packed)
    var rivals: [(options: PlanOptions, draft: Draft)] = [(options, mixture)]
    for id in backends.available where id != .naive && Self.couldWin(id, against: mixture.reports) {
      var single = options
      single.selection = .backend(id)
      guard
        let rival = try? draft(
          region, single, in: PackedWeights { weights.take($0) }, CandidateTable(backends, single))
      else { continue }
      let kernels = rival.plan.labels.map(\.kernel)
      if rivals.contains(where: { $0.draft.plan.labels.map(\.kernel) == kernels }) { continue }
      // A rival without kernels of its own is another one in disguise.
      if rival.plan.labels.contains(where: { $0.backend == id.name }) { rivals.append((single, rival)) }
    }
    if rivals.count == 1 { return mixture }
    let digest = ConstantID(of: rivals.flatMap { $0.draft.plan.labels.map(\.kernel) }.joined(separator: " "))
    let times = tuner.times(
      of: "\(key.region.text) \(key.options) t\(key.threads) \(digest.text)", "whole",
      variants: Array(rivals.indices),
      budget: budget
    ) { raceTimes(rivals.map(\.draft.plan), threads: options.threads, budget: $0) }
    guard let times, let single = times.indices.dropFirst().min(by: { times[$0] < times[$1] }),
      times[single] < times[0] * 0.98
    else { return mixture }
    let rival = rivals[single]
    var winner = try draft(
      region, rival.options, over: mixture.packed, CandidateTable(backends, rival.options),
      following: rival.draft.choice)
    winner.reports = rival.draft.reports
    return winner
  }

  /// Whether a backend's kernels, each at its fastest, come near the mixture in the sum: otherwise its plan need not be
  /// made to know that it loses.
  private static func couldWin(_ id: BackendID, against reports: [NodeReport]) -> Bool {
    var mixture = 0.0
    var single = 0.0
    for report in reports {
      let times = report.considerations.compactMap { item in
        item.accepted ? item.nanoseconds.map { (kernel: item.kernel, nanoseconds: $0) } : nil
      }
      guard let chosen = times.filter({ $0.kernel == report.chosen }).map(\.nanoseconds).min() else {
        continue
      }
      mixture += chosen
      single += times.filter { $0.kernel.hasPrefix("\(id.name).") }.map(\.nanoseconds).min() ?? chosen
    }
    return single <= mixture * 1.15
  }
}
