/// A JSON value whose members keep their order.
package indirect enum JSON: Sendable {
  case null
  case bool(Bool)
  case integer(Int)
  /// Infinities and NaN, which JSON lacks, are written as null.
  case number(Double)
  case string(String)
  case array([JSON])
  case object([(String, JSON)])
}

extension JSON {
  package init(_ text: String?) { self = text.map { .string($0) } ?? .null }
  package init(_ number: Int?) { self = number.map { .integer($0) } ?? .null }
  package init(_ number: Double?) { self = number.map { .number($0) } ?? .null }
  package init(_ texts: [String]) { self = .array(texts.map { .string($0) }) }
  package init(_ numbers: [Int]) { self = .array(numbers.map { .integer($0) }) }

  /// The text, indented by two spaces a level; arrays of plain values stay on one line.
  package var text: String {
    var text = ""
    write(into: &text, indent: "")
    return text + "\n"
  }

  private var isPlain: Bool {
    switch self {
    case .array(let elements): elements.isEmpty
    case .object(let members): members.isEmpty
    default: true
    }
  }

  private func write(into text: inout String, indent: String) {
    switch self {
    case .null: text += "null"
    case .bool(let value): text += value ? "true" : "false"
    case .integer(let value): text += String(value)
    case .number(let value): text += value.isFinite ? "\(value)" : "null"
    case .string(let value): JSON.write(value, into: &text)
    case .array(let elements):
      if elements.allSatisfy(\.isPlain) {
        text += "["
        for (i, element) in elements.enumerated() {
          if i > 0 { text += ", " }
          element.write(into: &text, indent: indent)
        }
        text += "]"
      } else {
        JSON.writeLines("[", "]", elements.count, into: &text, indent: indent) { i, text, inner in
          elements[i].write(into: &text, indent: inner)
        }
      }
    case .object(let members):
      if members.isEmpty {
        text += "{}"
      } else {
        JSON.writeLines("{", "}", members.count, into: &text, indent: indent) { i, text, inner in
          JSON.write(members[i].0, into: &text)
          text += ": "
          members[i].1.write(into: &text, indent: inner)
        }
      }
    }
  }

  private static func writeLines(
    _ open: String, _ close: String, _ count: Int, into text: inout String, indent: String,
    _ write: (Int, inout String, String) -> Void
  ) {
    text += open + "\n"
    let inner = indent + "  "
    for i in 0..<count {
      text += inner
      write(i, &text, inner)
      text += i + 1 < count ? ",\n" : "\n"
    }
    text += indent + close
  }

  private static func write(_ string: String, into text: inout String) {
    text += "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case let control where control.value < 0x20:
        let digits = String(control.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: text.unicodeScalars.append(scalar)
      }
    }
    text += "\""
  }
}
