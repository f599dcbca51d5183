/// A page as one self-contained HTML file: pictures and data inside, nothing fetched, no script run.
///
/// `data` is embedded as JSON, for programs. Throws when gnuplot is missing or fails.
package func html(of page: Page, data: JSON? = nil) throws -> String {
  var writer = HTMLWriter()
  return try writer.write(page, data)
}

/// Text without what HTML would take as its own.
package func htmlEscaped(_ text: String) -> String {
  var result = ""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "&": result += "&amp;"
    case "<": result += "&lt;"
    case ">": result += "&gt;"
    case "\"": result += "&quot;"
    case "'": result += "&#39;"
    case "\n", "\t": result += " "
    case _ where scalar.value < 0x20 || scalar.value == 0x7F: result += "\u{FFFD}"
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result
}

private struct HTMLWriter {
  private var chartCount = 0
  private var text = ""

  mutating func write(_ page: Page, _ data: JSON?) throws -> String {
    text = """
      <!doctype html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
      <meta name="color-scheme" content="light dark">
      <title>\(htmlEscaped(page.title))</title>
      <style>
      \(pageStyle)
      </style>
      </head>
      <body>
      <main>
      <h1>\(htmlEscaped(page.title))</h1>

      """
    if !page.summary.isEmpty { text += "<p class=\"summary\">\(htmlEscaped(page.summary))</p>\n" }
    for section in page.sections {
      text += "<section>\n<h2>\(htmlEscaped(section.title))</h2>\n"
      try write(section.blocks)
      text += "</section>\n"
    }
    text += "</main>\n"
    if let data {
      // In JSON '<' stands in strings only, where it may be written as its number: no string can end the element.
      let json = data.text.replacing("<", with: "\\u003c")
      text += "<script type=\"application/json\" id=\"report\">\n\(json)</script>\n"
    }
    return text + "</body>\n</html>\n"
  }

  private mutating func write(_ blocks: [Page.Block]) throws {
    var isInCharts = false
    for block in blocks {
      let isChart = if case .chart = block { true } else { false }
      if isChart != isInCharts { text += isChart ? "<div class=\"charts\">\n" : "</div>\n" }
      isInCharts = isChart
      switch block {
      case .text(let line): text += "<p>\(htmlEscaped(line))</p>\n"
      case .table(let table): write(table)
      case .chart(let chart): try write(chart)
      case .verdict(let isValid, let reasons): write(isValid, reasons)
      }
    }
    if isInCharts { text += "</div>\n" }
  }

  private mutating func write(_ table: Page.Table) {
    // Outside of what scrolls.
    if !table.caption.isEmpty { text += "<p class=\"caption\">\(htmlEscaped(table.caption))</p>\n" }
    text += "<div class=\"table\"><table>\n"
    func cell(_ kind: String, _ column: Int, _ content: String) -> String {
      let mark = table.columns[column].isNumber ? " class=\"n\"" : ""
      return "<\(kind)\(mark)>\(htmlEscaped(content))</\(kind)>"
    }
    text +=
      "<thead><tr>" + table.columns.indices.map { cell("th", $0, table.columns[$0].title) }.joined()
      + "</tr></thead>\n"
    text += "<tbody>\n"
    for (i, row) in table.rows.enumerated() {
      text += table.emphasized.contains(i) ? "<tr class=\"strong\">" : "<tr>"
      text += table.columns.indices.map { cell("td", $0, $0 < row.count ? row[$0] : "") }.joined() + "</tr>\n"
    }
    text += "</tbody></table></div>\n"
  }

  private mutating func write(_ chart: Chart) throws {
    chartCount += 1
    let picture = try Gnuplot.svg(chart, id: "chart\(chartCount)")
    text += "<figure>\n<figcaption>\(htmlEscaped(chart.title))</figcaption>\n"
    if chart.series.count > 1 || chart.series.contains(where: \.hasTrend) {
      text += "<ul class=\"legend\">"
      for (i, series) in chart.series.enumerated() where !series.points.isEmpty {
        let glyph =
          switch chart.kind {
          case .bars: "■"
          case .lines: ChartScript.marks[i % ChartScript.marks.count].glyph
          }
        text +=
          "<li><span class=\"mark\" style=\"color:\(ChartColour.series(i).variable)\">\(glyph)</span>"
          + "\(htmlEscaped(series.legend))</li>"
      }
      text += "</ul>\n"
    }
    text +=
      picture.map { "<div class=\"picture\">\($0)</div>\n" }
      ?? "<p>Nothing was measured for this picture.</p>\n"
    text += "</figure>\n"
  }

  private mutating func write(_ isValid: Bool, _ reasons: [String]) {
    text += "<p><strong class=\"verdict \(isValid ? "valid\">VALID" : "invalid\">INVALID")</strong></p>\n"
    if reasons.isEmpty { return }
    text += "<ul>" + reasons.map { "<li>\(htmlEscaped($0))</li>" }.joined(separator: "\n") + "</ul>\n"
  }
}
