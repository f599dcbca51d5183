import Glibc
import Reports

/// A program of subcommands: its parser, its `--help` and its exit codes.
package struct Program: Sendable {
  package var name: String
  package var version: String
  package var summary: String
  package var commands: [CommandDeclaration]
  package var examples: [String]
  /// What a command's options ask for before it runs.
  package var prepare: @Sendable (CommandDeclaration, ParsedArguments) throws -> Void
  /// The exit code and text of an error that only this program knows.
  package var explain: @Sendable (any Error) -> (message: String, code: ExitCode)?

  package init(
    name: String, version: String, summary: String, commands: [CommandDeclaration], examples: [String],
    explain: @escaping @Sendable (any Error) -> (message: String, code: ExitCode)? = { _ in nil },
    prepare: @escaping @Sendable (CommandDeclaration, ParsedArguments) throws -> Void = { _, _ in }
  ) {
    self.name = name
    self.version = version
    self.summary = summary
    self.commands = commands.map { command in
      var command = command
      command.program = name
      return command
    }
    self.examples = examples
    self.prepare = prepare
    self.explain = explain
  }

  /// Runs on the words of the process and ends it.
  package func runAndExit() -> Never {
    let console = Console()
    let code = run(Array(CommandLine.arguments.dropFirst()), console)
    console.flush()
    exit(code.rawValue)
  }

  /// Runs on `words` and returns what to tell the shell.
  package func run(_ words: [String], _ console: Console) -> ExitCode {
    do {
      guard let first = words.first else {
        console.log(help)
        return .usage
      }
      switch first {
      case "--help", "-h", "help":
        if let name = words.dropFirst().first {
          console.print(try command(named: name).help)
        } else {
          console.print(help)
        }
        return .success
      case "--version":
        console.print("\(name) \(version)")
        return .success
      default: break
      }
      let command = try command(named: first)
      let rest = words.dropFirst()
      if rest.prefix(while: { $0 != "--" }).contains(where: { $0 == "--help" || $0 == "-h" }) {
        console.print(command.help)
        return .success
      }
      let arguments = try ParsedArguments(Array(rest), for: command)
      if command.options.contains(where: { $0.name == reportOption.declaration.name }) {
        console.isSilent = try arguments.value(of: reportOption) == "-"
      }
      try prepare(command, arguments)
      return try command.run(arguments, console)
    } catch let error as UsageError {
      console.error(error.message + (error.hint.map { " (\($0))" } ?? ""))
      return .usage
    } catch let error as ToolError {
      console.error(error.message)
      return error.code
    } catch {
      let (message, code) = explain(error) ?? ("\(error)", .failure)
      console.error(message)
      return code
    }
  }

  private func command(named name: String) throws(UsageError) -> CommandDeclaration {
    if let command = commands.first(where: { $0.name == name }) { return command }
    let names = commands.filter { !$0.isHidden }.map(\.name)
    throw UsageError(
      name.hasPrefix("-") ? "unknown option '\(name)'" : "unknown subcommand '\(name)'",
      hint: nearest(to: name, in: names + ["--help", "--version"]).map { "did you mean '\($0)'?" }
        ?? "one of \(names.joined(separator: ", "))")
  }

  package var help: String {
    let listed = commands.filter { !$0.isHidden }
    let width = listed.map(\.name.count).max() ?? 0
    var lines = [summary, "", "usage: \(name) <subcommand> [options]", "", "subcommands"]
    lines += listed.map { "  \(pad($0.name, width))  \($0.summary)" }
    lines += [
      "", "options", "  -h, --help  print this help; '\(name) <subcommand> --help' tells more",
      "  --version   print the version", "", "examples",
    ]
    lines += examples.map { "  \(name) \($0)" } + ["", "exit codes"]
    lines += ExitCode.allCases.map { "  \(pad("\($0.rawValue)", 2))  \($0.meaning)" }
    return lines.joined(separator: "\n") + "\n"
  }
}

/// `--json`, which silences what else would go to standard output.
package let reportOption = Option<String?>(
  "--json", .optionalValue("FILE|-"),
  "write the report as JSON to FILE.json, or to standard output, which then holds nothing else"
) { (texts) throws(UsageError) in texts.last }
