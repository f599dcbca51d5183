import Host
import Kernels
import Measurement
import Needletail
import Reports
import Runtime
import Terminal

let benchCommand = CommandDeclaration(
  name: "bench", summary: "Measures how long a model takes, and says whether the measurement can be trusted.",
  discussion:
    "Backends that are asked for together run in turns in one process, so that whatever disturbs the "
    + "machine disturbs them alike. Every backend runs warm first, until its times settle. With --concurrency or --rate "
    + "many requests are served at once instead: throughput, and latency with its waiting and its service apart.",
  arguments: [ArgumentDeclaration("MODEL", "an ONNX file, or a compiled one (.ntl)")],
  options: [
    Options.batches.declaration, Options.backends.declaration, Options.threads.declaration,
  ] + Options.compiling + [
    Options.tuningTable.declaration,
    Options.runs.declaration, Options.seconds.declaration, Options.limit.declaration,
    BenchLoad.concurrency.declaration, BenchLoad.rate.declaration, Options.size.declaration,
    Options.seed.declaration, Options.strict.declaration, Options.baseline.declaration,
    Options.tolerance.declaration, Options.html.declaration, Options.json.declaration,
  ],
  examples: [
    "bench model.onnx", "bench model.onnx --batch 1,8,32 --backend simd,onednn,auto --seconds 3",
    "bench model.onnx --backend auto --threads 1 --concurrency 1,2,4",
    "bench model.onnx --backend auto --threads 1 --concurrency 2 --rate 50,100 --seconds 10",
  ],
  exitCodes: [.success, .failure, .modelRejected, .measurementInvalid, .regression], run: bench)

private struct BenchRow {
  var backend: BackendChoice
  var batch: Int
  var series: MeasuredSeries
  var statistics: Statistics
  var facts: PlanFacts
  var firstNanoseconds: UInt64
  var planNanoseconds: UInt64
  var doubts: [MeasurementDoubt]
  /// Times as fast as the first backend of the same batch.
  var speedup: Statistics?
  var threads: Int
  /// Of the first batch, when a report wants it.
  var profile: Profile?
}

private let profileRuns = 5

private func bench(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
  let backends = try arguments.backends(console)
  let limits = try arguments.measurementLimits()
  let threads = try arguments.value(of: Options.threads)
  let options = try arguments.tunedCompileOptions()
  let load = try BenchLoad(arguments, limits)
  let isStrict = try arguments.value(of: Options.strict)
  if load != nil, arguments.isGiven(Options.baseline) {
    throw UsageError("--baseline is for runs one after another, not for --concurrency and --rate")
  }
  let extras = try arguments.reportExtras()
  if let competition = HostFacts.competition() { console.warn(competition) }
  var maker = InputMaker(
    sizes: try arguments.value(of: Options.size), seed: try arguments.value(of: Options.seed),
    memoryLimit: try arguments.value(of: Options.maxMemory))
  let start = monotonicNanoseconds()
  let model = try arguments.model(console)
  let read = monotonicNanoseconds()
  let compiled = try model.compile(options)
  let compileNanoseconds = monotonicNanoseconds() - read
  let batches = try arguments.batches(of: model, maker)
  let header: [(String, JSON)] = [
    ("schema", .integer(1)), ("command", .string("bench")), ("model", modelJSON(model)),
    ("host", hostJSON(threads: threads)), ("optimize", .string(options.optimization.rawValue)),
    ("read_ms", .number(Double(read - start) / 1e6)),
    ("passes_ms", .number(Double(compileNanoseconds) / 1e6)),
  ]
  if let load {
    var rows: [LoadRow] = []
    for backend in backends {
      for batch in batches {
        maker.batch = model.batchSymbols.isEmpty ? nil : batch
        rows += try load.measure(compiled, model, backend, batch, maker, threads: threads, limits, console)
      }
    }
    console.clearProgress()
    printHeader(model, options, threads, console)
    load.print(rows, limits, console)
    if let text = tuningText(compiled, console) { console.print("choice  \(text)") }
    let isValid = console.printVerdict(rows.map { ($0.name, $0.doubts) })
    let json = JSON.object(header + [("verdict", .string(isValid ? "VALID" : "INVALID"))] + load.json(rows))
    try console.report(json, to: extras.json)
    _ = try extras.finish(json, console)
    return isStrict && !isValid ? .measurementInvalid : .success
  }
  var rows: [BenchRow] = []
  for batch in batches {
    maker.batch = model.batchSymbols.isEmpty ? nil : batch
    let profiles = extras.wantsLayers && batch == batches[0]
    rows += try measure(compiled, model, backends, batch, maker, threads, limits, profiles: profiles, console)
  }
  console.clearProgress()
  printBench(rows, model, limits, options, threads, console)
  if let text = tuningText(compiled, console) { console.print("choice  \(text)") }
  console.print(
    "load    read \(milliseconds(Double(read - start))) ms, passes \(milliseconds(Double(compileNanoseconds))) ms; "
      + "the plan of each row is apart")
  let isValid = console.printVerdict(
    rows.map { ("batch \($0.batch), \($0.backend.rawValue)", $0.doubts) })
  let ceilings = try extras.ceilings(threads: threads)
  let json = JSON.object(
    header + [
      ("verdict", .string(isValid ? "VALID" : "INVALID")),
      ("tuning", tuningJSON(compiled)),
      ("rows", .array(rows.map { benchJSON($0, ceilings) })),
      ("ceilings", ceilings.map(ceilingsJSON) ?? .null),
    ])
  try console.report(json, to: extras.json)
  if try extras.finish(json, console) { return .regression }
  return isStrict && !isValid ? .measurementInvalid : .success
}

private func measure(
  _ compiled: CompiledModel, _ model: Model, _ backends: [BackendChoice], _ batch: Int, _ maker: InputMaker,
  _ threads: Int?, _ limits: MeasurementLimits, profiles: Bool, _ console: Console
) throws -> [BenchRow] {
  let values = try maker.values(for: model)
  var runs: [PreparedRun] = []
  for backend in backends {
    console.progress("batch \(batch): planning \(backend.rawValue)", 0)
    runs.append(try PreparedRun(compiled, backend, threads: threads, inputs: values))
  }
  let watch = MachineWatch()
  let series = try PreparedRun.measure(runs, limits) {
    console.progress("batch \(batch)", $0)
  }
  let disturbances = watch.doubts()
  var rows: [BenchRow] = []
  for (i, run) in runs.enumerated() {
    guard let statistics = series[i].statistics else { continue }
    let doubts = series[i].doubts(limits) + disturbances
    rows.append(
      BenchRow(
        backend: backends[i], batch: batch, series: series[i], statistics: statistics, facts: run.facts,
        firstNanoseconds: run.firstRunNanoseconds, planNanoseconds: run.planNanoseconds, doubts: doubts,
        speedup: i == 0 ? nil : series[i].speedups(over: series[0]), threads: run.request.threads,
        profile: profiles ? try run.profile(runs: profileRuns) : nil))
  }
  return rows
}

private func printHeader(_ model: Model, _ options: CompileOptions, _ threads: Int?, _ console: Console) {
  console.print("model   \(modelLine(model)), optimize \(options.optimization.rawValue)")
  console.print("host    \(hostLine(threads: threads))")
}

private func printBench(
  _ rows: [BenchRow], _ model: Model, _ limits: MeasurementLimits, _ options: CompileOptions, _ threads: Int?,
  _ console: Console
) {
  printHeader(model, options, threads, console)
  let runs = rows.map(\.statistics.count)
  let warm = rows.map(\.series.warmUpRuns)
  console.print(
    "method  interleaved, \(warm.min() ?? 0)–\(warm.max() ?? 0) runs of warm-up, \(runs.min() ?? 0)–\(runs.max() ?? 0) "
      + "measured, at least \(limits.minimumRuns) and \(significant(limits.minimumSeconds, 2)) s each")
  if let setAside = setAsideText(rows.map(\.series)) { console.print("        \(setAside)") }
  console.print()
  var table = TextTable([
    ">batch", "backend", ">p50 ms", "95 % CI", ">p90 ms", ">p99 ms", ">min ms", ">mean ms", ">items/s",
    ">first ms",
    ">plan ms", "against the first",
  ])
  for row in rows {
    let (median, interval) = medianText(row.statistics)
    table.add([
      "\(row.batch)", row.backend.rawValue, median, interval, milliseconds(row.statistics.p90),
      milliseconds(row.statistics.p99), milliseconds(row.statistics.minimum),
      milliseconds(row.statistics.mean),
      significant(Double(row.batch) * 1e9 / row.statistics.median, 4),
      milliseconds(Double(row.firstNanoseconds)),
      milliseconds(Double(row.planNanoseconds)), speedupText(row.speedup),
    ])
  }
  console.print(table)
  console.print()
  for row in rows where row.facts.turns > 1 {
    console.print(
      "batch   \(row.batch) on \(row.backend.rawValue) in \(row.facts.turns) turns of "
        + counted(row.batch / row.facts.turns, "item"))
  }
  for row in rows {
    if let strays = strayText(row.facts.strays(from: row.backend), asked: row.backend),
      row.batch == rows.first?.batch
    {
      console.warn(strays)
    }
  }
}

private func benchJSON(_ row: BenchRow, _ ceilings: Ceilings?) -> JSON {
  var members: [(String, JSON)] = [
    ("backend", .string(row.backend.rawValue)), ("batch", .integer(row.batch)),
    ("threads", .integer(row.threads)),
    ("steps", .integer(row.facts.labels.count)),
    ("batch_turns", .integer(row.facts.turns)),
  ]
  members += seriesJSON(row.series)
  members += [
    ("items_per_s", .number(Double(row.batch) * 1e9 / row.statistics.median)),
    ("first_run_ms", .number(Double(row.firstNanoseconds) / 1e6)),
    ("plan_ms", .number(Double(row.planNanoseconds) / 1e6)),
    ("arena_bytes", .integer(row.facts.arenaByteCount)),
    ("live_set_bytes", .integer(row.facts.liveByteCount)), ("reorders", .integer(row.facts.reorderCount)),
    ("placement_steps", .object(row.facts.placement.map { ($0.backend, .integer($0.count)) })),
    ("strays", strayJSON(row.facts.strays(from: row.backend))),
    ("speedup_over_first", speedupJSON(row.speedup)),
  ]
  if let profile = row.profile {
    members += [
      ("placement_ms", placementTimesJSON(profile, runs: profileRuns)),
      ("layers", layersJSON(profile, runs: profileRuns, ceilings)),
    ]
  }
  return .object(members + verdictJSON(row.doubts))
}
