import IR
import Tensors

// Functions of a model are inlined: their nodes are added where they are called, under names of their own.

extension GraphBuilder {
  /// Functions may call each other this deep, which also ends those that call themselves.
  private static let depthLimit = 32

  /// Adds the nodes of a function; its results are the call's outputs.
  func inline(
    _ function: FunctionProto, _ call: NodeProto, _ inputs: [ValueID?], named name: String
  ) throws(Unsupported.Reason) -> [ValueID?] {
    if place.functionDepth >= Self.depthLimit {
      throw .form("functions call each other more than \(Self.depthLimit) deep")
    }
    if inputs.count > function.inputs.count {
      throw .inputCount(expected: 0...function.inputs.count, found: inputs.count)
    }
    if call.outputs.count > function.outputs.count {
      throw .outputCount(expected: 0...function.outputs.count, found: call.outputs.count)
    }
    try session.spendInlined(function.nodes.count)
    let attributes = try Self.attributes(of: call, in: function)
    var scope: [String: ValueID] = [:]
    var absent: Set<String> = []
    for (i, formal) in function.inputs.enumerated() {
      if i < inputs.count, let id = inputs[i] { scope[formal] = id } else { absent.insert(formal) }
    }
    var body = GraphProto()
    body.nodes = function.nodes.map { $0.substituting(attributes, absent: absent) }
    body.outputs = function.outputs.map { name in
      var info = ValueInfoProto()
      info.name = name
      return info
    }
    let outer = place
    place = Place(
      path: name + "/", scope: scope, versions: versions(of: function), functionDepth: outer.functionDepth + 1
    )
    defer { place = outer }
    do throws(StructureError) {
      let plan = try GraphOrder(body, outer: Set(function.inputs))
      place.readNames = plan.readNames
      place.givenNames = Set(body.nodes.lazy.map { [path] in path + $0.name })
      for index in plan.order { try add(body.nodes[index], freeNames: plan.freeNames[index] ?? []) }
    } catch {
      throw .form("function \(function.name): \(error)")
    }
    var results: [ValueID?] = []
    for (i, output) in function.outputs.prefix(call.outputs.count).enumerated() {
      let isWanted = !call.outputs[i].isEmpty
      if isWanted, place.scope[output] == nil {
        throw .form("function \(function.name) does not make '\(output)'")
      }
      results.append(isWanted ? place.scope[output] : nil)
    }
    return results
  }

  /// Versions by domain; where the function names none, those around it count.
  private func versions(of function: FunctionProto) -> [String: Int64]? {
    if function.operatorSets.isEmpty { return place.versions }
    var versions: [String: Int64] = [:]
    for set in function.operatorSets {
      let domain = ImportSession.normal(set.domain)
      versions[domain] = max(versions[domain] ?? .min, set.version)
    }
    return versions
  }

  /// What the function's references mean in this call: given values, then defaults.
  private static func attributes(
    of call: NodeProto, in function: FunctionProto
  ) throws(Unsupported.Reason) -> [String: AttributeProto.Value] {
    var values: [String: AttributeProto.Value] = [:]
    for attribute in function.attributeDefaults { values[attribute.name] = attribute.value }
    let known = Set(function.attributes).union(values.keys)
    for attribute in call.attributes {
      if !known.contains(attribute.name) { throw .unknownAttribute(attribute.name) }
      if case .reference(let outer) = attribute.value {
        throw .attribute(name: attribute.name, expected: "a value", found: "a reference to \(outer)")
      }
      values[attribute.name] = attribute.value
    }
    return values
  }
}

extension NodeProto {
  /// The node with references to attributes replaced, and names that stand for nothing left out.
  fileprivate func substituting(_ values: [String: AttributeProto.Value], absent: Set<String>) -> NodeProto {
    var node = self
    node.inputs = inputs.map { absent.contains($0) ? "" : $0 }
    node.attributes = attributes.compactMap { attribute in
      var attribute = attribute
      switch attribute.value {
      case .reference(let outer):
        // An attribute that the call leaves out is left out here too.
        guard let value = values[outer] else { return nil }
        attribute.value = value
      case .graph(let graph): attribute.value = .graph(graph.substituting(values, absent: absent))
      case .graphs(let graphs):
        attribute.value = .graphs(graphs.map { $0.substituting(values, absent: absent) })
      default: break
      }
      return attribute
    }
    return node
  }
}

extension GraphProto {
  fileprivate func substituting(_ values: [String: AttributeProto.Value], absent: Set<String>) -> GraphProto {
    var graph = self
    // Inputs of a region hide names of the function.
    let absent = absent.subtracting(inputs.map(\.name))
    graph.nodes = nodes.map { $0.substituting(values, absent: absent) }
    return graph
  }
}

extension GraphBuilder {
  /// Adds the nodes of a graph that is an attribute, which sees the names around it; returns its one output.
  func inline(_ region: GraphProto, _ inputs: [ValueID?], named name: String) throws(Unsupported.Reason)
    -> ValueID?
  {
    if place.functionDepth >= Self.depthLimit {
      throw .form("functions call each other more than \(Self.depthLimit) deep")
    }
    guard region.inputs.count == inputs.count, region.outputs.count == 1 else {
      throw .form("a graph of \(region.inputs.count) inputs and \(region.outputs.count) outputs")
    }
    try session.spendInlined(region.nodes.count)
    let outer = place
    place.path = name + "/"
    place.functionDepth += 1
    defer { place = outer }
    for (formal, input) in zip(region.inputs, inputs) { place.scope[formal.name] = input }
    do throws(StructureError) {
      let plan = try GraphOrder(region, outer: Set(place.scope.keys))
      place.readNames = plan.readNames
      place.givenNames = Set(region.nodes.lazy.map { [path] in path + $0.name })
      try addInitializers(region)
      for index in plan.order { try add(region.nodes[index], freeNames: plan.freeNames[index] ?? []) }
    } catch {
      throw .form("graph \(region.name): \(error)")
    }
    return place.scope[region.outputs[0].name]
  }
}
