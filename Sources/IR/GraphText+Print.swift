import Tensors

/// The readable form of a graph, which parses back: see docs/graph-text.md.
package enum GraphText {
  package struct Options: Sendable {
    /// Constants of at most this many elements are printed with their elements, when those are at hand.
    package var elementLimit = 16
    /// Whether names of the file that a node came from follow it as a comment.
    package var showsOrigins = false
    package init(elementLimit: Int = 16, showsOrigins: Bool = false) {
      self.elementLimit = elementLimit
      self.showsOrigins = showsOrigins
    }
  }

  static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "/"),
      UInt8(ascii: "~"), UInt8(ascii: "-"), UInt8(ascii: "#"):
      true
    default: false
    }
  }

  static func isWordByte(_ byte: UInt8) -> Bool {
    byte != UInt8(ascii: "/") && byte != UInt8(ascii: "~") && byte != UInt8(ascii: "#")
      && (isNameByte(byte) || byte == UInt8(ascii: "+"))
  }

  /// Whether an attribute word needs no quotes: letters, digits, signs, and one group of arguments at the
  /// end.
  static func isPlainWord(_ word: String) -> Bool {
    let bytes = Array(word.utf8)
    guard let first = bytes.first, isWordByte(first) else { return false }
    let head = bytes.prefix(while: isWordByte)
    if head.count == bytes.count { return true }
    return bytes[head.count] == UInt8(ascii: "(") && bytes.last == UInt8(ascii: ")")
      && bytes[(head.count + 1)..<(bytes.count - 1)].allSatisfy { isWordByte($0) || $0 == UInt8(ascii: ",") }
  }

  static func name(_ name: String) -> String {
    !name.isEmpty && name.utf8.allSatisfy(isNameByte) && !name.hasPrefix("//") ? name : quoted(name)
  }

  static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case _ where scalar.value < 32 || scalar.value == 127:
        result += "\\u{" + String(scalar.value, radix: 16) + "}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}

extension Graph {
  /// The text form. Two graphs are equal when their texts are; the same graph has the same text in every
  /// process.
  package func text(_ options: GraphText.Options = GraphText.Options()) -> String {
    var printer = GraphPrinter(options: options)
    printer.write(self, indent: "")
    return printer.text
  }
}

struct GraphPrinter {
  let options: GraphText.Options
  var text = ""

  mutating func write(_ graph: borrowing Graph, indent: String) {
    let order = (try? graph.order()) ?? graph.liveNodes.map(\.id)
    let names = Names(graph, order: order)
    let inner = indent + "  "
    let inputs = graph.inputs.map { port in
      names.port(port) + ": " + typeText(graph[port.value])
    }
    text += indent + "graph"
    if !graph.name.isEmpty { text += " " + GraphText.name(graph.name) }
    text += "(" + inputs.joined(separator: ", ") + ") -> ("
    text += graph.outputs.map { names.port($0) }.joined(separator: ", ") + ") {\n"
    for id in graph.valueIDs {
      let value = graph[id]
      if let constant = value.constant {
        text += "\(inner)\(names[id]) = constant \(typeText(value)) id \(Self.shortID(constant.id))"
        if let elements = elementText(of: constant) { text += " " + elements }
        text += "\n"
      }
    }
    for id in order { write(graph[id], of: graph, names, indent: inner) }
    text += indent + "}\n"
  }

  private mutating func write(_ node: Node, of graph: borrowing Graph, _ names: Names, indent: String) {
    func list(_ values: [ValueID?]) -> String {
      values.map { $0.map { names[$0] } ?? "_" }.joined(separator: ", ")
    }
    text += indent + (node.outputs.isEmpty ? "_" : list(node.outputs))
    text += " = \(node.op.text)(" + list(node.inputs) + ")"
    if !node.epilogue.isEmpty { text += " " + node.epilogue.description }
    if !node.epilogueInputs.isEmpty { text += " with (" + list(node.epilogueInputs) + ")" }
    let types = node.outputs.compactMap { $0.map { typeText(graph[$0]) } }
    if !types.isEmpty { text += " : " + types.joined(separator: ", ") }
    let firstName = node.outputs.lazy.compactMap { $0.map { names.plain($0) } }.first
    if firstName != node.name { text += " named " + GraphText.name(node.name) }
    if !node.regions.isEmpty {
      text += " regions {\n"
      for region in node.regions { write(region, indent: indent + "  ") }
      text += indent + "}"
    }
    if options.showsOrigins, !node.origins.indices.isEmpty {
      let origins = node.origins.indices.map { graph.originNames[Int($0)] }
      text +=
        "  // from "
        + origins.joined(separator: ", ").split(whereSeparator: \.isNewline).joined(separator: " ")
    }
    text += "\n"
  }

  private func typeText(_ value: Value) -> String {
    GraphText.text(value.type) + (value.format.map { " as \($0)" } ?? "")
  }

  /// Leading zeros are left out: hand-written graphs have small numbers.
  static func shortID(_ id: ConstantID) -> String {
    let trimmed = id.text.drop { $0 == "0" }
    return trimmed.isEmpty ? "0" : String(trimmed)
  }

  private func elementText(of constant: Constant) -> String? {
    guard let tensor = constant.stored, tensor.elementCount <= options.elementLimit else { return nil }
    func plain<T: TensorElement>(_: T.Type) -> [String]? {
      (try? tensor.elements(of: T.self)).map { $0.map { "\($0)" } }
    }
    let words: [String]? =
      switch tensor.dataType {
      case .float32: plain(Float.self)
      case .float64: plain(Double.self)
      case .int64: plain(Int64.self)
      case .int32: plain(Int32.self)
      case .int16: plain(Int16.self)
      case .int8: plain(Int8.self)
      case .uint64: plain(UInt64.self)
      case .uint32: plain(UInt32.self)
      case .uint16: plain(UInt16.self)
      case .uint8: plain(UInt8.self)
      case .bool: plain(Bool.self)
      default: nil
      }
    return words.map { "[" + $0.joined(separator: ", ") + "]" }
  }
}

/// Names of a graph's values as printed: each once, marked `@` for constants and `%` for the rest.
private struct Names {
  private var plainNames: [String]
  private var marked: [String]

  init(_ graph: borrowing Graph, order: [NodeID]) {
    plainNames = [String](repeating: "", count: graph.values.count)
    marked = plainNames
    var taken: Set<String> = []
    var copies: [String: Int] = [:]
    var ids = graph.inputs.map(\.value)
    ids += graph.valueIDs.filter { graph[$0].constant != nil }
    for node in order { ids += graph[node].outputs.compactMap { $0 } }
    for id in ids {
      let value = graph[id]
      var name = value.name
      if !taken.insert(name).inserted {
        var count = copies[value.name, default: 0] + 1
        while !taken.insert("\(value.name)~\(count)").inserted { count += 1 }
        copies[value.name] = count
        name = "\(value.name)~\(count)"
      }
      plainNames[Int(id.index)] = name
      marked[Int(id.index)] = (value.constant == nil ? "%" : "@") + GraphText.name(name)
    }
  }

  subscript(_ id: ValueID) -> String { marked[Int(id.index)] }
  func plain(_ id: ValueID) -> String { plainNames[Int(id.index)] }

  /// `%x`, or `port=%x` when the port has another name than its value.
  func port(_ port: Graph.Port) -> String {
    plain(port.value) == port.name ? self[port.value] : "\(GraphText.name(port.name))=\(self[port.value])"
  }
}

// MARK: - Types

extension GraphText {
  static func text(_ type: ValueType) -> String {
    switch type {
    case .tensor(let tensor):
      tensor.dataType.rawValue + "[" + (tensor.shape.map { $0.map(text).joined(separator: ",") } ?? "?") + "]"
    case .sequence(let element): "sequence(\(text(element)))"
    case .optional(let element): "optional(\(text(element)))"
    case .unknown: "?"
    }
  }

  /// As `Dimension.text`, with names quoted that hold signs.
  static func text(_ dimension: Dimension) -> String {
    if let fixed = dimension.fixed { return "\(fixed)" }
    return dimension.terms.map { term in
      let factors = term.factors.map(text)
      return (term.coefficient == 1 && !factors.isEmpty ? factors : ["\(term.coefficient)"] + factors)
        .joined(separator: "*")
    }.joined(separator: "+")
  }

  private static func text(_ atom: Dimension.Atom) -> String {
    switch atom {
    case .symbol(let symbol): isSymbol(symbol.name) ? symbol.name : quoted(symbol.name)
    case .floor(let a, let b): "floor(\(text(a))/\(text(b)))"
    case .broadcast(let a, let b): "broadcast(\(text(a)),\(text(b)))"
    case .maximum(let a, let b): "max(\(text(a)),\(text(b)))"
    case .minimum(let a, let b): "min(\(text(a)),\(text(b)))"
    }
  }

  static func isSymbolByte(_ byte: UInt8) -> Bool {
    isNameByte(byte) && byte != UInt8(ascii: "/") && byte != UInt8(ascii: "-") && byte != UInt8(ascii: "~")
      && byte != UInt8(ascii: "#") && byte != UInt8(ascii: ".")
  }

  private static func isSymbol(_ name: String) -> Bool {
    guard let first = name.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else {
      return false
    }
    return name.utf8.allSatisfy(isSymbolByte)
  }
}
