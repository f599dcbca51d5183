import Host
import Needletail
import Reports
import Terminal

/// What a measuring command does with its report beside printing it: `--json`, `--html` and `--baseline`.
struct ReportExtras {
  var json: String?
  var html: String?
  var baseline: (path: String, report: JSON)?
  /// A share.
  var tolerance: Double

  var wantsLayers: Bool { json != nil || html != nil }

  func ceilings(threads: Int?) throws -> Ceilings? {
    wantsLayers ? try Ceilings.measure(threads: ThreadBudget(requested: threads).threads) : nil
  }

  /// Writes the page and compares with the baseline; returns whether something got worse.
  func finish(_ report: JSON, _ console: Console) throws -> Bool {
    if let html { try writeFile(html, Array(try Reports.html(of: reportPage(report), data: report).utf8)) }
    guard let baseline else { return false }
    let check = BaselineCheck(report, against: baseline.report, tolerance: tolerance)
    if check.comparedCount == 0 {
      throw ToolError("\(baseline.path): none of its rows is about what was measured: nothing was compared")
    }
    for change in check.setting {
      console.warn("differs from the baseline: \(change.field): \(change.before) → \(change.after)")
    }
    for row in check.unknown { console.warn("not in the baseline: \(row)") }
    // The reason of exit code 5 is told also where standard output belongs to JSON.
    func tell(_ line: String) { if console.isSilent { console.log(line) } else { console.print(line) } }
    for regression in check.regressions { tell("WORSE \(regression.text)") }
    if check.regressions.isEmpty {
      tell("baseline  \(counted(check.comparedCount, "row")), none slower or larger than in \(baseline.path)")
    }
    return !check.regressions.isEmpty
  }
}

extension ParsedArguments {
  /// Throws when something that the report will need is missing: before anything is measured.
  func reportExtras() throws -> ReportExtras {
    let extras = ReportExtras(
      json: try value(of: Options.json), html: try value(of: Options.html),
      baseline: try value(of: Options.baseline).map { ($0, try readReport($0)) },
      tolerance: try value(of: Options.tolerance) / 100)
    if extras.html != nil { try Gnuplot.require() }
    for path in [extras.html, extras.json] {
      guard let path, path != "-", !isFolder(parentFolder(of: path)) else { continue }
      throw ToolError("\(path): there is no folder \(parentFolder(of: path))")
    }
    return extras
  }
}

/// A report that was written by `--json`.
func readReport(_ path: String) throws -> JSON {
  let text = String(decoding: try readFile(path), as: UTF8.self)
  let report: JSON
  do throws(JSONError) { report = try JSON.parse(text) } catch { throw ToolError("\(path): \(error)") }
  if report["schema"]?.integer == nil { throw ToolError("\(path): no report of ours: it has no 'schema'") }
  return report
}
