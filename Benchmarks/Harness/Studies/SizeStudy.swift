import Reports

// swift-format-ignore
private let formats: [(engine: String, title: String, file: String)] = [
  ("keras",      "Keras",      "model.keras"),
  ("litert",     "LiteRT",     "model.tflite"),
  ("needletail", "needletail", "model.onnx"),
]

package let sizeStudy = Study(
  name: "size", title: "Size, accuracy and memory",
  summary:
    "The file of each framework and its ratio to Keras', the accuracy and loss over the test digits, and the peak "
    + "of resident memory: Keras, LiteRT, and needletail with its ONNX file.",
  models: ["mnist_mlp", "mnist_cnn"], quickModels: ["mnist_mlp", "mnist_cnn"]
) { context in
  let scratch = try ScratchFolder()
  let digits = try Digits(context.repository, scratch)
  var result = StudyResult()
  for model in context.models {
    // Digits that the model was trained on would flatter it.
    let isTrainedOnSome = model.accuracy?.source.contains("first 8,000") == true
    let range = isTrainedOnSome ? digits.count - 2000..<digits.count : 0..<digits.count
    let files = try digits.write(range, for: model, to: try scratch.folder("digits_\(model.name)"))
    if let accuracy = model.accuracy {
      result.remarks.append("\(model.name): \(accuracy.value) is \(accuracy.source)")
    }
    var table = Page.Table(
      "\(model.name), \(counted(range.count, "test digit"))",
      [
        Page.Column("framework"), Page.Column("file"), .number("size, kB"), .number("ratio to Keras"),
        .number("accuracy"),
        .number("loss"), .number("peak memory, MiB"), .number("above import, MiB"),
      ])
    let reference = model.byteCount(of: "model.keras")
    for format in formats {
      context.log("\(model.name): \(format.title)")
      let size = model.byteCount(of: format.file)
      var evaluation: EngineWorker.Evaluation?
      var base = 0
      if let worker = try context.worker(
        format.engine, model, batch: 100, threads: context.threads, scratch, &result.remarks)
      {
        defer { worker.quit() }
        base = worker.facts.baseBytes
        do {
          evaluation = try worker.evaluate(
            images: files.images, labels: files.labels, batch: 100, count: range.count)
        } catch { result.remarks.append("\(format.title), \(model.name): \(error)") }
      }
      let ratio = size.flatMap { size in reference.map { Double(size) / Double($0) } }
      let accuracy = evaluation.map { Double($0.correct) / Double(range.count) }
      let rise = evaluation.map { max(0, $0.peakBytes - base) }
      table.rows.append([
        format.title, format.file, size.map { fixed(Double($0) / 1e3, 1) } ?? "–",
        ratio.map { fixed($0, 3) } ?? "–",
        accuracy.map { percent($0, digits: 2) } ?? "–", evaluation.map { fixed($0.loss, 5) } ?? "–",
        evaluation.map { mebibytes($0.peakBytes) } ?? "–", rise.map(mebibytes) ?? "–",
      ])
      result.rows.append(
        .object([
          ("model", .string(model.name)), ("framework", .string(format.engine)),
          ("file", .string(format.file)),
          ("file_bytes", JSON(size)), ("ratio_to_keras", JSON(ratio)), ("items", .integer(range.count)),
          ("accuracy", JSON(accuracy)), ("loss", JSON(evaluation?.loss)),
          ("peak_bytes", JSON(evaluation?.peakBytes)),
          ("rise_bytes", JSON(rise)),
        ]))
    }
    result.sections.append(Page.Section(model.name, [.table(table)]))
  }
  result.sections.append(Page.Section("Pictures", charts(result.rows, context.models.map(\.name))))
  return result
}

private func charts(_ rows: [JSON], _ models: [String]) -> [Page.Block] {
  func chart(_ title: String, _ yTitle: String, _ field: String, _ divisor: Double) -> Page.Block {
    .chart(
      Chart(
        title, .bars(categories: models), xTitle: "model", yTitle: yTitle,
        series: formats.map { format in
          Chart.Series(
            format.title,
            rows.compactMap { row in
              guard row["framework"]?.string == format.engine, let value = row[field]?.double,
                let index = models.firstIndex(of: row["model"]?.string ?? "")
              else { return nil }
              return Chart.Point(x: Double(index), y: value / divisor)
            })
        }))
  }
  return [
    chart("Size of the file", "size, kB", "file_bytes", 1e3),
    chart("Peak of resident memory", "memory, MiB", "peak_bytes", 1_048_576),
  ]
}
