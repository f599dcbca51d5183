import Glibc
import Host
import Reports
import Terminal

/// Where a report goes: `--json`, `--markdown` and `--html`.
package struct DocumentOptions: Sendable {
  package var json: String?
  package var markdown: String?
  package var html: String?

  private static let markdownOption = Option<String?>.value(
    "--markdown", "FILE", "write the report as Markdown tables", default: nil
  ) { (text) throws(UsageError) in text }
  private static let htmlOption = Option<String?>.value(
    "--html", "FILE", "write the report as one page with pictures", default: nil
  ) { (text) throws(UsageError) in text }

  package static let declarations = [
    reportOption.declaration, markdownOption.declaration, htmlOption.declaration,
  ]

  /// Throws when a page could not be drawn at the end: before anything is measured.
  package init(_ arguments: ParsedArguments) throws {
    json = try arguments.value(of: reportOption)
    markdown = try arguments.value(of: Self.markdownOption)
    html = try arguments.value(of: Self.htmlOption)
    if html != nil { try Gnuplot.require() }
  }

  package func write(_ report: JSON, _ page: Page, _ console: Console) throws {
    if json == "-" {
      console.write(json: report.text)
    } else if let json {
      try replaceFile(json, report.text)
    }
    if let markdown { try replaceFile(markdown, Reports.markdown(of: page)) }
    if let html { try replaceFile(html, try Reports.html(of: page, data: report)) }
  }
}

/// The text of a file of any length.
package func readTextFile(_ path: String) throws(ToolError) -> String {
  let file = open(path, O_RDONLY | O_CLOEXEC)
  guard file >= 0 else { throw ToolError("\(path): \(String(cString: strerror(errno)))") }
  defer { close(file) }
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 1 << 16)
  while true {
    let count = read(file, &buffer, buffer.count)
    if count < 0 && errno == EINTR { continue }
    if count < 0 { throw ToolError("\(path): \(String(cString: strerror(errno)))") }
    if count == 0 { return String(decoding: bytes, as: UTF8.self) }
    bytes += buffer[..<count]
  }
}

extension Page.Table {
  /// The table for a terminal.
  package var textTable: TextTable {
    var table = TextTable(columns.map { ($0.isNumber ? ">" : "") + $0.title })
    for row in rows { table.add(row) }
    return table
  }
}
