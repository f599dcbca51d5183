import Reports

/// A positional argument.
package struct ArgumentDeclaration: Hashable, Sendable {
  package enum Count: Hashable, Sendable {
    case one, optional
    /// At least one.
    case many
    /// None, one or more.
    case any
  }

  package var name: String
  package var count: Count
  package var help: String

  package init(_ name: String, _ help: String) { self.init(name, .one, help) }

  package init(_ name: String, _ count: Count, _ help: String) {
    self.name = name
    self.count = count
    self.help = help
  }

  var usage: String {
    switch count {
    case .one: name
    case .optional: "[\(name)]"
    case .many: "\(name)…"
    case .any: "[\(name)…]"
    }
  }
}

/// A subcommand: the one table that the parser, `--help` and the tests read.
package struct CommandDeclaration: Sendable {
  package var name: String
  package var summary: String
  /// More than the summary says; may be empty.
  package var discussion: String
  package var arguments: [ArgumentDeclaration]
  package var options: [OptionDeclaration]
  package var examples: [String]
  package var exitCodes: [ExitCode]
  /// Used by the tool itself, and not listed.
  package var isHidden: Bool
  package var run: @Sendable (ParsedArguments, Console) throws -> ExitCode
  /// The program that it belongs to, for its usage.
  package internal(set) var program = ""

  package init(
    name: String, summary: String, discussion: String = "", arguments: [ArgumentDeclaration] = [],
    options: [OptionDeclaration], examples: [String], exitCodes: [ExitCode], isHidden: Bool = false,
    run: @escaping @Sendable (ParsedArguments, Console) throws -> ExitCode
  ) {
    self.name = name
    self.summary = summary
    self.discussion = discussion
    self.arguments = arguments
    self.options = options
    self.examples = examples
    self.exitCodes = exitCodes
    self.isHidden = isHidden
    self.run = run
  }
}

extension CommandDeclaration {
  package var usage: String {
    ([program, name] + arguments.map(\.usage) + (options.isEmpty ? [] : ["[options]"])).joined(separator: " ")
  }

  /// The text of `--help`.
  package var help: String {
    var lines = [summary, ""]
    if !discussion.isEmpty { lines += wrap(discussion, width: 96) + [""] }
    lines += ["usage: \(usage)", ""]
    func section(_ title: String, _ rows: [(String, String)]) {
      if rows.isEmpty { return }
      lines.append(title)
      let width = min(30, rows.map(\.0.count).max() ?? 0)
      for (left, right) in rows {
        let wrapped = wrap(right, width: 94 - width)
        let first = left.count > width ? nil : wrapped.first
        lines.append("  " + (first.map { pad(left, width) + "  " + $0 } ?? left))
        for line in wrapped.dropFirst(first == nil ? 0 : 1) { lines.append(pad("", width + 4) + line) }
      }
      lines.append("")
    }
    section("arguments", arguments.map { ($0.name, $0.help) })
    section(
      "options",
      options.map { ($0.usage, $0.help + ($0.defaultText.map { " (default: \($0))" } ?? "")) }
        + [("-h, --help", "print this help")])
    if !examples.isEmpty { lines += ["examples"] + examples.map { "  \(program) \($0)" } + [""] }
    section("exit codes", (exitCodes + [.usage]).map { ("\($0.rawValue)", $0.meaning) })
    return lines.joined(separator: "\n")
  }
}

/// Lines of at most `width` characters, broken at spaces.
package func wrap(_ text: String, width: Int) -> [String] {
  var lines: [String] = []
  for paragraph in text.split(separator: "\n", omittingEmptySubsequences: false) {
    var line = ""
    for word in paragraph.split(separator: " ") {
      if !line.isEmpty && line.count + 1 + word.count > width {
        lines.append(line)
        line = ""
      }
      line += (line.isEmpty ? "" : " ") + word
    }
    lines.append(line)
  }
  return lines
}
