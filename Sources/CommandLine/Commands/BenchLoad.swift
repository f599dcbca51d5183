import Host
import Kernels
import Measurement
import Needletail
import Reports
import Terminal

/// The load of `bench --concurrency` and `bench --rate`.
struct BenchLoad {
  static let concurrency = Option<[Int]?>.value(
    "--concurrency", "LIST",
    "so many callers at once, each with a request of its own and --threads of its own",
    default: nil, defaultText: "1 with --rate"
  ) { (text) throws(UsageError) in try Read.counts(text) }

  static let rate = Option<[Double]?>.value(
    "--rate", "LIST",
    "requests per second of a Poisson process, served by the callers; latency counts from the "
      + "arrival", default: nil
  ) { (text) throws(UsageError) in
    var rates: [Double] = []
    for word in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let rate = Double(word), rate >= 1e-3, rate <= 1e6 else {
        throw UsageError("expected rates from 0.001 to 1000000 per second, such as 50,100, found '\(text)'")
      }
      rates.append(rate)
    }
    return rates
  }

  var callers: [Int]
  /// nil: a closed loop.
  var rates: [Double]?

  /// nil when neither option is given.
  init?(_ arguments: ParsedArguments, _ limits: MeasurementLimits) throws {
    rates = try arguments.value(of: Self.rate)
    let callers = try arguments.value(of: Self.concurrency)
    if callers == nil && rates == nil { return nil }
    self.callers = callers ?? [1]
    for count in self.callers where count > 1000 {
      throw UsageError("option '--concurrency': expected at most 1000 callers, found \(count)")
    }
    for rate in rates ?? [] {
      let count = rate * OpenLoop(ratePerSecond: rate, limits: limits).seconds
      guard count <= Double(OpenLoop.mostArrivals) else {
        throw UsageError(
          "option '--rate': expected at most \(grouped(OpenLoop.mostArrivals)) arrivals, found \(significant(count, 3))",
          hint: "measure for fewer --seconds")
      }
    }
  }
}

struct LoadRow {
  var backend: BackendChoice
  var batch: Int
  var threads: Int
  var report: LatencyReport
  var doubts: [MeasurementDoubt]

  var name: String {
    "batch \(batch), \(backend.rawValue), \(counted(report.callers, "caller"))"
      + (report.requestedRate.map { ", \(significant($0, 3)) requests/s" } ?? "")
  }
}

extension BenchLoad {
  /// Measures each number of callers at each rate, one after the other: loads cannot take turns.
  func measure(
    _ compiled: CompiledModel, _ model: Model, _ backend: BackendChoice, _ batch: Int, _ maker: InputMaker,
    threads: Int?, _ limits: MeasurementLimits, _ console: Console
  ) throws -> [LoadRow] {
    let values = try maker.values(for: model)
    var runs: [PreparedRun] = []
    var rows: [LoadRow] = []
    for count in callers {
      while runs.count < count {
        console.progress("batch \(batch), \(backend.rawValue): planning for \(count)", 0)
        runs.append(try PreparedRun(compiled, backend, threads: threads, inputs: values))
      }
      let bodies: [() throws -> Void] = runs.prefix(count).map { run in { try run.run() } }
      // A closed loop has no rate.
      let rates: [Double?] = rates ?? [nil]
      for (i, rate) in rates.enumerated() {
        console.progress(
          "batch \(batch), \(backend.rawValue): \(counted(count, "caller"))", Double(i) / Double(rates.count))
        let watch = MachineWatch()
        let report =
          if let rate {
            try OpenLoop(ratePerSecond: rate, limits: limits, seed: maker.seed).run(bodies)
          } else {
            try ClosedLoop(limits: limits).run(bodies)
          }
        guard let report else {
          throw ToolError(
            "\(counted(count, "caller")) answered no request in time; allow more with --seconds and --limit")
        }
        // That threads wait for processors is what many callers are about.
        rows.append(
          LoadRow(
            backend: backend, batch: batch, threads: runs[0].request.threads, report: report,
            doubts: report.doubts + watch.throttling()))
      }
    }
    return rows
  }

  func print(_ rows: [LoadRow], _ limits: MeasurementLimits, _ console: Console) {
    let kind =
      rates == nil
      ? "closed loop: each caller asks again when it was answered"
      : "open loop: Poisson arrivals, first come, first served; latency from the intended arrival"
    console.print(
      "method  \(kind); at least \(limits.minimumRuns) requests and \(significant(limits.minimumSeconds, 2)) s"
    )
    console.print()
    var rates = TextTable([
      ">batch", "backend", ">callers", ">threads each", ">requests", ">offered /s", ">served /s", "95 % CI",
      ">items/s",
      ">busy", ">in system", ">rate × latency",
    ])
    var latencies = TextTable([
      ">batch", "backend", ">callers", ">offered /s", ">p50 ms", ">p90 ms", ">p99 ms", ">p99.9 ms", ">max ms",
      ">service p50 ms", ">service p99 ms", ">waiting p50 ms", ">waiting p99 ms",
    ])
    for row in rows {
      let report = row.report
      let offered = report.requestedRate == nil ? "–" : significant(report.offeredRate, 4)
      let interval = report.servedRateInterval.map {
        "\(significant($0.lowerBound, 4)) … \(significant($0.upperBound, 4))"
      }
      rates.add([
        "\(row.batch)", row.backend.rawValue, "\(report.callers)", "\(row.threads)",
        "\(report.latency.count)", offered,
        significant(report.servedRate, 4), interval ?? "–",
        significant(report.servedRate * Double(row.batch), 4),
        percent(report.utilization), report.littlesLaw.map { significant($0.counted, 3) } ?? "–",
        report.littlesLaw.map { significant($0.expected, 3) } ?? "–",
      ])
      latencies.add([
        "\(row.batch)", row.backend.rawValue, "\(report.callers)", offered, milliseconds(report.latency.p50),
        milliseconds(report.latency.p90), milliseconds(report.latency.p99),
        report.latency.p999.map(milliseconds) ?? "–", milliseconds(report.latency.maximum),
        milliseconds(report.service.p50), milliseconds(report.service.p99), milliseconds(report.waiting.p50),
        milliseconds(report.waiting.p99),
      ])
    }
    console.print(rates)
    console.print()
    console.print("latency")
    console.print(latencies)
    console.print()
  }

  func json(_ rows: [LoadRow]) -> [(String, JSON)] {
    [
      ("load", .string(rates == nil ? "closed_loop" : "open_loop")),
      (
        "rows",
        .array(
          rows.map { row in
            .object(
              [
                ("backend", .string(row.backend.rawValue)), ("batch", .integer(row.batch)),
                ("threads", .integer(row.threads)),
              ] + latencyReportJSON(row.report, doubts: row.doubts))
          })
      ),
    ]
  }
}
