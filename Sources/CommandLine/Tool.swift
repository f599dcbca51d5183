import Glibc
import Host
import Needletail
import Reports
import Terminal

/// The tool with every subcommand.
package let tool = Program(
  name: "needletail", version: Engine.version,
  summary: "Compiles neural networks once and runs them on a backend chosen per run.",
  commands: [
    inspectCommand, checkCommand, compileCommand, exportCommand, runCommand, benchCommand, compareCommand,
    accuracyCommand,
    whyCommand, reportCommand, hostCommand, testCommand, testWorkerCommand, freshRunCommand, workerCommand,
  ],
  examples: ["run model.onnx --input x=random", "compare model.onnx --batch 1,8 --backend all"],
  explain: { error in (error as? EngineError).map { ($0.description, ExitCode($0.kind)) } },
  prepare: limitInstructions
)

/// Keeps backends to the instructions of `--isa`, in processes of the tool's own as well.
@Sendable private func limitInstructions(_ command: CommandDeclaration, _ arguments: ParsedArguments) throws {
  let variable = "NEEDLETAIL_ISA"
  let option = Options.isa
  if command.options.contains(where: { $0.name == option.declaration.name }),
    let limit = try arguments.value(of: option)
  {
    try Backends.limit(to: limit)
    setenv(variable, limit.rawValue, 1)
  } else if let value = environmentVariable(variable) {
    do { let _: Instructions = try Read.oneOf(value) } catch {
      throw UsageError("\(variable): \(error.message)", hint: error.hint)
    }
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
