import IR
import Kernels
import Operators
import Runtime
import Tensors

/// Cuts a bound graph where sizes depend on data, where values are no tensors, and at undecided control flow.
///
/// What comes before the first cuts is one plan; the cuts are evaluated; what comes after is a graph of its own, bound
/// when the values that it needs are there, and then cut in the same way.
struct Partition {
  private enum Part { case planned, evaluated, later }

  let graph: Graph
  let backends: BackendSet
  let options: PlanOptions
  let candidates: CandidateTable

  func program(
    path: String, source: any PlanSource, _ makePlan: (Graph) throws(GraphError) -> ExecutionPlan
  ) throws(GraphError) -> Program {
    let order = try graph.order()
    let parts = try classify(order)
    var registers = Registers(graph: graph)
    var steps: [Program.Step] = []

    let planned = order.filter { parts[Int($0.index)] == .planned }
    let later = order.filter { parts[Int($0.index)] == .later }
    let isSinglePlan =
      planned.count == order.count
      && (graph.inputs + graph.outputs).allSatisfy { graph[$0.value].type.isKnownTensor }
    if !planned.isEmpty || isSinglePlan {
      let (region, inputs, outputs) = try graph.extract(planned, keepingPorts: isSinglePlan)
      steps.append(
        .plan(
          try makePlan(region), inputs: inputs.map { registers.number(of: $0) },
          outputs: outputs.map { registers.number(of: $0) }))
    }
    for id in order where parts[Int(id.index)] == .evaluated {
      steps.append(try step(for: graph[id], &registers, path: path, source: source))
    }
    if !later.isEmpty {
      let (region, inputs, outputs) = try graph.extract(later, keepingPorts: false)
      steps.append(
        .region(
          Executable(graph: region, path: path.isEmpty ? "rest" : path + "/rest", source: source),
          inputs: inputs.map { registers.number(of: $0) }, outputs: outputs.map { registers.number(of: $0) }))
    }
    let inputs = graph.inputs.map { registers.number(of: $0.value) }
    let outputs = graph.outputs.map { registers.number(of: $0.value) }
    let (constants, ownedByteCount) = try isSinglePlan ? ([], 0) : registers.constants()
    return Program(
      steps: steps, registerCount: registers.count, inputs: inputs, constants: constants, outputs: outputs,
      ownedByteCount: ownedByteCount)
  }

  private func classify(_ order: [NodeID]) throws(GraphError) -> [Part] {
    var parts = [Part](repeating: .later, count: graph.nodes.count)
    for id in order {
      let node = graph[id]
      let producers = (node.inputs.compactMap { $0 } + node.epilogueInputs).compactMap { graph[$0].producer }
      let isPlannable = isPlannable(node)
      if producers.contains(where: { parts[Int($0.index)] == .later }) { continue }
      let followsCut = producers.contains { parts[Int($0.index)] == .evaluated }
      if isPlannable {
        // Behind a cut it waits for the next plan, even if its own sizes are known.
        parts[Int(id.index)] = followsCut ? .later : .planned
      } else if !followsCut || operandsAreOpaque(node) {
        parts[Int(id.index)] = .evaluated
      }
    }
    return parts
  }

  private func isPlannable(_ node: Node) -> Bool {
    if !node.regions.isEmpty || node.op is If || node.op is Loop { return false }
    guard let request = graph.request(for: node, threads: options.threads) else { return false }
    return !candidates[request].candidates.isEmpty
  }

  /// Whether knowing the operands' sizes would not help: sequences, strings.
  private func operandsAreOpaque(_ node: Node) -> Bool {
    node.inputs.contains { id in
      guard let id else { return false }
      guard let type = graph[id].type.tensor else { return true }
      return type.dataType == .string
    }
  }

  private func step(for node: Node, _ registers: inout Registers, path: String, source: any PlanSource)
    throws(GraphError) -> Program.Step
  {
    let inputs = node.inputs.map { $0.map { registers.number(of: $0) } }
    let outputs = node.outputs.map { $0.map { registers.number(of: $0) } }
    func region(_ i: Int, _ name: String) throws(GraphError) -> Executable {
      guard i < node.regions.count else {
        throw GraphError(.arity(expected: i + 1...i + 1, found: node.regions.count), node: node.name)
      }
      return Executable(
        graph: node.regions[i], path: (path.isEmpty ? "" : path + "/") + "\(node.name)/\(name)",
        source: source)
    }
    if node.op is If {
      guard let condition = inputs.first ?? nil else {
        throw GraphError(.arity(expected: 1...1, found: 0), node: node.name)
      }
      return .conditional(
        Program.Conditional(
          node: node.name, condition: condition, captured: Array(inputs.dropFirst()),
          then: try region(0, "then"),
          otherwise: try region(1, "else"), outputs: outputs))
    }
    if let loop = node.op as? Loop {
      guard inputs.count >= 2 + loop.carried else {
        throw GraphError(
          .arity(expected: 2 + loop.carried...2 + loop.carried, found: inputs.count), node: node.name)
      }
      return .loop(
        Program.LoopStep(
          node: node.name, tripCount: inputs[0], condition: inputs[1],
          carried: Array(inputs[2..<2 + loop.carried]), captured: Array(inputs[(2 + loop.carried)...]),
          body: try region(0, "body"), outputs: outputs))
    }
    guard let kernel = backends.evaluator(node.op.name), case .evaluated(let evaluate) = kernel.implementation
    else {
      throw GraphError(.malformed("no kernel for \(node.op.name)"), node: node.name)
    }
    guard node.epilogue.isEmpty else {
      throw GraphError(.malformed("an evaluated node with an epilogue"), node: node.name)
    }
    return .evaluate(
      node.op, evaluate,
      label: ExecutionPlan.Label(
        node: node.name, operatorName: node.op.name, kernel: kernel.name,
        origins: node.origins.indices.map { graph.originNames[Int($0)] }, work: nil),
      inputs: inputs, outputs: outputs)
  }
}

/// Numbers for the values that cross between steps.
private struct Registers {
  let graph: Graph
  private var numbers: [ValueID: Int] = [:]
  private var order: [ValueID] = []

  init(graph: Graph) { self.graph = graph }

  var count: Int { order.count }

  mutating func number(of id: ValueID) -> Int {
    if let number = numbers[id] { return number }
    numbers[id] = order.count
    order.append(id)
    return order.count - 1
  }

  /// The constants among them, and the bytes of those that are computed here or small.
  func constants() throws(GraphError) -> (constants: [(register: Int, tensor: Tensor)], ownedByteCount: Int) {
    var constants: [(register: Int, tensor: Tensor)] = []
    var ownedByteCount = 0
    for (i, id) in order.enumerated() {
      guard let constant = graph[id].constant else { continue }
      let tensor = try constant.tensor()
      constants.append((i, tensor))
      if constant.stored == nil || tensor.byteCount <= Constant.storedLimit {
        ownedByteCount += tensor.byteCount
      }
    }
    return (constants, ownedByteCount)
  }
}

extension Graph {
  /// The closed graph of some nodes: what they read from elsewhere becomes inputs, what others read of them outputs.
  ///
  /// `keepingPorts`: the nodes are all there are, and inputs and outputs stay those of the whole graph.
  func extract(_ ids: [NodeID], keepingPorts: Bool) throws(GraphError) -> (
    graph: Graph, inputs: [ValueID], outputs: [ValueID]
  ) {
    if keepingPorts { return (self, inputs.map(\.value), outputs.map(\.value)) }
    var region = Graph(name: name)
    for origin in originNames { _ = region.originIndex(of: origin) }
    var mapped: [ValueID: ValueID] = [:]
    var crossing: [ValueID] = []
    let members = Set(ids)
    func isInside(_ id: ValueID) -> Bool {
      guard let producer = self[id].producer else { return false }
      return members.contains(producer)
    }
    // Inputs first, in the order in which they are read.
    for id in ids {
      for input in self[id].inputs.compactMap({ $0 }) + self[id].epilogueInputs where mapped[input] == nil {
        if isInside(input) { continue }
        let value = self[input]
        if let constant = value.constant {
          mapped[input] = region.addConstant(
            value.name, constant, mirrors: value.mirrors, origins: value.origins)
        } else {
          mapped[input] = region.addInput(
            value.name, value.type, mirrors: value.mirrors, contents: value.contents)
          crossing.append(input)
        }
      }
    }
    for id in ids {
      let node = self[id]
      let results = try region.addNode(
        node.op, node.inputs.map { $0.flatMap { mapped[$0] } }, epilogue: node.epilogue,
        with: node.epilogueInputs.compactMap { mapped[$0] }, regions: node.regions,
        outputs: node.outputs.map { $0.map { self[$0].name } }, named: node.name, origins: node.origins,
        mirrors: node.outputs.map { $0.flatMap { self[$0].mirrors } })
      for (old, new) in zip(node.outputs, results) { if let old, let new { mapped[old] = new } }
    }
    var leaving: [ValueID] = []
    for id in ids {
      for output in self[id].outputs.compactMap({ $0 }) {
        let isRead = uses(of: output).contains { $0.node.map { !members.contains($0) } ?? true }
        guard isRead, let inside = mapped[output] else { continue }
        region.addOutput(self[output].name, inside)
        leaving.append(output)
      }
    }
    return (region, crossing, leaving)
  }
}

extension ValueType {
  /// A dense numeric tensor whose sizes are all numbers.
  fileprivate var isKnownTensor: Bool { tensor.map { $0.dataType != .string && $0.sizes != nil } ?? false }
}
