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

  /// The format in which a node's alternative makes the wire's value; nil: none.
  func source(of wire: Wire, _ alternative: Int) -> Format? {
    wire.producer.map { nodes[$0.node][alternative].outputs[$0.output] } ?? wire.given
  }

  func cost(of wire: Wire, _ choice: [Int]) -> Double {
    if wire.isConstant { return 0 }
    guard let source = source(of: wire, wire.producer.map { choice[$0.node] } ?? 0) else { return 0 }
    var targets: [Format] = []
    var sum = 0.0
    for (node, input) in wire.consumers {
      guard let target = nodes[node][choice[node]].inputs[input],
        !targets.contains(where: { $0 == target || wire.placement.with($0).sameBytes(as: target) })
      else { continue }
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
  struct Solution {
    /// The alternative of each node.
    var choice: [Int]
    /// Nodes and values whose format was guessed, where a reduction would have needed too large a table: none, and the
    /// solution is the cheapest there is.
    var guessCount: Int
  }

  static func solve(_ problem: AssignmentProblem) -> [Int] { solution(of: problem).choice }

  /// A value's formats are a variable beside those of nodes: which one it is made in, and which copies it has. Nodes then
  /// meet it in pairs, and a chain or a graph of blocks with shortcuts reduces to nothing.
  static func solution(of problem: AssignmentProblem) -> Solution {
    var model = FormatModel(problem)
    let solution = model.reduction.solve()
    return Solution(choice: model.choice(solution.states), guessCount: solution.guessCount)
  }
}

/// An assignment problem as variables with few states.
private struct FormatModel {
  var reduction = Reduction()
  /// For each node the alternatives that its states stand for: the cheapest of those with the same formats.
  private var alternatives: [[Int]] = []

  init(_ problem: AssignmentProblem) {
    let wires = problem.wires.filter { !$0.isConstant && !$0.consumers.isEmpty }.map {
      WireFormats($0, problem)
    }
    var ends = [[(wire: Int, end: WireFormats.End)]](repeating: [], count: problem.nodes.count)
    // For each wire, where its ends stand among those of their nodes.
    var positions = [[Int: [Int]]](repeating: [:], count: wires.count)
    for (w, wire) in wires.enumerated() where wire.formats.count > 1 {
      for (node, end) in wire.ends {
        positions[w][node, default: []].append(ends[node].count)
        ends[node].append((w, end))
      }
    }
    // What an alternative wants of each wire that it touches.
    var wanted: [[[Int]]] = []
    for (n, node) in problem.nodes.enumerated() {
      var known: [[Int]: Int] = [:]
      var kept: [Int] = []
      for (a, alternative) in node.enumerated() {
        let formats = ends[n].map { wires[$0.wire].index(of: alternative, $0.end) }
        if let state = known[formats] {
          if alternative.cost < node[kept[state]].cost { kept[state] = a }
        } else {
          known[formats] = kept.count
          kept.append(a)
        }
      }
      alternatives.append(kept)
      wanted.append(kept.map { a in ends[n].map { wires[$0.wire].index(of: node[a], $0.end) } })
      reduction.add(costs: kept.map { node[$0].cost })
    }
    for (w, wire) in wires.enumerated() where wire.formats.count > 1 {
      let states = wire.states
      let value = reduction.add(costs: states.map { wire.cost($0) })
      for (node, positions) in positions[w].sorted(by: { $0.key < $1.key }) {
        reduction.add(between: value, and: node) { state, alternative in
          positions.allSatisfy {
            wire.allows(states[state], wanted[node][alternative][$0], ends[node][$0].end)
          } ? 0 : .infinity
        }
      }
    }
  }

  func choice(_ states: [Int]) -> [Int] { alternatives.enumerated().map { $1.isEmpty ? 0 : $1[states[$0]] } }
}

/// The formats in which a value can be made or read.
private struct WireFormats {
  enum End { case output(Int), input(Int) }

  /// The format that it is made in, and a set of those that it is copied to, one bit each.
  struct State {
    var source: Int
    var copies: Int
  }

  let wire: AssignmentProblem.Wire
  /// Different orders of bytes. Where one is missing, what wants it is read as wanting nothing.
  private(set) var formats: [Format] = []
  private var sources: [Int] = []

  /// Sets of copies double with each format.
  private static let capacity = 6

  init(_ wire: AssignmentProblem.Wire, _ problem: AssignmentProblem) {
    self.wire = wire
    let made: [Format?] =
      wire.producer.map { end in problem.nodes[end.node].map { $0.outputs[end.output] } } ?? [wire.given]
    for format in made { if let i = add(format), !sources.contains(i) { sources.append(i) } }
    for consumer in wire.consumers {
      for alternative in problem.nodes[consumer.node] { _ = add(alternative.inputs[consumer.input]) }
    }
    if sources.isEmpty { formats = [] }
  }

  var ends: [(node: Int, end: End)] {
    (wire.producer.map { [($0.node, .output($0.output))] } ?? [])
      + wire.consumers.map { ($0.node, .input($0.input)) }
  }

  private mutating func add(_ format: Format?) -> Int? {
    guard let format else { return nil }
    if let known = index(of: format) { return known }
    if formats.count == Self.capacity { return nil }
    formats.append(format)
    return formats.count - 1
  }

  private func index(of format: Format) -> Int? {
    formats.firstIndex { $0 == format || wire.placement.with($0).sameBytes(as: format) }
  }

  /// −1: none that matters.
  func index(of alternative: AssignmentProblem.Alternative, _ end: End) -> Int {
    let format =
      switch end {
      case .output(let i): alternative.outputs[i]
      case .input(let i): alternative.inputs[i]
      }
    return format.flatMap { index(of: $0) } ?? -1
  }

  var states: [State] {
    sources.flatMap { source in
      (0..<1 << formats.count).filter { $0 & 1 << source == 0 }.map { State(source: source, copies: $0) }
    }
  }

  func cost(_ state: State) -> Double {
    formats.indices.filter { state.copies & 1 << $0 != 0 }.reduce(0) {
      $0 + AssignmentProblem.reorderCost(wire.placement, formats[state.source], formats[$1])
    }
  }

  func allows(_ state: State, _ format: Int, _ end: End) -> Bool {
    if format < 0 { return true }
    if case .output = end { return state.source == format }
    return state.source == format || state.copies & 1 << format != 0
  }
}
