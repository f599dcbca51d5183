import Needletail
import Reports
import Terminal

private let images = Option<String?>.value(
  "--images", "FILE", "pictures in idx format, such as t10k-images-idx3-ubyte", default: nil
) { (text) throws(UsageError) in text }

private let classes = Option<String?>.value(
  "--labels", "FILE", "their classes in idx format, such as t10k-labels-idx1-ubyte", default: nil
) { (text) throws(UsageError) in text }

private let count = Option<Int?>.value(
  "--count", "N", "only the first so many pictures", default: nil, defaultText: "all"
) { (text) throws(UsageError) in try Read.count(text) }

private let scale = Option<Double>.value(
  "--scale", "FACTOR", "pixels, 0 to 255, are multiplied by this", default: 1.0 / 255, defaultText: "1/255",
  Read.number)

private let accuracyBatch = Option<Int>.value(
  "--batch", "N", "pictures at once", default: 64, defaultText: "64, or what the model fixes", Read.count)

let accuracyCommand = CommandDeclaration(
  name: "accuracy",
  summary: "Classifies labelled pictures on each backend and compares what the backends say.",
  arguments: [
    ArgumentDeclaration("MODEL", "an ONNX file with one input of pictures and one output of scores")
  ],
  options: [
    images.declaration, classes.declaration, Options.backends.declaration,
  ] + Options.compiling + [
    count.declaration, accuracyBatch.declaration, scale.declaration, Options.threads.declaration,
    Options.json.declaration,
  ],
  examples: [
    "accuracy mnist.onnx --images t10k-images-idx3-ubyte --labels t10k-labels-idx1-ubyte --backend all"
  ],
  exitCodes: [.success, .failure, .modelRejected, .verificationFailed], run: accuracy)

private func accuracy(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
  guard let imagePath = try arguments.value(of: images), let labelPath = try arguments.value(of: classes)
  else {
    throw UsageError(
      "missing \(try arguments.value(of: images) == nil ? "--images" : "--labels")",
      hint: "usage: \(accuracyCommand.usage)")
  }
  let backends = try arguments.backends(console)
  let options = try arguments.compileOptions()
  let threads = try arguments.value(of: Options.threads)
  let asked = try arguments.value(of: accuracyBatch)
  let factor = try arguments.value(of: scale)
  let limit = try arguments.value(of: count)
  let model = try arguments.model(console)
  let data = try LabelledImages(images: imagePath, labels: labelPath)
  let batch = model.fixedBatch ?? asked
  if batch != asked && arguments.isGiven(accuracyBatch) {
    console.warn("the model fixes its batch: \(batch)")
  }
  let total = min(limit ?? data.labels.count, data.labels.count) / batch * (model.fixedBatch ?? 1)
  let run = AccuracyRun(
    batch: batch, count: model.fixedBatch == nil ? limit ?? data.labels.count : total, scale: factor,
    threads: threads)
  let compiled = try model.compile(options)
  var results: [AccuracyResult] = []
  for backend in backends {
    results.append(
      try run.run(model, compiled, data, on: backend) {
        console.progress("classifying on \(backend.rawValue)", $0)
      })
  }
  console.clearProgress()
  print(results, model, options, batch, console)
  let differing = differingCount(results)
  try console.report(
    .object([
      ("schema", .integer(1)), ("command", .string("accuracy")), ("model", modelJSON(model)),
      ("optimize", .string(options.optimization.rawValue)), ("batch", .integer(batch)),
      ("pictures", .integer(results.first?.predictions.count ?? 0)),
      (
        "backends",
        .array(
          results.map { result in
            .object([
              ("backend", .string(result.backend.rawValue)), ("top1", .number(result.accuracy)),
              ("correct", .integer(result.correctCount)),
              ("time_s", .number(Double(result.nanoseconds) / 1e9)),
              ("items_per_s", .number(itemsPerSecond(result))), ("strays", JSON(result.strays)),
              ("differing_from_first", .integer(differences(result, results[0]))),
            ])
          })
      ),
      ("differing_predictions", .integer(differing)),
      ("missing", JSON(Backends.shared.missing.map { "\($0.backend.rawValue): \($0.reason)" })),
    ]), to: try arguments.value(of: Options.json))
  return .success
}

private func itemsPerSecond(_ result: AccuracyResult) -> Double {
  Double(result.predictions.count) * 1e9 / Double(max(1, result.nanoseconds))
}

private func differences(_ a: AccuracyResult, _ b: AccuracyResult) -> Int {
  zip(a.predictions, b.predictions).count { $0 != $1 }
}

/// Pictures of which any two backends disagree.
private func differingCount(_ results: [AccuracyResult]) -> Int {
  guard let first = results.first else { return 0 }
  return first.predictions.indices.count { i in results.contains { $0.predictions[i] != first.predictions[i] }
  }
}

private func print(
  _ results: [AccuracyResult], _ model: Model, _ options: CompileOptions, _ batch: Int, _ console: Console
) {
  let pictures = results.first?.predictions.count ?? 0
  console.print("model   \(modelLine(model)), optimize \(options.optimization.rawValue)")
  console.print("data    \(counted(pictures, "picture")), batch \(batch)")
  console.print()
  var table = TextTable(["backend", ">top-1", ">correct", ">time s", ">items/s", ">differs"])
  for result in results {
    table.add([
      result.backend.rawValue, percent(result.accuracy, digits: 2), grouped(result.correctCount),
      significant(Double(result.nanoseconds) / 1e9, 3), grouped(Int(itemsPerSecond(result))),
      "\(differences(result, results[0]))",
    ])
  }
  console.print(table)
  console.print()
  for result in results where !result.strays.isEmpty {
    console.warn(
      "\(counted(result.strays.count, "node")) not on \(result.backend.rawValue): "
        + result.strays.prefix(6).map { shortened($0) }.joined(separator: ", "))
  }
  let differing = differingCount(results)
  if results.count > 1 {
    console.print(
      differing == 0
        ? "predictions are identical on all \(results.count) backends"
        : "predictions differ for \(counted(differing, "picture")) of \(grouped(pictures))")
  }
}
