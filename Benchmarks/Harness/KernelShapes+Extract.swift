import Compiler
import IR
import Kernels
import Needletail
import Passes
import Tensors

extension ShapeFile {
  /// Layers that are no product are kept when they touch at least this share of all bytes, all their copies together.
  static let leastShareOfBytes = 0.01

  /// The distinct heavy layers of a model's optimized graph, in the order of their first appearance: every product and
  /// convolution, and whatever else moves many bytes. The batch keeps its symbol.
  ///
  /// `sizes` binds the model's other symbols. Throws for a model with a symbol that has no size.
  package init(of model: Model, named name: String, sizes: [String: Int]) throws {
    let batch = Set(model.batchSymbols)
    var bindings: [Symbol: Int] = [:]
    for symbol in model.graph.symbols where !batch.contains(symbol.name) {
      guard let size = sizes[symbol.name] else {
        throw ShapeError(
          description: "\(model.path): no size for '\(symbol.name)'; give --size \(symbol.name)=NUMBER")
      }
      bindings[symbol] = size
    }
    let registry = Backends.shared.registry
    let context = PassContext { (node, inputs) throws(GraphError) in try registry.evaluate(node, inputs) }
    var graph = try model.graph(after: nil, .full).bound(bindings)
    _ = PassCatalog.specialize.run(on: &graph, in: context)

    var ones: [Symbol: Int] = [:]
    for symbol in graph.symbols { ones[symbol] = 1 }
    let single = try graph.bound(ones)
    var works: [(node: Node, work: Work)] = []
    for id in try graph.order() where !graph[id].op.isView {
      guard let request = single.request(for: single[id], threads: 1) else { continue }
      works.append((graph[id], request.work))
    }
    let total = works.reduce(Work()) { $0 + $1.work }
    var found: [(layer: LayerShape, bytes: Double, isProduct: Bool)] = []
    var positions: [String: Int] = [:]
    for (node, work) in works {
      guard let layer = try graph.layer(node) else { continue }
      let key = try layer("").text()
      if let position = positions[key] {
        found[position].layer.count += 1
        found[position].bytes += work.bytes
      } else {
        positions[key] = found.count
        found.append((LayerShape(count: 1, graph: try layer(node.shortName)), work.bytes, node.op.isProduct))
      }
    }
    layers = found.filter { $0.isProduct || $0.bytes >= Self.leastShareOfBytes * total.bytes }.map(\.layer)
    let heavyCount = layers.reduce(0) { $0 + $1.count }
    notes = [
      "\(name): \(layers.count) distinct layers of \(heavyCount), of the \(works.count) nodes that compute in its optimized graph.",
      "Written by: needletail-benchmarks shapes; the form is told in README.md.",
    ]
    if layers.isEmpty { throw ShapeError(description: "\(model.path): no layer whose sizes are known") }
  }
}

extension Operator {
  fileprivate var isProduct: Bool { ["Conv", "ConvTranspose", "Gemm", "MatMul"].contains(name) }

  /// Moves no byte.
  fileprivate var isView: Bool { ["Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity"].contains(name) }
}

extension Node {
  /// The first of the names that a converter has joined.
  fileprivate var shortName: String { name.split(separator: ";").first.map(String.init) ?? name }
}

extension Graph {
  /// Makes the node alone, under a name: operands x, x1, …, constants w, w1, …, result y; nil for a node that is no plain
  /// function of tensors.
  fileprivate func layer(_ node: Node) throws(GraphError) -> ((String) throws(GraphError) -> Graph)? {
    guard node.regions.isEmpty, node.outputs.compactMap({ $0 }).count == 1, node.outputs.first ?? nil != nil
    else { return nil }
    return { (name) throws(GraphError) in
      var layer = Graph(name: name)
      var copies: [ValueID: ValueID] = [:]
      var constantCount = 0
      func copy(_ id: ValueID, _ layer: inout Graph) -> ValueID {
        if let known = copies[id] { return known }
        let made: ValueID
        if let constant = self[id].constant {
          let name = constantCount == 0 ? "w" : "w\(constantCount)"
          constantCount += 1
          made = layer.addConstant(name, constant.withoutElements(id: constantCount))
        } else {
          made = layer.addInput(layer.inputs.isEmpty ? "x" : "x\(layer.inputs.count)", self[id].type)
        }
        copies[id] = made
        return made
      }
      var inputs: [ValueID?] = []
      for input in node.inputs { inputs.append(input.map { copy($0, &layer) }) }
      var epilogueInputs: [ValueID] = []
      for input in node.epilogueInputs { epilogueInputs.append(copy(input, &layer)) }
      let outputs: [String?] = node.outputs.enumerated().map { $1 == nil ? nil : $0 == 0 ? "y" : "y\($0)" }
      let results = try layer.addNode(
        node.op, inputs, epilogue: node.epilogue, with: epilogueInputs, outputs: outputs, named: "y")
      for case let result? in results { layer.addOutput("y", result) }
      return layer
    }
  }
}

extension Constant {
  /// The same type under a small identity. A scalar keeps its value; of others the text reader makes up the elements.
  fileprivate func withoutElements(id: Int) -> Constant {
    let id = ConstantID(high: 0, low: UInt64(id))
    if let stored, stored.elementCount == 1 { return Constant(id: id, stored) }
    let type = type
    return Constant(
      id: id, type: type,
      recipe: .computed { () throws(GraphError) in throw GraphError(.malformed("\(type) without elements")) })
  }
}
