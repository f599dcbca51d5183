import Host
import Kernels
import Measurement
import Needletail
import Reports
import Terminal

/// What `compare` says.
struct ComparisonReport {
  var model: Model
  var cells: [ComparedCell]
  var limits: MeasurementLimits
  var tolerance: Tolerance
  var threads: Int?
  /// Passes that changed something.
  var passCount: Int
  var passes: PassesReport?
  /// What layers are held against; nil: nobody asked.
  var ceilings: Ceilings?

  var rows: [(cell: ComparedCell, row: ComparisonRow, fresh: FreshFigures?)] {
    cells.flatMap { cell in cell.cell.rows.enumerated().map { (cell, $1, cell.fresh[$0]) } }
  }

  var failures: [(what: String, reason: String)] {
    rows.filter { !$0.row.numerics.isWithin }.map {
      (name($0.cell, $0.row), $0.row.numerics.reason ?? "differs")
    }
  }

  var doubts: [(what: String, doubts: [MeasurementDoubt])] {
    rows.map { (name($0.cell, $0.row), $0.row.doubts) }
  }
  var isValid: Bool { rows.allSatisfy { $0.row.doubts.isEmpty } }

  private func name(_ cell: ComparedCell, _ row: ComparisonRow) -> String {
    "\(cell.cell.backend.rawValue), batch \(cell.cell.batch), \(row.variant.rawValue)"
  }

  func print(_ console: Console) throws {
    let digest = try SHA256.hex(file: model.path)
    let optimized = rows.last?.row
    console.print(
      "model   \(model.path.split(separator: "/").last ?? "")  sha256 \(digest.prefix(12))…  "
        + "\(fileSize(model.file.fileByteCount))  \(opsets(model))  \(counted(model.nodeCount, "node"))"
        + (optimized.map { " → \($0.nodeCount) after \(passCount) pass\(passCount == 1 ? "" : "es")" } ?? ""))
    console.print("host    \(hostLine(threads: threads))")
    let warm = rows.map(\.row.series.warmUpRuns)
    let runs = rows.map { $0.row.series.times.count }
    console.print(
      "method  interleaved, \(range(warm)) runs of warm-up, \(range(runs)) measured; at least \(limits.minimumRuns) "
        + "and \(significant(limits.minimumSeconds, 2)) s each")
    if let setAside = setAsideText(rows.map(\.row.series)) { console.print("        \(setAside)") }
    var all = VariantNumerics()
    for row in rows { all.merge(row.row.numerics) }
    console.print(
      "verify  against the original on naive: worst |Δ| \(scientific(all.worstAbsolute)) of "
        + "\(significant(all.scale, 3)) in '\(all.worstOutput)' (rtol \(scientific(tolerance.relative, digits: 0)))"
        + (all.topCount > 0 ? "; top-1 same \(all.topSame)/\(all.topCount)" : ""))
    console.print()
    console.print("milliseconds per batch")
    console.print(table(perItem: false))
    console.print()
    console.print("milliseconds per item")
    console.print(table(perItem: true))
    console.print()
    passes?.print(console)
    printPlacement(console)
    for failure in failures { console.print("DIFFERS \(failure.what): \(failure.reason)") }
    _ = console.printVerdict(doubts)
  }

  private func range(_ counts: [Int]) -> String {
    guard let low = counts.min(), let high = counts.max() else { return "0" }
    return low == high ? "\(low)" : "\(low)–\(high)"
  }

  private func table(perItem: Bool) -> TextTable {
    var titles = ["backend", ">batch", "variant", ">p50 ms", "95 % CI", ">p99 ms", ">items/s"]
    if !perItem {
      titles += [">arena MiB", ">peak MiB", ">load ms", ">first ms", ">worst |Δ|", "faster than original"]
    }
    var table = TextTable(titles)
    for (cell, row, fresh) in rows {
      guard let statistics = row.series.statistics else { continue }
      let divisor = 1e6 * (perItem ? Double(cell.cell.batch) : 1)
      let (median, interval) = medianText(statistics, divisor: divisor)
      var cells = [
        cell.cell.backend.rawValue, "\(cell.cell.batch)", row.variant.rawValue, median, interval,
        significant(statistics.p99 / divisor, 3),
        significant(Double(cell.cell.batch) * 1e9 / statistics.median, 4),
      ]
      if !perItem {
        cells += [
          mebibytes(row.facts.arenaByteCount), fresh.map { mebibytes($0.peakBytes) } ?? "–",
          fresh.map { milliseconds(Double($0.loadNanoseconds)) } ?? "–",
          fresh.map { milliseconds(Double($0.firstRunNanoseconds)) } ?? "–",
          row.numerics.worstAbsolute == 0 ? "0" : scientific(row.numerics.worstAbsolute),
          speedupText(row.speedup),
        ]
      }
      table.add(cells)
    }
    return table
  }

  /// Where the steps of the optimized variant run, and those of any variant that ran elsewhere than asked.
  private func printPlacement(_ console: Console) {
    for cell in cells {
      for row in cell.cell.rows where row.variant == .optimized {
        let title = "\(cell.cell.backend.rawValue), batch \(cell.cell.batch)"
        console.print("placement  \(title): \(placementText(row.profile, runs: ModelComparison.profileRuns))")
      }
    }
    for cell in cells where cell.cell.batch == cells.first?.cell.batch {
      for row in cell.cell.rows {
        if let text = strayText(row.facts.strays(from: cell.cell.backend), asked: cell.cell.backend) {
          console.warn("\(row.variant.rawValue): \(text)")
        }
      }
    }
  }

  func json() throws -> JSON {
    .object([
      ("schema", .integer(1)), ("command", .string("compare")), ("model", modelJSON(model)),
      ("sha256", .string(try SHA256.hex(file: model.path))),
      ("host", hostJSON(threads: threads)),
      (
        "method",
        .object([
          ("interleaved", .bool(true)), ("minimum_runs", .integer(limits.minimumRuns)),
          ("minimum_s", .number(limits.minimumSeconds)), ("rtol", .number(tolerance.relative)),
          ("atol", .number(tolerance.absolute)), ("scale_tolerance", .number(tolerance.scaled)),
        ])
      ),
      ("verdict", .string(isValid ? "VALID" : "INVALID")), ("rows", .array(rows.map(rowJSON))),
      ("passes", passes?.json() ?? .null), ("ceilings", ceilings.map(ceilingsJSON) ?? .null),
    ])
  }

  private func rowJSON(_ entry: (cell: ComparedCell, row: ComparisonRow, fresh: FreshFigures?)) -> JSON {
    let (cell, row, fresh) = entry
    let batch = Double(cell.cell.batch)
    var members: [(String, JSON)] = [
      ("backend", .string(cell.cell.backend.rawValue)), ("batch", .integer(cell.cell.batch)),
      ("threads", .integer(cell.cell.threads)), ("variant", .string(row.variant.rawValue)),
      ("nodes", .integer(row.nodeCount)), ("steps", .integer(row.facts.labels.count)),
    ]
    members += seriesJSON(row.series)
    if let statistics = row.series.statistics {
      members += [
        ("p50_ms_per_item", .number(statistics.median / 1e6 / batch)),
        ("items_per_s", .number(batch * 1e9 / statistics.median)),
      ]
    }
    members += [
      ("speedup_over_original", speedupJSON(row.speedup)),
      ("arena_bytes", .integer(row.facts.arenaByteCount)),
      ("live_set_bytes", .integer(row.facts.liveByteCount)),
      ("reorders", .integer(row.facts.reorderCount)),
      ("peak_bytes", JSON(fresh?.peakBytes)), ("peak_before_load_bytes", JSON(fresh?.baseBytes)),
      ("load_ms", JSON(fresh.map { Double($0.loadNanoseconds) / 1e6 })),
      ("read_ms", JSON(fresh.map { Double($0.readNanoseconds) / 1e6 })),
      ("passes_ms", JSON(fresh.map { Double($0.compileNanoseconds) / 1e6 })),
      ("plan_ms", JSON(fresh.map { Double($0.planNanoseconds) / 1e6 })),
      ("first_run_ms", JSON(fresh.map { Double($0.firstRunNanoseconds) / 1e6 })),
      ("placement_steps", .object(row.facts.placement.map { ($0.backend, .integer($0.count)) })),
      ("placement_ms", placementTimesJSON(row.profile, runs: ModelComparison.profileRuns)),
      ("strays", strayJSON(row.facts.strays(from: cell.cell.backend))),
      (
        "numerics",
        .object([
          ("worst_absolute", .number(row.numerics.worstAbsolute)), ("scale", .number(row.numerics.scale)),
          ("output", .string(row.numerics.worstOutput)), ("within_tolerance", .bool(row.numerics.isWithin)),
          ("items", .integer(row.numerics.itemCount)), ("top1_same", .integer(row.numerics.topSame)),
          ("top1_compared", .integer(row.numerics.topCount)), ("reason", JSON(row.numerics.reason)),
        ])
      ),
    ]
    if row.variant == .optimized, cell.cell.batch == cells.first?.cell.batch {
      members.append(("layers", layersJSON(row.profile, runs: ModelComparison.profileRuns, ceilings)))
    }
    return .object(members + verdictJSON(row.doubts))
  }
}
