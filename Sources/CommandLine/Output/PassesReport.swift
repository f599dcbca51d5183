import Measurement
import Needletail
import Reports
import Terminal

/// What each pass earned, in text and in JSON.
struct PassesReport {
  var contributions: PassContributions

  var title: String {
    "what each pass earned (left out one at a time; \(contributions.backend.rawValue), batch \(contributions.batch))"
  }

  func print(_ console: Console) {
    console.print(title)
    var table = TextTable(["pass", ">nodes", ">ms earned", "95 % CI", ">arena MiB", ">moves results by"])
    for entry in contributions.entries {
      guard let earned = entry.earned else { continue }
      let (median, interval) = medianText(earned)
      table.add([
        entry.pass, signed(contributions.nodeCount - entry.nodeCount), median, interval,
        signedMebibytes(contributions.arenaByteCount - entry.arenaByteCount),
        entry.worstAbsolute == 0 ? "0" : scientific(entry.worstAbsolute),
      ])
    }
    console.print(table)
    for entry in contributions.entries {
      if let refusal = entry.refusal { console.print("not left out: \(entry.pass): \(refusal)") }
    }
    if !contributions.doubts.isEmpty {
      console.print("in doubt: \(contributions.doubts.map(\.finding).joined(separator: "; "))")
    }
    console.print()
  }

  func json() -> JSON {
    var members: [(String, JSON)] = [
      ("backend", .string(contributions.backend.rawValue)), ("batch", .integer(contributions.batch)),
      ("threads", .integer(contributions.threads)), ("nodes", .integer(contributions.nodeCount)),
      ("arena_bytes", .integer(contributions.arenaByteCount)),
    ]
    if let statistics = contributions.statistics { members += statisticsJSON(statistics) }
    members.append(
      (
        "left_out",
        .array(
          contributions.entries.map { entry in
            let interval = entry.earned?.medianInterval
            return .object([
              ("pass", .string(entry.pass)), ("changes", .integer(entry.changes)),
              ("nodes", JSON(entry.earned.map { _ in entry.nodeCount })),
              ("arena_bytes", JSON(entry.earned.map { _ in entry.arenaByteCount })),
              ("earned_ms", JSON(entry.earned.map { $0.median / 1e6 })),
              (
                "earned_ci95_ms",
                interval.map { .array([.number($0.lowerBound / 1e6), .number($0.upperBound / 1e6)]) } ?? .null
              ),
              ("rounds", JSON(entry.earned?.count)),
              ("moves_results_by", JSON(entry.earned.map { _ in entry.worstAbsolute })),
              ("results_scale", JSON(entry.earned.map { _ in entry.scale })),
              ("not_left_out", JSON(entry.refusal)),
            ])
          })
      ))
    return .object(members + verdictJSON(contributions.doubts))
  }
}

/// `+3`, `−3`, `0`
func signed(_ count: Int) -> String {
  count > 0 ? "+\(grouped(count))" : count < 0 ? "−\(grouped(-count))" : "0"
}

/// The same of bytes, in MiB.
func signedMebibytes(_ count: Int) -> String {
  count > 0 ? "+\(mebibytes(count))" : count < 0 ? "−\(mebibytes(-count))" : "0"
}
