import Reports
import Testing

@Suite struct MarkdownTests {
  @Test func aPageAsMarkdown() {
    var table = Page.Table(
      "times", [Page.Column("name"), .number("p50 ms")], rows: [["a|b", "1.5"], ["<c>", "12"]])
    table.emphasized = [1]
    let chart = Chart(
      "growth", .lines, xTitle: "batch size, items", yTitle: "time, ms",
      series: [
        Chart.Series("simd", [Chart.Point(x: 1, y: 2), Chart.Point(x: 8, y: 16.25)]),
        Chart.Series("auto", [Chart.Point(x: 8, y: 9)]),
      ])
    let bars = Chart(
      "bars", .bars(categories: ["one", "two"]), xTitle: "backend", yTitle: "time, ms",
      series: [Chart.Series("all", [Chart.Point(x: 1, y: 3)])])
    let page = Page(
      "a_b", summary: "sum",
      sections: [
        Page.Section("first", [.text("x"), .table(table), .chart(chart), .chart(bars)]),
        Page.Section("verdict", [.verdict(isValid: false, reasons: ["too few runs"])]),
      ])
    #expect(
      markdown(of: page) == """
        # a\\_b

        sum

        ## first

        x

        times

        | name | p50 ms |
        |:--|--:|
        | a\\|b | 1.5 |
        | **&lt;c&gt;** | **12** |

        growth: time, ms

        | batch size, items | simd | auto |
        |--:|--:|--:|
        | 1 | 2.000 | – |
        | 8 | 16.25 | 9.000 |

        bars: time, ms

        | backend | all |
        |:--|--:|
        | two | 3.000 |

        ## verdict

        **INVALID**
        - too few runs

        """)
  }
}
