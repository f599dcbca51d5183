/// A row that is slower or larger than in a baseline.
package struct Regression: Hashable, Sendable {
  package var row: String
  package var field: String
  package var before: Double
  package var after: Double

  package var text: String {
    let change = before > 0 ? " (+\(percent(after / before - 1)))" : ""
    if field.hasSuffix("_bytes") {
      return "\(row): \(field) \(mebibytes(Int(before))) → \(mebibytes(Int(after))) MiB\(change)"
    }
    return
      "\(row): \(field) \(significant(before, 4)) → \(significant(after, 4))\(change), and the intervals are apart"
  }
}

/// A report held against an earlier one.
package struct BaselineCheck: Sendable {
  package var regressions: [Regression] = []
  package var comparedCount = 0
  /// Rows that the baseline lacks.
  package var unknown: [String] = []
  /// How the host, the model or the method differ.
  package var setting: [ReportDiff.Change] = []

  /// Times count when their intervals are apart and they grew by more than `tolerance`, a share; so does peak memory,
  /// which is never twice the same. The bytes of an arena are exact, and so is their comparison.
  package init(_ report: JSON, against baseline: JSON, tolerance: Double) {
    let (pairs, _, new) = ReportRow.matched(ReportRow.rows(of: baseline), ReportRow.rows(of: report))
    setting = ReportDiff(from: baseline, to: report).setting
    for (before, after) in pairs {
      var isComparable = false
      if let x = before.field("p50_ms")?.double, let y = after.field("p50_ms")?.double,
        let a = before.interval(of: "p50_ms"), let b = after.interval(of: "p50_ms")
      {
        isComparable = true
        if y > x * (1 + tolerance), b.lowerBound > a.upperBound { add(before, "p50_ms", x, y) }
      }
      for (field, slack) in [("arena_bytes", 0), ("peak_bytes", tolerance)] {
        guard let x = before.field(field)?.double, let y = after.field(field)?.double else { continue }
        isComparable = true
        if y > x * (1 + slack) { add(before, field, x, y) }
      }
      if isComparable { comparedCount += 1 }
    }
    unknown = new.filter { $0.field("p50_ms") != nil }.map(\.label)
  }

  private mutating func add(_ row: ReportRow, _ field: String, _ before: Double, _ after: Double) {
    regressions.append(Regression(row: row.label, field: field, before: before, after: after))
  }
}
