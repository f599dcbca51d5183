import Reports
import Terminal

/// The page of a report of `bench` or `compare`: made of its JSON, so that a saved one gives the same page.
func reportPage(_ report: JSON) throws -> Page {
  let command = report["command"]?.string ?? "nothing that is said"
  guard ["bench", "compare"].contains(command), report["rows"]?.array != nil else {
    throw ToolError("pages are made of reports of bench and compare; this is one of \(command)")
  }
  return report["load"] != nil ? try LoadPage(report).page() : try ReportPage(report).page()
}

private struct ReportPage {
  let report: JSON
  let rows: [MeasuredRow]
  /// In the order in which they were measured.
  let backends: [String]
  let batches: [Int]
  let variants: [String]
  /// The backend that the pages of several backends look at more closely.
  let main: String

  init(_ report: JSON) throws {
    self.report = report
    rows = (report["rows"]?.array ?? []).compactMap { MeasuredRow($0) }
    guard !rows.isEmpty else { throw ToolError("the report has no rows") }
    func distinct<T: Hashable>(_ values: [T]) -> [T] {
      var seen: Set<T> = []
      return values.filter { seen.insert($0).inserted }
    }
    backends = distinct(rows.map(\.backend))
    batches = distinct(rows.map(\.batch)).sorted()
    variants = distinct(rows.compactMap(\.variant))
    main = backends.contains("auto") ? "auto" : backends[0]
  }

  func page() -> Page {
    let name = modelName(of: report)
    let isComparison = !variants.isEmpty
    let setAside = setAsideText(turns: sum("set_aside_turns"), counting: sum("turns"))
    return Page(
      isComparison ? "\(name): original against optimized" : "\(name): how long it takes",
      summary: (isComparison
        ? "Original: the file's graph, node for node. Folded: constants folded, dead nodes and identities removed. "
          + "Optimized: every pass. All ran in turns in one process; intervals are of the median, with 95 % confidence."
        : "Backends ran in turns in one process; intervals are of the median, with 95 % confidence.")
        + (setAside.map { " \($0)." } ?? ""),
      sections: [facts(), times(), growth(), memory(), passes(), placement(), layers()].compactMap { $0 })
  }

  private func sum(_ name: String) -> Int { rows.reduce(0) { $0 + ($1.json[name]?.integer ?? 0) } }

  private func row(_ backend: String, _ batch: Int, _ variant: String?) -> MeasuredRow? {
    rows.first { $0.backend == backend && $0.batch == batch && $0.variant == variant }
  }

  /// Logarithmic where the values are too far apart for one linear axis.
  private func scale(_ values: [Double]) -> Chart.Scale {
    guard let low = values.filter({ $0 > 0 }).min(), let high = values.max(), high > 40 * low else {
      return .linear
    }
    return .logarithmic
  }

  private func bars(
    _ title: String, _ categories: [String], x: String, y: String, _ series: [Chart.Series],
    canBeLogarithmic: Bool = true
  ) -> Page.Block {
    let yScale = canBeLogarithmic ? scale(series.flatMap(\.points).map(\.y)) : .linear
    return .chart(
      Chart(
        title, .bars(categories: categories), xTitle: x,
        yTitle: y + (yScale == .logarithmic ? ", logarithmic" : ""),
        yScale: yScale, series: series))
  }

  // MARK: Facts

  private func facts() -> Page.Section {
    let reasons = rows.filter { !$0.doubts.isEmpty }.map {
      "\($0.label): \($0.doubts.joined(separator: "; "))"
    }
    let isValid = reasons.isEmpty && report["verdict"]?.string != "INVALID"
    let shown = reasons.count > 8 ? Array(reasons.prefix(6)) : reasons
    let rest = reasons.count - shown.count
    var blocks: [Page.Block] = [
      .verdict(
        isValid: isValid, reasons: shown + (rest > 0 ? ["and \(rest) more, in the table of times"] : []))
    ]
    let failures = rows.filter { $0.json["numerics"]?["within_tolerance"]?.bool == false }
    if !failures.isEmpty {
      blocks.append(
        .text(
          "Results differ: "
            + failures.map {
              "\($0.label): \($0.json["numerics"]?["reason"]?.string ?? "beyond the tolerance")"
            }
            .joined(separator: "; ")))
    }
    return Page.Section("Verdict", blocks + [.table(settingTable(of: report))])
  }

  // MARK: Time

  private func times() -> Page.Section {
    let isComparison = !variants.isEmpty
    var charts: [Page.Block] = []
    for batch in batches.count > 1 ? [batches[0], batches[batches.count - 1]] : batches {
      let kinds: [String?] = isComparison ? variants : [nil]
      let series = kinds.map { variant in
        Chart.Series(
          variant ?? "median",
          backends.enumerated().compactMap { i, backend in
            guard let row = row(backend, batch, variant), let median = row.median else { return nil }
            return Chart.Point(x: Double(i), y: median, interval: row.interval)
          })
      }
      charts.append(
        bars("Time of a run, batch \(batch)", backends, x: "backend", y: "time of a batch, ms", series))
    }
    let against = isComparison ? "speedup_over_original" : "speedup_over_first"
    var columns = [Page.Column("backend"), .number("batch")] + (isComparison ? [Page.Column("variant")] : [])
    columns += [
      .number("p50 ms"), Page.Column("95 % CI"), .number("p99 ms"), .number("ms per item"),
      .number("items/s"),
      Page.Column(isComparison ? "faster than original" : "faster than the first"), .number("first run ms"),
      .number(isComparison ? "load ms" : "plan ms"),
    ]
    if isComparison { columns += [.number("nodes"), .number("worst |Δ|"), Page.Column("results")] }
    let hasDoubts = rows.contains { !$0.doubts.isEmpty }
    if hasDoubts { columns.append(Page.Column("doubts")) }
    var table = Page.Table("Time, batch by batch", columns)
    for row in rows {
      var cells = [row.backend, "\(row.batch)"] + (row.variant.map { [$0] } ?? []) + row.timeTexts()
      cells += [
        row.millisecondText("p99_ms"), row.timeTexts(per: Double(row.batch))[0],
        row.number("items_per_s").map { significant($0, 4) } ?? "–", row.ratioText(against),
        row.millisecondText("first_run_ms"), row.millisecondText(isComparison ? "load_ms" : "plan_ms"),
      ]
      if isComparison {
        let numerics = row.json["numerics"]
        cells += [
          row.json["nodes"]?.integer.map { grouped($0) } ?? "–",
          numerics?["worst_absolute"]?.double.map { $0 == 0 ? "0" : scientific($0) } ?? "–",
          numerics?["within_tolerance"]?.bool.map { $0 ? "agree" : "DIFFER" } ?? "–",
        ]
      }
      if hasDoubts {
        cells.append(row.doubts.map { String($0.prefix { $0 != ";" }) }.joined(separator: "; "))
      }
      if row.variant == "optimized" && backends.count > 1 && row.backend == main {
        table.emphasized.insert(table.rows.count)
      }
      table.rows.append(cells)
    }
    return Page.Section("Time", charts + [.table(table)])
  }

  // MARK: Growth with the batch

  private func growth() -> Page.Section? {
    if batches.count < 2 { return nil }
    func lines(_ what: String, perItem: Bool, _ kinds: [(name: String, backend: String, variant: String?)])
      -> Page.Block
    {
      let series = kinds.map { kind in
        Chart.Series(
          kind.name,
          batches.compactMap { batch in
            guard let row = row(kind.backend, batch, kind.variant), let median = row.median else {
              return nil
            }
            let divisor = perItem ? Double(batch) : 1
            return Chart.Point(
              x: Double(batch), y: median / divisor,
              interval: row.interval.map { ($0.lowerBound / divisor)...($0.upperBound / divisor) })
          })
      }
      let yScale = perItem ? scale(series.flatMap(\.points).map(\.y)) : .logarithmic
      let unit = perItem ? "time of an item, ms" : "time of a batch, ms"
      return .chart(
        Chart(
          "\(perItem ? "Per item" : "Per batch"): \(what)", .lines, xTitle: "batch size, items",
          yTitle: unit + (yScale == .logarithmic ? ", logarithmic" : ""), xScale: .logarithmic,
          yScale: yScale, series: series))
    }
    var charts: [Page.Block] = []
    for perItem in [false, true] {
      if variants.isEmpty {
        charts.append(lines("backends", perItem: perItem, backends.map { ($0, $0, nil) }))
      } else {
        charts.append(lines("variants on \(main)", perItem: perItem, variants.map { ($0, main, $0) }))
        if backends.count > 1 {
          charts.append(
            lines("optimized on each backend", perItem: perItem, backends.map { ($0, $0, "optimized") }))
        }
      }
    }
    return Page.Section("Growth with the batch", charts)
  }

  // MARK: Memory

  private static let memoryFields = [
    ("peak_bytes", "peak of a fresh process"), ("arena_bytes", "arena"),
    ("live_set_bytes", "bound: most that lives at once"),
  ]

  private func memory() -> Page.Section {
    let fields = Self.memoryFields.filter { field in rows.contains { $0.json[field.0]?.integer != nil } }
    func series(_ list: [MeasuredRow], x: (Int) -> Double) -> [Chart.Series] {
      fields.map { field, name in
        Chart.Series(
          name,
          list.enumerated().compactMap { i, row in
            row.number(field).map { Chart.Point(x: x(i), y: $0 / 1_048_576) }
          })
      }
    }
    let shown = rows.filter { $0.batch == batches[0] && (variants.isEmpty || $0.backend == main) }
    var charts = [
      bars(
        "Memory\(variants.isEmpty ? "" : " on \(main)"), batch \(batches[0])",
        shown.map { $0.variant ?? $0.backend },
        x: variants.isEmpty ? "backend" : "variant", y: "memory, MiB", series(shown) { Double($0) })
    ]
    if batches.count > 1 {
      let list = batches.compactMap { row(main, $0, variants.isEmpty ? nil : "optimized") }
      charts.append(
        .chart(
          Chart(
            "Memory over batch size: \(variants.isEmpty ? "" : "optimized on ")\(main)", .lines,
            xTitle: "batch size, items",
            yTitle: "memory, MiB, logarithmic", xScale: .logarithmic, yScale: .logarithmic,
            series: series(list) { Double(list[$0].batch) })))
    }
    var table = Page.Table(
      "Memory",
      [Page.Column("backend"), .number("batch")] + (variants.isEmpty ? [] : [Page.Column("variant")])
        + fields.map { .number("\($0.1), MiB") } + [.number("steps"), .number("reorders")])
    for row in rows {
      table.rows.append(
        [row.backend, "\(row.batch)"] + (row.variant.map { [$0] } ?? [])
          + fields.map { row.mebibyteText($0.0) }
          + ["steps", "reorders"].map { row.json[$0]?.integer.map { grouped($0) } ?? "–" })
    }
    return Page.Section("Memory", charts + [.table(table)])
  }

  // MARK: Passes

  private func passes() -> Page.Section? {
    guard let passes = report["passes"], let list = passes["left_out"]?.array else { return nil }
    let entries = list.filter { $0["earned_ms"]?.double != nil }
    let backend = passes["backend"]?.string ?? "", batch = passes["batch"]?.integer ?? 1
    var table = Page.Table(
      "With every pass against all but one; \(backend), batch \(batch)",
      [
        Page.Column("pass"), .number("nodes"), .number("ms earned"), Page.Column("95 % CI"),
        .number("arena, MiB"),
        .number("moves results by"),
      ])
    for entry in entries {
      let interval = entry["earned_ci95_ms"]?.interval
      let uncertainty = interval.map { ($0.upperBound - $0.lowerBound) / 2 }
      func text(_ value: Double) -> String { measured(value, uncertainty: uncertainty) }
      func difference(_ name: String) -> Int { (passes[name]?.integer ?? 0) - (entry[name]?.integer ?? 0) }
      let moved = entry["moves_results_by"]?.double ?? 0
      table.rows.append([
        entry["pass"]?.string ?? "", signed(difference("nodes")), text(entry["earned_ms"]?.double ?? 0),
        interval.map { "\(text($0.lowerBound)) … \(text($0.upperBound))" } ?? "–",
        signedMebibytes(difference("arena_bytes")),
        moved == 0 ? "0" : scientific(moved),
      ])
    }
    var blocks: [Page.Block] = [
      .text(
        "Each pass was left out alone, and the model run in turns with the fully optimized one. What passes earn does not "
          + "add up: several may remove the same cost."),
      bars(
        "Time that each pass earned", entries.map { $0["pass"]?.string ?? "" }, x: "pass",
        y: "time earned, ms",
        [
          Chart.Series(
            "earned",
            entries.enumerated().map { i, entry in
              Chart.Point(
                x: Double(i), y: entry["earned_ms"]?.double ?? 0, interval: entry["earned_ci95_ms"]?.interval)
            })
        ], canBeLogarithmic: false), .table(table),
    ]
    let kept = list.compactMap { entry in
      entry["not_left_out"]?.string.map { "\(entry["pass"]?.string ?? ""): \($0)" }
    }
    if !kept.isEmpty { blocks.append(.text("Not left out: \(kept.joined(separator: "; ")).")) }
    let doubts = (passes["doubts"]?.array ?? []).compactMap(\.string)
    if !doubts.isEmpty { blocks.append(.verdict(isValid: false, reasons: doubts)) }
    return Page.Section("What each pass earned", blocks)
  }

  // MARK: Placement

  private func placement() -> Page.Section {
    var table = Page.Table(
      "",
      [Page.Column("asked for"), .number("batch")] + (variants.isEmpty ? [] : [Page.Column("variant")])
        + [Page.Column("ran on")])
    for row in rows {
      let text = row.placement.map { place in
        "\(place.backend) \(counted(place.steps, "step"))"
          + (place.milliseconds.map { " \(significant($0)) ms" } ?? "")
      }
      table.rows.append(
        [row.backend, "\(row.batch)"] + (row.variant.map { [$0] } ?? []) + [text.joined(separator: " │ ")])
    }
    let shown = rows.filter { $0.batch == batches[0] && ($0.variant ?? "optimized") == "optimized" }
    var names: [String] = []
    for place in shown.flatMap(\.placement) where place.milliseconds != nil && !names.contains(place.backend)
    {
      names.append(place.backend)
    }
    let series = names.map { name in
      Chart.Series(
        "steps on \(name)",
        shown.enumerated().compactMap { i, row in
          row.placement.first { $0.backend == name }?.milliseconds.map { Chart.Point(x: Double(i), y: $0) }
        })
    }
    let chart = bars(
      "Where the time goes\(variants.isEmpty ? "" : ", optimized"), batch \(batches[0])",
      shown.map(\.backend),
      x: "backend asked for", y: "time of the steps, ms", series)
    return Page.Section("Placement", (names.isEmpty ? [] : [chart]) + [.table(table)])
  }

  // MARK: Layers

  private func layers() -> Page.Section? {
    guard
      let row = rows.first(where: { $0.backend == main && !$0.layers.isEmpty })
        ?? rows.first(where: { !$0.layers.isEmpty })
    else { return nil }
    let layers = row.layers
    let total = layers.reduce(0) { $0 + $1.milliseconds }
    let slowest = layers.indices.sorted { layers[$0].milliseconds > layers[$1].milliseconds }
    var table = Page.Table(
      "\(row.label): \(counted(layers.count, "step")) in the order of the plan, \(significant(total)) ms with the clock "
        + "between them",
      [
        .number("step"), Page.Column("node"), Page.Column("operator"), .number("ms"), .number("of all"),
        .number("GFLOP/s"), .number("of the roof"), Page.Column("backend"), Page.Column("kernel"),
      ])
    table.emphasized = Set(slowest.prefix(min(5, layers.count / 4)))
    for (i, layer) in layers.enumerated() {
      let rate = layer.operations.flatMap {
        $0 > 0 && layer.milliseconds > 0 ? $0 / layer.milliseconds / 1e6 : nil
      }
      table.rows.append([
        "\(i + 1)", shortened(layer.node), layer.operatorName, significant(layer.milliseconds),
        total > 0 ? percent(layer.milliseconds / total) : "–", rate.map { significant($0) } ?? "–",
        layer.rooflineShare.map { percent($0, digits: 0) } ?? "–", layer.backend, layer.kernel,
      ])
    }
    let top = Array(slowest.prefix(15))
    return Page.Section(
      "Layer by layer",
      [
        .text(
          "The roof is the least time that a step's operations or bytes can take on this machine, by its measured ceilings. "
            + "Algorithms with fewer operations than the definition's, such as Winograd's, can go above it."),
        bars(
          "The slowest steps, by their number in the table", top.map { "\($0 + 1) \(layers[$0].node)" },
          x: "step",
          y: "time, ms",
          [
            Chart.Series(
              "time", top.enumerated().map { Chart.Point(x: Double($0), y: layers[$1].milliseconds) })
          ],
          canBeLogarithmic: false),
        .table(table),
      ])
  }
}
