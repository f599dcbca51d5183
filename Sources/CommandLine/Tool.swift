import Glibc
import Needletail

/// The tool's version; the schema version of JSON is counted apart.
package let toolVersion = "0.1.0"

/// Every subcommand.
package let commands: [CommandDeclaration] = [
  inspectCommand, checkCommand, compileCommand, runCommand, benchCommand, compareCommand, accuracyCommand,
  whyCommand, hostCommand, testCommand, testWorkerCommand, freshRunCommand,
]

/// Runs the tool on the words of the process and ends it.
func runTool() -> Never {
  let console = Console()
  let code = runTool(Array(CommandLine.arguments.dropFirst()), console)
  console.flush()
  exit(code.rawValue)
}

/// Runs the tool on `words` and returns what to tell the shell.
package func runTool(_ words: [String], _ console: Console) -> ExitCode {
  do {
    guard let first = words.first else {
      console.log(toolHelp)
      return .usage
    }
    switch first {
    case "--help", "-h", "help":
      if let name = words.dropFirst().first {
        console.print(try command(named: name).help)
      } else {
        console.print(toolHelp)
      }
      return .success
    case "--version":
      console.print("needletail \(toolVersion)")
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
    if command.options.contains(where: { $0.name == Options.json.declaration.name }) {
      console.isSilent = try arguments.value(of: Options.json) == "-"
    }
    return try command.run(arguments, console)
  } catch let error as UsageError {
    console.error(error.message + (error.hint.map { " (\($0))" } ?? ""))
    return .usage
  } catch let error as EngineError {
    console.error(error.description)
    return ExitCode(error.kind)
  } catch let error as ToolError {
    console.error(error.message)
    return error.code
  } catch {
    console.error("\(error)")
    return .failure
  }
}

extension ExitCode {
  init(_ kind: EngineError.Kind) {
    switch kind {
    case .modelRejected: self = .modelRejected
    case .usage: self = .usage
    case .unreadableFile, .backendUnavailable, .wrongInput, .runFailed: self = .failure
    }
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

package var toolHelp: String {
  let listed = commands.filter { !$0.isHidden }
  let width = listed.map(\.name.count).max() ?? 0
  var lines = [
    "Compiles neural networks once and runs them on a backend chosen per run.", "",
    "usage: needletail <subcommand> [options]", "", "subcommands",
  ]
  lines += listed.map { "  \(pad($0.name, width))  \($0.summary)" }
  lines += [
    "", "options", "  -h, --help  print this help; 'needletail <subcommand> --help' tells more",
    "  --version   print the version", "", "examples", "  needletail run model.onnx --input x=random",
    "  needletail compare model.onnx --batch 1,8 --backend all", "", "exit codes",
  ]
  lines += ExitCode.allCases.map { "  \(pad("\($0.rawValue)", 2))  \($0.meaning)" }
  return lines.joined(separator: "\n") + "\n"
}
