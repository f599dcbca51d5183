/// A page as Markdown with GitHub's tables; charts become tables of their points.
package func markdown(of page: Page) -> String {
  var blocks = ["# \(markdownText(page.title))"]
  if !page.summary.isEmpty { blocks.append(markdownText(page.summary)) }
  for section in page.sections {
    blocks.append("## \(markdownText(section.title))")
    for block in section.blocks {
      switch block {
      case .text(let text): blocks.append(markdownText(text))
      case .table(let table): blocks.append(markdownTable(table))
      case .chart(let chart): blocks.append(markdownTable(chart.table))
      case .verdict(let isValid, let reasons):
        blocks.append(
          (["**\(isValid ? "VALID" : "INVALID")**"] + reasons.map { "- \(markdownText($0))" })
            .joined(separator: "\n"))
      }
    }
  }
  return blocks.joined(separator: "\n\n") + "\n"
}

package func markdownTable(_ table: Page.Table) -> String {
  var lines: [String] = []
  if !table.caption.isEmpty { lines += [markdownText(table.caption), ""] }
  func line(_ cells: [String]) -> String { "| \(cells.joined(separator: " | ")) |" }
  lines.append(line(table.columns.map { markdownText($0.title) }))
  lines.append("|" + table.columns.map { $0.isNumber ? "--:" : ":--" }.joined(separator: "|") + "|")
  for (i, row) in table.rows.enumerated() {
    let isStrong = table.emphasized.contains(i)
    let cells = table.columns.indices.map { $0 < row.count ? markdownText(row[$0]) : "" }
    lines.append(line(cells.map { isStrong && !$0.isEmpty ? "**\($0)**" : $0 }))
  }
  return lines.joined(separator: "\n")
}

/// Text that Markdown shows as it is: names of models may hold whatever marks a table, a link or a tag.
private func markdownText(_ text: String) -> String {
  var result = ""
  for character in text {
    switch character {
    case "|", "*", "_", "`", "[", "]", "\\", "#": result += "\\\(character)"
    case "<": result += "&lt;"
    case ">": result += "&gt;"
    case "&": result += "&amp;"
    case _ where character.isNewline: result += " "
    default: result.append(character)
    }
  }
  return result
}

extension Chart {
  /// The points of a chart in numbers: a row for each place on the x axis, a column for each series.
  package var table: Page.Table {
    var places: [Double] = []
    for point in series.flatMap(\.points) where !places.contains(point.x) { places.append(point.x) }
    places.sort()
    let rows = places.map { x in
      [name(of: x)]
        + series.map { series in
          series.points.first { $0.x == x }.map { significant($0.y, 4) } ?? "–"
        }
    }
    let first: Page.Column =
      if case .bars = kind { Page.Column(xTitle) } else { .number(xTitle) }
    return Page.Table("\(title): \(yTitle)", [first] + series.map { .number($0.name) }, rows: rows)
  }

  func name(of x: Double) -> String {
    guard case .bars(let categories) = kind else { return number(x) }
    let i = Int(x)
    return categories.indices.contains(i) ? categories[i] : number(x)
  }

  /// `64`, `0.125`: as short as a label of an axis should be.
  func number(_ x: Double) -> String { x == x.rounded() && abs(x) < 1e7 ? fixed(x, 0) : significant(x, 3) }
}
