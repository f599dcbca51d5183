import IR
import Operators
import Tensors

extension ImportRules {
  static let sequences: [ImportRule] = [
    ImportRule("SequenceEmpty", since: 11, inputs: 0...0) { n throws(Unsupported.Reason) in
      try n.add(SequenceEmpty(dataType: try n.elementType("dtype") ?? .float32))
    },
    ImportRule("SequenceConstruct", since: 11, inputs: 1...Int.max) { n throws(Unsupported.Reason) in
      if n.inputs.contains(nil) { throw .form("an operand is left empty") }
      try n.add(SequenceConstruct())
    },
    ImportRule("SequenceAt", since: 11, inputs: 2...2) { n throws(Unsupported.Reason) in
      try n.add(SequenceAt())
    },
    ImportRule("SequenceLength", since: 11, inputs: 1...1) { n throws(Unsupported.Reason) in
      try n.add(SequenceLength())
    },
    ImportRule("SequenceInsert", since: 11, inputs: 2...3) { n throws(Unsupported.Reason) in
      try n.add(SequenceInsert())
    },
    ImportRule("SequenceErase", since: 11, inputs: 1...2) { n throws(Unsupported.Reason) in
      try n.add(SequenceErase())
    },
    ImportRule("SplitToSequence", since: 11, inputs: 1...2) { n throws(Unsupported.Reason) in
      try n.add(
        SplitToSequence(axis: try n.int("axis", default: 0), keepDims: try n.flag("keepdims", default: true)))
    },
    ImportRule("ConcatFromSequence", since: 11, inputs: 1...1) { n throws(Unsupported.Reason) in
      try n.add(ConcatFromSequence(axis: try n.int("axis"), newAxis: try n.flag("new_axis", default: false)))
    },
    ImportRule("SequenceMap", since: 17, inputs: 1...Int.max, outputs: 1...Int.max) {
      n throws(Unsupported.Reason) in
      try n.sequenceMap()
    },
    ImportRule("Optional", since: 15, inputs: 0...1) { n throws(Unsupported.Reason) in
      guard let value = n.attribute("type") else {
        if n.inputs.isEmpty { throw .missingAttribute("type") }
        return try n.add(OptionalOf())
      }
      guard case .type(let type) = value else { throw n.mismatch("type", "TYPE_PROTO", value) }
      let found = try n.builder.session.inputType(type, of: n.name)
      switch found {
      case .tensor(let tensor): try n.add(OptionalOf(dataType: tensor.dataType))
      case .sequence(.tensor(let tensor)): try n.add(OptionalOf(dataType: tensor.dataType, isSequence: true))
      default: throw .type("an optional of \(found)")
      }
    },
    ImportRule("OptionalHasElement", since: 15, inputs: 0...1) { n throws(Unsupported.Reason) in
      try n.add(OptionalHasElement())
    },
    ImportRule("OptionalGetElement", since: 15, inputs: 1...1) { n throws(Unsupported.Reason) in
      try n.add(OptionalGetElement())
    },
  ]
}

extension NodeContext {
  /// A loop over positions: the body's operands are items, its results join sequences that are carried.
  fileprivate func sequenceMap() throws(Unsupported.Reason) {
    let body = try graph("body")
    guard body.inputs.count == inputs.count, !inputs.contains(nil) else {
      throw .inputCount(expected: body.inputs.count...body.inputs.count, found: inputs.count)
    }
    guard body.outputs.count == proto.outputs.count else {
      throw .outputCount(expected: body.outputs.count...body.outputs.count, found: proto.outputs.count)
    }
    var loop = LoopBody(of: self)
    for (i, input) in body.inputs.enumerated() {
      guard let id = inputs[i] else { continue }
      let source = loop.bind(id, "in_\(i)", in: builder)
      let isSequence = if case .sequence = builder.graph[id].type { true } else { i == 0 }
      if isSequence {
        loop.graph.nodes.append(.of("SequenceAt", [source, loop.turn], [input.name]))
      } else {
        loop.graph.nodes.append(.of("Identity", [source], [input.name]))
      }
    }
    loop.append(body)
    var carried: [ValueID?] = []
    for (i, output) in body.outputs.enumerated() {
      guard case .tensor(let type)? = output.type, let dataType = DataType(onnx: type.elementType) else {
        throw .form("the body does not declare the type of '\(output.name)'")
      }
      carried.append(insert(SequenceEmpty(dataType: dataType), [], suffix: "empty_\(i)"))
      let (before, after) = loop.carry(i)
      loop.graph.nodes.append(.of("SequenceInsert", [before, output.name], [after]))
    }
    let length = insert(SequenceLength(), [inputs[0]], suffix: "length")
    let formals = carried.map { id in id.map { builder.graph[$0].type.withoutShape } ?? .unknown }
    let (regions, captured) = try regions(
      [ImportRules.Region(proto: loop.graph, label: "body")],
      formals: [.tensor(.int64, []), .tensor(.bool, [])] + formals)
    try add(Loop(carried: carried.count), [length, nil] + carried + captured, regions: regions)
  }
}

/// The body of a loop that is made of another graph: turn and condition come first, and the condition holds.
struct LoopBody {
  let prefix: String
  var graph = GraphProto()
  let turn: String

  init(of node: NodeContext) { self.init(prefix: node.name + "/") }

  init(prefix: String) {
    self.prefix = prefix
    turn = prefix + "turn"
    let condition = prefix + "goes_on"
    graph.name = prefix
    graph.inputs = [.named(turn), .named(condition)]
    graph.outputs = [.named(condition)]
  }

  /// A name for a value of the graph around, which the body may read.
  func bind(_ id: ValueID, _ suffix: String, in builder: GraphBuilder) -> String {
    builder.bind(prefix + suffix, to: id)
    return prefix + suffix
  }

  /// Names of a carried value before and after a turn.
  mutating func carry(_ i: Int) -> (before: String, after: String) {
    let names = (before: "\(prefix)before_\(i)", after: "\(prefix)after_\(i)")
    graph.inputs.append(.named(names.before))
    graph.outputs.append(.named(names.after))
    return names
  }

  /// Adds all nodes of another graph.
  mutating func append(_ body: GraphProto) {
    graph.nodes += body.nodes
    graph.initializers += body.initializers
    graph.sparseInitializers += body.sparseInitializers
    graph.valueInfos += body.valueInfos
  }
}

extension ValueInfoProto {
  static func named(_ name: String) -> ValueInfoProto {
    var info = ValueInfoProto()
    info.name = name
    return info
  }
}

extension NodeProto {
  /// A node of ONNX's own domain.
  static func of(
    _ operatorName: String, _ inputs: [String], _ outputs: [String],
    _ attributes: [(String, AttributeProto.Value)] = []
  ) -> NodeProto {
    var node = NodeProto()
    node.operatorName = operatorName
    node.inputs = inputs
    node.outputs = outputs
    node.attributes = attributes.map { name, value in
      var attribute = AttributeProto()
      attribute.name = name
      attribute.value = value
      return attribute
    }
    return node
  }
}
