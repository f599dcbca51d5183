/// The words of a command line, sorted by the declaration of their command.
package struct ParsedArguments: Sendable {
  package let positional: [String]
  private let texts: [String: [String]]
  private let declared: Set<String>

  /// Throws for unknown options, missing and wrong values and a wrong number of arguments.
  package init(_ words: [String], for command: CommandDeclaration) throws(UsageError) {
    var positional: [String] = []
    var texts: [String: [String]] = [:]
    var rest = words[...]
    while let word = rest.popFirst() {
      if word == "--" {
        positional += rest
        break
      }
      guard word.hasPrefix("-"), word != "-", Double(word) == nil else {
        positional.append(word)
        continue
      }
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      let name = parts[0]
      guard let option = command.options.first(where: { $0.name == name || $0.short == name }) else {
        let names = command.options.map(\.name) + ["--help"]
        throw UsageError(
          "unknown option '\(name)'",
          hint: nearest(to: name, in: names).map { "did you mean '\($0)'?" }
            ?? "see '\(command.program) \(command.name) --help'")
      }
      switch (option.arity, parts.count) {
      case (.flag, 2): throw UsageError("option '\(option.name)' takes no value")
      case (_, 2): texts[option.name, default: []].append(parts[1])
      case (.flag, _): texts[option.name, default: []].append("")
      case (.value(let placeholder), _):
        guard let value = rest.popFirst() else {
          throw UsageError("option '\(option.name)' needs a value: \(placeholder)")
        }
        texts[option.name, default: []].append(value)
      case (.optionalValue, _):
        // Only what cannot be meant as an argument is taken: `--json model.onnx` must not overwrite the model.
        if let next = rest.first, next == "-" || next.hasSuffix(".json") {
          texts[option.name, default: []].append(rest.removeFirst())
        } else {
          texts[option.name, default: []].append("-")
        }
      }
    }
    self.positional = positional
    self.texts = texts
    declared = Set(command.options.map(\.name))
    for option in command.options {
      do { try option.check(texts[option.name] ?? []) } catch {
        throw UsageError("option '\(option.name)': \(error.message)", hint: error.hint)
      }
    }
    try Self.checkCount(positional, command)
  }

  private static func checkCount(_ positional: [String], _ command: CommandDeclaration) throws(UsageError) {
    let required = command.arguments.filter { $0.count == .one || $0.count == .many }
    if positional.count < required.count {
      throw UsageError("missing \(required[positional.count].name)", hint: "usage: \(command.usage)")
    }
    let isOpen = command.arguments.contains { $0.count == .many || $0.count == .any }
    if !isOpen && positional.count > command.arguments.count {
      throw UsageError(
        "unexpected argument '\(positional[command.arguments.count])'", hint: "usage: \(command.usage)")
    }
  }

  package func value<Value>(of option: Option<Value>) throws(UsageError) -> Value {
    let name = option.declaration.name
    precondition(declared.contains(name), "\(name) is not declared by this command")
    do { return try option.parse(texts[name] ?? []) } catch {
      throw UsageError("option '\(name)': \(error.message)", hint: error.hint)
    }
  }

  package func isGiven<Value>(_ option: Option<Value>) -> Bool { texts[option.declaration.name] != nil }
}
