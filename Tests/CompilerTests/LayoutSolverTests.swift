import Tensors
import TestSupport
import Testing

@testable import Compiler

@Suite struct LayoutSolverTests {
  private static let plain = Format.rowMajor(.float32)
  private static let last = Format.channelsLast(.float32, rank: 4)
  private static let placement = Placement(dataType: .float32, sizes: [1, 64, 56, 56])

  /// A chain whose nodes run in either format; `costs` are those of row-major and channelsLast.
  private func chain(_ costs: [(Double, Double)]) -> AssignmentProblem {
    var nodes = costs.map { plainCost, lastCost in
      [
        AssignmentProblem.Alternative(cost: plainCost, inputs: [Self.plain], outputs: [Self.plain]),
        AssignmentProblem.Alternative(cost: lastCost, inputs: [Self.last], outputs: [Self.last]),
      ]
    }
    nodes.append([AssignmentProblem.Alternative(cost: 0, inputs: [Self.plain], outputs: [])])
    let wires = nodes.indices.map { i in
      AssignmentProblem.Wire(
        producer: i == 0 ? nil : (i - 1, 0), given: i == 0 ? Self.plain : nil, consumers: [(i, 0)],
        isConstant: false,
        placement: Self.placement)
    }
    return AssignmentProblem(nodes: nodes, wires: wires)
  }

  @Test func longGainPaysForTheReorders() {
    let reorder = AssignmentProblem.reorderCost(Self.placement, Self.plain, Self.last)
    // Each node alone gains less than one reorder costs; together they gain more than two.
    let gain = reorder * 0.9
    let problem = chain([(reorder, reorder - gain), (reorder, reorder - gain), (reorder, reorder - gain)])
    #expect(Array(LayoutSolver.solve(problem).prefix(3)) == [1, 1, 1])
    #expect(Array(LayoutSolver.solve(chain([(reorder, reorder - gain)])).prefix(1)) == [0])
  }

  @Test func sharedReorderIsPaidOnce() {
    var problem = chain([(0, 0)])
    problem.nodes = [
      [AssignmentProblem.Alternative(cost: 0, inputs: [Self.plain], outputs: [Self.plain])],
      [AssignmentProblem.Alternative(cost: 0, inputs: [Self.last], outputs: [])],
      [AssignmentProblem.Alternative(cost: 0, inputs: [Self.last], outputs: [])],
    ]
    problem.wires = [
      AssignmentProblem.Wire(
        producer: (0, 0), given: nil, consumers: [(1, 0), (2, 0)], isConstant: false,
        placement: Self.placement)
    ]
    #expect(problem.cost([0, 0, 0]) == AssignmentProblem.reorderCost(Self.placement, Self.plain, Self.last))
  }

  @Test func axesOfOneElementReorderForFree() {
    let pooled = Placement(dataType: .float32, sizes: [1, 64, 1, 1])
    #expect(AssignmentProblem.reorderCost(pooled, Self.plain, Self.last) == 0)
  }

  @Test(arguments: 0..<40)
  func neverWorseThanOneFormatThroughout(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let costs = (0..<12).map { _ in
      (Double.random(in: 0...500_000, using: &random), Double.random(in: 0...500_000, using: &random))
    }
    let problem = chain(costs)
    let solved = problem.cost(LayoutSolver.solve(problem))
    #expect(solved <= problem.cost([Int](repeating: 0, count: 13)))
    #expect(solved <= problem.cost([Int](repeating: 1, count: 12) + [0]))
  }

  // MARK: Against all choices

  private static let formats: [Format?] = [
    plain, last, Format(storage: .float32, layout: .permuted([0, 3, 1, 2])),
  ]

  /// A graph of `count` nodes whose operands are earlier results, some read often, some constants, some of one pixel.
  private func random(_ count: Int, reach: Int, _ random: inout SeededGenerator) -> AssignmentProblem {
    var operands = [Int](repeating: 0, count: count)
    var wires: [AssignmentProblem.Wire] = (0..<count).map { producer in
      AssignmentProblem.Wire(
        producer: (producer, 0), given: nil, consumers: [],
        isConstant: Int.random(in: 0..<10, using: &random) == 0,
        placement: Int.random(in: 0..<6, using: &random) == 0
          ? Placement(dataType: .float32, sizes: [1, 64, 1, 1]) : Self.placement)
    }
    wires.append(
      AssignmentProblem.Wire(
        producer: nil, given: Self.plain, consumers: [], isConstant: false, placement: Self.placement))
    for node in 0..<count {
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let wire = node == 0 ? count : Int.random(in: max(0, node - reach)..<node, using: &random)
        wires[wire].consumers.append((node, operands[node]))
        operands[node] += 1
      }
    }
    let nodes = operands.map { operandCount in
      (0..<Int.random(in: 1...4, using: &random)).map { _ in
        AssignmentProblem.Alternative(
          cost: Int.random(in: 0..<20, using: &random) == 0
            ? .infinity : Double.random(in: 0...300_000, using: &random),
          inputs: (0..<operandCount).map { _ in Self.formats.randomElement(using: &random)! },
          outputs: [Self.formats.randomElement(using: &random)!])
      }
    }
    return AssignmentProblem(nodes: nodes, wires: wires)
  }

  private func cheapest(_ problem: AssignmentProblem) -> Double {
    var choice = [Int](repeating: 0, count: problem.nodes.count)
    var least = Double.infinity
    while true {
      least = min(least, problem.cost(choice))
      guard let i = choice.indices.first(where: { choice[$0] + 1 < problem.nodes[$0].count }) else {
        return least
      }
      for j in 0..<i { choice[j] = 0 }
      choice[i] += 1
    }
  }

  @Test(arguments: 0..<120)
  func cheapestOfAll(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let problem = random(Int(seed % 8) + 1, reach: 4, &generator)
    let solution = LayoutSolver.solution(of: problem)
    #expect(solution.guessCount == 0)
    let cost = problem.cost(solution.choice)
    let least = cheapest(problem)
    #expect(
      cost == least || abs(cost - least) <= 1e-9 * least, "seed \(seed): \(cost), the least is \(least)")
  }

  @Test func blocksWithShortcutsReduceToNothing() {
    var generator = SeededGenerator(seed: 1)
    let problem = random(600, reach: 3, &generator)
    #expect(LayoutSolver.solution(of: problem).guessCount == 0)
  }

  /// Every node reads what lies anywhere before it: nothing stays small.
  @Test func tangledGraphsAreGuessed() {
    var generator = SeededGenerator(seed: 2)
    var problem = random(300, reach: 300, &generator)
    for node in problem.nodes.indices {
      for i in problem.nodes[node].indices where problem.nodes[node][i].cost == .infinity {
        problem.nodes[node][i].cost = 1e9
      }
    }
    let solution = LayoutSolver.solution(of: problem)
    #expect(solution.guessCount > 0)
    let first = problem.nodes.map { node in node.indices.min { node[$0].cost < node[$1].cost } ?? 0 }
    #expect(problem.cost(solution.choice) < problem.cost(first))
  }

  /// A value that all nodes read, and a Concat of all.
  @Test func manyReadersAndManyOperands() {
    let count = 2_000
    var nodes = (0..<count).map { i in
      [Self.plain, Self.last].map {
        AssignmentProblem.Alternative(
          cost: Double(i % 7) * ($0 == Self.plain ? 1 : 0.5), inputs: [$0], outputs: [$0])
      }
    }
    nodes.append([
      AssignmentProblem.Alternative(
        cost: 0, inputs: .init(repeating: Self.plain, count: count), outputs: [Self.plain]),
      AssignmentProblem.Alternative(
        cost: 5, inputs: .init(repeating: Self.last, count: count), outputs: [Self.last]),
    ])
    var wires = (0..<count).map { i in
      AssignmentProblem.Wire(
        producer: (i, 0), given: nil, consumers: [(count, i)], isConstant: false, placement: Self.placement)
    }
    wires.append(
      AssignmentProblem.Wire(
        producer: nil, given: Self.plain, consumers: (0..<count).map { ($0, 0) }, isConstant: false,
        placement: Self.placement))
    let problem = AssignmentProblem(nodes: nodes, wires: wires)
    let solution = LayoutSolver.solution(of: problem)
    // One copy for all is worth it against 2000 halves.
    let saved = (0..<count).reduce(0.0) { $0 + Double($1 % 7) * 0.5 } - 5
    let copy = AssignmentProblem.reorderCost(Self.placement, Self.plain, Self.last)
    #expect(solution.choice[count] == (saved > copy ? 1 : 0))
  }
}
