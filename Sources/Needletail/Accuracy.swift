import Host
import Kernels
import Runtime
import Tensors

/// Pictures with their classes.
package struct LabelledImages: Sendable {
  /// uint8, the first axis counts pictures.
  package let images: Tensor
  package let labels: [UInt8]

  package init(images path: String, labels labelPath: String) throws {
    images = try IDXFile.read(path)
    let labels = try IDXFile.read(labelPath)
    guard labels.rank == 1, images.rank >= 2 else {
      throw EngineError(
        .wrongInput, subject: labels.rank == 1 ? path : labelPath,
        expectation: labels.rank == 1 ? "pictures" : "labels",
        finding: "an idx file of \(labels.rank == 1 ? images.rank : labels.rank) axes",
        hint: "--images takes the idx3 file, --labels the idx1 file")
    }
    guard images.sizes[0] == labels.sizes[0] else {
      throw EngineError(
        .wrongInput, subject: labelPath, expectation: "\(images.sizes[0]) labels",
        finding: "\(labels.sizes[0])")
    }
    self.labels = try labels.elements(of: UInt8.self)
  }

  package var pixelCount: Int { images.sizes.dropFirst().reduce(1, *) }

  /// Some pictures as the model wants them: every pixel times `scale`.
  package func batch(_ range: Range<Int>, scale: Double, dataType: DataType, sizes: [Int]) throws(TensorError)
    -> Tensor
  {
    let base = images.bytes.base + range.lowerBound * pixelCount
    let count = range.count * pixelCount
    let tensor = try withExtendedLifetime(images) { () throws(TensorError) in
      try Tensor.fromFloats(
        (0..<count).map { Float(Double(base.load(fromByteOffset: $0, as: UInt8.self)) * scale) },
        dataType: dataType, sizes: sizes)
    }
    return tensor
  }
}

/// What a backend makes of labelled pictures.
package struct AccuracyResult: Sendable {
  package var backend: BackendChoice
  package var predictions: [Int]
  package var correctCount: Int
  /// Of the runs alone.
  package var nanoseconds: UInt64
  package var strays: [String]

  package var accuracy: Double { predictions.isEmpty ? 0 : Double(correctCount) / Double(predictions.count) }
}

/// Classifies labelled pictures on one backend.
package struct AccuracyRun: Sendable {
  package var batch: Int
  package var count: Int
  package var scale: Double
  package var threads: Int?

  package init(batch: Int, count: Int, scale: Double, threads: Int?) {
    self.batch = batch
    self.count = count
    self.scale = scale
    self.threads = threads
  }

  /// The sizes of an input of `n` pictures: `[n,1,28,28]`, `[n,28,28]`, `[n,28,28,1]` and `[n,784]` all hold the
  /// same bytes in the same order.
  package static func inputSizes(_ model: Model, _ data: LabelledImages, batch: Int) throws(EngineError)
    -> [Int]
  {
    guard model.inputs.count == 1, let port = model.inputs.first, let type = port.type.tensor,
      let shape = type.shape, shape.count >= 2
    else {
      throw EngineError(
        .wrongInput, subject: model.path, expectation: "one input of pictures", finding: model.portsText)
    }
    var sizes: [Int] = [batch]
    if let first = shape[0].fixed, first != batch {
      throw EngineError(
        .usage, subject: "--batch \(batch)", expectation: "\(first)", finding: "\(batch)",
        hint: "the batch of this model is fixed")
    }
    for dimension in shape.dropFirst() {
      guard let size = dimension.fixed else {
        throw EngineError(
          .wrongInput, subject: "input '\(port.name)'", expectation: "fixed sizes behind the batch",
          finding: "\(type)")
      }
      sizes.append(size)
    }
    if sizes.dropFirst().contains(where: { $0 > data.pixelCount })
      || sizes.dropFirst().reduce(1, *) != data.pixelCount
    {
      throw EngineError(
        .wrongInput, subject: "input '\(port.name)' \(type)",
        expectation: "\(data.pixelCount) elements for a picture",
        finding: "another number", hint: "pictures of \(data.images.sizes.dropFirst())")
    }
    return sizes
  }

  package func run(
    _ model: Model, _ compiled: CompiledModel, _ data: LabelledImages, on backend: BackendChoice,
    progress: (Double) -> Void = { _ in }
  ) throws -> AccuracyResult {
    let request = try compiled.makeRequest(backend: backend, threads: threads)
    let count = min(self.count, data.labels.count)
    guard let input = model.inputs.first, let output = model.outputs.first else {
      throw EngineError(
        .wrongInput, subject: model.path, expectation: "an input and an output", finding: "none")
    }
    var result = AccuracyResult(
      backend: backend, predictions: [], correctCount: 0, nanoseconds: 0, strays: [])
    var start = 0
    while start < count {
      let end = min(count, start + batch)
      let sizes = try Self.inputSizes(model, data, batch: end - start)
      let pixels = try data.batch(
        start..<end, scale: scale, dataType: input.type.tensor?.dataType ?? .float32, sizes: sizes)
      let values: [String: RuntimeValue] = [input.name: .tensor(pixels)]
      if start == 0 {
        let facts = try request.planFacts(for: values)
        result.strays = facts.strays(from: backend).map(\.node)
        _ = try request.run(values: values)
      }
      let before = monotonicNanoseconds()
      let outputs = try request.run(values: values)
      result.nanoseconds += monotonicNanoseconds() - before
      guard case .tensor(let scores)? = outputs[output.name], scores.sizes.first == end - start,
        let classes = try scores.reshaped(to: [end - start, scores.elementCount / (end - start)]).topClasses()
      else {
        throw EngineError(
          .wrongInput, subject: "output '\(output.name)'", expectation: "scores for each picture",
          finding: "\(output.type)")
      }
      for (prediction, label) in zip(classes, data.labels[start..<end]) where prediction == Int(label) {
        result.correctCount += 1
      }
      result.predictions += classes
      start = end
      progress(Double(start) / Double(count))
    }
    return result
  }
}
