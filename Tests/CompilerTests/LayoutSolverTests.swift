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
        producer: i == 0 ? nil : (i - 1, 0), given: i == 0 ? Self.plain : nil, consumers: [(i, 0)], isConstant: false,
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
        producer: (0, 0), given: nil, consumers: [(1, 0), (2, 0)], isConstant: false, placement: Self.placement)
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
}
