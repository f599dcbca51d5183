/// A report as its readers see it: what HTML and Markdown are written from.
package struct Page: Sendable {
  package var title: String
  /// One or two sentences under the title.
  package var summary: String
  package var sections: [Section]

  package init(_ title: String, summary: String = "", sections: [Section] = []) {
    self.title = title
    self.summary = summary
    self.sections = sections
  }

  package struct Section: Sendable {
    package var title: String
    package var blocks: [Block]

    package init(_ title: String, _ blocks: [Block]) {
      self.title = title
      self.blocks = blocks
    }
  }

  package enum Block: Sendable {
    case text(String)
    case table(Table)
    case chart(Chart)
    /// Whether the measurements can be trusted; the reasons when they cannot.
    case verdict(isValid: Bool, reasons: [String])
  }

  /// Cells of text under titles; units stand in the titles.
  package struct Table: Sendable {
    package var caption: String
    package var columns: [Column]
    package var rows: [[String]]
    /// Rows to set off from the others, by index.
    package var emphasized: Set<Int> = []

    package init(_ caption: String, _ columns: [Column], rows: [[String]] = []) {
      self.caption = caption
      self.columns = columns
      self.rows = rows
    }
  }

  package struct Column: Sendable {
    package var title: String
    package var isNumber: Bool

    package init(_ title: String, isNumber: Bool = false) {
      self.title = title
      self.isNumber = isNumber
    }

    package static func number(_ title: String) -> Column { Column(title, isNumber: true) }
  }
}
