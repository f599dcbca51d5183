import Reports
import Terminal

/// The page of `bench --concurrency` and `bench --rate`: throughput and latency of many callers.
struct LoadPage {
  let report: JSON
  private let rows: [JSON]
  private let isOpen: Bool

  init(_ report: JSON) throws {
    self.report = report
    rows = (report["rows"]?.array ?? []).filter { $0["latency"]?.members != nil }
    isOpen = report["load"]?.string == "open_loop"
    if rows.isEmpty { throw ToolError("the report has no rows") }
  }

  func page() -> Page {
    Page(
      "\(modelName(of: report)): many callers",
      summary: isOpen
        ? "Open loop: requests arrive at random at a set rate, whether or not earlier ones are answered; latency counts from "
          + "the intended arrival."
        : "Closed loop: each caller asks again when it was answered.",
      sections: [verdict(), throughput(), latency()])
  }

  private func verdict() -> Page.Section {
    let reasons = rows.compactMap { row -> String? in
      let doubts = (row["doubts"]?.array ?? []).compactMap(\.string)
      return doubts.isEmpty ? nil : "\(name(row)): \(doubts.joined(separator: "; "))"
    }
    return Page.Section(
      "Verdict", [.verdict(isValid: reasons.isEmpty, reasons: reasons), .table(settingTable(of: report))])
  }

  // MARK: Rows

  private func integer(_ row: JSON, _ name: String) -> Int { row[name]?.integer ?? 0 }

  private func isVaried(_ name: String) -> Bool { rows.contains { $0[name] != rows[0][name] } }

  /// What a line of a chart is about: everything but the place on its x axis.
  private func lineName(_ row: JSON) -> String {
    var parts = [row["backend"]?.string ?? ""]
    if isVaried("batch") { parts.append("batch \(integer(row, "batch"))") }
    if isOpen && isVaried("callers") { parts.append(counted(integer(row, "callers"), "caller")) }
    return parts.joined(separator: ", ")
  }

  private func name(_ row: JSON) -> String {
    "\(row["backend"]?.string ?? ""), batch \(integer(row, "batch")), \(counted(integer(row, "callers"), "caller"))"
      + (row["requested_per_s"]?.double.map { ", \(significant($0)) requests/s" } ?? "")
  }

  private func place(_ row: JSON) -> Double {
    (isOpen ? row["requested_per_s"]?.double : row["callers"]?.double) ?? 0
  }

  private var lineNames: [String] {
    var names: [String] = []
    for row in rows where !names.contains(lineName(row)) { names.append(lineName(row)) }
    return names
  }

  private var xTitle: String { isOpen ? "requests offered, 1/s" : "callers at once" }

  // MARK: Sections

  private func throughput() -> Page.Section {
    let series = lineNames.map { line in
      Chart.Series(
        line,
        rows.filter { lineName($0) == line }.compactMap { row in
          row["served_per_s"]?.double.map {
            Chart.Point(x: place(row), y: $0, interval: row["served_ci95_per_s"]?.interval)
          }
        })
    }
    var table = Page.Table(
      "",
      [
        Page.Column("backend"), .number("batch"), .number("callers"), .number("threads each"),
        .number("requests"),
        .number("offered /s"), .number("served /s"), Page.Column("95 % CI"), .number("items/s"),
        .number("busy"),
        .number("in system, counted"), .number("rate × latency"),
      ])
    for row in rows {
      let served = row["served_per_s"]?.double ?? 0
      let law = row["littles_law"]
      table.rows.append([
        row["backend"]?.string ?? "", "\(integer(row, "batch"))", "\(integer(row, "callers"))",
        "\(integer(row, "threads"))",
        grouped(integer(row, "requests")),
        row["requested_per_s"]?.double == nil
          ? "–" : row["offered_per_s"]?.double.map { significant($0, 4) } ?? "–",
        significant(served, 4),
        row["served_ci95_per_s"]?.interval.map {
          "\(significant($0.lowerBound, 4)) … \(significant($0.upperBound, 4))"
        }
          ?? "–",
        significant(served * Double(integer(row, "batch")), 4),
        row["utilization"]?.double.map { percent($0) } ?? "–",
        law?["counted_in_system"]?.double.map { significant($0) } ?? "–",
        law?["rate_times_latency"]?.double.map { significant($0) } ?? "–",
      ])
    }
    let chart = Chart(
      "Requests served", .lines, xTitle: xTitle, yTitle: "requests served, 1/s", series: series)
    return Page.Section(
      "Throughput",
      [
        .chart(chart),
        .text(
          "By Little's law the requests in the system are their rate times their latency: where the two differ, "
            + "something was not counted."),
        .table(table),
      ])
  }

  private static let figures = [
    ("p50_ms", "median"), ("p90_ms", "p90"), ("p99_ms", "p99"), ("p99_9_ms", "p99.9"),
  ]

  private func latency() -> Page.Section {
    let charts = lineNames.prefix(4).map { line in
      let series = Self.figures.map { field, title in
        Chart.Series(
          title,
          rows.filter { lineName($0) == line }.compactMap { row in
            row["latency"]?[field]?.double.map { Chart.Point(x: place(row), y: $0) }
          })
      }
      let values = series.flatMap(\.points).map(\.y)
      let scale: Chart.Scale = (values.max() ?? 1) > 20 * (values.min() ?? 1) ? .logarithmic : .linear
      return Page.Block.chart(
        Chart(
          "Latency, \(line)", .lines, xTitle: xTitle,
          yTitle: "latency, ms" + (scale == .logarithmic ? ", logarithmic" : ""),
          yScale: scale, series: series))
    }
    var table = Page.Table(
      "Latency is service and waiting together",
      [Page.Column("backend"), .number("batch"), .number("callers")] + (isOpen ? [.number("offered /s")] : [])
        + Self.figures.map { .number("\($0.1) ms") }
        + [
          .number("max ms"), .number("service median ms"), .number("service p99 ms"),
          .number("waiting p99 ms"),
        ])
    for row in rows {
      func text(_ part: String, _ field: String) -> String {
        row[part]?[field]?.double.map { significant($0) } ?? "–"
      }
      table.rows.append(
        [row["backend"]?.string ?? "", "\(integer(row, "batch"))", "\(integer(row, "callers"))"]
          + (isOpen ? [significant(place(row))] : []) + Self.figures.map { text("latency", $0.0) }
          + [
            text("latency", "max_ms"), text("service", "p50_ms"), text("service", "p99_ms"),
            text("waiting", "p99_ms"),
          ])
    }
    return Page.Section("Latency", charts + [.table(table)])
  }
}
