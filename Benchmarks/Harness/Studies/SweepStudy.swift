import Reports

/// The variants of the two families, as the tables of deployment studies head them.
// swift-format-ignore
private let variants: [(engine: String, title: String)] = [
  ("keras",                    "Model (Keras)"),
  ("tensorflow_frozen",        "Frozen (TensorFlow)"),
  ("tensorflow_grappler",      "Optimized (grappler)"),
  ("needletail_original",      "original, auto"),
  ("needletail_folded",        "folded, auto"),
  ("needletail",               "optimized, auto"),
  ("needletail_simd_original", "original, simd"),
  ("needletail_simd_folded",   "folded, simd"),
  ("needletail_simd",          "optimized, simd"),
]

package let sweepStudy = Study(
  name: "sweep", title: "Model, frozen, optimized: time over batch size",
  summary:
    "The time of a batch and of an item for Keras' own model, TensorFlow's frozen and grappler-optimized graphs, "
    + "and needletail's original, folded and optimized: the mean of 100 runs in a row, and the median of runs in turns.",
  models: ["mnist_mlp", "mnist_cnn"], quickModels: ["mnist_mlp", "mnist_cnn"]
) { context in
  var runner = try context.runner(variants.map(\.engine))
  runner.meanRuns = 100
  let batches = context.isQuick ? [4, 32, 256] : [4, 8, 16, 32, 64, 128, 256]
  var result = StudyResult()
  for model in context.models {
    let cells = try batches.map { try runner.run(model, batch: $0, threads: context.threads) }
    result.rows += cells.flatMap(rows)
    for cell in cells { result.note(cell) }
    result.sections.append(section(model.name, cells))
  }
  return result
}

private func rows(_ cell: PeerCell) -> [JSON] {
  cell.results.filter { $0.failure == nil }.map { item in
    .object([
      ("model", .string(cell.model)), ("batch", .integer(cell.batch)), ("engine", .string(item.engine)),
      ("mean_of_100_ms", JSON(item.mean.map { $0 / 1e6 })),
      ("p50_ms", JSON(item.times.map { $0.median / 1e6 })),
      ("p50_ms_per_item", JSON(item.times.map { $0.median / 1e6 / Double(cell.batch) })),
      ("differs", JSON(item.differs)),
    ])
  }
}

private func section(_ model: String, _ cells: [PeerCell]) -> Page.Section {
  let present = variants.filter { variant in cells.contains { $0.result(variant.engine)?.times != nil } }
  func table(_ caption: String, _ value: (PeerCell, PeerResult) -> Double?) -> Page.Block {
    var table = Page.Table("\(model): \(caption)", [.number("batch")] + present.map { .number($0.title) })
    for cell in cells {
      table.rows.append(
        ["\(cell.batch)"]
          + present.map { variant in
            cell.result(variant.engine).flatMap { value(cell, $0) }.map { significant($0, 3) } ?? "–"
          })
    }
    return .table(table)
  }
  let chart = Chart(
    "\(model): time per item", .lines, xTitle: "batch size, items", yTitle: "median time per item, ms",
    xScale: .logarithmic, yScale: .logarithmic,
    series: present.filter { !$0.engine.hasPrefix("needletail_simd") }.map { variant in
      Chart.Series(
        variant.title,
        cells.compactMap { cell in
          cell.result(variant.engine)?.times.map {
            Chart.Point(x: Double(cell.batch), y: $0.median / 1e6 / Double(cell.batch))
          }
        })
    })
  return Page.Section(
    model,
    [
      .chart(chart), table("ms per batch, mean of 100 runs") { _, item in item.mean.map { $0 / 1e6 } },
      table("ms per item, mean of 100 runs") { cell, item in item.mean.map { $0 / 1e6 / Double(cell.batch) }
      },
      table("ms per batch, median") { _, item in item.times.map { $0.median / 1e6 } },
      table("ms per item, median") { cell, item in item.times.map { $0.median / 1e6 / Double(cell.batch) } },
    ])
}
