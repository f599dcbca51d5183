import Needletail
import ONNX
import Reports
import Terminal

let checkCommand = CommandDeclaration(
  name: "check", summary: "Names everything in a model that is not supported, each with its node.",
  arguments: [ArgumentDeclaration("MODEL", "an ONNX file")],
  options: [Options.json.declaration],
  examples: ["check model.onnx", "check model.onnx --json -"],
  exitCodes: [.success, .failure, .modelRejected], run: check)

private func check(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
  let path = arguments.positional[0]
  var problems: [(subject: String, operatorName: String, reason: String)] = []
  var rejection: String?
  do throws(ImportError) {
    _ = try Importer.model(at: path)
  } catch {
    switch error {
    case .file(let error) where error.reason != .empty: throw ToolError(error.description)
    case .unsupported(_, let list):
      problems = list.map { ($0.subject, $0.operatorName, "\($0)") }
    default:
      rejection = error.description
      problems = [("", "", error.description)]
    }
  }
  if problems.isEmpty {
    let model = try Model(contentsOf: path)
    console.print("\(modelLine(model)): everything is supported")
    for warning in model.file.warnings { console.warn(warning) }
  } else if let rejection {
    console.print("rejected: \(rejection)")
  } else {
    console.print("\(path): \(counted(problems.count, "thing")) not supported")
    for problem in problems { console.print("  \(problem.reason)") }
  }
  try console.report(
    .object([
      ("schema", .integer(1)), ("command", .string("check")), ("path", .string(path)),
      ("supported", .bool(problems.isEmpty)),
      (
        "unsupported",
        .array(
          problems.map {
            .object([
              ("subject", .string($0.subject)), ("operator", .string($0.operatorName)), ("reason", .string($0.reason)),
            ])
          })
      ),
    ]), to: try arguments.value(of: Options.json))
  return problems.isEmpty ? .success : .modelRejected
}
