import Glibc
import Host
import Needletail
import Reports
import Terminal

private let atol = Option<Double>.value(
  "--atol", "A", "absolute tolerance", default: 1e-7, defaultText: "1e-7", Read.tolerance)

private let stol = Option<Double>.value(
  "--stol", "S", "tolerance as a share of the largest expected element of an output", default: 1e-5,
  defaultText: "1e-5", Read.tolerance)

private let level = Option<[Optimization]>.value(
  "--optimize", "LEVEL", "none, folded, full, several of them with commas, or all", default: [.full],
  defaultText: "full"
) { (text) throws(UsageError) in
  if text == "all" { return Optimization.allCases }
  var levels: [Optimization] = []
  for word in text.split(separator: ",", omittingEmptySubsequences: false) {
    levels.append(try Read.oneOf(String(word)))
  }
  return levels
}

private let testBackends = Option<[BackendChoice]?>.value(
  "--backend", "LIST", "backends separated by commas, or all", default: [.auto], defaultText: "auto"
) { (text) throws(UsageError) in try Options.readBackends(text) }

private let silence = Option<Double>.value(
  "--timeout", "T", "a case that says nothing for so many seconds has failed", default: 120,
  defaultText: "120",
  Read.seconds)

let testCommand = CommandDeclaration(
  name: "test", summary: "Runs models on their recorded inputs and compares with their recorded outputs.",
  discussion:
    "Every folder at or below DIR counts that holds an *.onnx file beside test_data_set_K/input_J.pb and "
    + "output_J.pb (or .npy), one for each input and output of the graph in its order, initializers excluded. "
    + "Elements agree when |a − e| ≤ atol + rtol·|e| + stol·max|e|; NaN agrees with NaN; sizes and types must be the "
    + "same. A model that is not supported is refused, which is no failure. Cases run in a process of their own: a "
    + "crash fails one case and the rest goes on. A tolerances.json in the case's folder or around it, "
    + "{\"case\": [rtol, atol]}, goes before the options. A carry.json beside the model, {\"output\": \"input\"}, "
    + "carries state: from the second set on, the input is what the output was in the set before.",
  arguments: [ArgumentDeclaration("DIR", .many, "folders to search")],
  options: [
    testBackends.declaration, level.declaration, Options.rtol.declaration, atol.declaration, stol.declaration,
    Options.threads.declaration, Options.isa.declaration, silence.declaration, Options.verbose.declaration,
    Options.json.declaration,
  ],
  examples: ["test models", "test models --backend all --optimize all", "test models --json -"],
  exitCodes: [.success, .failure], run: test)

let testWorkerCommand = CommandDeclaration(
  name: "test-worker", summary: "Runs the cases of 'test', one line of result for each.",
  arguments: [ArgumentDeclaration("MODEL", .many, "files beside recorded sets")],
  options: [
    testBackends.declaration, level.declaration, Options.rtol.declaration, atol.declaration, stol.declaration,
    Options.threads.declaration,
  ],
  examples: [], exitCodes: [.success], isHidden: true, run: testWorker)

private func testWorker(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
  let available = Backends.shared.available
  let backends =
    try arguments.value(of: testBackends) ?? BackendChoice.allCases.filter { available.contains($0) }
  let runner = ModelTestRunner(
    backends: backends, optimizations: try arguments.value(of: level),
    tolerance: Tolerance(
      relative: try arguments.value(of: Options.rtol), absolute: try arguments.value(of: atol),
      scaled: try arguments.value(of: stol)),
    threads: try arguments.value(of: Options.threads))
  var files = TestFiles()
  for path in arguments.positional {
    let folder = parentFolder(of: path)
    var test = ModelTestCase(name: path, modelPath: path, sets: RecordedSet.sets(in: folder))
    test.carried = try TestFiles.carried(folder)
    test.tolerance = try files.tolerance(folder, scaled: runner.tolerance.scaled)
    let (result, operators) = runner.outcome(of: test)
    // One line each, whatever the reason holds.
    let reason = result.reason.split(whereSeparator: \.isNewline).joined(separator: "; ")
    console.print("\(result.name) \(operators.isEmpty ? "-" : operators.joined(separator: ",")) \(reason)")
    console.flush()
  }
  return .success
}

private func test(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
  let isVerbose = try arguments.value(of: Options.verbose)
  let timeout = try arguments.value(of: silence)
  if let named = try arguments.value(of: testBackends) {
    for backend in named { try Backends.shared.require(backend) }
  } else {
    for missing in Backends.shared.missing {
      console.warn("backend \(missing.backend.rawValue) is not there: \(missing.reason)")
    }
  }
  var cases: [ModelTestCase] = []
  for folder in arguments.positional {
    guard isFolder(folder) else { throw ToolError("\(folder): no such folder") }
    let found = ModelTestCase.find(below: folder)
    if found.isEmpty { console.warn("\(folder): no model with recorded data") }
    cases += found
  }
  let outcomes = try runCases(cases, try workerOptions(arguments), timeout, console)
  console.clearProgress()
  let results = outcomes.map(\.result)
  let summary = OperatorSummary(outcomes)
  for (test, result) in zip(cases, results) {
    if result == .passed && !isVerbose { continue }
    let mark = pad(result.name, 7)
    console.print("\(mark) \(test.name)\(result.reason.isEmpty ? "" : ": \(result.reason)")")
  }
  if !summary.troubled.isEmpty {
    console.print("by operator: passed, failed, refused")
    for row in summary.troubled {
      console.print("  \(pad(row.name, 28)) \(row.passed), \(row.failed), \(row.refused)")
    }
  }
  func count(_ name: String) -> Int { results.count { $0.name == name } }
  console.print(
    "\(counted(cases.count, "case")): \(count("passed")) passed, \(count("failed")) failed, \(count("refused")) refused"
  )
  try console.report(
    .object([
      ("schema", .integer(1)),
      (
        "cases",
        .array(
          zip(cases, results).map { test, result in
            .object([
              ("name", .string(test.name)), ("result", .string(result.name)),
              ("reason", .string(result.reason)),
            ])
          })
      ),
      (
        "operators",
        .array(
          summary.rows.map { row in
            .object([
              ("name", .string(row.name)), ("passed", .integer(row.passed)), ("failed", .integer(row.failed)),
              ("refused", .integer(row.refused)),
            ])
          })
      ),
    ]), to: try arguments.value(of: Options.json))
  return count("failed") > 0 ? .failure : .success
}

/// The options of this run, spelled for the worker.
private func workerOptions(_ arguments: ParsedArguments) throws -> [String] {
  var words = [
    "--backend",
    try arguments.value(of: testBackends).map { $0.map(\.rawValue).joined(separator: ",") } ?? "all",
    "--optimize", try arguments.value(of: level).map(\.rawValue).joined(separator: ","),
    "--rtol", "\(try arguments.value(of: Options.rtol))", "--atol", "\(try arguments.value(of: atol))",
    "--stol", "\(try arguments.value(of: stol))",
  ]
  if let threads = try arguments.value(of: Options.threads) { words += ["--threads", "\(threads)"] }
  return words
}

/// Runs cases in a worker; when one ends it, that case has failed and a new worker takes the rest.
private func runCases(
  _ cases: [ModelTestCase], _ options: [String], _ timeout: Double, _ console: Console
) throws -> [(result: ModelTestResult, operators: [String])] {
  var results: [(result: ModelTestResult, operators: [String])] = []
  while results.count < cases.count {
    // A command line holds only so much.
    let chunk = cases[results.count..<min(cases.count, results.count + 200)]
    let done = results.count
    let process = try Subprocess.runSelf(
      ["test-worker"] + options + ["--"] + chunk.map(\.modelPath), silenceSeconds: timeout
    ) { output in
      let finished = done + output.utf8.count { $0 == 10 }
      console.progress("\(finished) of \(cases.count)", Double(finished) / Double(cases.count))
    }
    for line in process.output.split(separator: "\n").prefix(chunk.count) { results.append(parse(line)) }
    if results.count < done + chunk.count {
      let end =
        process.timedOut
        ? "no result within \(significant(timeout, 3)) s"
        : process.signal.map { "crashed with signal \($0)" }
          ?? "ended with exit code \(process.exitCode ?? -1)"
      results.append((.failed(end), []))
    }
  }
  return results
}

private func parse(_ line: Substring) -> (result: ModelTestResult, operators: [String]) {
  let parts = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
  let operators = parts.count > 1 && parts[1] != "-" ? parts[1].split(separator: ",").map(String.init) : []
  let reason = parts.count > 2 ? String(parts[2]) : ""
  switch parts[0] {
  case "passed": return (.passed, operators)
  case "refused": return (.refused(reason), operators)
  case "failed": return (.failed(reason), operators)
  default: return (.failed("the worker said '\(line)'"), [])
  }
}
