import FoundationEssentials
import Host
import Reports
import Testing

@Suite struct HTMLTests {
  /// What a model may call its nodes.
  static let hostile = "</script><script>alert(1)</script> \"'`ls`' @x {\\n} &amp; ü🪡 | $(x)\n<b>"

  static let hasGnuplot: Bool = {
    if (try? Gnuplot.require()) != nil { return true }
    print("pictures are not tested: gnuplot is not on PATH (package gnuplot-nox)")
    return false
  }()

  private func charts() -> [Chart] {
    let name = Self.hostile
    func points(_ ys: [Double]) -> [Chart.Point] {
      ys.enumerated().map { Chart.Point(x: Double($0), y: $1, interval: ($1 - 0.4)...($1 + 0.5)) }
    }
    let batches = [1.0, 2, 4, 8, 16, 32, 64, 128, 256]
    let curves = [1.0, 3, 0.2].enumerated().map { i, factor in
      Chart.Series(
        "series \(i) \(name)",
        batches.map {
          Chart.Point(x: $0, y: $0 * factor + 3, interval: ($0 * factor + 2.8)...($0 * factor + 3.5))
        },
        hasTrend: i == 1)
    }
    return [
      Chart(
        "Time \(name)", .bars(categories: ["simd", "onednn", "auto"]), xTitle: "backend \(name)",
        yTitle: "time, ms \(name)",
        series: [
          Chart.Series("original \(name)", points([41, 30, 28])),
          Chart.Series("optimized", points([12, 11.5, 10.25])),
        ]),
      Chart(
        "Long names",
        .bars(categories: [name, "features.17.conv.2/depthwise/very/long/name/of/a/node", "c", "d", "e", "f"]
        ),
        xTitle: "node", yTitle: "time earned, ms",
        series: [Chart.Series("earned", points([3, -1, 0, 0.5, 10, 4]))]),
      Chart(
        "Growth", .lines, xTitle: "batch size, items", yTitle: "time, ms", xScale: .logarithmic,
        yScale: .logarithmic,
        series: curves),
      Chart("Linear", .lines, xTitle: "batch size, items", yTitle: "time, ms", series: curves),
      Chart(
        "Log bars", .bars(categories: ["a", "b"]), xTitle: "x", yTitle: "time, ms", yScale: .logarithmic,
        series: (0..<9).map {
          Chart.Series("s\($0)", points([[1, 3, 10, 30, 100, 300, 1000, 3000, 9000][$0], 2]))
        }),
      Chart("Nothing", .lines, xTitle: "x", yTitle: "y", series: [Chart.Series("none", [])]),
    ]
  }

  private func page(_ charts: [Chart]) -> Page {
    var table = Page.Table(
      "caption \(Self.hostile)", [Page.Column("name \(Self.hostile)"), .number("ms")],
      rows: [[Self.hostile, "1"], ["b", "2"]])
    table.emphasized = [0]
    return Page(
      "title \(Self.hostile)", summary: Self.hostile,
      sections: [
        Page.Section(
          "section \(Self.hostile)", [.text(Self.hostile), .table(table)] + charts.map { .chart($0) }),
        Page.Section("verdict", [.verdict(isValid: false, reasons: [Self.hostile])]),
      ])
  }

  /// Elements are closed in order, and only the one script of data is there.
  private func check(_ text: String) {
    var open: [String] = []
    var rest = text[...]
    let void: Set = ["meta", "!doctype", "br"]
    while let start = rest.firstIndex(of: "<"), let end = rest[start...].firstIndex(of: ">") {
      let tag = rest[rest.index(after: start)..<end]
      rest = rest[rest.index(after: end)...]
      let name = String(tag.prefix { !$0.isWhitespace && $0 != "/" })
      if tag.hasPrefix("/") {
        let closed = String(tag.dropFirst())
        #expect(open.popLast() == closed, "</\(closed)> closes what is not open")
      } else if !tag.hasSuffix("/") && !void.contains(name) {
        open.append(name)
      }
      if name == "script" || name == "style" {
        let close = rest.firstRange(of: "</\(name)>")
        rest = rest[(close?.lowerBound ?? rest.endIndex)...]
      }
    }
    #expect(open.isEmpty)
    #expect(text.split(separator: "<script", omittingEmptySubsequences: false).count == 2)
    #expect(!text.contains("<b>") && !text.contains("alert(1)</script>"))
    #expect(!text.contains("http://") && !text.contains("https://") && !text.contains("url("))
  }

  @Test func pagesWithoutPicturesNeedNothing() throws {
    let data = JSON.object([("name", .string(Self.hostile)), ("rows", .array([.integer(1)]))])
    let text = try html(of: page([]), data: data)
    check(text)
    let start = try #require(text.firstRange(of: "id=\"report\">")?.upperBound)
    let end = try #require(text[start...].firstRange(of: "</script>")?.lowerBound)
    #expect(try JSON.parse(String(text[start..<end])) == data)
    #expect(text.contains("<td class=\"n\">1</td>"))
  }

  @Test(.enabled(if: hasGnuplot)) func pagesHoldTheirPictures() throws {
    let text = try html(of: page(charts()), data: .object([]))
    check(text)
    #expect(text.split(separator: "<svg ", omittingEmptySubsequences: false).count == 6)
    #expect(text.contains("Nothing was measured for this picture."))
    #expect(text.contains("var(--series-1)") && text.contains("var(--ink)") && text.contains("var(--grid)"))
    #expect(!text.contains("rgb("), "a colour that no style can change")
    #expect(text.contains(">256</text>"), "the last batch size has a tick")
    #expect(text.contains("trend 3.00·x + 3.00"))
    var seen: Set<Substring> = []
    for part in text.split(separator: "id=\"").dropFirst() {
      #expect(seen.insert(part.prefix { $0 != "\"" }).inserted)
    }
    for part in text.split(separator: "id='").dropFirst() {
      #expect(seen.insert(part.prefix { $0 != "'" }).inserted)
    }
    if let folder = ProcessInfo.processInfo.environment["NEEDLETAIL_PAGES"] {
      try Data(text.utf8).write(to: URL(filePath: folder + "/charts.html"))
    }
  }

  @Test func programsGetAllTheirInput() throws {
    let cat = try #require(programPath("cat"))
    let input = [UInt8](repeating: 65, count: 3_000_000)
    let result = try runProgram(cat, [], input: input)
    #expect(result.output == input && result.exitCode == 0)
    let shell = try #require(programPath("sh"))
    let deaf = try runProgram(shell, ["-c", "exec <&-; echo out; echo err >&2; exit 3"], input: input)
    #expect(deaf.output == Array("out\n".utf8) && deaf.errors == Array("err\n".utf8) && deaf.exitCode == 3)
    #expect(programPath("no-such-program-here") == nil)
    #expect(throws: ChildError.self) { try runProgram("/no/such/program", [], input: []) }
  }
}
