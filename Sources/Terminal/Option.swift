/// What the parser and `--help` know of an option.
package struct OptionDeclaration: Sendable {
  /// Whether a value follows.
  package enum Arity: Hashable, Sendable {
    case flag
    case value(String)
    /// A value that may be left out, such as the file of `--json`.
    case optionalValue(String)
  }

  /// With its dashes: `--threads`.
  package var name: String
  package var short: String?
  package var arity: Arity
  package var help: String
  /// Told by `--help`; nil for flags, and where the help says it.
  package var defaultText: String?
  /// Throws for texts that make no value.
  var check: @Sendable ([String]) throws(UsageError) -> Void

  /// `-v, --verbose`, `--json [FILE|-]`
  package var usage: String {
    let names = short.map { "\($0), \(name)" } ?? name
    return switch arity {
    case .flag: names
    case .value(let placeholder): "\(names) \(placeholder)"
    case .optionalValue(let placeholder): "\(names) [\(placeholder)]"
    }
  }
}

/// An option with the type of its value.
package struct Option<Value: Sendable>: Sendable {
  package let declaration: OptionDeclaration
  /// Makes the value of all the texts that were given, in order; none: the default.
  let parse: @Sendable ([String]) throws(UsageError) -> Value

  package init(
    _ name: String, short: String? = nil, _ arity: OptionDeclaration.Arity, _ help: String,
    default text: String? = nil,
    parse: @escaping @Sendable ([String]) throws(UsageError) -> Value
  ) {
    declaration = OptionDeclaration(name: name, short: short, arity: arity, help: help, defaultText: text) {
      (texts) throws(UsageError) in _ = try parse(texts)
    }
    self.parse = parse
  }
}

extension Option where Value == Bool {
  package static func flag(_ name: String, short: String? = nil, _ help: String) -> Option {
    Option(name, short: short, .flag, help) { (texts) throws(UsageError) in !texts.isEmpty }
  }
}

extension Option {
  /// The last text given, read by `read`; `fallback` when none was.
  package static func value(
    _ name: String, short: String? = nil, _ placeholder: String, _ help: String, default fallback: Value,
    defaultText: String? = nil, _ read: @escaping @Sendable (String) throws(UsageError) -> Value
  ) -> Option {
    Option(name, short: short, .value(placeholder), help, default: defaultText) {
      (texts) throws(UsageError) in
      guard let text = texts.last else { return fallback }
      return try read(text)
    }
  }
}

// MARK: - Reading values

/// Readers of option values; each says what it expected.
package enum Read {
  package static func count(_ text: String) throws(UsageError) -> Int {
    guard let number = Int(text), number > 0 else {
      throw UsageError("expected a whole number above 0, found '\(text)'")
    }
    return number
  }

  package static func seconds(_ text: String) throws(UsageError) -> Double {
    guard let number = Double(text), number >= 0, number.isFinite else {
      throw UsageError("expected seconds, found '\(text)'")
    }
    return number
  }

  /// `200MB`, `1.5GiB` or a number of bytes.
  package static func byteCount(_ text: String) throws(UsageError) -> Int {
    let units: [(String, Double)] = [
      ("KiB", 0x1p10), ("MiB", 0x1p20), ("GiB", 0x1p30), ("KB", 1e3), ("kB", 1e3), ("MB", 1e6), ("GB", 1e9),
      ("B", 1), ("", 1),
    ]
    for (unit, factor) in units where text.hasSuffix(unit) {
      let digits = text.dropLast(unit.count)
      if let number = Double(digits), number > 0, number * factor < 0x1p62 { return Int(number * factor) }
      break
    }
    throw UsageError("expected a size such as 200MB, found '\(text)'")
  }

  /// `0.5` or `1/255`
  package static func number(_ text: String) throws(UsageError) -> Double {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map { Double($0) }
    if parts.count == 1, let number = parts[0], number.isFinite { return number }
    if parts.count == 2, let a = parts[0], let b = parts[1], b != 0, (a / b).isFinite { return a / b }
    throw UsageError("expected a number such as 0.5 or 1/255, found '\(text)'")
  }

  package static func tolerance(_ text: String) throws(UsageError) -> Double {
    guard let number = Double(text), number >= 0, number.isFinite else {
      throw UsageError("expected a number of at least 0, found '\(text)'")
    }
    return number
  }

  /// The most numbers of one list.
  private static let countLimit = 64

  /// `1,8,32`, or `4,8,...,256`, which goes on as it began: by the same factor, or else by the same step.
  package static func counts(_ text: String) throws(UsageError) -> [Int] {
    let words = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    var numbers: [Int] = []
    for (i, word) in words.enumerated() {
      guard word == "..." || word == "…" else {
        numbers.append(try count(word))
        continue
      }
      guard numbers.count >= 2, i + 1 < words.count, let last = Int(words[i + 1]) else {
        throw UsageError("expected two numbers before '...' and one after it, found '\(text)'")
      }
      let (a, b) = (numbers[numbers.count - 2], numbers[numbers.count - 1])
      guard b > a else { throw UsageError("expected growing numbers before '...', found '\(text)'") }
      var next = b
      while true {
        let grown =
          b % a == 0 ? next.multipliedReportingOverflow(by: b / a) : next.addingReportingOverflow(b - a)
        if grown.overflow || grown.partialValue >= last { break }
        next = grown.partialValue
        numbers.append(next)
        if numbers.count > countLimit {
          throw UsageError("expected at most \(countLimit) numbers, found more in '\(text)'")
        }
      }
    }
    var seen: Set<Int> = []
    return numbers.filter { seen.insert($0).inserted }
  }

  /// One of the raw values of an enumeration.
  package static func oneOf<T: RawRepresentable & CaseIterable>(_ text: String) throws(UsageError) -> T
  where T.RawValue == String {
    guard let value = T(rawValue: text) else {
      let names = T.allCases.map(\.rawValue)
      throw UsageError(
        "expected one of \(names.joined(separator: ", ")), found '\(text)'",
        hint: nearest(to: text, in: names).map { "did you mean '\($0)'?" })
    }
    return value
  }

  /// `name=value`
  package static func pair(_ text: String) throws(UsageError) -> (name: String, value: String) {
    // The last '=' of a name counts as its end only when no other is there: names hold ':' and '/', hardly '='.
    guard let i = text.firstIndex(of: "="), i != text.startIndex else {
      throw UsageError("expected NAME=VALUE, found '\(text)'")
    }
    return (String(text[..<i]), String(text[text.index(after: i)...]))
  }
}
