import Reports

// swift-format-ignore
private let frameworks: [(engine: String, title: String)] = [
  ("keras",      "Keras"),
  ("needletail", "needletail, optimized"),
]

package let growthStudy = Study(
  name: "growth", title: "Time and memory over the size of the test",
  summary:
    "Classifying more and more test digits in batches of 100, each size in a process of its own: Keras' own model "
    + "and needletail's optimized one. The trend line's slope is the time or memory of one more digit.",
  models: ["mnist_cnn"], quickModels: ["mnist_cnn"]
) { context in
  let scratch = try ScratchFolder()
  let digits = try Digits(context.repository, scratch)
  let sizes = context.isQuick ? [100, 1000, 5000] : [100, 1000, 2000, 4000, 6000, 8000, 10_000]
  var result = StudyResult()
  for model in context.models {
    var table = Page.Table(
      "\(model.name), batch 100, \(counted(context.threads, "thread"))",
      [
        .number("digits"), Page.Column("framework"), .number("time, ms"), .number("time per digit, ms"),
        .number("peak memory, MiB"), .number("above import, MiB"),
      ])
    for size in sizes {
      let files = try digits.write(0..<size, for: model, to: try scratch.folder("digits_\(model.name)"))
      for framework in frameworks {
        context.log("\(model.name): \(counted(size, "digit")), \(framework.title)")
        guard
          let worker = try context.worker(
            framework.engine, model, batch: 100, threads: context.threads, scratch, &result.remarks)
        else { continue }
        defer { worker.quit() }
        do {
          let found = try worker.evaluate(images: files.images, labels: files.labels, batch: 100, count: size)
          let rise = max(0, found.peakBytes - worker.facts.baseBytes)
          table.rows.append([
            grouped(size), framework.title, milliseconds(Double(found.totalNanoseconds)),
            milliseconds(Double(found.totalNanoseconds) / Double(size)), mebibytes(found.peakBytes),
            mebibytes(rise),
          ])
          result.rows.append(
            .object([
              ("model", .string(model.name)), ("framework", .string(framework.engine)),
              ("items", .integer(size)),
              ("total_ms", .number(Double(found.totalNanoseconds) / 1e6)),
              ("peak_bytes", .integer(found.peakBytes)),
              ("rise_bytes", .integer(rise)), ("correct", .integer(found.correct)),
            ]))
        } catch { result.remarks.append("\(framework.title), \(counted(size, "digit")): \(error)") }
      }
    }
    result.sections.append(Page.Section(model.name, charts(model.name, sizes, result.rows) + [.table(table)]))
  }
  return result
}

private func charts(_ model: String, _ sizes: [Int], _ rows: [JSON]) -> [Page.Block] {
  func series(_ field: String, _ divisor: Double, trend: Bool) -> [Chart.Series] {
    frameworks.map { framework in
      Chart.Series(
        framework.title,
        rows.compactMap { row in
          guard row["model"]?.string == model, row["framework"]?.string == framework.engine,
            let items = row["items"]?.integer, let value = row[field]?.double,
            let index = sizes.firstIndex(of: items)
          else { return nil }
          return Chart.Point(x: trend ? Double(items) : Double(index), y: value / divisor)
        }, hasTrend: trend)
    }
  }
  func pair(_ title: String, _ yTitle: String, _ field: String, _ divisor: Double) -> [Page.Block] {
    [
      .chart(
        Chart(
          "\(model): \(title)", .bars(categories: sizes.map(grouped)), xTitle: "test size, digits",
          yTitle: yTitle,
          series: series(field, divisor, trend: false))),
      .chart(
        Chart(
          "\(model): \(title), trend", .lines, xTitle: "test size, digits", yTitle: yTitle,
          series: series(field, divisor, trend: true))),
    ]
  }
  return pair("time", "time of the test, ms", "total_ms", 1)
    + pair("memory", "peak memory, MiB", "peak_bytes", 1_048_576)
}
