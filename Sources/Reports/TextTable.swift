/// Columns of text, wide enough for their cells.
package struct TextTable {
  package enum Alignment: Sendable { case left, right }

  private let titles: [String]
  private let alignments: [Alignment]
  private var rows: [[String]] = []

  /// A title that begins with '>' heads a column aligned to the right.
  package init(_ titles: [String]) {
    self.titles = titles.map { $0.hasPrefix(">") ? String($0.dropFirst()) : $0 }
    alignments = titles.map { $0.hasPrefix(">") ? .right : .left }
  }

  package mutating func add(_ cells: [String]) {
    rows.append(cells + [String](repeating: "", count: max(0, titles.count - cells.count)))
  }

  package var isEmpty: Bool { rows.isEmpty }

  package var lines: [String] {
    let all = [titles] + rows
    let widths = titles.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
    return all.map { row in
      var line = ""
      for (i, cell) in row.enumerated() {
        let space = String(repeating: " ", count: widths[i] - cell.count)
        if i > 0 { line += "  " }
        line += alignments[i] == .right ? space + cell : cell + space
      }
      while line.last == " " { line.removeLast() }
      return line
    }
  }
}

/// A long name without its middle: both its module and its end tell nodes apart.
package func shortened(_ name: String, limit: Int = 48) -> String {
  guard name.count > limit else { return name }
  let tail = limit * 2 / 3
  return name.prefix(limit - tail - 1) + "…" + name.suffix(tail)
}

/// `text` with spaces behind it, up to `width` characters.
package func pad(_ text: String, _ width: Int) -> String {
  text + String(repeating: " ", count: max(0, width - text.count))
}
