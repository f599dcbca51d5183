import IR
import Operators
import Tensors

/// Which inputs of a graph decide sizes, or a branch, by their elements.
///
/// Found by data flow from the results back to the inputs. A node reads the elements of an operand for a size where
/// inference gives other types with them than without them; it hands them on where it computes elements that a later
/// node reads for a size. Elements that only pass through data, such as a position or an index, decide nothing.
///
/// The answer changes no result: where elements that matter are left out, the graph is cut, and planned behind the cut
/// while it runs.
struct ContentDemand {
  private let graph: Graph
  /// Values whose elements are computed from those of inputs in question.
  private var derived: Set<ValueID> = []
  private var demanded: Set<ValueID> = []

  /// `graph` has the types of one binding, and no contents of its inputs. `inputs` tells which are in question.
  static func of(_ graph: Graph, inputs isInQuestion: [Bool]) -> [Bool] {
    guard isInQuestion.contains(true), let order = try? graph.order() else { return isInQuestion }
    var demand = ContentDemand(graph: graph)
    for (port, isInQuestion) in zip(graph.inputs, isInQuestion) where isInQuestion {
      demand.derived.insert(port.value)
    }
    for id in order { demand.derive(graph[id]) }
    for id in order.reversed() { demand.demand(graph[id]) }
    return zip(graph.inputs, isInQuestion).map { $1 && demand.demanded.contains($0.value) }
  }

  private init(graph: Graph) { self.graph = graph }

  private mutating func derive(_ node: Node) {
    guard node.op is any ShapeArithmetic, node.inputs.contains(where: { $0.map(derived.contains) ?? false })
    else { return }
    for case let output? in node.outputs where Self.mayHaveContents(graph[output].type) {
      derived.insert(output)
    }
  }

  private mutating func demand(_ node: Node) {
    let isHandedOn = node.outputs.contains { $0.map(demanded.contains) ?? false }
    for (i, input) in node.inputs.enumerated() {
      guard let input, derived.contains(input), !demanded.contains(input) else { continue }
      if isHandedOn || node.op is If && i == 0 || decidesTypes(node, operand: i) { demanded.insert(input) }
    }
  }

  /// Whether the node's results have other types where the elements of an operand are known.
  private func decidesTypes(_ node: Node, operand index: Int) -> Bool {
    guard let input = node.inputs[index] else { return false }
    let count = graph[input].type.tensor?.shape.map { $0.first?.fixed ?? 1 } ?? 1
    guard count <= InputKey.contentsLimit, let unknown = types(of: node, operand: index, nil) else {
      return true
    }
    // Formulas show most; some sizes are found from numbers alone.
    var probes = [(0..<count).map { Dimension(Symbol("element \($0)")) }]
    for number in [1, 0, 2] { probes.append([Dimension](repeating: Dimension(number), count: count)) }
    return probes.contains { types(of: node, operand: index, $0) != unknown }
  }

  /// The types of a node's results; nil where inference refuses the elements.
  private func types(of node: Node, operand index: Int, _ contents: [Dimension]?) -> [ValueType]? {
    var operands = node.inputs.map { $0.map { graph[$0].operand } }
    operands[index]?.contents = contents
    return try? graph.inferResults(
      of: node.op, operands: operands, epilogue: node.epilogue,
      epilogueOperands: node.epilogueInputs.map { graph[$0].operand }, regions: node.regions,
      wanted: node.outputs.map { $0 != nil }, name: node.name
    ).map(\.type)
  }

  private static func mayHaveContents(_ type: ValueType) -> Bool {
    guard let type = type.tensor else { return true }
    return type.dataType != .string && (type.shape?.count ?? 1) <= 1
  }
}
