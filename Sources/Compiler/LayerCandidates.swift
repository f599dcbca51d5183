import IR
import Kernels
import Runtime
import Tensors

/// One way to run a layer alone: a kernel with one of its offers, and a plan that runs it.
package struct LayerCandidate: Sendable {
  package var kernel: String
  /// Formats of operands and results, and how many steps of the epilogue the kernel fuses.
  package var formats: String
  package var numerics: Numerics
  /// The kernel, and nodes of their own for the steps that it does not fuse; no reorders at the ends.
  package var plan: ExecutionPlan
  /// What `auto` takes, where the layout is free.
  package var isPick: Bool
}

/// What became of a graph of one node.
package struct LayerCandidates: Sendable {
  package var work: Work
  package var candidates: [LayerCandidate]
  /// The compiler leaves the bytes as they are: where layouts are free, the layer costs nothing.
  package var isPickView: Bool
  /// Kernels that declined or could not be prepared, and why.
  package var refusals: [(kernel: String, reason: String)]
}

extension Specializer {
  /// Every candidate that the compiler considers for a graph of one node, with the one it picks: through the same
  /// tuner, costs and solver as in a model.
  ///
  /// The ends are free: a candidate takes and leaves the formats that it likes, as it may in the middle of a model.
  /// Throws when the graph has another number of nodes once its sizes are bound.
  package func layerCandidates(for graph: Graph, inputs: [InputKey]) throws(GraphError) -> LayerCandidates {
    let graph = try specialized(graph, inputs)
    guard graph.nodeCount == 1, let node = graph.liveNodes.first else {
      throw GraphError(.malformed("a layer is one node, here are \(graph.nodeCount)"))
    }
    var options = options
    options.hasFreeEnds = true
    guard let request = graph.request(for: node, threads: options.threads) else {
      throw GraphError(.malformed("a size is not known"), node: node.name)
    }
    tuner.start(budget: options.tuningBudget)
    var split = graph
    let pick = try assign(&split, options, nil).first { AnyOperator($0.node.op) == request.op }?.candidate

    var considerations: [Consideration] = []
    let candidates = backends.candidates(for: request, options, considerations: &considerations)
    var result = LayerCandidates(
      work: request.work, candidates: [], isPickView: pick.map { $0.backend == nil } ?? false,
      refusals: considerations.map { ($0.kernel, $0.detail) })
    for candidate in candidates where candidate.backend != nil {
      do throws(GraphError) {
        let plan = try plan(graph, options, only: candidate, for: request.op)
        result.candidates.append(
          LayerCandidate(
            kernel: candidate.name, formats: candidate.offer.formatText(for: request),
            numerics: candidate.offer.numerics, plan: plan, isPick: pick.map { $0.isLike(candidate) } ?? false
          ))
      } catch { result.refusals.append((candidate.name, error.description)) }
    }
    return result
  }

  private func assign(
    _ graph: inout Graph, _ options: PlanOptions, _ narrow: (([Candidate], KernelRequest) -> [Candidate])?
  ) throws(GraphError) -> [Assigned] {
    var assignment = AssignKernels(backends: backends, options: options, tuner: tuner)
    assignment.narrow = narrow
    return try assignment.run(on: &graph)
  }

  /// The plan in which the node with `op` runs on `candidate`, weights packed for it alone.
  private func plan(
    _ graph: Graph, _ options: PlanOptions, only candidate: Candidate, for op: AnyOperator
  ) throws(GraphError) -> ExecutionPlan {
    var graph = graph
    let assigned = try assign(&graph, options) { candidates, request in
      guard request.op == op else { return candidates }
      let same = candidates.filter { $0.isLike(candidate) }
      return same.isEmpty ? candidates : same
    }
    guard let first = assigned.first(where: { AnyOperator($0.node.op) == op }),
      first.candidate.isLike(candidate)
    else {
      throw GraphError(.malformed("it refuses the layer without the steps that it does not fuse"))
    }
    var builder = PlanBuilder(graph: graph, options: options, backends: backends, packed: PackedWeights())
    return try builder.build(assigned)
  }
}

extension Candidate {
  /// The same kernel in the same formats; the number of fused steps may differ, as it does for a shorter epilogue.
  fileprivate func isLike(_ other: Candidate) -> Bool {
    name == other.name && offer.inputs == other.offer.inputs && offer.outputs == other.offer.outputs
      && offer.numerics == other.offer.numerics
  }
}
