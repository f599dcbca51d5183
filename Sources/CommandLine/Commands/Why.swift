import Compiler
import Needletail
import Passes
import Reports
import Terminal

let whyCommand = CommandDeclaration(
  name: "why", summary: "Tells which kernels a node could have run on, and why the chosen one was chosen.",
  discussion:
    "Without NODE: one line for each node. A node is named as in the compiled graph, as in the file, or by its number "
    + "in that list. "
    + "Times are measured with 'auto', and predicted ('~') on one backend.",
  arguments: [
    ArgumentDeclaration("MODEL", "an ONNX file, or a compiled one (.ntl)"),
    ArgumentDeclaration("NODE", .optional, "a node's name, a part of it, or its number"),
  ],
  options: [
    Options.backend.declaration, Options.batch.declaration, Options.threads.declaration,
    Options.size.declaration,
  ] + Options.compiling + [
    Options.tuningTable.declaration,
    Options.json.declaration,
  ],
  examples: ["why model.onnx", "why model.onnx conv1", "why model.onnx conv1 --backend onednn"],
  exitCodes: [.success, .failure, .modelRejected], run: why)

private func why(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
  let backend = try arguments.value(of: Options.backend)
  let maker = InputMaker(
    batch: try arguments.value(of: Options.batch), sizes: try arguments.value(of: Options.size),
    memoryLimit: try arguments.value(of: Options.maxMemory))
  let model = try arguments.model(console)
  let compiled = try model.compile(try arguments.tunedCompileOptions())
  let request = try compiled.makeRequest(backend: backend, threads: try arguments.value(of: Options.threads))
  _ = try request.planFacts(for: try maker.values(for: model, .zeros))
  var reports = request.target.specializer.reports
  let refusals = compiled.passReports.flatMap { report in report.log.declines.map { (report.pass, $0) } }
  let name = arguments.positional.dropFirst().first
  if let name {
    reports = matching(reports, name)
    if reports.isEmpty && !refusals.contains(where: { $0.1.node == name }) {
      let names = request.target.specializer.reports.flatMap { [$0.node] + $0.origins }
      throw UsageError(
        "no node is named '\(name)'",
        hint: nearest(to: name, in: names).map { "did you mean '\($0)'?" }
          ?? "it may have been folded away; see 'needletail why \(model.path)'")
    }
  }
  console.print("model   \(modelLine(model))")
  console.print("plan    \(backend.rawValue), \(counted(request.threads, "thread"))")
  let guessCount = request.target.specializer.guessCount
  if guessCount > 0 {
    console.print(
      "guessed \(counted(guessCount, "format")): the graph is too tangled for the cheapest of all choices")
  }
  console.print()
  if name == nil {
    var table = TextTable([">#", "node", "operator", "chosen", ">ms", "next best", ">ms", ">refused"])
    for (i, report) in reports.enumerated() { table.add(["\(i)"] + overview(report)) }
    console.print(table)
  } else {
    for report in reports { print(report, console) }
  }
  let shown = refusals.filter { refusal in
    name == nil || refusal.1.node == name
      || reports.contains { $0.node == refusal.1.node || $0.origins.contains(refusal.1.node) }
  }
  if name != nil && !shown.isEmpty {
    var table = TextTable(["pass declined", "rule", "node", "reason"])
    for (pass, refusal) in shown { table.add([pass, refusal.rule, shortened(refusal.node), refusal.reason]) }
    console.print(table)
  }
  try console.report(
    .object([
      ("schema", .integer(1)), ("command", .string("why")), ("model", modelJSON(model)),
      ("backend", .string(backend.rawValue)), ("threads", .integer(request.threads)),
      ("nodes", .array(reports.map(reportJSON))),
      (
        "declines",
        .array(
          shown.map { pass, refusal in
            .object([
              ("pass", .string(pass)), ("rule", .string(refusal.rule)), ("node", .string(refusal.node)),
              ("reason", .string(refusal.reason)),
            ])
          })
      ),
    ]), to: try arguments.value(of: Options.json))
  return .success
}

/// Nodes of exactly this name first, then the one with this number, then those that came from it, then those whose name holds it.
private func matching(_ reports: [NodeReport], _ name: String) -> [NodeReport] {
  let exact = reports.filter { $0.node == name }
  if !exact.isEmpty { return exact }
  if let number = Int(name) { return reports.indices.contains(number) ? [reports[number]] : [] }
  let origins = reports.filter { $0.origins.contains(name) }
  if !origins.isEmpty { return origins }
  return reports.filter { report in ([report.node] + report.origins).contains { $0.contains(name) } }
}

private func timeText(_ consideration: Consideration) -> String {
  guard let time = consideration.nanoseconds, time.isFinite else { return "" }
  return (consideration.isMeasured ? "" : "~") + milliseconds(time)
}

private func overview(_ report: NodeReport) -> [String] {
  let accepted = report.considerations.filter(\.accepted)
    .sorted { ($0.nanoseconds ?? .infinity) < ($1.nanoseconds ?? .infinity) }
  let chosen = accepted.first { $0.kernel == report.chosen }
  let next = accepted.first { $0.kernel != report.chosen }
  return [
    shortened(report.node), report.operatorName, report.chosen, chosen.map(timeText) ?? "",
    next?.kernel ?? "–",
    next.map(timeText) ?? "", "\(report.considerations.count { !$0.accepted })",
  ]
}

private func print(_ report: NodeReport, _ console: Console) {
  console.print("\(shortened(report.node, limit: 96))  \(report.operatorName)")
  if report.origins != [report.node] && !report.origins.isEmpty {
    console.print("from    \(report.origins.map { shortened($0, limit: 72) }.joined(separator: ", "))")
  }
  if let bands = report.bands { console.print("bands   \(bands)") }
  var table = TextTable(["", "kernel", ">ms", "formats, or the reason of the refusal"])
  let sorted = report.considerations.sorted {
    ($0.accepted ? 0 : 1, $0.nanoseconds ?? .infinity) < ($1.accepted ? 0 : 1, $1.nanoseconds ?? .infinity)
  }
  for consideration in sorted {
    let mark =
      consideration.kernel == report.chosen && consideration.accepted
      ? "→" : consideration.accepted ? " " : "✗"
    table.add([mark, consideration.kernel, timeText(consideration), consideration.detail])
  }
  console.print(table)
  console.print("→ chosen, ✗ refused, ~ predicted; other times are measured")
  console.print()
}

private func reportJSON(_ report: NodeReport) -> JSON {
  .object([
    ("node", .string(report.node)), ("operator", .string(report.operatorName)),
    ("origins", JSON(report.origins)),
    ("chosen", .string(report.chosen)), ("bands", report.bands.map { .string($0) } ?? .null),
    (
      "candidates",
      .array(
        report.considerations.map {
          .object([
            ("kernel", .string($0.kernel)), ("accepted", .bool($0.accepted)), ("detail", .string($0.detail)),
            ($0.isMeasured ? "measured_ms" : "predicted_ms", JSON($0.nanoseconds.map { $0 / 1e6 })),
          ])
        })
    ),
  ])
}
