import Measurement
import Reports
import Terminal

// What is written can be read back, so that a measurement that was cut off can go on.

extension PeerResult {
  package func json(in cell: PeerCell) -> JSON {
    var members: [(String, JSON)] = [
      ("engine", .string(engine)), ("status", .string(failure?.kind ?? "measured")),
      ("reason", JSON(failure?.reason)),
      ("version", .string(facts.version)), ("precision", .string(facts.precision)),
      ("call", .string(facts.call)),
      ("package_bytes", JSON(facts.packageBytes)), ("base_bytes", .integer(facts.baseBytes)),
      ("load_ms", .number(Double(load.loadNanoseconds) / 1e6)),
      ("first_ms", .number(Double(load.firstNanoseconds) / 1e6)), ("peak_bytes", .integer(load.peakBytes)),
      ("rise_bytes", .integer(load.riseBytes)), ("difference_of_scale", JSON(difference)),
      ("differs", JSON(differs)),
      ("counts", .bool(counts)),
    ]
    if let times {
      members += [
        ("runs", .integer(times.runs)), ("p50_ms", .number(times.median / 1e6)),
        ("p50_ci95_ms", PeerCell.json(times.interval, divisor: 1e6)), ("p99_ms", .number(times.p99 / 1e6)),
      ]
    }
    members += [
      ("ratio_over_needletail", PeerCell.json(cell.ratio(engine))),
      ("round_p50_ms", .array(roundMedians.map { .number($0 / 1e6) })),
      ("set_aside_rounds", .integer(setAsideRounds)), ("doubts", JSON(doubts)),
    ]
    return .object(members)
  }

  /// nil for what is no result.
  package init?(_ json: JSON) {
    guard let engine = json["engine"]?.string, let status = json["status"]?.string else { return nil }
    self.init(engine)
    if status != "measured" { failure = Failure(kind: status, reason: json["reason"]?.string ?? "") }
    facts.version = json["version"]?.string ?? ""
    facts.precision = json["precision"]?.string ?? ""
    facts.call = json["call"]?.string ?? ""
    facts.packageBytes = json["package_bytes"]?.integer
    facts.baseBytes = json["base_bytes"]?.integer ?? 0
    func nanoseconds(_ name: String) -> Int? {
      json[name]?.double.flatMap { Int(exactly: ($0 * 1e6).rounded()) }
    }
    load.loadNanoseconds = nanoseconds("load_ms") ?? 0
    load.firstNanoseconds = nanoseconds("first_ms") ?? 0
    load.peakBytes = json["peak_bytes"]?.integer ?? 0
    load.riseBytes = json["rise_bytes"]?.integer ?? 0
    difference = json["difference_of_scale"]?.double
    differs = json["differs"]?.string
    if let median = json["p50_ms"]?.double, let runs = json["runs"]?.integer {
      let interval = json["p50_ci95_ms"]?.interval
      times = Times(
        runs: runs, median: median * 1e6,
        interval: interval.map { $0.lowerBound * 1e6...$0.upperBound * 1e6 },
        p99: (json["p99_ms"]?.double ?? median) * 1e6)
    }
    roundMedians = (json["round_p50_ms"]?.array ?? []).compactMap(\.double).map { $0 * 1e6 }
    setAsideRounds = json["set_aside_rounds"]?.integer ?? 0
    doubts = (json["doubts"]?.array ?? []).compactMap(\.string)
  }
}

extension PeerCell {
  package var json: JSON {
    .object([
      ("model", .string(model)), ("batch", .integer(batch)), ("threads", .integer(threads)),
      ("seconds", .number(seconds)), ("outputs_compared_with", .string(reference)),
      ("best_f32", JSON(best?.engine)), ("verdict", .string(verdict.rawValue)),
      ("ratio_over_needletail_of_best_f32", Self.json(ratioOverBest)),
      ("ratio_interval_narrow_enough", .bool(isPrecise)), ("disturbances", JSON(disturbances)),
      ("engines", .array(results.map { $0.json(in: self) })),
    ])
  }

  /// nil for what is no cell.
  package init?(_ json: JSON) {
    guard let model = json["model"]?.string, let batch = json["batch"]?.integer,
      let threads = json["threads"]?.integer,
      let engines = json["engines"]?.array
    else { return nil }
    let results = engines.compactMap { PeerResult($0) }
    guard results.count == engines.count else { return nil }
    self.init(
      model: model, batch: batch, threads: threads, results: results,
      reference: json["outputs_compared_with"]?.string ?? "")
    seconds = json["seconds"]?.double ?? 0
    disturbances = (json["disturbances"]?.array ?? []).compactMap(\.string)
  }

  static func json(_ ratio: Statistics?) -> JSON {
    guard let ratio else { return .null }
    return .object([
      ("rounds", .integer(ratio.count)), ("p50", .number(ratio.median)),
      ("p50_ci95", json(ratio.medianInterval, divisor: 1)),
    ])
  }

  static func json(_ interval: ClosedRange<Double>?, divisor: Double) -> JSON {
    interval.map { .array([.number($0.lowerBound / divisor), .number($0.upperBound / divisor)]) } ?? .null
  }
}

/// All that `peers` has measured.
package struct PeersReport: Sendable {
  package static let schema = 1

  /// `quick` or `full`.
  package var mode: String
  package var host: JSON
  package var method: JSON
  package var cells: [PeerCell]

  package init(mode: String, host: JSON, method: JSON, cells: [PeerCell] = []) {
    self.mode = mode
    self.host = host
    self.method = method
    self.cells = cells
  }

  package var json: JSON {
    let summary = PeerSummary(cells)
    return .object([
      ("schema", .integer(Self.schema)), ("command", .string("peers")), ("mode", .string(mode)),
      ("host", host),
      ("method", method),
      (
        "summary",
        .object(
          [("geometric_mean_ratio_over_needletail", JSON(summary.geometricMean))]
            + PeerCell.Verdict.allCases.map { ("cells_\($0.rawValue)", .integer(summary.counts[$0] ?? 0)) })
      ),
      ("cells", .array(cells.map(\.json))),
    ])
  }

  /// Throws for another schema and for what was never written by `peers`.
  package init(parsing text: String) throws { try self.init(try JSON.parse(text)) }

  package init(_ json: JSON) throws(ToolError) {
    guard json["command"]?.string == "peers", json["schema"]?.integer == Self.schema,
      let cells = json["cells"]?.array
    else { throw ToolError("expected a report of 'peers' of schema \(Self.schema)") }
    let read = cells.compactMap { PeerCell($0) }
    guard read.count == cells.count else { throw ToolError("a cell lacks its members") }
    self.init(
      mode: json["mode"]?.string ?? "", host: json["host"] ?? .null, method: json["method"] ?? .null,
      cells: read)
  }
}
