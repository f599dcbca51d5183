import Tensors

/// Which alternative each node takes, so that kernels and reorders together cost least.
///
/// The formulation is Anderson & Gregg, "Optimal DNN Primitive Selection with Partitioned Boolean Quadratic
/// Programming" (CGO 2018): one cost per alternative of a node, one per value and target format, however many
/// consumers share the reordered copy. Costs are nanoseconds.
struct AssignmentProblem: Sendable {
  struct Alternative: Sendable {
    var cost: Double
    var inputs: [Format?]
    var outputs: [Format?]
  }

  struct Wire: Sendable {
    /// nil: the value is given, in format `given`.
    var producer: (node: Int, output: Int)?
    var given: Format?
    var consumers: [(node: Int, input: Int)]
    /// Constants are reordered while compiling.
    var isConstant: Bool
    var placement: Placement
  }

  var nodes: [[Alternative]]
  var wires: [Wire]

  /// Nanoseconds to bring a value from one format to another.
  static func reorderCost(_ placement: Placement, _ from: Format, _ to: Format) -> Double {
    if placement.with(from).sameBytes(as: to) { return 0 }
    return 1_000 + Double(placement.byteCount) * 2 / 6
  }

  func cost(of wire: Wire, _ choice: [Int]) -> Double {
    if wire.isConstant { return 0 }
    let source: Format?
    if let (node, output) = wire.producer {
      source = nodes[node][choice[node]].outputs[output]
    } else {
      source = wire.given
    }
    guard let source else { return 0 }
    var targets: [Format] = []
    var sum = 0.0
    for (node, input) in wire.consumers {
      guard let target = nodes[node][choice[node]].inputs[input], target != source, !targets.contains(target) else {
        continue
      }
      targets.append(target)
      sum += Self.reorderCost(wire.placement, source, target)
    }
    return sum
  }

  func cost(_ choice: [Int]) -> Double {
    var sum = 0.0
    for (node, alternative) in choice.enumerated() { sum += nodes[node][alternative].cost }
    for wire in wires { sum += cost(of: wire, choice) }
    return sum
  }
}

/// Solves an assignment problem: a pure function of it.
enum LayoutSolver {
  /// Starts from the cheapest alternatives and from each format wherever it can be had, improves one node at a time
  /// until nothing gets cheaper, and takes the best end.
  static func solve(_ problem: AssignmentProblem) -> [Int] {
    var wiresOfNode = [[Int]](repeating: [], count: problem.nodes.count)
    for (i, wire) in problem.wires.enumerated() where !wire.isConstant {
      if let producer = wire.producer { wiresOfNode[producer.node].append(i) }
      // A value that hundreds read has its copies anyway: its consumers choose as if they were free.
      if wire.consumers.count > 256 { continue }
      for (node, _) in wire.consumers where wiresOfNode[node].last != i { wiresOfNode[node].append(i) }
    }
    var best: (choice: [Int], cost: Double)?
    for start in starts(problem) {
      var choice = start
      improve(&choice, problem, wiresOfNode)
      let cost = problem.cost(choice)
      if best.map({ cost < $0.cost }) ?? true { best = (choice, cost) }
    }
    return best?.choice ?? []
  }

  private static func starts(_ problem: AssignmentProblem) -> [[Int]] {
    func start(_ penalty: (AssignmentProblem.Alternative) -> Double) -> [Int] {
      problem.nodes.map { alternatives in
        alternatives.indices.min {
          (penalty(alternatives[$0]), alternatives[$0].cost) < (penalty(alternatives[$1]), alternatives[$1].cost)
        } ?? 0
      }
    }
    func count(_ alternative: AssignmentProblem.Alternative, _ isWanted: (Layout) -> Bool) -> Double {
      var missed = 0.0
      for format in alternative.inputs + alternative.outputs {
        if let format, !isWanted(format.layout) { missed += 1 }
      }
      return missed
    }
    return [
      start { _ in 0 },
      start { count($0) { $0 == .rowMajor } },
      start {
        count($0) { layout in
          if case .permuted(let axes) = layout { return layout == .channelsLast(rank: axes.count) }
          return false
        }
      },
    ]
  }

  private static func improve(_ choice: inout [Int], _ problem: AssignmentProblem, _ wiresOfNode: [[Int]]) {
    for _ in 0..<20 {
      var changed = false
      for node in choice.indices where problem.nodes[node].count > 1 {
        var bestAlternative = choice[node]
        var bestCost = Double.infinity
        let current = choice[node]
        for alternative in problem.nodes[node].indices {
          choice[node] = alternative
          var cost = problem.nodes[node][alternative].cost
          for wire in wiresOfNode[node] { cost += problem.cost(of: problem.wires[wire], choice) }
          if cost < bestCost - 1e-9 || (alternative == current && cost <= bestCost) {
            bestCost = cost
            bestAlternative = alternative
          }
        }
        choice[node] = bestAlternative
        if bestAlternative != current { changed = true }
      }
      if !changed { return }
    }
  }
}
