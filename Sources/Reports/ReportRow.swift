/// A row of a report: what it is about, and what was found.
struct ReportRow {
  /// Values that say what was measured: rows of two reports with the same ones belong together.
  var identity: [String]
  var fields: [(name: String, value: JSON)]

  var label: String { identity.joined(separator: ", ") }

  func field(_ name: String) -> JSON? { fields.first { $0.name == name }?.value }

  /// The interval of a number, which stands beside it: `p50_ci95_ms` beside `p50_ms`, `ratio_ci95` beside `ratio`.
  func interval(of name: String) -> ClosedRange<Double>? {
    let unit = ["_ms", "_ns", "_us", "_s", "_per_s"].last { name.hasSuffix($0) } ?? ""
    let prefix = name.lastIndex(of: ".").map { String(name[...$0]) } ?? ""
    let stem = name.dropFirst(prefix.count).dropLast(unit.count)
    return (field("\(prefix)\(stem)_ci95\(unit)") ?? field("\(name)_ci95"))?.interval
  }
}

extension ReportRow {
  /// Names that tell rows apart, in the order in which a reader wants them; a number is told with its name.
  private static let identifying = [
    "model", "study", "table", "dataset", "layer", "shape", "engine", "backend", "optimize", "variant",
    "precision",
    "batch", "batch_items", "threads", "concurrency", "callers", "rate_per_s", "requested_per_s",
    "test_items",
    "operator", "kernel", "formats", "pass", "case", "name", "node",
  ]
  /// Lists that repeat what other fields say.
  private static let repeated: Set = ["strays"]

  private init(_ json: JSON, within outer: [String], identifying: [String] = identifying) {
    identity = outer
    fields = []
    for name in identifying {
      guard let value = json[name] else { continue }
      if let text = value.string {
        if text.isEmpty { continue }
        identity.append(text)
      } else if let number = value.double {
        identity.append("\(name) \(AxisTicks.label(number))")
      }
    }
    flatten(json, prefix: "", without: Set(identifying))
  }

  private mutating func flatten(_ json: JSON, prefix: String, without: Set<String>) {
    for (name, value) in json.members ?? [] where !without.contains(name) {
      if value.members != nil {
        flatten(value, prefix: prefix + name + ".", without: [])
      } else {
        fields.append((prefix + name, value))
      }
    }
  }

  /// The rows of a report: those of every list of objects at its top, those of the lists within them, and what each
  /// pass earned. Of the layers of a run only the kernel counts: their times are those of a run with clocks in it.
  static func rows(of report: JSON) -> [ReportRow] {
    var rows: [ReportRow] = []
    func add(_ list: JSON, within outer: [String]) {
      for element in list.array ?? [] where element.members != nil {
        let row = ReportRow(element, within: outer)
        if row.identity == outer { continue }
        rows.append(row)
        for (name, value) in element.members ?? [] where value.array != nil && !repeated.contains(name) {
          if name == "layers" {
            addLayers(value, within: row.identity)
          } else {
            add(value, within: row.identity)
          }
        }
      }
    }
    func addLayers(_ list: JSON, within outer: [String]) {
      for layer in list.array ?? [] {
        var row = ReportRow(layer, within: outer, identifying: ["node"])
        row.fields.removeAll { $0.name != "kernel" }
        rows.append(row)
      }
    }
    for (name, value) in report.members ?? [] where name != "passes" {
      add(value, within: name == "rows" ? [] : [name])
    }
    if let passes = report["passes"], let list = passes["left_out"] {
      add(
        list,
        within: ReportRow(passes, within: ["without"], identifying: ["backend", "batch", "threads"]).identity)
    }
    return rows
  }

  /// Pairs of rows about the same, and those that only one report has. Of several rows about the same, the first
  /// goes with the first.
  static func matched(
    _ before: [ReportRow], _ after: [ReportRow]
  ) -> (pairs: [(before: ReportRow, after: ReportRow)], gone: [ReportRow], new: [ReportRow]) {
    var waiting: [[String]: [Int]] = [:]
    for (i, row) in after.enumerated() { waiting[row.identity, default: []].append(i) }
    var pairs: [(before: ReportRow, after: ReportRow)] = []
    var gone: [ReportRow] = []
    var isMatched = [Bool](repeating: false, count: after.count)
    for row in before {
      guard let i = waiting[row.identity]?.first else {
        gone.append(row)
        continue
      }
      waiting[row.identity]?.removeFirst()
      isMatched[i] = true
      pairs.append((row, after[i]))
    }
    return (pairs, gone, after.indices.filter { !isMatched[$0] }.map { after[$0] })
  }
}
