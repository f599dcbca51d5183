import Reports

// swift-format-ignore
private let frameworks: [(engine: String, title: String)] = [
  ("keras",      "Keras"),
  ("needletail", "needletail"),
]

package let accuracyStudy = Study(
  name: "accuracy", title: "Accuracy against memory, response time and rate",
  summary:
    "What a model's accuracy costs in memory and time: Keras and needletail on the same graphs, one item at once. "
    + "An accuracy marked declared is that of published weights; the weights measured here are random.",
  models: ["keras_mobilenet_v2", "resnet101_v2", "xception"],
  quickModels: ["keras_mobilenet_v2", "resnet101_v2", "xception"]
) { context in
  let runner = try context.runner(frameworks.map(\.engine))
  var result = StudyResult()
  var table = Page.Table(
    "one item at once, \(counted(context.threads, "thread"))",
    [
      Page.Column("model"), Page.Column("framework"), .number("accuracy"), Page.Column("kind"),
      .number("peak memory, MiB"), .number("response time, ms"), .number("rate, items/s"),
      Page.Column("remarks"),
    ])
  for model in context.models {
    let cell = try runner.run(model, batch: 1, threads: context.threads)
    if let accuracy = model.accuracy {
      result.remarks.append("\(model.name): accuracy from \(accuracy.source)")
    }
    let kind = model.accuracy.map { $0.isMeasured ? "measured" : "declared" }
    for framework in frameworks {
      guard let item = cell.result(framework.engine) else { continue }
      let time = item.failure == nil ? item.times?.median : nil
      let remark = item.failure?.reason ?? item.differs.map { "DIFFERS: \($0)" } ?? ""
      table.rows.append([
        model.name, framework.title, model.accuracy.map { percent($0.value) } ?? "–", kind ?? "unknown",
        item.failure == nil ? mebibytes(item.load.peakBytes) : "–", time.map(milliseconds) ?? "–",
        time.map { significant(1e9 / $0, 3) } ?? "–", remark,
      ])
      result.rows.append(
        .object([
          ("model", .string(model.name)), ("framework", .string(framework.engine)),
          ("accuracy", JSON(model.accuracy?.value)), ("accuracy_kind", JSON(kind)),
          ("accuracy_source", JSON(model.accuracy?.source)),
          ("peak_bytes", item.failure == nil ? .integer(item.load.peakBytes) : .null),
          ("rise_bytes", item.failure == nil ? .integer(item.load.riseBytes) : .null),
          ("p50_ms", JSON(time.map { $0 / 1e6 })), ("items_per_s", JSON(time.map { 1e9 / $0 })),
          ("remark", .string(remark)),
        ]))
    }
  }
  result.sections = [Page.Section("Accuracy and its price", [.table(table)] + charts(result.rows))]
  return result
}

private func charts(_ rows: [JSON]) -> [Page.Block] {
  func chart(_ title: String, _ xTitle: String, _ field: String, _ divisor: Double) -> Page.Block {
    .chart(
      Chart(
        "Accuracy against \(title)", .lines, xTitle: xTitle,
        yTitle: "top-1 accuracy, %",
        series: frameworks.map { framework in
          Chart.Series(
            framework.title,
            rows.compactMap { row in
              guard row["framework"]?.string == framework.engine, let accuracy = row["accuracy"]?.double,
                let value = row[field]?.double
              else { return nil }
              // The axis names each place: no more digits than the table has.
              return Chart.Point(
                x: Double(significant(value / divisor, 3)) ?? value / divisor, y: accuracy * 100)
            }.sorted { $0.x < $1.x })
        }))
  }
  return [
    chart("memory", "peak of resident memory, MiB", "peak_bytes", 1_048_576),
    chart("response time", "median response time, ms", "p50_ms", 1),
    chart("rate", "rate, items/s", "items_per_s", 1),
  ]
}
