/// The order in which the nodes of a graph can be built, and the names that its regions take from it.
struct GraphOrder {
  /// Indices of nodes: the file's order, but for nodes that come before what they read.
  private(set) var order: [Int] = []
  /// By index of the node: the names its regions read from outside, in the order of first use.
  private(set) var freeNames: [Int: [String]] = [:]
  private(set) var readNames: Set<String> = []

  init(_ graph: GraphProto, outer: Set<String>) throws(StructureError) {
    var producers: [String: Int] = [:]
    for (i, node) in graph.nodes.enumerated() {
      for output in node.outputs where !output.isEmpty {
        if producers.updateValue(i, forKey: output) != nil {
          throw .duplicateValue(name: output, subject: node.name.isEmpty ? node.operatorName : node.name)
        }
      }
      let free = Self.freeNames(of: node)
      if !free.isEmpty { freeNames[i] = free }
      readNames.formUnion(node.inputs)
      readNames.formUnion(free)
    }
    for output in graph.outputs { readNames.insert(output.name) }
    try sort(graph, producers)
  }

  /// Depth first from each node in the file's order, with a stack of its own: a chain may be a million nodes long.
  private mutating func sort(_ graph: GraphProto, _ producers: [String: Int]) throws(StructureError) {
    enum State { case waiting, open, done }
    var states = [State](repeating: .waiting, count: graph.nodes.count)
    order.reserveCapacity(graph.nodes.count)
    func dependencies(_ i: Int) -> [Int] {
      (graph.nodes[i].inputs + (freeNames[i] ?? [])).compactMap { producers[$0] }
    }
    for start in graph.nodes.indices where states[start] == .waiting {
      states[start] = .open
      var stack: [(node: Int, pending: ArraySlice<Int>)] = [(start, dependencies(start)[...])]
      while let (node, pending) = stack.last {
        guard let next = pending.first else {
          states[node] = .done
          order.append(node)
          stack.removeLast()
          continue
        }
        stack[stack.count - 1].pending = pending.dropFirst()
        switch states[next] {
        case .done: break
        case .open:
          let name = graph.nodes[next].name
          throw .cycle(node: name.isEmpty ? graph.nodes[next].operatorName : name)
        case .waiting:
          states[next] = .open
          stack.append((next, dependencies(next)[...]))
        }
      }
    }
  }

  /// What a node reads besides its inputs: what its regions do, and what a `Gradient` names.
  static func freeNames(of node: NodeProto) -> [String] {
    var found: [String] = []
    var seen: Set<String> = []
    let namesValues = node.operatorName == "Gradient" && node.domain == "ai.onnx.preview.training"
    func note(_ bytes: [UInt8]) {
      let name = String(decoding: bytes, as: UTF8.self)
      if namesValues, seen.insert(name).inserted { found.append(name) }
    }
    for attribute in node.attributes {
      switch attribute.value {
      case .string(let name): note(name)
      case .strings(let names): for name in names { note(name) }
      case .graph(let graph): collect(graph, &found, &seen)
      case .graphs(let graphs): for graph in graphs { collect(graph, &found, &seen) }
      default: break
      }
    }
    return found
  }

  /// The names that a region reads and does not make itself.
  static func freeNames(of graph: GraphProto) -> [String] {
    var found: [String] = []
    var seen: Set<String> = []
    collect(graph, &found, &seen)
    return found
  }

  private static func collect(_ graph: GraphProto, _ found: inout [String], _ seen: inout Set<String>) {
    var own: Set<String> = [""]
    own.formUnion(graph.inputs.map(\.name))
    own.formUnion(graph.initializers.map(\.name))
    own.formUnion(graph.sparseInitializers.compactMap { $0.values?.name })
    for node in graph.nodes { own.formUnion(node.outputs) }
    func note(_ name: String) {
      if !own.contains(name), seen.insert(name).inserted { found.append(name) }
    }
    for node in graph.nodes {
      for input in node.inputs { note(input) }
      for name in freeNames(of: node) { note(name) }
    }
    for output in graph.outputs { note(output.name) }
  }
}
