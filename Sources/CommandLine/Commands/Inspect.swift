import IR
import Needletail
import ONNX
import Reports
import Terminal

private let after = Option<String?>.value(
  "--after", "PASS", "print the graph after the first run of this pass", default: nil
) { (text) throws(UsageError) in text }

private let text = Option<Bool>.flag("--text", "print the whole graph as text, at the level of --optimize")

private let origins = Option<Bool>.flag("--origins", "with the names in the file that each node comes from")

let inspectCommand = CommandDeclaration(
  name: "inspect",
  summary: "Shows what a model file holds: inputs, outputs, operators, sizes, and its graph as text.",
  arguments: [ArgumentDeclaration("MODEL", "an ONNX file, or a compiled one (.ntl)")],
  options: [
    after.declaration, text.declaration, origins.declaration, Options.optimize.declaration,
    Options.json.declaration,
  ],
  examples: [
    "inspect model.onnx", "inspect model.onnx --text --optimize none",
    "inspect model.onnx --after fold-constants",
  ],
  exitCodes: [.success, .failure, .modelRejected], run: inspect)

private func inspect(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
  let level = try arguments.value(of: Options.optimize)
  let pass = try arguments.value(of: after)
  let showsText = try arguments.value(of: text)
  let showsOrigins = try arguments.value(of: origins)
  if let pass, !Model.passNames(level).contains(pass) {
    throw UsageError(
      "option '--after': no pass is named '\(pass)'",
      hint: nearest(to: pass, in: Model.passNames(level)).map { "did you mean '\($0)'?" }
        ?? "passes: \(Model.passNames(level).joined(separator: ", "))")
  }
  let model = try Model(contentsOf: arguments.positional[0])
  let graph = pass != nil || showsText ? model.graph(after: pass, level) : nil
  let graphText = graph?.text(GraphText.Options(showsOrigins: showsOrigins))
  let digest = try SHA256.hex(file: model.path)
  if let graphText {
    console.print(graphText)
  } else {
    printFacts(model, digest, console)
  }
  let parameters = model.parameterCounts
  try console.report(
    .object([
      ("schema", .integer(1)), ("command", .string("inspect")), ("model", modelJSON(model)),
      ("sha256", .string(digest)), ("ir_version", .integer(Int(model.file.irVersion))),
      ("inputs", portsJSON(model.inputs)), ("outputs", portsJSON(model.outputs)),
      ("operators", .object(model.file.operatorCounts.map { ($0.name, .integer($0.count)) })),
      ("parameters", .integer(parameters.elements)), ("parameter_bytes", .integer(parameters.bytes)),
      ("warnings", JSON(model.file.warnings)), ("graph_text", JSON(graphText)),
    ]), to: try arguments.value(of: Options.json))
  return .success
}

private func printFacts(_ model: Model, _ digest: String, _ console: Console) {
  let parameters = model.parameterCounts
  console.print("file        \(model.path)  \(fileSize(model.file.fileByteCount))")
  console.print("sha256      \(digest)")
  console.print("format      IR \(model.file.irVersion), \(opsets(model)), producer \(model.file.producer)")
  console.print(
    "parameters  \(grouped(parameters.elements)) in \(counted(parameters.tensors, "constant")), "
      + "\(mebibytes(parameters.bytes)) MiB")
  for (i, port) in model.inputs.enumerated() {
    console.print("\(i == 0 ? "inputs    " : "          ")  \(port.name): \(port.type)")
  }
  for (i, port) in model.outputs.enumerated() {
    console.print("\(i == 0 ? "outputs   " : "          ")  \(port.name): \(port.type)")
  }
  let counts = model.file.operatorCounts.sorted { ($1.count, $0.name) < ($0.count, $1.name) }
  let text = counts.map { "\($0.name) \($0.count)" }.joined(separator: ", ")
  for (i, line) in wrap(text, width: 96).enumerated() {
    console.print("\(i == 0 ? "operators " : "          ")  \(line)")
  }
  for warning in model.file.warnings { console.warn(warning) }
}
