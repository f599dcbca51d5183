import Glibc
import Host
import Kernels
import Needletail
import Reports
import Runtime
import Terminal

private let input = Option<[(name: String, value: String)]>(
  "--input", .value("NAME=VALUE"),
  "a .npy or .pb file, or 'zeros' or 'random'; once for each input", default: "random for inputs not named"
) { (texts) throws(UsageError) in
  var pairs: [(name: String, value: String)] = []
  for text in texts { pairs.append(try Read.pair(text)) }
  return pairs
}

private let outputFolder = Option<String?>.value(
  "--output-dir", "DIR", "write each output to DIR/NAME.npy instead of printing it", default: nil
) { (text) throws(UsageError) in text }

private let labels = Option<String?>.value(
  "--labels", "FILE", "names of classes, one a line, for the five best scores", default: nil
) { (text) throws(UsageError) in text }

private let labelOffset = Option<Int>.value(
  "--label-offset", "N", "lines of --labels before that of class 0", default: 0, defaultText: "0"
) { (text) throws(UsageError) in
  guard let number = Int(text), number >= 0 else {
    throw UsageError("expected a whole number, found '\(text)'")
  }
  return number
}

private let profile = Option<Bool>.flag("--profile", "tell where the time goes, step by step")

let runCommand = CommandDeclaration(
  name: "run", summary: "Runs a model once and prints its outputs, or writes them as .npy files.",
  arguments: [ArgumentDeclaration("MODEL", "an ONNX file, or a compiled one (.ntl)")],
  options: [
    input.declaration, outputFolder.declaration, Options.backend.declaration, Options.threads.declaration,
    Options.batch.declaration, Options.size.declaration, Options.seed.declaration,
  ] + Options.compiling + [
    Options.tuningTable.declaration,
    profile.declaration, labels.declaration, labelOffset.declaration, Options.json.declaration,
  ],
  examples: [
    "run model.onnx --input x=x.npy --output-dir results",
    "run model.onnx --input x=random --batch 8 --backend onednn --profile",
  ],
  exitCodes: [.success, .failure, .modelRejected], run: runModel)

private func runModel(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
  let backend = try arguments.value(of: Options.backend)
  let pairs = try arguments.value(of: input)
  let wantsProfile = try arguments.value(of: profile)
  let folder = try arguments.value(of: outputFolder)
  let offset = try arguments.value(of: labelOffset)
  let names = try arguments.value(of: labels).map(readLines)
  let maker = InputMaker(
    batch: try arguments.value(of: Options.batch), sizes: try arguments.value(of: Options.size),
    seed: try arguments.value(of: Options.seed), memoryLimit: try arguments.value(of: Options.maxMemory))
  _ = Backends.shared
  let base = peakResidentBytes()
  var stages = Stages()
  let model = try arguments.model(console)
  stages.end("read")
  let values = try inputValues(model, pairs, maker)
  stages.restart()
  let compiled = try model.compile(try arguments.tunedCompileOptions())
  stages.end("passes")
  let request = try compiled.makeRequest(backend: backend, threads: try arguments.value(of: Options.threads))
  let facts = try request.planFacts(for: values)
  stages.end("plan")
  let start = monotonicNanoseconds()
  let outputs = try request.run(values: values)
  let elapsed = monotonicNanoseconds() - start

  console.print("model   \(modelLine(model))")
  console.print("run     \(backend.rawValue), \(counted(request.threads, "thread")), \(placementText(facts))")
  let rise = max(0, peakResidentBytes() - base)
  console.print("load    \(stages.text)")
  console.print(
    "first   \(milliseconds(Double(elapsed))) ms; load and first run raised peak memory by \(mebibytes(rise)) MiB"
  )
  if let strays = strayText(facts.strays(from: backend), asked: backend) { console.warn(strays) }
  if let folder {
    try writeOutputs(outputs, model, folder, console)
  } else {
    for port in model.outputs {
      console.print()
      printValue(outputs[port.name] ?? .absent, port.name, names, offset, console)
    }
  }
  var members: [(String, JSON)] = [
    ("schema", .integer(1)), ("command", .string("run")), ("model", modelJSON(model)),
    ("backend", .string(backend.rawValue)), ("threads", .integer(request.threads)),
    ("load_ms", stages.json), ("first_run_ms", .number(Double(elapsed) / 1e6)),
    ("rise_bytes", .integer(rise)),
    ("placement_steps", .object(facts.placement.map { ($0.backend, .integer($0.count)) })),
    ("strays", strayJSON(facts.strays(from: backend))),
    ("outputs", .array(try model.outputs.map { try outputJSON(outputs[$0.name] ?? .absent, $0.name) })),
  ]
  if wantsProfile {
    let runs = 20
    let profile = try PreparedRun(compiled, backend, threads: request.threads, inputs: values).profile(
      runs: runs)
    printProfile(profile, runs: runs, console)
    members.append(("profile_runs", .integer(runs)))
    members.append(("profile", profileJSON(profile, runs: runs)))
  }
  try console.report(.object(members), to: try arguments.value(of: Options.json))
  return .success
}

/// A value for every input: from the file or the word that was given, random where none was.
func inputValues(_ model: Model, _ pairs: [(name: String, value: String)], _ maker: InputMaker) throws
  -> [String: RuntimeValue]
{
  if let batch = maker.batch { try model.requireBatch(batch) }
  var values: [String: RuntimeValue] = [:]
  for (name, value) in pairs {
    guard let port = model.inputs.first(where: { $0.name == name }) else {
      throw EngineError(
        .wrongInput, subject: "input '\(name)'", expectation: "one of \(model.portsText)",
        finding: "a name that the model does not have",
        hint: nearest(to: name, in: model.inputs.map(\.name)).map { "did you mean '\($0)'?" })
    }
    switch value {
    case "zeros": values[name] = .tensor(try maker.tensor(for: port, in: model, .zeros))
    case "random": values[name] = .tensor(try maker.tensor(for: port, in: model, .random))
    default: values[name] = try readValue(value, as: port.type)
    }
  }
  let missing = model.requiredInputs.filter { values[$0.name] == nil }
  for (name, tensor) in try maker.tensors(for: missing, in: model, .random) { values[name] = .tensor(tensor) }
  return values
}

private func readLines(_ path: String) throws -> [String] {
  let text = String(decoding: try readFile(path, atMost: 1 << 26), as: UTF8.self)
  return text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
}

private func writeOutputs(
  _ outputs: [String: RuntimeValue], _ model: Model, _ folder: String, _ console: Console
) throws {
  if mkdir(folder, 0o755) != 0 && errno != EEXIST {
    throw ToolError("\(folder): \(String(cString: strerror(errno)))")
  }
  for port in model.outputs {
    guard case .tensor(let tensor)? = outputs[port.name] else {
      console.warn("output '\(port.name)' is no tensor and was not written")
      continue
    }
    // Names in models hold slashes; files must stay in the folder.
    let safe = String(port.name.map { $0 == "/" || $0 == "\0" ? "_" : $0 })
    let path = "\(folder)/\(safe == "." || safe == ".." || safe.isEmpty ? "output" : safe).npy"
    try tensor.write(npyFile: path)
    console.print("output  \(port.name): \(tensor.type) → \(path)")
  }
}
