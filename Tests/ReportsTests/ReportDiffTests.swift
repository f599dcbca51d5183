import Reports
import Testing

@Suite struct ReportDiffTests {
  private func row(
    _ backend: String, _ median: Double, arena: Int = 1000, peak: Int = 10_000_000,
    variant: String = "optimized",
    kernel: String = "simd.a"
  ) -> JSON {
    .object([
      ("backend", .string(backend)), ("batch", .integer(1)), ("threads", .integer(2)),
      ("variant", .string(variant)),
      ("steps", .integer(3)), ("p50_ms", .number(median)),
      ("p50_ci95_ms", .array([.number(median * 0.99), .number(median * 1.01)])),
      ("p99_ms", .number(median * 3)),
      ("load_ms", .number(5)), ("arena_bytes", .integer(arena)), ("peak_bytes", .integer(peak)),
      ("placement_steps", .object([(backend, .integer(3))])),
      ("numerics", .object([("worst_absolute", .number(1e-6)), ("within_tolerance", .bool(true))])),
      (
        "layers",
        .array([.object([("node", .string("conv")), ("kernel", .string(kernel)), ("ms", .number(median))])])
      ),
      ("verdict", .string("VALID")),
    ])
  }

  private func report(_ rows: [JSON], processor: String = "x", earned: Double = 2) -> JSON {
    .object([
      ("schema", .integer(1)), ("command", .string("compare")),
      ("model", .object([("path", .string("m.onnx"))])),
      ("host", .object([("processor", .string(processor)), ("features", JSON(["avx2"]))])),
      ("rows", .array(rows)),
      (
        "passes",
        .object([
          ("backend", .string("auto")), ("batch", .integer(1)),
          (
            "left_out",
            .array([
              .object([
                ("pass", .string("epilogues")), ("earned_ms", .number(earned)),
                ("earned_ci95_ms", .array([.number(earned - 0.1), .number(earned + 0.1)])),
              ])
            ])
          ),
        ])
      ), ("read_ms", .number(Double.random(in: 1...2))),
    ])
  }

  @Test func theSameReportHasNothingChanged() {
    let a = report([row("simd", 10), row("auto", 5)])
    let b = report([row("auto", 5.02), row("simd", 9.99, peak: 10_050_000)])
    for (x, y) in [(a, a), (a, b)] {
      let diff = ReportDiff(from: x, to: y)
      #expect(diff.lines == ["nothing changed in 5 rows"])
      #expect(diff.isEmpty)
    }
  }

  @Test func reportsWithoutCommonRowsSaySo() {
    let message = "the reports have no row in common: nothing was compared"
    #expect(ReportDiff(from: .object([]), to: .object([])).lines == [message])
    #expect(ReportDiff(from: report([row("simd", 1)]), to: .object([])).lines.contains(message))
  }

  @Test func changesAreTold() {
    let a = report([row("simd", 10), row("auto", 5), row("naive", 90)])
    let b = report(
      [
        row("simd", 20, arena: 2000, kernel: "simd.b"), row("auto", 4), row("onednn", 3),
      ], processor: "y", earned: 1)
    #expect(
      ReportDiff(from: a, to: b).lines == [
        "host.processor: x → y",
        "",
        "row                                        what         before   after  after/before",
        "simd, optimized, batch 1, threads 2        p50_ms        10.00   20.00         2.00×  slower, intervals apart",
        "simd, optimized, batch 1, threads 2        arena_bytes   1,000   2,000         2.00×  larger",
        "simd, optimized, batch 1, threads 2, conv  kernel       simd.a  simd.b",
        "auto, optimized, batch 1, threads 2        p50_ms        5.000   4.000        0.800×  faster, intervals apart",
        "without, auto, batch 1, epilogues          earned_ms     2.000   1.000        0.500×  less, intervals apart",
        "only before: naive, optimized, batch 1, threads 2",
        "only after: onednn, optimized, batch 1, threads 2",
      ])
  }

  @Test func overlappingIntervalsAreNoRegression() {
    let baseline = report([row("simd", 10), row("auto", 5)])
    func check(_ rows: [JSON], _ tolerance: Double = 0.05) -> [String] {
      BaselineCheck(report(rows), against: baseline, tolerance: tolerance).regressions.map {
        "\($0.row) \($0.field)"
      }
    }
    let (simd, auto) = ("simd, optimized, batch 1, threads 2", "auto, optimized, batch 1, threads 2")
    #expect(check([row("simd", 10.1), row("auto", 4)]) == [])
    #expect(check([row("simd", 10.4)]) == [], "apart, but within the tolerance")
    #expect(check([row("simd", 10.4)], 0.03) == ["\(simd) p50_ms"])
    #expect(check([row("simd", 10.6), row("auto", 5.1)]) == ["\(simd) p50_ms"])
    #expect(check([row("auto", 5, arena: 1001)]) == ["\(auto) arena_bytes"])
    #expect(check([row("auto", 5, peak: 10_400_000)]) == [])
    #expect(check([row("auto", 5, peak: 11_000_000)]) == ["\(auto) peak_bytes"])
    let other = BaselineCheck(report([row("onednn", 5)]), against: baseline, tolerance: 0.05)
    #expect(other.unknown == ["onednn, optimized, batch 1, threads 2"])
    #expect(other.comparedCount == 0)
  }

  /// Benchmarks of ours name their rows in other ways: lists by other names, lists within rows, times in other units.
  @Test func otherSchemasAreCompared() {
    func report(_ ratio: Double, _ time: Int, rate: Double = 10) -> JSON {
      let interval = ("p50_ci95", JSON.array([.number(ratio - 0.01), .number(ratio + 0.01)]))
      let engine = JSON.object([
        ("engine", .string("e")), ("load_ns", .integer(time)), ("gflop_per_s", .number(rate)),
        ("rounds", .integer(time)),
        ("ratio_over_needletail", .object([("p50", .number(ratio)), interval, ("rounds", .integer(time))])),
      ])
      let cell = JSON.object([("model", .string("m")), ("batch", .integer(4)), ("engines", .array([engine]))])
      return .object([("schema", .integer(1)), ("command", .string("peers")), ("cells", .array([cell]))])
    }
    #expect(ReportDiff(from: report(1, 1000), to: report(1.005, 1040)).lines == ["nothing changed in 2 rows"])
    let diff = ReportDiff(from: report(1, 1000), to: report(1.5, 2000, rate: 5))
    #expect(diff.changes.map(\.field) == ["load_ns", "gflop_per_s", "ratio_over_needletail.p50"])
    #expect(Set(diff.changes.map(\.row)) == ["cells, m, batch 4, e"])
    #expect(
      diff.changes.map(\.note) == ["slower, no interval", "less, no interval", "more, intervals apart"])
  }
}
