import CompiledFile
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
  if CompiledFile.isCompiled(path) { throw EngineError.withoutOriginal(path) }
  var problems: [Unsupported] = []
  var rejection: String?
  do throws(ImportError) {
    _ = try Importer.model(at: path)
  } catch {
    switch error {
    case .file(let error) where error.reason != .empty: throw ToolError(error.description)
    case .unsupported(_, let list):
      problems = list
    default: rejection = error.description
    }
  }
  if problems.isEmpty && rejection == nil {
    let model = try Model(contentsOf: path)
    console.print("\(modelLine(model)): everything is supported")
    for warning in model.file.warnings { console.warn(warning) }
  } else if let rejection {
    console.print("rejected: \(rejection)")
  } else {
    console.print("\(path): \(counted(problems.count, "thing")) not supported")
    for problem in problems { console.print("  \(problem)") }
  }
  let isSupported = problems.isEmpty && rejection == nil
  let items =
    rejection.map {
      [JSON.object([("subject", .string("")), ("operator", .string("")), ("reason", .string($0))])]
    }
    ?? problems.map(\.json)
  try console.report(
    .object([
      ("schema", .integer(1)), ("command", .string("check")), ("path", .string(path)),
      ("supported", .bool(isSupported)), ("unsupported", .array(items)),
    ]), to: try arguments.value(of: Options.json))
  return isSupported ? .success : .modelRejected
}

extension Unsupported {
  fileprivate var json: JSON {
    .object([
      ("subject", .string(subject)), ("operator", .string(operatorName)), ("opset", .integer(Int(version))),
      ("attribute", attribute.map { .string($0) } ?? .null), ("reason", .string("\(reason)")),
      ("advice", advice.map { .string($0) } ?? .null),
    ])
  }
}
