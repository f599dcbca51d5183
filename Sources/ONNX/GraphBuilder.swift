import IR
import Tensors

/// Builds one graph of the model: the main graph, or a region, which sees nothing but its own inputs.
final class GraphBuilder {
  let session: ImportSession
  /// `If_3/then/` inside of a region; empty for the main graph.
  var path: String { place.path }
  let nesting: Int
  var graph: Graph
  /// What names mean here: a function of the model that is being inlined has names of its own.
  struct Place {
    var path: String
    var scope: [String: ValueID] = [:]
    /// Versions that the function names instead of the model's.
    var versions: [String: Int64]?
    /// Functions around this one.
    var functionDepth = 0
    /// Names of nodes in the file, which made-up ones give way to.
    var givenNames: Set<String> = []
    /// Names that some node or output reads.
    var readNames: Set<String> = []
  }
  var place: Place
  private var scope: [String: ValueID] {
    get { place.scope }
    _modify { yield &place.scope }
  }
  /// Results of nodes that could not be built, and what follows from them.
  private var poisoned: Set<ValueID> = []
  private var operatorCounts: [String: Int] = [:]
  private var nodeNames: Set<String> = []

  init(_ session: ImportSession, name: String, path: String, nesting: Int, within outer: Place? = nil) {
    self.session = session
    place = Place(path: path, versions: outer?.versions, functionDepth: outer?.functionDepth ?? 0)
    self.nesting = nesting
    graph = Graph(name: name)
  }

  // MARK: - Names

  func value(named name: String) -> ValueID? { scope[name] }

  func isRead(_ name: String) -> Bool { place.readNames.contains(name) }

  /// Gives a value a name that regions may read.
  func bind(_ name: String, to id: ValueID) { scope[name] = id }

  /// The version of a domain's operators, which a function may name anew.
  func version(of domain: String) -> Int64? {
    place.versions.map { $0[ImportSession.normal(domain)] } ?? session.version(of: domain)
  }

  func isPoisoned(_ id: ValueID) -> Bool { poisoned.contains(id) }

  private func define(_ name: String, _ id: ValueID, by subject: String) throws(StructureError) {
    if scope.updateValue(id, forKey: name) != nil { throw .duplicateValue(name: name, subject: subject) }
  }

  private func nodeName(_ node: NodeProto) -> String {
    if !node.name.isEmpty {
      var name = path + node.name
      var k = 2
      while !nodeNames.insert(name).inserted {
        name = "\(path)\(node.name)_\(k)"
        k += 1
      }
      return name
    }
    while true {
      let k = operatorCounts[node.operatorName, default: 0]
      operatorCounts[node.operatorName] = k + 1
      let name = "\(path)\(node.operatorName)_\(k)"
      if !place.givenNames.contains(name), nodeNames.insert(name).inserted { return name }
    }
  }

  // MARK: - Building

  /// Adds the file's initializers, inputs, nodes and outputs.
  ///
  /// `formals` are types of a region's own inputs, in order; `captures` what the region reads from outside.
  func build(
    _ proto: GraphProto, formals: [ValueType]? = nil,
    captures: [(name: String, operand: Operand, isPoisoned: Bool)] = []
  ) throws(StructureError) {
    let plan = try GraphOrder(proto, outer: Set(captures.map(\.name)))
    place.readNames = plan.readNames
    place.givenNames = Set(proto.nodes.lazy.map { [path] in path + $0.name })
    try addInitializers(proto)
    try addInputs(proto, formals)
    let own = captures.isEmpty ? [] : Set(proto.nodes.flatMap(\.outputs) + scope.keys)
    for (name, operand, isPoisoned) in captures {
      // What another region of the node reads may be a name of its own here.
      try addCapture(name, operand, isPoisoned, isHidden: own.contains(name))
    }
    for index in plan.order { try add(proto.nodes[index], freeNames: plan.freeNames[index] ?? []) }
    var ports: Set<String> = []
    for output in proto.outputs {
      guard let id = scope[output.name] else { throw .unknownOutput(output.name) }
      if nesting == 0, !ports.insert(output.name).inserted { throw .duplicatePort(output.name) }
      graph.addOutput(output.name, id)
    }
    compare(proto.valueInfos + proto.outputs)
  }

  func addInitializers(_ proto: GraphProto) throws(StructureError) {
    for tensor in proto.initializers {
      if tensor.name.isEmpty { throw .unnamed("an initializer") }
      let decoded: TensorReader.Decoded
      do throws(TensorDecodeError) { decoded = try session.tensors.decode(tensor) } catch {
        session.note(tensor: error, at: "initializer")
        try define(tensor.name, addPlaceholder(tensor.name), by: "initializer")
        continue
      }
      try define(
        tensor.name, addConstant(tensor.name, decoded, origin: path + tensor.name), by: "initializer")
    }
    for tensor in proto.sparseInitializers {
      let name = tensor.values?.name ?? ""
      if name.isEmpty { throw .unnamed("a sparse initializer") }
      do throws(TensorDecodeError) {
        let decoded = try session.tensors.decode(tensor)
        try defineSparse(name, decoded)
      } catch {
        session.note(tensor: error, at: "sparse initializer")
        try define(name, addPlaceholder(name), by: "sparse initializer")
      }
    }
  }

  /// A name that is there already is passed over here: the node or input that made it is reported.
  private func defineSparse(_ name: String, _ decoded: TensorReader.Decoded) throws(TensorDecodeError) {
    if scope[name] != nil { throw TensorDecodeError(name, .sparse("two initializers have this name")) }
    scope[name] = addConstant(name, decoded, origin: path + name)
  }

  private func addInputs(_ proto: GraphProto, _ formals: [ValueType]?) throws(StructureError) {
    var seen: Set<String> = []
    for (i, input) in proto.inputs.enumerated() {
      if input.name.isEmpty { throw .unnamed("input \(i)") }
      if !seen.insert(input.name).inserted { throw .duplicatePort(input.name) }
      // An initializer that is also an input is a constant (files before IR 4 list them all).
      if formals == nil, scope[input.name] != nil { continue }
      var type = ValueType.unknown
      if let formals {
        type = i < formals.count ? formals[i] : .unknown
      } else {
        do throws(Unsupported.Reason) {
          type = try session.inputType(input.type ?? .none, of: input.name)
        } catch {
          session.note(error, input.name, "", version: 0)
          try define(input.name, addPlaceholder(input.name), by: "input")
          continue
        }
      }
      let mirror = graph.originIndex(of: path + input.name)
      try define(input.name, graph.addInput(input.name, type, mirrors: mirror), by: "input")
    }
  }

  private func addCapture(
    _ name: String, _ operand: Operand, _ isPoisoned: Bool, isHidden: Bool
  ) throws(StructureError) {
    let mirror = graph.originIndex(of: name)
    let id: ValueID
    if let constant = operand.constant {
      id = graph.addConstant(name, constant, mirrors: mirror)
    } else {
      id = graph.addInput(name, operand.type, mirrors: mirror, contents: operand.contents)
    }
    if isPoisoned { poisoned.insert(id) }
    if !isHidden { try define(name, id, by: "capture") }
  }

  func add(_ node: NodeProto, freeNames: [String]) throws(StructureError) {
    var inputs: [ValueID?] = []
    for name in node.inputs {
      if name.isEmpty {
        inputs.append(nil)
      } else if let id = scope[name] {
        inputs.append(id)
      } else {
        throw .unknownValue(name: name, node: path + (node.name.isEmpty ? node.operatorName : node.name))
      }
    }
    while let last = inputs.last, last == nil { inputs.removeLast() }
    let name = nodeName(node)
    let isPoisoned = (inputs.compactMap { $0 } + freeNames.compactMap { scope[$0] }).contains {
      poisoned.contains($0)
    }
    let before = session.problemCount
    let brokenBefore = session.tensorErrorCount
    let version = version(of: node.domain) ?? 0
    var results: [ValueID?]?
    do throws(Unsupported.Reason) {
      results = try build(node, inputs, name, version, isPoisoned)
    } catch {
      // A broken tensor among the attributes has been told.
      if !(isPoisoned && error.dependsOnTypes), session.tensorErrorCount == brokenBefore {
        session.note(error, name, node.operatorName, version: version)
      }
    }
    for (i, output) in node.outputs.enumerated() where !output.isEmpty {
      let made = results.flatMap { i < $0.count ? $0[i] : nil }
      // A result that a rule leaves out, and nobody reads.
      if made == nil, results != nil, before == session.problemCount, !isRead(output) { continue }
      let id = made ?? addPlaceholder(output)
      if isPoisoned || made == nil || session.problemCount > before { poisoned.insert(id) }
      try define(output, id, by: name)
    }
  }

  private func build(
    _ node: NodeProto, _ inputs: [ValueID?], _ name: String, _ version: Int64, _ isPoisoned: Bool
  ) throws(Unsupported.Reason) -> [ValueID?]? {
    if let function = session.function(of: node) { return try inline(function, node, inputs, named: name) }
    let domain = ImportSession.normal(node.domain)
    guard ImportRules.knows(domain: domain) else { throw .domain(node.domain) }
    if version == 0 { throw .noOperatorSet }
    let rule = try ImportRules.rule(for: node.operatorName, domain: domain, version: version)
    let required = inputs.prefix(rule.inputs.lowerBound)
    if required.count < rule.inputs.lowerBound || required.contains(nil)
      || inputs.count > rule.inputs.upperBound
    {
      throw .inputCount(expected: rule.inputs, found: inputs.count)
    }
    if node.outputs.count < rule.outputs.lowerBound || node.outputs.count > rule.outputs.upperBound {
      throw .outputCount(expected: rule.outputs, found: node.outputs.count)
    }
    let context = try NodeContext(node, version: version, inputs: inputs, name: name, builder: self)
    isBuildingPoisoned = isPoisoned
    let outer = building
    building = (node.operatorName, version, session.problemCount)
    defer { building = outer }
    try rule.build(context)
    return context.results
  }

  /// The node that is being built reads what could not be built: its own results cannot be inferred.
  private var isBuildingPoisoned = false
  private var building: (operatorName: String, version: Int64, problemCount: Int) = ("", 0, 0)

  // MARK: - Adding

  func addConstant(_ name: String, _ decoded: TensorReader.Decoded, origin: String) -> ValueID {
    let index = graph.originIndex(of: origin)
    return graph.addConstant(
      name, Constant(id: decoded.id, decoded.tensor), mirrors: index, origins: Origins([index]))
  }

  /// A value of unknown type, which lets the rest of the graph be looked at.
  func addPlaceholder(_ name: String) -> ValueID {
    let id = graph.addInput(name, .unknown)
    poisoned.insert(id)
    return id
  }

  func addNode(
    _ op: any Operator, _ inputs: [ValueID?], regions: [Graph], outputs: [String?], named name: String,
    mirrors: Bool = true
  ) -> [ValueID?] {
    if isBuildingPoisoned { return [] }
    let origin = Origins([graph.originIndex(of: name)])
    var indices: [Int32?] = []
    for output in outputs where mirrors { indices.append(output.map { graph.originIndex(of: path + $0) }) }
    do throws(GraphError) {
      return try graph.addNode(
        op, inputs, regions: regions, outputs: outputs, named: name, origins: origin, mirrors: indices)
    } catch {
      // What is wrong with its regions or attributes has been told.
      if session.problemCount == building.problemCount {
        session.note(error, operatorName: building.operatorName, version: building.version)
      }
      return []
    }
  }

  /// Declared types are hints: where they contradict what follows from the inputs, they are wrong.
  private func compare(_ declared: [ValueInfoProto]) {
    for info in declared {
      guard let id = scope[info.name], case .tensor(let found) = graph[id].type,
        case .tensor(let type)? = info.type,
        let dataType = DataType(onnx: type.elementType), let shape = type.shape, let sizes = found.shape
      else { continue }
      let agrees =
        dataType == found.dataType && shape.count == sizes.count
        && zip(shape, sizes).allSatisfy { declared, size in
          guard case .value(let n) = declared, n >= 0, let m = size.fixed else { return true }
          return n == Int64(m)
        }
      if !agrees {
        session.warnings.append("'\(path)\(info.name)' is \(found), which is not what the file declares")
      }
    }
  }
}

extension Unsupported.Reason {
  /// Whether it may come from operands that are unknown because they could not be built.
  fileprivate var dependsOnTypes: Bool {
    switch self {
    case .form, .type: true
    default: false
    }
  }
}
