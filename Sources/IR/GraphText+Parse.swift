import Tensors

extension Graph {
  /// Reads the text form. `operatorNamed` gives the operator types, as `Catalog.type(named:)` does.
  ///
  /// Throws for any text that is not a graph, with its line; never traps. Types of results may be left out. A
  /// constant without elements is what `constants` holds under its identity, and becomes small integers that follow
  /// from its identity where nothing is held.
  package init(
    text: String, constants: [ConstantID: Constant] = [:], operatorNamed: (String) -> (any Operator.Type)?
  ) throws(GraphError) {
    var parser = GraphParser(text, constants: constants)
    self = try withoutActuallyEscaping(operatorNamed) { (lookUp) throws(GraphError) in
      let graph = try parser.graph(lookUp, depth: 0)
      try parser.expectEnd()
      return graph
    }
  }
}

/// A recursive-descent reader of the text form. Nesting is limited, so that no text can exhaust the stack.
struct GraphParser {
  typealias LookUp = (String) -> (any Operator.Type)?
  let bytes: [UInt8]
  var position = 0
  static let depthLimit = 24

  /// Elements of constants that the text only names.
  let constants: [ConstantID: Constant]

  init(_ text: String, constants: [ConstantID: Constant] = [:]) {
    bytes = Array(text.utf8)
    self.constants = constants
  }

  mutating func graph(_ lookUp: LookUp, depth: Int) throws(GraphError) -> Graph {
    if depth > Self.depthLimit { throw error("regions nest too deeply") }
    try expect(word: "graph")
    var graph = Graph(name: peek() == UInt8(ascii: "(") ? "" : try name())
    var names: [String: ValueID] = [:]
    try expect("(")
    while !take(")") {
      let (port, value) = try portName()
      try expect(":")
      let type = try valueType(depth: 0)
      try define(value, as: graph.addInput(port, type), in: &names)
      let id = ValueID(graph.values.count - 1)
      if port != value { graph.rename(id, to: value) }
      if takeWord("as") { graph.setFormat(try format(rank: type.tensor?.shape?.count), of: id) }
      if !take(",") && peek() != UInt8(ascii: ")") { throw error("expected , or )") }
    }
    try expect(arrow: ())
    var outputs: [(String, String)] = []
    try expect("(")
    while !take(")") {
      outputs.append(try portName())
      if !take(",") && peek() != UInt8(ascii: ")") { throw error("expected , or )") }
    }
    try expect("{")
    while !take("}") { try statement(into: &graph, &names, lookUp, depth: depth) }
    for (port, value) in outputs {
      guard let id = names[value] else { throw error("output \(value) is not defined") }
      graph.addOutput(port, id)
    }
    return graph
  }

  private mutating func define(_ name: String, as id: ValueID, in names: inout [String: ValueID])
    throws(GraphError)
  {
    if names.updateValue(id, forKey: name) != nil { throw error("\(name) is defined twice") }
  }

  /// `%x`, or `port=%x`.
  private mutating func portName() throws(GraphError) -> (port: String, value: String) {
    skipSpace()
    if peek() == UInt8(ascii: "%") || peek() == UInt8(ascii: "@") {
      let value = try valueName()
      return (value, value)
    }
    let port = try name()
    try expect("=")
    return (port, try valueName())
  }

  private mutating func statement(
    into graph: inout Graph, _ names: inout [String: ValueID], _ lookUp: LookUp, depth: Int
  ) throws(GraphError) {
    var results: [String?] = []
    repeat { results.append(takeWord("_") ? nil : try valueName()) } while take(",")
    try expect("=")
    let operatorName = try word()
    if operatorName == "constant" {
      guard results.count == 1, let name = results[0] else { throw error("a constant has one name") }
      try define(name, as: graph.addConstant(name, try constant(named: name)), in: &names)
      if takeWord("as") {
        let id = ValueID(graph.values.count - 1)
        graph.setFormat(try format(rank: graph[id].type.tensor?.shape?.count), of: id)
      }
      return
    }
    guard let type = lookUp(operatorName) else { throw error("no operator \(operatorName)") }
    let op = try makeOperator(type)
    let inputs = try valueList(names)
    let epilogue = try epilogue()
    var epilogueInputs: [ValueID] = []
    if takeWord("with") {
      for value in try valueList(names) {
        guard let value else { throw error("an epilogue's operand is absent") }
        epilogueInputs.append(value)
      }
    }
    var types: [(ValueType, Format?)] = []
    if take(":") {
      repeat {
        let type = try valueType(depth: 0)
        types.append((type, takeWord("as") ? try format(rank: type.tensor?.shape?.count) : nil))
      } while take(",")
    }
    let nodeName = takeWord("named") ? try name() : results.lazy.compactMap { $0 }.first ?? ""
    var regions: [Graph] = []
    if takeWord("regions") {
      try expect("{")
      while !take("}") { regions.append(try self.graph(lookUp, depth: depth + 1)) }
    }
    let ids: [ValueID?]
    do throws(GraphError) {
      ids = try graph.addNode(
        op, inputs, epilogue: epilogue, with: epilogueInputs, regions: regions, outputs: results,
        named: nodeName)
    } catch { throw self.error(error.description) }
    let wanted = ids.compactMap { $0 }
    for (name, id) in zip(results.compactMap { $0 }, wanted) { try define(name, as: id, in: &names) }
    if types.isEmpty { return }
    if types.count != wanted.count { throw error("\(wanted.count) results, \(types.count) types") }
    for (id, (type, format)) in zip(wanted, types) {
      if !type.isCompatible(with: graph[id].type) {
        throw error("inferred \(graph[id].type), the text says \(type)")
      }
      if type != graph[id].type { graph.refine(id, to: type) }
      graph.setFormat(format, of: id)
    }
  }

  private mutating func valueList(_ names: [String: ValueID]) throws(GraphError) -> [ValueID?] {
    var values: [ValueID?] = []
    try expect("(")
    while !take(")") {
      if takeWord("_") {
        values.append(nil)
      } else {
        let name = try valueName()
        guard let id = names[name] else { throw error("\(name) is used before it is defined") }
        values.append(id)
      }
      if !take(",") && peek() != UInt8(ascii: ")") { throw error("expected , or )") }
    }
    return values
  }

  private mutating func makeOperator(_ type: any Operator.Type) throws(GraphError) -> any Operator {
    var fields: [AttributeTree.Field] = []
    if take("[") { fields = try self.fields(until: "]", depth: 0) }
    func decode<T: Operator>(_: T.Type) throws -> any Operator {
      try AttributeTree.record(fields).decoded(as: T.self)
    }
    do { return try decode(type) } catch let error as DecodingError {
      throw self.error("\(type.name): \(Self.sentence(error))")
    } catch { throw self.error("\(type.name): its attributes do not fit") }
  }

  private static func sentence(_ error: DecodingError) -> String {
    switch error {
    case .dataCorrupted(let context), .keyNotFound(_, let context), .typeMismatch(_, let context),
      .valueNotFound(_, let context):
      context.debugDescription
    @unknown default: "its attributes do not fit"
    }
  }

  private mutating func fields(until close: Character, depth: Int) throws(GraphError) -> [AttributeTree.Field]
  {
    var fields: [AttributeTree.Field] = []
    while !take(close) {
      let name = try word()
      try expect("=")
      fields.append(AttributeTree.Field(name, try tree(depth: depth + 1)))
      if !take(","), peek() != close.asciiValue { throw error("expected , or \(close)") }
    }
    return fields
  }

  private mutating func tree(depth: Int) throws(GraphError) -> AttributeTree {
    if depth > Self.depthLimit { throw error("attributes nest too deeply") }
    skipSpace()
    if take("{") { return .record(try fields(until: "}", depth: depth)) }
    if take("[") {
      var items: [AttributeTree] = []
      while !take("]") {
        items.append(try tree(depth: depth + 1))
        if !take(","), peek() != UInt8(ascii: "]") { throw error("expected , or ]") }
      }
      return .list(items)
    }
    return .word(peek() == UInt8(ascii: "\"") ? try quoted() : try call())
  }

  /// A word, with its arguments if it has some: `leakyRelu(0.01)`.
  mutating func call() throws(GraphError) -> String {
    var text = try word()
    guard position < bytes.count, bytes[position] == UInt8(ascii: "(") else { return text }
    guard let close = bytes[position...].firstIndex(of: UInt8(ascii: ")")) else { throw error("expected )") }
    let arguments = bytes[position...close]
    guard arguments.dropFirst().dropLast().allSatisfy({ GraphText.isWordByte($0) || $0 == UInt8(ascii: ",") })
    else {
      throw error("expected words in ( )")
    }
    position = close + 1
    text += String(decoding: arguments, as: UTF8.self)
    return text
  }

  private mutating func epilogue() throws(GraphError) -> Epilogue {
    var epilogue = Epilogue()
    guard take("{") else { return epilogue }
    while !take("}") {
      epilogue.steps.append(try step())
      if !take(","), peek() != UInt8(ascii: "}") { throw error("expected , or }") }
    }
    return epilogue
  }

  private mutating func step() throws(GraphError) -> Epilogue.Step {
    let head = try call()
    switch head {
    case "clamp": return .clamp(lower: try real(), upper: try real())
    case "convert": return .convert(try dataType())
    case "quantize":
      let scale = try operandIndex()
      let zero = takeWord("-") ? nil : try operandIndex()
      let axis = takeWord("-") ? nil : try integer()
      return .quantize(scale: scale, zeroPoint: zero, axis: axis, try dataType())
    default:
      if let function = BinaryFunction(rawValue: head) {
        let swapped = takeWord("swapped")
        return .binary(function, try operandIndex(), swapped: swapped)
      }
      guard let function = UnaryFunction(text: head) else { throw error("no function \(head)") }
      return .unary(function)
    }
  }

  private mutating func operandIndex() throws(GraphError) -> Int {
    try expect("#")
    let index = try integer()
    guard (0..<1024).contains(index) else { throw error("operand #\(index)") }
    return index
  }
}
