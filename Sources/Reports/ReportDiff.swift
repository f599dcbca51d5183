/// What changed from one report to another.
package struct ReportDiff: Sendable {
  package struct Change: Hashable, Sendable {
    /// What the row is about; empty for the report as a whole.
    package var row: String
    package var field: String
    package var before: String
    package var after: String
    /// The later number over the earlier one.
    package var ratio: Double?
    /// `slower, intervals apart`
    package var note: String
  }

  /// Of the host, the model and the method: they say whether the numbers can be compared at all.
  package var setting: [Change] = []
  package var changes: [Change] = []
  /// Rows that only the earlier report has, and those that only the later one has.
  package var gone: [String] = []
  package var new: [String] = []
  package var comparedCount = 0

  package var isEmpty: Bool { setting.isEmpty && changes.isEmpty && gone.isEmpty && new.isEmpty }

  package init(from before: JSON, to after: JSON) {
    compareSettings(before, after)
    let (pairs, gone, new) = ReportRow.matched(ReportRow.rows(of: before), ReportRow.rows(of: after))
    comparedCount = pairs.count
    self.gone = Self.labels(gone)
    self.new = Self.labels(new)
    for (a, b) in pairs {
      for (name, value) in a.fields {
        guard let other = b.field(name), let change = change(name, value, other, a, b) else { continue }
        changes.append(change)
      }
    }
  }

  /// Without the parts of rows that are named themselves.
  private static func labels(_ rows: [ReportRow]) -> [String] {
    let identities = Set(rows.map(\.identity))
    return rows.filter { row in
      !(1..<row.identity.count).contains { identities.contains(Array(row.identity.prefix($0))) }
    }.map(\.label)
  }

  // MARK: Setting

  private mutating func compareSettings(_ before: JSON, _ after: JSON) {
    let (a, b) = (Self.settings(before), Self.settings(after))
    // The host first.
    for (name, value) in a.filter({ $0.0.hasPrefix("host.") }) + a.filter({ !$0.0.hasPrefix("host.") }) {
      let other = b.first { $0.0 == name }?.1
      if other == value { continue }
      setting.append(
        Change(
          row: "", field: name, before: Self.text(value), after: other.map(Self.text) ?? "not said", note: "")
      )
    }
    for (name, value) in b where !a.contains(where: { $0.0 == name }) {
      setting.append(Change(row: "", field: name, before: "not said", after: Self.text(value), note: ""))
    }
  }

  /// Plain values outside of rows, by their path. Ceilings and times of the whole are measured anew each time.
  private static func settings(_ report: JSON) -> [(String, JSON)] {
    var found: [(String, JSON)] = []
    func visit(_ json: JSON, _ path: String) {
      for (name, value) in json.members ?? [] where !["ceilings", "passes", "doubts"].contains(name) {
        if value.members != nil {
          visit(value, "\(path)\(name).")
        } else if value.array?.contains(where: { $0.members != nil }) != true || path == "host." {
          if !name.hasSuffix("_ms") && !name.hasSuffix("_s") || path == "method." {
            found.append((path + name, value))
          }
        }
      }
    }
    visit(report, "")
    return found
  }

  // MARK: Rows

  /// Other views of the median, and what says how it was measured.
  private static let derived: Set = [
    "turns", "dropped_turns", "set_aside_turns", "apart_turns", "independent_turns", "runs", "warm_up_runs",
    "rounds", "seconds", "min_ms", "mean_ms",
    "p90_ms", "p99_ms", "max_ms", "p50_ms_per_item", "items_per_s", "earned_share", "changes",
  ]
  /// A number that was measured once may differ by so much for no reason.
  private static let slack = 0.1

  private func change(_ name: String, _ a: JSON, _ b: JSON, _ rowA: ReportRow, _ rowB: ReportRow) -> Change? {
    let leaf = String(name.split(separator: ".").last ?? "")
    if Self.derived.contains(leaf) || name.hasPrefix("speedup") || name.hasPrefix("placement_ms") || a == b {
      return nil
    }
    var change = Change(row: rowA.label, field: name, before: Self.text(a), after: Self.text(b), note: "")
    guard let x = a.double, let y = b.double else {
      // Lists are told by their parts.
      return a.array == nil && b.array == nil ? change : nil
    }
    change.ratio = x != 0 ? y / x : nil
    if let before = rowA.interval(of: name), let after = rowB.interval(of: name) {
      let areApart = !before.overlaps(after)
      if !areApart && abs((change.ratio ?? 2) - 1) < 0.05 { return nil }
      change.note = Self.direction(name, x, y) + (areApart ? "intervals apart" : "intervals overlap")
      return change
    }
    if Self.isMeasured(name) {
      guard let ratio = change.ratio, ratio > 0, max(ratio, 1 / ratio) > 1 + Self.slack else { return nil }
      change.note = Self.direction(name, x, y) + "no interval"
    } else if ["peak_", "base_", "rise_"].contains(where: { name.hasPrefix($0) }) {
      guard abs((change.ratio ?? 2) - 1) > 0.02 else { return nil }
      change.note = y > x ? "larger" : "smaller"
    } else if name.hasSuffix("bytes") {
      change.note = y > x ? "larger" : "smaller"
    } else if ["absolute", "results", "difference"].contains(where: { name.contains($0) }) {
      guard abs((change.ratio ?? 2) - 1) > 0.01 else { return nil }
    }
    return change
  }

  /// Times and what follows from them, which no two measurements find alike.
  private static func isMeasured(_ name: String) -> Bool {
    ["_ms", "_ns", "_us", "_s"].contains { name.hasSuffix($0) } || name.contains("share")
      || name.contains("ratio")
  }

  private static func direction(_ name: String, _ before: Double, _ after: Double) -> String {
    if ["_ms", "_ns", "_us", "_s"].contains(where: { name.hasSuffix($0) }), !name.hasSuffix("per_s"),
      !name.hasPrefix("earned")
    {
      return after > before ? "slower, " : "faster, "
    }
    return after > before ? "more, " : "less, "
  }

  static func text(_ value: JSON) -> String {
    switch value {
    case .null: "none"
    case .bool(let flag): flag ? "yes" : "no"
    case .integer(let number): grouped(number)
    case .number(let number): significant(number, 4)
    case .string(let text): text
    case .array(let elements): elements.map(Self.text).joined(separator: " ")
    case .object(let members): members.map { "\($0) \(Self.text($1))" }.joined(separator: " ")
    }
  }
}

extension ReportDiff {
  /// The difference as lines of text.
  package var lines: [String] {
    if isEmpty && comparedCount > 0 { return ["nothing changed in \(counted(comparedCount, "row"))"] }
    var lines: [String] = []
    for change in setting { lines.append("\(change.field): \(change.before) → \(change.after)") }
    if !setting.isEmpty { lines.append("") }
    if comparedCount == 0 {
      lines.append("the reports have no row in common: nothing was compared")
    } else if changes.isEmpty {
      lines.append("nothing changed in the \(counted(comparedCount, "row")) that both reports have")
    } else {
      var table = TextTable(["row", "what", ">before", ">after", ">after/before", ""])
      for change in changes {
        table.add([
          change.row, change.field, change.before, change.after,
          change.ratio.map { "\(significant($0))×" } ?? "",
          change.note,
        ])
      }
      lines += table.lines
    }
    lines += gone.map { "only before: \($0)" } + new.map { "only after: \($0)" }
    return lines
  }

  package var json: JSON {
    func list(_ changes: [Change]) -> JSON {
      .array(
        changes.map {
          .object([
            ("row", .string($0.row)), ("field", .string($0.field)), ("before", .string($0.before)),
            ("after", .string($0.after)), ("ratio", JSON($0.ratio)), ("note", .string($0.note)),
          ])
        })
    }
    return .object([
      ("schema", .integer(1)), ("command", .string("report diff")),
      ("rows_compared", .integer(comparedCount)),
      ("setting", list(setting)), ("changes", list(changes)), ("only_before", JSON(gone)),
      ("only_after", JSON(new)),
    ])
  }
}
