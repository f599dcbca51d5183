import IR
import Operators
import Tensors

/// Reverse-mode differentiation of a part of the graph that is being built: what ONNX's `Gradient` stands for.
///
/// The nodes between `y` and the independent variables are walked backward; each adds, by its rule of `Derivatives`, nodes
/// that turn the gradient of its results into those of its operands. Where the variables get other values than the graph
/// gives them, the nodes between are repeated at those values first.
struct Differentiation {
  let tape: Tape
  /// The variables, by the value that they have in the graph, at the values they are given.
  private var moved: [ValueID: ValueID] = [:]
  /// Variables with respect to which nothing is asked.
  private let wanted: Set<ValueID>
  private let variables: Set<ValueID>
  private var gradients: [ValueID: Term] = [:]

  private var graph: Graph { tape.graph }

  /// `operands` are the values at which the gradient is asked, of `variables` in order.
  init(
    _ tape: Tape, variables: [ValueID], at operands: [ValueID], wanted: Set<ValueID>
  ) throws(Unsupported.Reason) {
    self.tape = tape
    self.wanted = wanted
    self.variables = Set(variables)
    if self.variables.count != variables.count {
      throw .attribute(name: "xs", expected: "different values in xs and zs", found: "one twice")
    }
    for (variable, operand) in zip(variables, operands) where variable != operand {
      moved[variable] = operand
    }
  }

  /// The gradients of the sum of the elements of `y`, by variable; absent where `y` does not depend on one.
  mutating func gradients(of y: ValueID) throws(Unsupported.Reason) -> [ValueID: Term] {
    let path = try path(to: y)
    var active = wanted
    for node in path {
      if node.inputs.contains(where: { $0.map(active.contains) ?? false }) {
        active.formUnion(node.outputs.compactMap { $0 })
      }
      try evaluate(node)
    }
    let target = tape.term(moved[y] ?? y)
    guard target.type?.dataType.isFloatingPoint == true else {
      throw .form("needs y to be of floating point")
    }
    gradients[y] = try target.filled(with: 1)
    for node in path.reversed() {
      let given = node.outputs.map { $0.flatMap { gradients[$0] } }
      if given.contains(where: { $0 != nil }) { try differentiate(node, given, active) }
    }
    return gradients.filter { wanted.contains($0.key) }
  }

  /// The nodes that `y` is made by from the variables and constants, in an order in which they can run.
  private func path(to y: ValueID) throws(Unsupported.Reason) -> [Node] {
    var found: Set<NodeID> = []
    var pending = [y]
    while let id = pending.popLast() {
      if variables.contains(id) { continue }
      switch graph[id].source {
      case .constant: break
      case .input:
        throw .form("'\(graph[id].name)' determines y and is neither in xs nor in zs, nor made in this graph")
      case .result(let node, _):
        if found.insert(node).inserted {
          let inputs = graph[node].inputs
          try tape.spend(max(1, inputs.count))
          pending += inputs.compactMap { $0 }
        }
      }
    }
    // A node is added after those it reads.
    return found.sorted { $0.index < $1.index }.map { graph[$0] }
  }

  /// Repeats a node whose operands have moved.
  private mutating func evaluate(_ node: Node) throws(Unsupported.Reason) {
    if !node.inputs.contains(where: { $0.map { moved[$0] != nil } ?? false }) { return }
    let operands = node.inputs.map { $0.map { moved[$0] ?? $0 } }
    let results = try tape.addAll(node.op, operands, regions: node.regions, count: node.outputs.count)
    for (output, result) in zip(node.outputs, results) {
      if let output { moved[output] = result }
    }
  }

  private mutating func differentiate(
    _ node: Node, _ given: [Term?], _ active: Set<ValueID>
  ) throws(Unsupported.Reason) {
    let isActive = node.inputs.map { $0.map(active.contains) ?? false }
    if !isActive.contains(true) { return }
    func terms(_ ids: [ValueID?]) -> [Term?] { ids.map { $0.map { tape.term(moved[$0] ?? $0) } } }
    var step = DerivativeStep(
      tape: tape, operands: terms(node.inputs), results: terms(node.outputs), gradients: given,
      isActive: isActive)
    guard let rule = Derivatives.rules[ObjectIdentifier(type(of: node.op))], try rule(node.op, &step) else {
      throw .form(
        "y depends on xs through '\(node.name)', and \(node.op.text) has no rule of differentiation")
    }
    for (i, id) in node.inputs.enumerated() {
      guard let id, isActive[i], let made = step.made[i] else { continue }
      gradients[id] = if let sum = gradients[id] { try sum + made } else { made }
    }
  }
}

/// One node on the way back: its operands and results, the gradients of its results, and what is made of them.
struct DerivativeStep {
  let tape: Tape
  let operands: [Term?]
  let results: [Term?]
  let gradients: [Term?]
  /// Operands whose gradients are asked for.
  let isActive: [Bool]
  /// Gradients of the operands; absent ones are zero.
  fileprivate(set) var made: [Int: Term] = [:]

  /// The gradient of the only result.
  var g: Term? { gradients.first.flatMap { $0 } }
  var y: Term? { results.first.flatMap { $0 } }
  func operand(_ i: Int) -> Term? { i < operands.count ? operands[i] : nil }

  /// Gives operand `i` its gradient, summed over the axes along which the operand was repeated.
  mutating func give(
    _ i: Int, _ gradient: (Term) throws(Unsupported.Reason) -> Term
  ) throws(Unsupported.Reason) {
    guard let x = operand(i), isActive[i] else { return }
    made[i] = try gradient(x).summed(to: x)
  }
}

/// Adds nodes under names of their own.
final class Tape {
  private let context: NodeContext
  private var count = 0

  init(_ context: NodeContext) { self.context = context }

  var graph: Graph { context.builder.graph }

  func term(_ id: ValueID) -> Term { Term(tape: self, id: id) }

  func add(_ op: any Operator, _ operands: [Term?]) throws(Unsupported.Reason) -> Term {
    let made = try addAll(op, operands.map { $0?.id }, count: 1)
    guard let id = made[0] else { throw .form("the values given do not fit what y is made of") }
    return term(id)
  }

  func addAll(
    _ op: any Operator, _ operands: [ValueID?], regions: [Graph] = [], count results: Int
  ) throws(Unsupported.Reason) -> [ValueID?] {
    try spend(1)
    count += 1
    let made = context.insertAll(
      op, operands, regions: regions, count: results, suffix: "\(op.name)_\(count)")
    if made.contains(nil) { throw .form("the values given do not fit what y is made of") }
    return made
  }

  /// Gradients of gradients grow without bound, and each looks at all that is before it.
  func spend(_ count: Int) throws(Unsupported.Reason) { try context.builder.session.spendInlined(count) }

  func scalar(_ value: Double, of type: DataType) throws(Unsupported.Reason) -> Term {
    guard let tensor = try? Tensor.fromDoubles([value], dataType: type, sizes: []) else {
      throw .form("\(type.rawValue) has no derivatives")
    }
    count += 1
    return term(context.constant(tensor, suffix: "scalar_\(count)"))
  }
}
