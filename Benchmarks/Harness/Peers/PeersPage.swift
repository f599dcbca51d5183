import Measurement
import Reports

extension PeersReport {
  /// The report for readers; it ends with ours against the best.
  package var page: Page {
    var page = Page(
      "Needletail beside other engines",
      summary:
        "Each engine is a process of its own; they run in turns, round by round, on the same files, inputs and "
        + "threads. A ratio is their time over ours within a round: above 1 needletail is faster. The median of all "
        + "rounds stands with its 95 % interval; under 5 % is a tie. Only engines that compute in f32 and answer "
        + "like the reference can be the best.")
    page.sections = models.map(section)
    page.sections.append(enginesSection)
    page.sections.append(
      Page.Section(
        "Needletail against the best f32 engine", [.table(summaryTable), .text(sentence), verdict]))
    return page
  }

  private var models: [String] { distinct(cells.map(\.model)) }
  private var engines: [String] { distinct(cells.flatMap { $0.results.map(\.engine) }) }

  private func distinct(_ names: [String]) -> [String] {
    var seen: Set<String> = []
    return names.filter { seen.insert($0).inserted }
  }

  // MARK: A model

  private func section(_ model: String) -> Page.Section {
    let cells = cells.filter { $0.model == model }
    let known = engines.filter { engine in cells.contains { $0.result(engine)?.times != nil } }
    // Engines are places, not colours: there are more of them than colours that eyes tell apart.
    func chart(
      _ title: String, _ yTitle: String, of cells: [PeerCell], _ engines: [String],
      _ value: (PeerCell, PeerResult) -> Chart.Point?
    ) -> Page.Block {
      let series = cells.map { cell in
        Chart.Series(
          "batch \(cell.batch), \(counted(cell.threads, "thread"))",
          engines.enumerated().compactMap { i, engine in
            guard let result = cell.result(engine), result.failure == nil, var point = value(cell, result)
            else {
              return nil
            }
            point.x = Double(i)
            return point
          })
      }
      return .chart(
        Chart(
          "\(model): \(title)", .bars(categories: engines), xTitle: "engine", yTitle: yTitle,
          yScale: .logarithmic,
          series: series.filter { !$0.points.isEmpty }))
    }
    // What a model takes in memory depends on the batch; one will do for a picture, the tables hold all.
    let first = cells.filter {
      $0.batch == cells.map(\.batch).min() && $0.threads == cells.map(\.threads).max()
    }
    var blocks = [
      chart("time of a run", "time per batch, ms", of: cells, known) { _, result in
        result.times.map { times in
          Chart.Point(
            x: 0, y: times.median / 1e6,
            interval: times.interval.map { $0.lowerBound / 1e6...$0.upperBound / 1e6 })
        }
      },
      chart(
        "their time over ours", "ratio, above 1: needletail is faster", of: cells,
        known.filter { $0 != PeerCell.ours }
      ) {
        cell, result in
        cell.ratio(result.engine).map { Chart.Point(x: 0, y: $0.median, interval: $0.medianInterval) }
      },
      chart("peak memory above the engine's import", "resident memory, MiB", of: first, known) { _, result in
        Chart.Point(x: 0, y: max(0.01, Double(result.load.riseBytes) / 1_048_576))
      },
      chart("read, compile and run once", "time, ms", of: first, known) { _, result in
        Chart.Point(
          x: 0, y: max(0.001, Double(result.load.loadNanoseconds + result.load.firstNanoseconds) / 1e6))
      },
    ]
    blocks += cells.map { .table(table($0)) }
    return Page.Section(model, blocks)
  }

  private func table(_ cell: PeerCell) -> Page.Table {
    var table = Page.Table(
      "\(cell.name); outputs compared with \(cell.reference.isEmpty ? "none" : cell.reference)",
      [
        Page.Column("engine"), .number("p50, ms"), .number("95 % interval, ms"), .number("theirs over ours"),
        .number("95 % interval"), .number("load, ms"), .number("first run, ms"),
        .number("memory above import, MiB"),
        .number("difference of scale"), Page.Column("remarks"),
      ])
    for result in cell.results {
      if result.engine == cell.best?.engine { table.emphasized.insert(table.rows.count) }
      table.rows.append(Self.row(cell, result))
    }
    return table
  }

  private static func row(_ cell: PeerCell, _ result: PeerResult) -> [String] {
    if let failure = result.failure {
      return [result.engine] + [String](repeating: "–", count: 8) + ["\(failure.kind): \(failure.reason)"]
    }
    let uncertainty = result.times?.interval.map { ($0.upperBound - $0.lowerBound) / 2 / 1e6 }
    func ms(_ value: Double?) -> String { value.map { measured($0 / 1e6, uncertainty: uncertainty) } ?? "–" }
    let ratio = cell.ratio(result.engine).map { medianText($0, divisor: 1) }
    var remarks: [String] = []
    if let differs = result.differs { remarks.append("DIFFERS: \(differs)") }
    if !result.isSinglePrecision { remarks.append("precision \(result.facts.precision)") }
    if result.setAsideRounds > 0 {
      remarks.append("\(result.setAsideRounds) rounds set aside: processors apart")
    }
    remarks += result.doubts
    return [
      result.engine, ms(result.times?.median),
      result.times?.interval.map { "\(ms($0.lowerBound)) … \(ms($0.upperBound))" } ?? "–",
      ratio?.median ?? "–",
      ratio?.interval ?? "–", milliseconds(Double(result.load.loadNanoseconds)),
      milliseconds(Double(result.load.firstNanoseconds)), mebibytes(result.load.riseBytes),
      result.difference.map { scientific($0) } ?? "–", remarks.joined(separator: "; "),
    ]
  }

  // MARK: Engines

  private var enginesSection: Page.Section {
    var blocks: [Page.Block] = [.table(enginesTable)]
    let sizes = engines.compactMap { engine in
      cells.compactMap { $0.result(engine)?.facts.packageBytes }.max().map { (engine, $0) }
    }
    if !sizes.isEmpty {
      let points = sizes.enumerated().map { Chart.Point(x: Double($0), y: Double($1.1) / 1e6) }
      blocks.append(
        .chart(
          Chart(
            "Package on disk", .bars(categories: sizes.map(\.0)), xTitle: "engine", yTitle: "size, MB",
            yScale: .logarithmic, series: [Chart.Series("package", points)])))
    }
    return Page.Section("Engines", blocks)
  }

  private var enginesTable: Page.Table {
    var table = Page.Table(
      "How each engine was called",
      [
        Page.Column("engine"), Page.Column("version"), Page.Column("precision"), .number("package, MB"),
        .number("memory after import, MiB"), Page.Column("one run is"),
      ])
    for engine in engines {
      let results = cells.compactMap { $0.result(engine) }
      guard let facts = results.first(where: { !$0.facts.version.isEmpty })?.facts else {
        let reason = results.compactMap(\.failure?.reason).first ?? ""
        table.rows.append([engine, "–", "–", "–", "–", reason])
        continue
      }
      table.rows.append([
        engine, facts.version, facts.precision,
        results.compactMap(\.facts.packageBytes).max().map { fixed(Double($0) / 1e6, 1) } ?? "–",
        mebibytes(facts.baseBytes), facts.call,
      ])
    }
    return table
  }

  // MARK: The end

  /// One row a cell: what the program prints last.
  package var summaryTable: Page.Table {
    var table = Page.Table(
      "Needletail against the best f32 engine: their time over ours",
      [
        Page.Column("model"), .number("batch"), .number("threads"), .number("needletail, ms"),
        Page.Column("best f32 engine"),
        .number("its time, ms"), .number("ratio"), .number("95 % interval"), Page.Column("verdict"),
      ])
    for cell in cells {
      let ratio = cell.ratioOverBest.map { medianText($0, divisor: 1) }
      func ms(_ result: PeerResult?) -> String { result?.times.map { milliseconds($0.median) } ?? "–" }
      table.rows.append([
        cell.model, "\(cell.batch)", "\(cell.threads)", ms(cell.result(PeerCell.ours)),
        cell.best?.engine ?? "–",
        ms(cell.best), ratio?.median ?? "–", ratio?.interval ?? "–", verdictText(cell),
      ])
    }
    return table
  }

  private func verdictText(_ cell: PeerCell) -> String {
    guard cell.verdict == .none else {
      return cell.verdict.rawValue + (cell.isPrecise ? "" : ", interval wider than 6 %")
    }
    guard let ours = cell.result(PeerCell.ours) else { return "needletail was not asked" }
    if let failure = ours.failure { return "needletail \(failure.kind)" }
    if ours.differs != nil { return "needletail DIFFERS" }
    return cell.best == nil ? "no other engine counts" : "not measured"
  }

  /// Whether all ratios over the best engine can be trusted.
  package var verdict: Page.Block {
    var reasons = cells.filter { !$0.doubts.isEmpty }.map {
      "\($0.name): \($0.doubts.joined(separator: "; "))"
    }
    if cells.allSatisfy({ $0.verdict == .none }) { reasons.append("no cell has a ratio over another engine") }
    return .verdict(isValid: reasons.isEmpty, reasons: reasons)
  }

  /// The geometric mean and the counts.
  package var sentence: String {
    let summary = PeerSummary(cells)
    func count(_ verdict: PeerCell.Verdict) -> Int { summary.counts[verdict] ?? 0 }
    let counts =
      "faster in \(count(.faster)), tie in \(count(.tie)), slower in \(count(.slower)), "
      + "not compared in \(count(.none)) of \(counted(cells.count, "cell"))"
    guard let mean = summary.geometricMean else { return "no ratio to average; \(counts)" }
    return "geometric mean of the ratios \(significant(mean, 3)); needletail is \(counts)"
  }
}
