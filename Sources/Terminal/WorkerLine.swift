/// A request to an engine in a process of its own, or its answer: a verb and fields, in one line, parted by tabs.
///
/// ```
/// run	seconds=0.1	maximum=1000
/// ok	times_ns=81234,80991
/// ```
package struct WorkerLine: Hashable, Sendable {
  package var verb: String
  package var fields: [String: String]

  package init(_ verb: String, _ fields: [String: String] = [:]) {
    self.verb = verb
    self.fields = fields
  }

  /// Throws for an empty verb, and for a field without a name or named twice.
  package init(parsing text: String) throws(WorkerLineError) {
    let parts = text.split(separator: "\t", omittingEmptySubsequences: false)
    guard let first = parts.first, !first.isEmpty else { throw .malformed("a line without a verb") }
    verb = String(first)
    fields = [:]
    for part in parts.dropFirst() {
      guard let sign = part.firstIndex(of: "="), sign != part.startIndex else {
        throw .malformed("'\(part.prefix(80))' where NAME=VALUE is due")
      }
      let name = String(part[..<sign])
      guard fields.updateValue(String(part[part.index(after: sign)...]), forKey: name) == nil else {
        throw .malformed("'\(name)' twice")
      }
    }
  }

  /// Without the line's end; tabs and line ends within values become spaces.
  package var text: String {
    let parts = fields.sorted { $0.key < $1.key }.map { "\($0.key)=\(Self.flattened($0.value))" }
    return ([verb] + parts).joined(separator: "\t")
  }

  private static func flattened(_ value: String) -> String {
    String(value.map { $0 == "\t" || $0.isNewline ? " " : $0 })
  }
}

package enum WorkerLineError: Error, Hashable, CustomStringConvertible {
  case malformed(String)
  case missing(field: String, verb: String)
  case value(field: String, expected: String, found: String)

  package var description: String {
    switch self {
    case .malformed(let what): "expected a verb and NAME=VALUE fields parted by tabs, found \(what)"
    case .missing(let field, let verb): "'\(verb)' lacks the field '\(field)'"
    case .value(let field, let expected, let found):
      "field '\(field)': expected \(expected), found '\(found.prefix(80))'"
    }
  }
}

// MARK: - Reading fields

extension WorkerLine {
  package func text(_ name: String) throws(WorkerLineError) -> String {
    guard let text = fields[name] else { throw .missing(field: name, verb: verb) }
    return text
  }

  /// A whole number of at least 0.
  package func count(_ name: String) throws(WorkerLineError) -> Int {
    let text = try text(name)
    guard let number = Int(text), number >= 0 else {
      throw .value(field: name, expected: "a whole number of at least 0", found: text)
    }
    return number
  }

  /// A finite number of at least 0.
  package func number(_ name: String) throws(WorkerLineError) -> Double {
    let text = try text(name)
    guard let number = Double(text), number >= 0, number.isFinite else {
      throw .value(field: name, expected: "a number of at least 0", found: text)
    }
    return number
  }

  /// At least one positive number.
  package func times(_ name: String) throws(WorkerLineError) -> [Double] {
    let text = try text(name)
    var times: [Double] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let time = Double(part), time > 0, time.isFinite else {
        throw .value(field: name, expected: "times above 0 parted by commas", found: String(part))
      }
      times.append(time)
    }
    return times
  }
}
