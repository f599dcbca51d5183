import IR
import Operators
import Tensors

/// What the writing of one model shares among its graphs: versions, names, constants, and everything without a form.
final class ExportSession {
  /// What the caller asked for; nil: the lowest that has a form for every node.
  private let asked: Int64?
  /// The version of ONNX's own operators that is being written.
  let version: Int64
  /// The version that the nodes turned out to need.
  private(set) var needed: Int64
  /// Versions of other domains in use.
  private(set) var domains: [String: Int64] = [:]
  private(set) var problems: [Unwritable] = []
  /// Constants by the names that they are written under, in the order of their first use.
  private(set) var constants: [(name: String, constant: Constant)] = []
  private var constantNames: [ConstantID: String] = [:]
  private var valueNames: Set<String> = []
  private var nodeNames: Set<String> = []
  private(set) var nodeCounts: [String: Int] = [:]

  init(version: Int64, asked: Int64?) {
    self.version = version
    self.asked = asked
    needed = version
  }

  // MARK: - Versions

  /// Throws where a form came later than the version asked for.
  func require(_ version: Int64, for operatorName: String) throws(Unwritable.Reason) {
    if let asked, version > asked { throw .opset(needed: version, asked: asked, operatorName: operatorName) }
    needed = max(needed, version)
  }

  /// Forms of an older version are those of a newer one too.
  func use(domain: String, version: Int64) { domains[domain] = max(domains[domain] ?? 0, version) }

  /// Version 5 of `ai.onnx.ml` has no more ensembles of trees in the older form.
  func checkDomains() {
    let old = "TreeEnsembleRegressor"
    guard domains["ai.onnx.ml"] == 5, nodeCounts["ai.onnx.ml::\(old)"] != nil else { return }
    problems.append(
      Unwritable(
        node: old, operatorName: "TreeEnsemble",
        reason: .form("the model has trees of both forms, of which one file has one")))
  }

  func note(_ reason: Unwritable.Reason, at node: Node) {
    problems.append(Unwritable(node: node.name, operatorName: node.op.name, reason: reason))
  }

  // MARK: - Names

  private func unique(_ name: String, in known: inout Set<String>) -> String {
    var found = name
    var k = 2
    while !known.insert(found).inserted {
      found = "\(name)_\(k)"
      k += 1
    }
    return found
  }

  /// A name for a value that no other value of the model has: inner graphs see those around them.
  func valueName(_ name: String) -> String { unique(name.isEmpty ? "value" : name, in: &valueNames) }

  /// Keeps a name for the one value that has it.
  func reserve(_ name: String) { valueNames.insert(name) }

  func nodeName(_ name: String) -> String { unique(name.isEmpty ? "node" : name, in: &nodeNames) }

  func count(_ operatorName: String) { nodeCounts[operatorName, default: 0] += 1 }

  /// The name of a constant, which is written once for the whole model.
  func name(of constant: Constant, preferring name: String) -> String {
    if let known = constantNames[constant.id] { return known }
    let name = valueName(name)
    constantNames[constant.id] = name
    constants.append((name, constant))
    return name
  }
}

/// Writes the nodes of one graph: the main graph, or a region, which reads the values around it by their names.
final class GraphExport {
  let session: ExportSession
  let graph: Graph
  private var names: [ValueID: String] = [:]
  /// Fields of a GraphProto.
  private(set) var message = WireWriter()

  init(_ session: ExportSession, _ graph: Graph) {
    self.session = session
    self.graph = graph
  }

  /// The name of a value; empty when it is left out.
  func name(of id: ValueID?) -> String {
    guard let id else { return "" }
    if let known = names[id] { return known }
    let value = graph[id]
    let name =
      if let constant = value.constant { session.name(of: constant, preferring: value.name) } else {
        session.valueName(value.name)
      }
    names[id] = name
    return name
  }

  /// Gives a value a name that is reserved for it.
  func bind(_ id: ValueID, to name: String) { names[id] = name }

  // MARK: - Graphs

  /// Writes the main graph, whose inputs and outputs keep their names.
  func writeMain(_ outputs: [ValueInfoProto]) throws(ExportError) {
    for port in graph.inputs {
      session.reserve(port.name)
      bind(port.value, to: port.name)
    }
    for port in graph.outputs { session.reserve(port.name) }
    let copies = bindOutputs(graph.outputs.map(\.name))
    try writeNodes()
    write(copies)
    message.text(2, graph.name.isEmpty ? "graph" : graph.name)
    for port in graph.inputs {
      var info = ValueInfoProto()
      (info.name, info.type) = (port.name, PortTypes.input(port, in: graph))
      message.message(11) { info.put(&$0) }
    }
    for info in outputs { message.message(12) { info.put(&$0) } }
  }

  /// Writes a region whose first inputs are `formals` of its own, and whose others are values named `captured` around it.
  func writeRegion(formals: Int, captured: [String], named name: String) throws(ExportError) {
    for (i, port) in graph.inputs.enumerated() where i >= formals && i - formals < captured.count {
      bind(port.value, to: captured[i - formals])
    }
    var inputs: [ValueInfoProto] = []
    for port in graph.inputs.prefix(formals) {
      var info = ValueInfoProto()
      (info.name, info.type) = (self.name(of: port.value), PortTypes.inner(graph[port.value].type))
      inputs.append(info)
    }
    let results = graph.outputs.map { session.valueName($0.name) }
    let copies = bindOutputs(results)
    try writeNodes()
    write(copies)
    message.text(2, name)
    for info in inputs { message.message(11) { info.put(&$0) } }
    for (port, result) in zip(graph.outputs, results) {
      var info = ValueInfoProto()
      (info.name, info.type) = (result, PortTypes.inner(graph[port.value].type.withoutShape))
      message.message(12) { info.put(&$0) }
    }
  }

  /// Gives results of nodes the names of the outputs that they are. What remains is copied: a constant, an input, a value
  /// from around, and the second output that is one value.
  private func bindOutputs(_ outputs: [String]) -> [(value: ValueID, name: String)] {
    var copies: [(value: ValueID, name: String)] = []
    for (port, name) in zip(graph.outputs, outputs) {
      if names[port.value] == name { continue }
      if names[port.value] == nil, graph[port.value].producer != nil {
        bind(port.value, to: name)
      } else {
        copies.append((port.value, name))
      }
    }
    return copies
  }

  private func write(_ copies: [(value: ValueID, name: String)]) {
    for copy in copies {
      put("Identity", [name(of: copy.value)], [copy.name], named: "\(copy.name)/copy")
    }
  }

  private func writeNodes() throws(ExportError) {
    let order: [NodeID]
    do throws(GraphError) { order = try graph.order() } catch {
      throw .constant(name: graph.name, reason: "\(error)")
    }
    for id in order {
      let node = graph[id]
      do throws(Unwritable.Reason) {
        let context = ExportContext(node, in: self)
        try ExportRules.write(context)
        try context.writeEpilogue()
      } catch { session.note(error, at: node) }
    }
  }

  // MARK: - Nodes

  /// Appends a node, without the names left empty at the end of its lists.
  func put(
    _ operatorName: String, domain: String = "", _ inputs: [String], _ outputs: [String], named name: String,
    _ attributes: [ExportAttribute] = []
  ) {
    func trimmed(_ names: [String], to least: Int = 0) -> [String] {
      Array(names.prefix(max(least, (names.lastIndex { !$0.isEmpty } ?? -1) + 1)))
    }
    var node = WireWriter()
    // Trip count and condition of a loop are named, if only as left out.
    for input in trimmed(inputs, to: operatorName == "Loop" ? 2 : 0) { node.string(1, input) }
    for output in trimmed(outputs) { node.string(2, output) }
    node.string(3, session.nodeName(name))
    node.string(4, operatorName)
    for attribute in attributes {
      var field = WireWriter()
      // Tensors of attributes are made by rules, row-major and in memory.
      guard (try? attribute.put(&field)) != nil else {
        preconditionFailure("an attribute that cannot be written")
      }
      node.blob(5, field.bytes)
    }
    node.text(7, domain)
    message.blob(1, node.bytes)
    session.count(domain.isEmpty ? operatorName : "\(domain)::\(operatorName)")
  }
}

/// Declared types of inputs and outputs.
enum PortTypes {
  /// Sizes that are formulas of names in the file are written as such; others stay open.
  static func proto(_ type: ValueType, _ text: (Dimension, Int) -> String?) -> TypeProto {
    switch type {
    case .tensor(let tensor):
      var proto = TensorTypeProto()
      proto.elementType = Int32(tensor.dataType.onnx)
      proto.shape = tensor.shape?.enumerated().map { axis, size in
        if let number = size.fixed { return .value(Int64(number)) }
        return text(size, axis).map { .name($0) } ?? .missing
      }
      return .tensor(proto)
    case .sequence(let element): return .sequence(Self.proto(element, text))
    case .optional(let element): return .optional(Self.proto(element, text))
    case .unknown: return .none
    }
  }

  static func inner(_ type: ValueType) -> TypeProto? {
    let proto = proto(type) { _, _ in nil }
    return proto.isWhole ? proto : nil
  }

  static func input(_ port: Graph.Port, in graph: Graph) -> TypeProto {
    proto(graph[port.value].type) { size, axis in isMadeUp(size.text, port.name, axis) ? nil : size.text }
  }

  /// The type that the file declared, unless what follows from the graph contradicts it.
  static func output(_ port: Graph.Port, declared: ValueType, in graph: Graph) -> TypeProto {
    let found = graph[port.value].type
    let known = Set(
      graph.inputs.flatMap { input in
        (graph[input.value].type.tensor?.shape ?? []).enumerated().flatMap { axis, size in
          size.symbols.filter { !isMadeUp($0.name, input.name, axis) }
        }
      })
    func inferred(_ size: Dimension, _ axis: Int) -> String? {
      size.symbols.allSatisfy { known.contains($0) } ? size.text : nil
    }
    if case .unknown = found {
      return proto(declared) { size, axis in isMadeUp(size.text, port.name, axis) ? nil : size.text }
    }
    guard let type = found.tensor, let named = declared.tensor, type.dataType == named.dataType,
      let sizes = named.shape, sizes.count == type.shape?.count ?? sizes.count
    else { return proto(found, inferred) }
    var result = named
    result.shape = sizes.enumerated().map { axis, size in
      guard let other = type.shape?[axis] else { return size }
      if let a = size.fixed { return other.fixed.map { $0 != a } ?? false ? other : size }
      return isMadeUp(size.text, port.name, axis) ? other : size
    }
    return proto(.tensor(result)) { size, axis in
      sizes[axis] == size && !isMadeUp(size.text, port.name, axis) ? size.text : inferred(size, axis)
    }
  }

  /// Whether the importer gave an open size this name.
  private static func isMadeUp(_ text: String, _ port: String, _ axis: Int) -> Bool {
    let name = "\(port)_\(axis)"
    return text.hasPrefix(name) && text.dropFirst(name.count).allSatisfy { $0 == "_" }
  }
}

extension TypeProto {
  /// Whether no part of the type is left open.
  fileprivate var isWhole: Bool {
    switch self {
    case .none: false
    case .sequence(let element), .optional(let element): element.isWhole
    default: true
    }
  }
}
