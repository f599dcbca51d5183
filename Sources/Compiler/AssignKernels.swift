import IR
import Kernels
import Operators
import Tensors

/// A node with the way it will run.
struct Assigned: Sendable {
  var node: Node
  var request: KernelRequest
  var candidate: Candidate
}

/// What was considered for a node, for `why`.
package struct NodeReport: Sendable {
  package var node: String
  package var operatorName: String
  package var origins: [String]
  package var chosen: String
  package var considerations: [Consideration]
  /// Whether it runs in row bands together with others, where that could be.
  package var bands: String?
}

/// Chooses a kernel and formats for every node of a graph whose sizes are all known.
struct AssignKernels {
  let backends: BackendSet
  let options: PlanOptions
  let tuner: Tuner
  /// Whether costs are measured; else they are predicted.
  var measures: Bool
  /// Narrows the candidates of a node: how a kernel is tried that would not be chosen; nil: all of them.
  var narrow: (([Candidate], KernelRequest) -> [Candidate])?
  /// What the backends answered before.
  var table: CandidateTable
  /// What was chosen before: followed as long as the candidates are the same, without measuring.
  var recorded: PlanChoice?
  private(set) var reports: [NodeReport] = []
  /// Nodes and values whose formats the solver had to guess: none, and the choice is the best there is.
  private(set) var guessCount = 0
  /// The choice made, or followed.
  private(set) var rounds: [[Int32]] = []

  init(backends: BackendSet, options: PlanOptions, tuner: Tuner) {
    self.backends = backends
    self.options = options
    self.tuner = tuner
    table = CandidateTable(backends, options)
    measures = options.selection == .auto
  }

  /// Splits epilogues where the chosen kernels fuse only a part; every node is assigned in the end.
  mutating func run(on graph: inout Graph) throws(GraphError) -> [Assigned] {
    // Each round splits at least one step off, so a bound on the rounds is a bound on the length of epilogues.
    rounds = []
    for round in 0..<64 {
      let order = try graph.order()
      var nodes: [(node: Node, request: KernelRequest)] = []
      var candidates: [[Candidate]] = []
      for id in order {
        let node = graph[id]
        guard let request = graph.request(for: node, threads: options.threads) else {
          throw GraphError(.malformed("a size is not known"), node: node.name)
        }
        var found = table[request].candidates
        if let narrow { found = narrow(found, request) }
        guard !found.isEmpty else {
          throw GraphError(.malformed("no kernel for \(node.op.name)"), node: node.name)
        }
        nodes.append((node, request))
        candidates.append(found)
      }
      let costs = costs(of: nodes, candidates, in: graph)
      let choice: [Int]
      if let recorded = try recordedChoice(round, candidates) {
        choice = recorded
      } else {
        let solution = LayoutSolver.solution(of: problem(graph, nodes, candidates, costs))
        choice = solution.choice
        guessCount = solution.guessCount
      }
      rounds.append(choice.prefix(nodes.count).map { Int32($0) })
      var splits: [(NodeID, Int)] = []
      for (i, (node, _)) in nodes.enumerated() {
        let fused = candidates[i][choice[i]].offer.fusedSteps
        if fused < node.epilogue.steps.count { splits.append((node.id, fused)) }
      }
      if splits.isEmpty {
        if let recorded, recorded.kernels != zip(candidates, choice).map({ $0[$1].name }) {
          throw Self.otherCandidates
        }
        report(graph, nodes, candidates, costs, choice)
        return zip(nodes, candidates).enumerated().map { i, pair in
          Assigned(node: pair.0.node, request: pair.0.request, candidate: pair.1[choice[i]])
        }
      }
      for (id, fused) in splits { try graph.splitEpilogue(of: id, after: fused) }
    }
    throw GraphError(.budget("an epilogue of more than 64 steps"))
  }

  /// What the time of a kernel counts for. A library's primitive takes half a millisecond to make each time a model is
  /// loaded, and among other layers its code is cold: it must be clearly faster.
  private static func priced(_ nanoseconds: Double, of candidate: Candidate) -> Double {
    switch candidate.backend {
    case .oneDNN, .openBLAS: nanoseconds * 1.02 + 1_000
    default: nanoseconds
    }
  }

  private static let otherCandidates = GraphError(.malformed("a recorded choice is of other candidates"))

  /// nil: nothing is recorded. Throws when what is recorded cannot be of these candidates.
  private func recordedChoice(_ round: Int, _ candidates: [[Candidate]]) throws(GraphError) -> [Int]? {
    guard let recorded else { return nil }
    guard round < recorded.rounds.count, recorded.rounds[round].count == candidates.count,
      zip(recorded.rounds[round], candidates).allSatisfy({ $1.indices.contains(Int($0)) })
    else { throw Self.otherCandidates }
    return recorded.rounds[round].map { Int($0) }
  }

  private typealias Cost = (nanoseconds: Double, isMeasured: Bool)

  private func costs(
    of nodes: [(node: Node, request: KernelRequest)], _ candidates: [[Candidate]], in graph: Graph
  ) -> [[Cost]] {
    var positions: [KernelRequest: [Int]] = [:]
    for (i, (_, request)) in nodes.enumerated() { positions[request, default: []].append(i) }
    let kinds = positions.values.sorted { $0[0] < $1[0] }.map { positions in
      let first = positions[0]
      let predicted = candidates[first].map { predictedCost($0, nodes[first].request) }
      return (
        positions: positions, predicted: predicted, weight: (predicted.min() ?? 0) * Double(positions.count)
      )
    }
    var costs = [[Cost]](repeating: [], count: nodes.count)
    // What takes the most time is measured first: the budget may not last for all.
    for kind in kinds.sorted(by: { ($0.weight, $1.positions[0]) > ($1.weight, $0.positions[0]) }) {
      let first = kind.positions[0]
      let (node, request) = nodes[first]
      let isTuned = measures && recorded == nil && request.work.bytes < Double(options.memoryLimit) / 4
      let measured =
        isTuned
        ? tuner.times(
          of: candidates[first], request, text: request.costText, graph.constants(of: node),
          predicted: kind.predicted)
        : [:]
      let own = candidates[first].indices.map { c -> Cost in
        guard let time = measured[c] else { return (kind.predicted[c], false) }
        return (
          Self.priced(time, of: candidates[first][c]) + unfusedCost(candidates[first][c], request), true
        )
      }
      for i in kind.positions { costs[i] = own }
    }
    return costs
  }

  private func problem(
    _ graph: Graph, _ nodes: [(node: Node, request: KernelRequest)], _ candidates: [[Candidate]],
    _ costs: [[Cost]]
  ) -> AssignmentProblem {
    var alternatives: [[AssignmentProblem.Alternative]] = []
    let position = Dictionary(uniqueKeysWithValues: nodes.enumerated().map { ($1.node.id, $0) })
    for (i, (node, request)) in nodes.enumerated() {
      let saved = options.keepsFileLayout ? 0 : savedCopy(graph, node, nodes, position, candidates, costs)
      alternatives.append(
        zip(candidates[i], costs[i]).map { candidate, cost in
          let (inputs, outputs) = candidate.offer.complete(for: request)
          let price = options.bytePrice * Double(candidate.weightByteCount(request))
          var alternative = AssignmentProblem.Alternative(
            cost: cost.nanoseconds + price, inputs: inputs, outputs: outputs)
          if candidate.offer.stridedOutputs { alternative.cost = max(0, alternative.cost - saved) }
          if options.keepsFileLayout { alternative.makeFileLayout(request) }
          return alternative
        })
    }
    // The graph's outputs are row-major: a node without a choice that reads them.
    let sink = alternatives.count
    alternatives.append([
      AssignmentProblem.Alternative(
        cost: 0, inputs: graph.outputs.map { graph[$0.value].type.tensor.map { .rowMajor($0.dataType) } },
        outputs: [])
    ])
    var wires: [AssignmentProblem.Wire] = []
    for id in graph.valueIDs {
      let value = graph[id]
      guard let type = value.type.tensor, let sizes = type.sizes else { continue }
      if options.hasFreeEnds, case .input = value.source { continue }
      var consumers: [(node: Int, input: Int)] = []
      for use in graph.uses(of: id) {
        switch use {
        case .operand(let node, let i): if let p = position[node] { consumers.append((p, i)) }
        case .epilogue(let node, let i):
          if let p = position[node] { consumers.append((p, nodes[p].node.inputs.count + i)) }
        case .result(let i): if !options.hasFreeEnds { consumers.append((sink, i)) }
        }
      }
      if consumers.isEmpty { continue }
      var producer: (node: Int, output: Int)?
      if case .result(let node, let index) = value.source, let p = position[node] { producer = (p, index) }
      wires.append(
        AssignmentProblem.Wire(
          producer: producer, given: .rowMajor(type.dataType), consumers: consumers,
          isConstant: value.constant != nil, placement: Placement(dataType: type.dataType, sizes: sizes)))
    }
    return AssignmentProblem(nodes: alternatives, wires: wires)
  }

  /// What a Concat's copy of the node's result costs, where all of its operands can be written in their places.
  private func savedCopy(
    _ graph: Graph, _ node: Node, _ nodes: [(node: Node, request: KernelRequest)], _ position: [NodeID: Int],
    _ candidates: [[Candidate]], _ costs: [[Cost]]
  ) -> Double {
    guard node.outputs.count == 1, let output = node.outputs[0],
      case .operand(let reader, _)? = graph.uses(of: output).first,
      let operands = ConcatPart.channelOperands(of: graph[reader], in: graph), operands.contains(output),
      let concat = position[reader],
      let whole = nodes[concat].request.outputs.first ?? nil, let part = graph[output].type.tensor?.sizes,
      operands.allSatisfy({ id in
        graph.producer(of: id).flatMap { position[$0.id] }
          .map { candidates[$0].contains { $0.offer.stridedOutputs } } ?? false
      })
    else { return 0 }
    let cost = costs[concat].map(\.nanoseconds).min() ?? 0
    return cost * Double(part[1]) / Double(max(1, whole.sizes[1]))
  }

  private mutating func report(
    _ graph: Graph, _ nodes: [(node: Node, request: KernelRequest)], _ candidates: [[Candidate]],
    _ costs: [[Cost]], _ choice: [Int]
  ) {
    for (i, (node, request)) in nodes.enumerated() {
      var considerations = candidates[i].indices.map { c in
        let candidate = candidates[i][c]
        return Consideration(
          kernel: candidate.name, accepted: true, detail: candidate.offer.formatText(for: request),
          nanoseconds: costs[i][c].nanoseconds, isMeasured: costs[i][c].isMeasured)
      }
      considerations += table[request].considerations
      reports.append(
        NodeReport(
          node: node.name, operatorName: node.op.name,
          origins: node.origins.indices.map { graph.originNames[Int($0)] },
          chosen: candidates[i][choice[i]].name, considerations: considerations))
    }
  }
}

extension Offer {
  /// Formats of all operands (inputs, then epilogue inputs) and results; what is not said is row-major.
  func complete(for request: KernelRequest) -> (inputs: [Format?], outputs: [Format?]) {
    var operands: [Format?] = []
    for (i, slot) in request.inputs.enumerated() {
      operands.append(slot.map { (i < inputs.count ? inputs[i] : nil) ?? .rowMajor($0.placement.dataType) })
    }
    for (i, slot) in request.epilogueInputs.enumerated() {
      operands.append(i < epilogueInputs.count ? epilogueInputs[i] : .rowMajor(slot.placement.dataType))
    }
    var results: [Format?] = []
    for (i, placement) in request.outputs.enumerated() {
      results.append(placement.map { (i < outputs.count ? outputs[i] : nil) ?? .rowMajor($0.dataType) })
    }
    return (operands, results)
  }

  func formatText(for request: KernelRequest) -> String {
    let (inputs, outputs) = complete(for: request)
    func text(_ formats: [Format?]) -> String {
      formats.map { $0.map { "\($0.layout)" } ?? "-" }.joined(separator: ",")
    }
    let fused = request.epilogue.isEmpty ? "" : ", fuses \(fusedSteps) of \(request.epilogue.steps.count)"
    return "\(text(inputs)) → \(text(outputs))\(fused)"
  }
}

extension AssignmentProblem.Alternative {
  /// Values stay in the file's layout: the reorders into and out of the kernel's are a part of its cost.
  mutating func makeFileLayout(_ request: KernelRequest) {
    for (i, placement) in request.outputs.enumerated() {
      guard let placement, let format = outputs[i] else { continue }
      let plain = Format.rowMajor(placement.dataType)
      cost += AssignmentProblem.reorderCost(placement, format, plain)
      outputs[i] = plain
    }
  }
}
