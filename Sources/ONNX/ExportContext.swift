import IR
import Operators
import Tensors

/// One node of the graph as an export rule sees it: operands by position, and the file to add nodes to.
///
/// The counterpart of `NodeContext`. A rule ends with `emit`, which writes the node that makes the results.
final class ExportContext {
  let node: Node
  let writer: GraphExport
  private var graph: Graph { writer.graph }
  /// Steps of the epilogue that the rule wrote as part of the node.
  private var doneSteps = 0
  /// What the node itself makes, where steps follow.
  private var intermediate: String?

  init(_ node: Node, in writer: GraphExport) {
    self.node = node
    self.writer = writer
  }

  var session: ExportSession { writer.session }
  var version: Int64 { session.version }

  // MARK: - Operands

  /// Names of all operands; empty where one is left out.
  var inputs: [String] { node.inputs.map { writer.name(of: $0) } }

  func has(_ index: Int) -> Bool { index < node.inputs.count && node.inputs[index] != nil }

  func input(_ index: Int) -> String { index < node.inputs.count ? writer.name(of: node.inputs[index]) : "" }

  func name(of id: ValueID?) -> String { writer.name(of: id) }

  func operand(_ index: Int) -> Operand? {
    guard index < node.inputs.count, let id = node.inputs[index] else { return nil }
    return graph[id].operand
  }

  func dataType(_ index: Int) throws(Unwritable.Reason) -> DataType {
    guard let type = operand(index)?.tensor?.dataType else {
      throw .form("the element type of operand \(index) is not known")
    }
    return type
  }

  func rank(_ index: Int) throws(Unwritable.Reason) -> Int {
    guard let rank = operand(index)?.shape?.count else {
      throw .form("the rank of operand \(index) is not known")
    }
    return rank
  }

  /// The elements of an operand that must be a constant.
  func tensor(_ index: Int) throws(Unwritable.Reason) -> Tensor {
    guard let constant = operand(index)?.constant else { throw .form("operand \(index) is not a constant") }
    do throws(GraphError) { return try constant.tensor() } catch { throw .form("operand \(index): \(error)") }
  }

  /// Whether an operand is a constant without elements.
  func isEmpty(_ index: Int) -> Bool { operand(index)?.constant?.type.sizes?.contains(0) ?? false }

  func resultType(_ index: Int) -> ValueType {
    guard index < node.outputs.count, let id = node.outputs[index] else { return .unknown }
    return graph[id].type
  }

  func isWanted(_ index: Int) -> Bool { index < node.outputs.count && node.outputs[index] != nil }

  /// The node that makes an operand, when nothing but this node and others of the same kind reads its results.
  func producer(of index: Int) -> Node? {
    guard index < node.inputs.count, let id = node.inputs[index] else { return nil }
    return graph.producer(of: id)
  }

  /// The nodes that read result `index`; nil where it is a result of the graph too.
  func readers(of index: Int) -> [Node]? {
    guard index < node.outputs.count, let id = node.outputs[index] else { return [] }
    var readers: [Node] = []
    for use in graph.uses(of: id) {
      guard let reader = use.node.flatMap({ graph.node($0) }) else { return nil }
      readers.append(reader)
    }
    return readers
  }

  // MARK: - Constants

  /// A constant of our own.
  func constant(_ tensor: Tensor, suffix: String) -> String {
    session.name(
      of: Constant(id: TensorReader.contentIdentity(of: tensor), tensor), preferring: "\(node.name)/\(suffix)"
    )
  }

  func ints(_ values: [Int], suffix: String) throws(Unwritable.Reason) -> String {
    guard let tensor = try? Tensor(values.map { Int64($0) }, sizes: [values.count]) else {
      throw .form("no \(suffix)")
    }
    return constant(tensor, suffix: suffix)
  }

  func scalar(_ value: Double, _ type: DataType, suffix: String) throws(Unwritable.Reason) -> String {
    guard let tensor = try? Tensor.fromDoubles([value], dataType: type, sizes: []) else {
      throw .form("\(suffix) of type \(type.rawValue)")
    }
    return constant(tensor, suffix: suffix)
  }

  /// An end of a range: what is beyond the numbers of an integer type is the nearest of them.
  func bound(_ value: Double, _ type: DataType, suffix: String) throws(Unwritable.Reason) -> String {
    guard type.isInteger, let bits = type.bitWidth, !value.isNaN else {
      return try scalar(value, type, suffix: suffix)
    }
    let most = Double(sign: .plus, exponent: type.isSignedInteger ? bits - 1 : bits, significand: 1)
    let least = type.isSignedInteger ? -most : 0
    // Of 64 bits the last numbers are no Doubles, and are what is beyond them rounds to.
    return try scalar(min(max(value, least), bits < 64 ? most - 1 : most), type, suffix: suffix)
  }

  /// An operand that an attribute may stand for.
  func parameter(_ values: [Int]?, or index: Int, suffix: String) throws(Unwritable.Reason) -> String {
    if let values { return try ints(values, suffix: suffix) }
    return input(index)
  }

  /// A constant operand under other sizes, with as many elements.
  func reshaped(_ constant: Constant, to sizes: [Int], named name: String) throws(Unwritable.Reason) -> String
  {
    if constant.type.sizes == sizes { return session.name(of: constant, preferring: name) }
    let type = TensorType(constant.type.dataType, sizes: sizes)
    do throws(GraphError) {
      let result = try Constant.derived("sizes \(sizes)", from: [constant], type: type) {
        (tensors) throws(GraphError) in
        do throws(TensorError) {
          return try tensors[0].reordered(to: .rowMajor(tensors[0].dataType)).reshaped(to: sizes)
        } catch { throw GraphError(.malformed("\(error)")) }
      }
      return session.name(of: result, preferring: name)
    } catch { throw .form("\(error)") }
  }

  // MARK: - Writing

  /// Writes the node that makes the results of the node, with the same operands unless others are given.
  /// `since`: the first version of the domain that has this form.
  func emit(
    _ operatorName: String, domain: String = "", since: Int64 = 1, _ attributes: [ExportAttribute?] = []
  ) throws(Unwritable.Reason) {
    try emit(operatorName, domain: domain, inputs, since: since, attributes)
  }

  /// `namesAll`: results that nobody reads have names too.
  func emit(
    _ operatorName: String, domain: String = "", _ inputs: [String], since: Int64 = 1, namesAll: Bool = false,
    _ attributes: [ExportAttribute?] = []
  ) throws(Unwritable.Reason) {
    try require(since, of: domain, for: operatorName)
    writer.put(
      operatorName, domain: domain, inputs, results(naming: namesAll), named: node.name,
      attributes.compactMap { $0 })
  }

  private func require(
    _ version: Int64, of domain: String, for operatorName: String
  ) throws(Unwritable.Reason) {
    if domain.isEmpty {
      let types = (node.inputs + node.outputs).compactMap { $0.map { graph[$0].type } }
      let needed = max(version, ElementVersions.needed(by: operatorName, of: types))
      return try session.require(needed, for: operatorName)
    }
    session.use(domain: domain, version: version)
  }

  /// Writes a node of our own in front, and returns the name of what it makes.
  func insert(
    _ operatorName: String, _ inputs: [String], since: Int64 = 1, suffix: String,
    _ attributes: [ExportAttribute?] = []
  ) throws(Unwritable.Reason) -> String {
    let output = session.valueName("\(node.name)/\(suffix)")
    try put(operatorName, inputs, output, since: since, suffix: suffix, attributes)
    return output
  }

  func put(
    _ operatorName: String, _ inputs: [String], _ output: String, since: Int64 = 1, suffix: String,
    _ attributes: [ExportAttribute?] = []
  ) throws(Unwritable.Reason) {
    try session.require(since, for: operatorName)
    writer.put(operatorName, inputs, [output], named: "\(node.name)/\(suffix)", attributes.compactMap { $0 })
  }

  /// Names of the node's results, of which the first is no end where an epilogue follows.
  func results(naming unwanted: Bool = false) -> [String] {
    var names = node.outputs.map { id in
      id == nil && unwanted ? session.valueName("\(node.name)/unread") : name(of: id)
    }
    if doneSteps < node.epilogue.steps.count {
      let name = intermediate ?? session.valueName("\(node.name)/result")
      intermediate = name
      names[0] = name
    }
    return names
  }

  /// Writes a node whose results must all have names.
  func emitAll(
    _ operatorName: String, domain: String = "", _ inputs: [String], since: Int64 = 1,
    _ attributes: [ExportAttribute?] = []
  ) throws(Unwritable.Reason) {
    try emit(operatorName, domain: domain, inputs, since: since, namesAll: true, attributes)
  }

  /// A region as an attribute: its first inputs are its own, others are the node's operands from `first` on.
  func region(
    _ name: String, _ index: Int, formals: Int, operandsFrom first: Int
  ) throws(Unwritable.Reason) -> ExportAttribute {
    let inner = GraphExport(session, node.regions[index])
    let captured = node.inputs.dropFirst(first).map { self.name(of: $0) }
    do throws(ExportError) {
      try inner.writeRegion(formals: formals, captured: Array(captured), named: "\(node.name)/\(name)")
    } catch { throw .form("\(error)") }
    return ExportAttribute(name: name, value: .graph(inner.message))
  }

  // MARK: - Epilogue

  /// A first step that adds one number for each channel, as a vector: what convolutions take as an operand.
  func takeBias() throws(Unwritable.Reason) -> String? {
    guard case .binary(.add, let index, _)? = node.epilogue.steps.first, index < node.epilogueInputs.count
    else {
      return nil
    }
    let value = graph[node.epilogueInputs[index]]
    guard let constant = value.constant, let sizes = constant.type.sizes,
      let rank = resultType(0).tensor?.shape?.count,
      rank > 2, sizes.count == rank - 1, sizes.dropFirst().allSatisfy({ $0 == 1 }),
      let channels = resultType(0).tensor?.shape?[1].fixed, sizes[0] == channels,
      constant.type.dataType == (try dataType(0))
    else { return nil }
    doneSteps = 1
    return try reshaped(constant, to: [channels], named: value.name)
  }

  /// Writes the steps that follow the node, each as the operator it stands for.
  func writeEpilogue() throws(Unwritable.Reason) {
    let steps = node.epilogue.steps.dropFirst(doneSteps)
    guard var value = intermediate, !steps.isEmpty else { return }
    let final = name(of: node.outputs[0])
    var type = try ownType()
    for (i, step) in steps.enumerated() {
      let isLast = i == steps.count - 1
      let suffix = step.suffix
      let next = isLast ? final : session.valueName("\(node.name)/\(suffix)")
      func operand(_ index: Int) throws(Unwritable.Reason) -> String {
        guard node.epilogueInputs.indices.contains(index) else {
          throw .form("an epilogue without its operand")
        }
        return name(of: node.epilogueInputs[index])
      }
      switch step {
      case .unary(let function):
        try apply(function, to: value, type, makes: next, suffix: suffix)
        if function.isPredicate { type = .bool }
      case .clamp(let lower, let upper):
        // An end that is infinite bounds nothing.
        let least = lower.value == -.infinity ? "" : try bound(lower.value, type, suffix: "least")
        let most = upper.value == .infinity ? "" : try bound(upper.value, type, suffix: "most")
        try put("Clip", [value, least, most], next, suffix: suffix)
      case .binary(let function, let index, let swapped):
        let other = try operand(index)
        let row = function.onnx
        try put(
          row.name, swapped ? [other, value] : [value, other], next, since: row.since, suffix: suffix,
          row.attributes)
        if function.isComparison { type = .bool }
      case .quantize(let scale, let zero, let axis, let target):
        let factor = try operand(scale)
        let scaleType = graph[node.epilogueInputs[scale]].type.tensor
        let point = try zeroPoint(
          try zero.map { (i) throws(Unwritable.Reason) in try operand(i) } ?? "", like: scaleType, target)
        try put(
          "QuantizeLinear", [value, factor, point.name], next, since: point.type == nil ? 13 : 21,
          suffix: suffix,
          [axis.map { .int("axis", $0) }, point.type.map { .type("output_dtype", $0) }])
        type = target
      case .convert(let target):
        try put("Cast", [value], next, suffix: suffix, [.type("to", target)])
        type = target
      }
      value = next
    }
  }

  /// The type of the result before the epilogue.
  private func ownType() throws(Unwritable.Reason) -> DataType {
    if let cast = node.op as? Cast { return cast.to }
    if let function = (node.op as? Binary)?.function, function.isComparison { return .bool }
    if let function = (node.op as? Unary)?.function, function.isPredicate { return .bool }
    return try dataType(node.op is Where ? 1 : 0)
  }
}

extension Epilogue.Step {
  /// A word for names.
  fileprivate var suffix: String {
    switch self {
    case .unary(let function): String(function.text.prefix { $0 != "(" })
    case .clamp: "clip"
    case .binary(let function, _, _): function.rawValue
    case .quantize: "quantize"
    case .convert: "cast"
    }
  }
}
