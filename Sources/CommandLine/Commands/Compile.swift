import Host
import Kernels
import Needletail
import Passes
import Reports
import Runtime
import Terminal

private let output = Option<String?>.value(
  "--output", short: "-o", "FILE",
  "write the compiled model: the optimized graph, the kernels chosen and the packed weights, which every command maps",
  default: nil
) { (text) throws(UsageError) in text }

private let packedOnly = Option<Bool>.flag(
  "--packed-only",
  "leave weights out of FILE that are in it packed: it then serves only these batches and this processor")

let compileCommand = CommandDeclaration(
  name: "compile",
  summary: "Compiles a model and tells what was done: passes, kernels, placement, memory, time.",
  arguments: [ArgumentDeclaration("MODEL", "an ONNX file")],
  options: [
    Options.backend.declaration, Options.batches.declaration, Options.threads.declaration,
    Options.size.declaration,
  ] + Options.compiling + [
    Options.tuningTable.declaration,
    Options.verbose.declaration, output.declaration, packedOnly.declaration, Options.json.declaration,
  ],
  examples: [
    "compile model.onnx", "compile model.onnx --backend onednn --batch 8 -v",
    "compile model.onnx --batch 1,8 -o model.ntl",
  ],
  exitCodes: [.success, .failure, .modelRejected], run: compile)

extension ParsedArguments {
  /// Of the commands that declare `Options.compiling`.
  func compileOptions() throws -> CompileOptions {
    var options = CompileOptions(
      optimization: try value(of: Options.optimize),
      numerics: try value(of: Options.strictNumerics) ? .strict : .fast,
      prefer: try value(of: Options.prefer),
      memoryLimit: try value(of: Options.maxMemory))
    options.stepLimit = try value(of: Options.maxSteps)
    return options
  }
}

extension ParsedArguments {
  /// Of the commands that declare `Options.tuningTable` too.
  func tunedCompileOptions() throws -> CompileOptions {
    var options = try compileOptions()
    let place = try value(of: Options.tuningTable)
    options.tuningTable = place ?? Options.place(environmentVariable("NEEDLETAIL_TUNING_TABLE") ?? "user")
    return options
  }
}

/// Where the times came from by which kernels were chosen; nil where none were needed. Complaints are printed.
func tuningText(_ compiled: CompiledModel, _ console: Console) -> String? {
  let report = compiled.tuning
  for note in report.notes { console.warn(note) }
  guard report.knownCount + report.measuredCount > 0 else { return nil }
  let measured = "\(counted(report.measuredCount, "time")) measured"
  guard report.knownCount > 0, let path = report.path else { return measured }
  return
    "kernels chosen by a table of earlier measurements: \(counted(report.knownCount, "time")) from \(path), \(measured)"
}

func tuningJSON(_ compiled: CompiledModel) -> JSON {
  let report = compiled.tuning
  return .object([
    ("table", report.path.map { .string($0) } ?? .null), ("known", .integer(report.knownCount)),
    ("measured", .integer(report.measuredCount)),
  ])
}

private func compile(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
  let backend = try arguments.value(of: Options.backend)
  let isVerbose = try arguments.value(of: Options.verbose)
  let options = try arguments.tunedCompileOptions()
  let threads = try arguments.value(of: Options.threads)
  let path = try arguments.value(of: output)
  if path == nil, arguments.isGiven(packedOnly) { throw UsageError("--packed-only is for --output") }
  let batches = try arguments.value(of: Options.batches) ?? []
  var maker = InputMaker(
    batch: batches.first, sizes: try arguments.value(of: Options.size),
    memoryLimit: try arguments.value(of: Options.maxMemory))
  var stages = Stages()
  let model = try arguments.model(console)
  for batch in batches {
    maker.batch = batch
    try maker.checkMemory(of: model)
  }
  maker.batch = batches.first
  stages.end("read")
  let compiled = try model.compile(options)
  stages.end("passes")
  let request = try compiled.makeRequest(backend: backend, threads: threads)
  let values = try maker.values(for: model, .zeros)
  stages.restart()
  let facts = try request.planFacts(for: values)
  stages.end("plan")

  console.print("model      \(modelLine(model))")
  console.print(
    "plan       \(backend.rawValue), \(counted(request.threads, "thread")), \(shapesText(values, model))")
  console.print()
  printPasses(compiled.passReports, isVerbose: isVerbose, console)
  console.print(
    "nodes      \(model.nodeCount) → \(compiled.nodeCount) → \(counted(facts.labels.count, "step"))")
  console.print("placement  \(placementText(facts))")
  console.print("reorders   \(facts.reorderCount)")
  console.print(
    "arena      \(mebibytes(facts.arenaByteCount)) MiB, live-set lower bound \(mebibytes(facts.liveByteCount)) MiB"
  )
  console.print("weights    \(mebibytes(compiled.packedByteCount)) MiB packed")
  console.print("time       \(stages.text)")
  if let text = tuningText(compiled, console) { console.print("choice     \(text)") }
  if facts.dependsOnData { console.warn("some sizes depend on data: their parts are planned while they run") }
  if let strays = strayText(facts.strays(from: backend), asked: backend) { console.warn(strays) }
  console.print()
  var table = TextTable(["node", "operator", "kernel"])
  for label in facts.labels { table.add([shortened(label.node), label.operatorName, label.kernel]) }
  if isVerbose { console.print(table) } else { printKernels(facts, console) }
  if let path {
    for batch in batches.dropFirst() {
      maker.batch = batch
      _ = try request.planFacts(for: try maker.values(for: model, .zeros))
    }
    try compiled.write(to: path, packedOnly: try arguments.value(of: packedOnly))
    console.print()
    console.print("wrote      \(path)  \(fileSize(try Model(contentsOf: path).file.fileByteCount))")
  }

  try console.report(
    .object([
      ("schema", .integer(1)), ("command", .string("compile")), ("model", modelJSON(model)),
      ("backend", .string(backend.rawValue)), ("threads", .integer(request.threads)),
      ("optimize", .string(options.optimization.rawValue)), ("passes", passesJSON(compiled.passReports)),
      ("nodes_before", .integer(model.nodeCount)), ("nodes_after", .integer(compiled.nodeCount)),
      (
        "steps",
        .array(
          facts.labels.map {
            .object([
              ("node", .string($0.node)), ("operator", .string($0.operatorName)),
              ("kernel", .string($0.kernel)),
            ])
          })
      ),
      ("placement_steps", .object(facts.placement.map { ($0.backend, .integer($0.count)) })),
      ("strays", strayJSON(facts.strays(from: backend))), ("reorders", .integer(facts.reorderCount)),
      ("arena_bytes", .integer(facts.arenaByteCount)), ("live_set_bytes", .integer(facts.liveByteCount)),
      ("packed_weight_bytes", .integer(compiled.packedByteCount)), ("tuning", tuningJSON(compiled)),
      ("time_ms", stages.json),
    ]), to: try arguments.value(of: Options.json))
  return .success
}

func shapesText(_ values: [String: RuntimeValue], _ model: Model) -> String {
  model.inputs.compactMap { port in
    guard case .tensor(let tensor)? = values[port.name] else { return nil }
    return "\(port.name) \(tensor.type)"
  }.joined(separator: ", ")
}

/// How often each kernel was chosen.
private func printKernels(_ facts: PlanFacts, _ console: Console) {
  var counts: [(kernel: String, operatorName: String, count: Int)] = []
  for label in facts.labels {
    if let i = counts.firstIndex(where: { $0.kernel == label.kernel && $0.operatorName == label.operatorName }
    ) {
      counts[i].count += 1
    } else {
      counts.append((label.kernel, label.operatorName, 1))
    }
  }
  var table = TextTable([">steps", "operator", "kernel"])
  for row in counts.sorted(by: { $0.count > $1.count }) {
    table.add(["\(row.count)", row.operatorName, row.kernel])
  }
  console.print(table)
}

private func printPasses(_ reports: [PassReport], isVerbose: Bool, _ console: Console) {
  var table = TextTable(["stage", "pass", ">changes", ">declined", ">nodes"])
  for report in reports where isVerbose || report.changes > 0 || !report.log.failures.isEmpty {
    table.add([
      report.stage, report.pass, "\(report.changes)", "\(report.log.declines.count)",
      report.nodesBefore == report.nodesAfter
        ? "\(report.nodesAfter)" : "\(report.nodesBefore) → \(report.nodesAfter)",
    ])
  }
  if !table.isEmpty {
    console.print(table)
    console.print()
  }
  for report in reports {
    for failure in report.log.failures {
      console.warn(
        "pass \(report.pass) was taken back: \(failure.rule) at '\(failure.node)': \(failure.reason)")
    }
  }
  guard isVerbose else { return }
  var hits = TextTable(["rule", ">hits"])
  var declines = TextTable(["declined", "node", "reason"])
  for report in reports {
    for hit in report.log.hits { hits.add([hit.rule, "\(hit.count)"]) }
    for decline in report.log.declines {
      declines.add([decline.rule, shortened(decline.node), decline.reason])
    }
  }
  for table in [hits, declines] where !table.isEmpty {
    console.print(table)
    console.print()
  }
}

private func passesJSON(_ reports: [PassReport]) -> JSON {
  func refusals(_ list: [PassLog.Refusal]) -> JSON {
    .array(
      list.map {
        .object([("rule", .string($0.rule)), ("node", .string($0.node)), ("reason", .string($0.reason))])
      })
  }
  return .array(
    reports.map { report in
      .object([
        ("stage", .string(report.stage)), ("pass", .string(report.pass)),
        ("changes", .integer(report.changes)),
        ("nodes_before", .integer(report.nodesBefore)), ("nodes_after", .integer(report.nodesAfter)),
        ("hits", .object(report.log.hits.map { ($0.rule, .integer($0.count)) })),
        ("declines", refusals(report.log.declines)), ("failures", refusals(report.log.failures)),
      ])
    })
}
