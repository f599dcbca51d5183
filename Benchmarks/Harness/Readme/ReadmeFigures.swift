import Reports
import Terminal

/// The numbers of the README: taken from reports, kept in one small file, written as tables.
package struct ReadmeFigures: Sendable {
  package static let schema = 1

  /// A model on a backend, from a report of `needletail compare`.
  package struct Variant: Hashable, Sendable {
    package var model: String
    package var backend: String
    package var batch: Int
    package var threads: Int
    package var original: Figure
    package var optimized: Figure
    package var speedup: Double
    package var isValid: Bool
  }

  /// Our engine against the best other, from a report of `needletail-benchmarks peers`.
  package struct Peer: Hashable, Sendable {
    package var model: String
    package var batch: Int
    package var threads: Int
    package var ours: Figure
    package var best: String
    package var theirs: Figure
    package var ratio: Figure
    package var verdict: String
    package var isValid: Bool
  }

  /// A median with its interval.
  package struct Figure: Hashable, Sendable {
    package var median: Double
    package var interval: ClosedRange<Double>?

    var text: String {
      measured(median, uncertainty: interval.map { ($0.upperBound - $0.lowerBound) / 2 })
    }

    var textWithInterval: String {
      guard let interval else { return "\(text)×" }
      let uncertainty = (interval.upperBound - interval.lowerBound) / 2
      return "\(text)× (\(measured(interval.lowerBound, uncertainty: uncertainty)) … "
        + "\(measured(interval.upperBound, uncertainty: uncertainty)))"
    }
  }

  package var processor = ""
  package var variants: [Variant] = []
  package var peers: [Peer] = []
  /// `onnxruntime 1.31.1`
  package var versions: [String] = []

  package init() {}
}

// MARK: - Taking from reports

extension ReadmeFigures {
  /// Adds what a report of `compare` or `peers` holds. Throws for anything else.
  package mutating func add(_ report: JSON) throws(ToolError) {
    switch report["command"]?.string {
    case "compare": try addComparison(report)
    case "peers": try addPeers(report)
    default: throw ToolError("expected a report of 'needletail compare' or 'needletail-benchmarks peers'")
    }
    if let processor = report["host"]?["processor"]?.string { self.processor = processor }
  }

  private mutating func addComparison(_ report: JSON) throws(ToolError) {
    guard let path = report["model"]?["path"]?.string, let rows = report["rows"]?.array else {
      throw ToolError("the report of 'compare' lacks its model or its rows")
    }
    for row in rows where row["variant"]?.string == "optimized" {
      guard let backend = row["backend"]?.string, let batch = row["batch"]?.integer,
        let threads = row["threads"]?.integer,
        let speedup = row["speedup_over_original"]?["p50"]?.double, let optimized = Figure(row, "_ms"),
        let original = rows.first(where: {
          $0["variant"]?.string == "original" && $0["backend"]?.string == backend
            && $0["batch"]?.integer == batch
        }), let originalFigure = Figure(original, "_ms")
      else { throw ToolError("a row of the report of 'compare' lacks its members") }
      variants.append(
        Variant(
          model: Self.modelName(path), backend: backend, batch: batch, threads: threads,
          original: originalFigure,
          optimized: optimized, speedup: speedup,
          isValid: row["verdict"]?.string == "VALID" && original["verdict"]?.string == "VALID"))
    }
  }

  private mutating func addPeers(_ json: JSON) throws(ToolError) {
    let report: PeersReport
    do { report = try PeersReport(json) } catch { throw ToolError("\(error)") }
    for cell in report.cells {
      guard let ours = cell.result(PeerCell.ours)?.times, let best = cell.best, let theirs = best.times,
        let ratio = cell.ratioOverBest
      else { continue }
      func figure(_ times: PeerResult.Times) -> Figure {
        Figure(
          median: times.median / 1e6,
          interval: times.interval.map { $0.lowerBound / 1e6...$0.upperBound / 1e6 })
      }
      peers.append(
        Peer(
          model: cell.model, batch: cell.batch, threads: cell.threads, ours: figure(ours), best: best.engine,
          theirs: figure(theirs), ratio: Figure(median: ratio.median, interval: ratio.medianInterval),
          verdict: cell.verdict.rawValue, isValid: cell.doubts.isEmpty))
    }
    for result in report.cells.flatMap(\.results)
    where result.engine != PeerCell.ours && !result.facts.version.isEmpty {
      let version = "\(result.engine) \(result.facts.version)"
      if !versions.contains(version) { versions.append(version) }
    }
  }

  /// `mnist_cnn_bn` of `Models/mnist_cnn_bn/mnist_cnn_bn.onnx` and of `built/mnist_cnn_bn/model.onnx`.
  static func modelName(_ path: String) -> String {
    let parts = path.split(separator: "/").map(String.init)
    let file = parts.last.map { $0.hasSuffix(".onnx") ? String($0.dropLast(5)) : $0 } ?? path
    return file == "model" && parts.count > 1 ? parts[parts.count - 2] : file
  }
}

extension ReadmeFigures.Figure {
  /// The members `p50` and `p50_ci95` with a suffix.
  init?(_ json: JSON, _ suffix: String) {
    guard let median = json["p50\(suffix)"]?.double else { return nil }
    self.init(median: median, interval: json["p50_ci95\(suffix)"]?.interval)
  }

  func members(_ name: String, _ suffix: String) -> [(String, JSON)] {
    [
      ("\(name)_p50\(suffix)", .number(median)),
      (
        "\(name)_p50_ci95\(suffix)",
        interval.map { .array([.number($0.lowerBound), .number($0.upperBound)]) } ?? .null
      ),
    ]
  }

  init?(_ json: JSON, _ name: String, _ suffix: String) {
    guard let median = json["\(name)_p50\(suffix)"]?.double else { return nil }
    self.init(median: median, interval: json["\(name)_p50_ci95\(suffix)"]?.interval)
  }
}

// MARK: - The small file

extension ReadmeFigures {
  package var json: JSON {
    .object([
      ("schema", .integer(Self.schema)), ("command", .string("readme")), ("processor", .string(processor)),
      (
        "compare",
        .array(
          variants.map { row in
            .object(
              [
                ("model", .string(row.model)), ("backend", .string(row.backend)),
                ("batch", .integer(row.batch)),
                ("threads", .integer(row.threads)),
              ] + row.original.members("original", "_ms") + row.optimized.members("optimized", "_ms") + [
                ("speedup_p50", .number(row.speedup)), ("valid", .bool(row.isValid)),
              ])
          })
      ),
      (
        "peers",
        .array(
          peers.map { row in
            .object(
              [
                ("model", .string(row.model)), ("batch", .integer(row.batch)),
                ("threads", .integer(row.threads)),
                ("best_f32", .string(row.best)), ("verdict", .string(row.verdict)),
                ("valid", .bool(row.isValid)),
              ] + row.ours.members("needletail", "_ms") + row.theirs.members("best", "_ms")
                + row.ratio.members("ratio", ""))
          })
      ),
      ("versions", JSON(versions)),
    ])
  }

  package init(parsing text: String) throws {
    let json = try JSON.parse(text)
    guard json["command"]?.string == "readme", json["schema"]?.integer == Self.schema,
      let compare = json["compare"]?.array, let others = json["peers"]?.array
    else { throw ToolError("expected a file written by 'readme --collect' of schema \(Self.schema)") }
    processor = json["processor"]?.string ?? ""
    versions = (json["versions"]?.array ?? []).compactMap(\.string)
    variants = try compare.map { row in
      guard let model = row["model"]?.string, let backend = row["backend"]?.string,
        let batch = row["batch"]?.integer,
        let threads = row["threads"]?.integer, let original = Figure(row, "original", "_ms"),
        let optimized = Figure(row, "optimized", "_ms"), let speedup = row["speedup_p50"]?.double,
        let isValid = row["valid"]?.bool
      else { throw ToolError("a row of 'compare' lacks its members") }
      return Variant(
        model: model, backend: backend, batch: batch, threads: threads, original: original,
        optimized: optimized,
        speedup: speedup, isValid: isValid)
    }
    peers = try others.map { row in
      guard let model = row["model"]?.string, let batch = row["batch"]?.integer,
        let threads = row["threads"]?.integer,
        let ours = Figure(row, "needletail", "_ms"), let best = row["best_f32"]?.string,
        let theirs = Figure(row, "best", "_ms"), let ratio = Figure(row, "ratio", ""),
        let verdict = row["verdict"]?.string, let isValid = row["valid"]?.bool
      else { throw ToolError("a row of 'peers' lacks its members") }
      return Peer(
        model: model, batch: batch, threads: threads, ours: ours, best: best, theirs: theirs, ratio: ratio,
        verdict: verdict, isValid: isValid)
    }
  }
}
