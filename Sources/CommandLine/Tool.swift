import Needletail
import Reports
import Terminal

/// The tool with every subcommand.
package let tool = Program(
  name: "needletail", version: Engine.version,
  summary: "Compiles neural networks once and runs them on a backend chosen per run.",
  commands: [
    inspectCommand, checkCommand, compileCommand, exportCommand, runCommand, benchCommand, compareCommand, accuracyCommand,
    whyCommand, reportCommand, hostCommand, testCommand, testWorkerCommand, freshRunCommand, workerCommand,
  ],
  examples: ["run model.onnx --input x=random", "compare model.onnx --batch 1,8 --backend all"]
) { error in (error as? EngineError).map { ($0.description, ExitCode($0.kind)) } }

extension ExitCode {
  init(_ kind: EngineError.Kind) {
    switch kind {
    case .modelRejected: self = .modelRejected
    case .usage: self = .usage
    case .unreadableFile, .backendUnavailable, .wrongInput, .runFailed: self = .failure
    }
  }
}
