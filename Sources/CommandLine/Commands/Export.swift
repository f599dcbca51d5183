import Needletail
import Reports
import Terminal

private let output = Option<String?>.value(
  "--output", short: "-o", "FILE", "the ONNX file to write", default: nil, defaultText: "must be given"
) { (text) throws(UsageError) in text }

private let operatorSet = Option<Int?>.value(
  "--opset", "N", "the version of ONNX's operators, 18 to 28", default: nil,
  defaultText: "20, or the lowest above it that has a form for every node"
) { (text) throws(UsageError) in try Read.count(text) }

private let separateWeights = Option<Bool>.flag(
  "--external-data",
  "weights of 1 KiB and more go to FILE.data beside it, as they do where one file would pass 2 GiB")

let exportCommand = CommandDeclaration(
  name: "export",
  summary: "Writes the optimized graph as standard ONNX, for other engines.",
  arguments: [ArgumentDeclaration("MODEL", "an ONNX file, or a compiled one")],
  options: [
    output.declaration, Options.optimize.declaration, operatorSet.declaration, separateWeights.declaration,
    Options.verbose.declaration, Options.json.declaration,
  ],
  examples: [
    "export model.onnx -o optimized.onnx", "export model.onnx -o folded.onnx --optimize folded --opset 18",
  ],
  exitCodes: [.success, .failure, .modelRejected], run: export)

private func export(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
  guard let path = try arguments.value(of: output) else { throw UsageError("--output FILE must be given") }
  let options = ExportOptions(
    operatorSet: try arguments.value(of: operatorSet),
    separatesWeights: try arguments.value(of: separateWeights))
  var stages = Stages()
  let model = try arguments.model(console)
  stages.end("read")
  var compiling = CompileOptions(optimization: try arguments.value(of: Options.optimize))
  compiling.keepsQuantizedWeights = true
  let compiled = try model.compile(compiling)
  stages.end("passes")
  let report = try compiled.export(to: path, options)
  stages.end("write")

  let domains = report.domains.sorted { $0.key < $1.key }
  let counts = report.operatorCounts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
  console.print("model      \(modelLine(model))")
  console.print("opset      \(report.operatorSet)\(domains.map { ", \($0.key) \($0.value)" }.joined())")
  console.print("nodes      \(model.nodeCount) → \(compiled.nodeCount), written as \(report.nodeCount)")
  console.print("time       \(stages.text)")
  console.print("wrote      \(path)  \(fileSize(report.byteCount))")
  if let data = report.dataPath { console.print("           \(data)  \(fileSize(report.dataByteCount))") }
  if try arguments.value(of: Options.verbose) {
    var table = TextTable([">nodes", "operator"])
    for (name, count) in counts { table.add(["\(count)", name]) }
    console.print()
    console.print(table)
  }
  try console.report(
    .object([
      ("schema", .integer(1)), ("command", .string("export")), ("model", modelJSON(model)),
      ("optimize", .string(compiled.options.optimization.rawValue)), ("opset", .integer(report.operatorSet)),
      ("domains", .object(domains.map { ($0.key, .integer($0.value)) })), ("path", .string(path)),
      ("bytes", .integer(report.byteCount)), ("data_path", report.dataPath.map { .string($0) } ?? .null),
      ("data_bytes", .integer(report.dataByteCount)), ("nodes_before", .integer(model.nodeCount)),
      ("nodes_after", .integer(compiled.nodeCount)), ("nodes_written", .integer(report.nodeCount)),
      ("operators", .object(counts.map { ($0.key, .integer($0.value)) })), ("time_ms", stages.json),
    ]), to: try arguments.value(of: Options.json))
  return .success
}
