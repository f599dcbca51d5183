import NeedletailBenchmarks
import TestSupport
import Tensors
import Terminal
import Testing

/// Our own worker, asked as the others are.
@Suite(.serialized) struct NeedletailWorkerTests {
  private let folder = TemporaryFolder()

  private func worker(options: [String: String] = ["backend": "simd"]) throws -> EngineWorker {
    try EngineWorker(
      Engine("needletail", command: [Repository.tool, "worker"], options: options), threads: 1,
      errorLog: folder.path + "/errors.txt")
  }

  private func writeInputs(_ elements: [Float]) throws -> String {
    folder.write("inputs/none", [])
    try Tensor(elements, sizes: [elements.count / 4, 4]).write(npyFile: folder.path + "/inputs/input_0.npy")
    return folder.path + "/inputs"
  }

  @Test func aModelIsPreparedRunAndAsked() throws {
    let model = try FakeEngine.model(in: folder)
    let worker = try worker()
    #expect(worker.facts.precision == "f32")
    #expect(worker.facts.packageBytes ?? 0 > 1_000_000)
    #expect(worker.facts.baseBytes > 1_000_000)
    try worker.prepare(
      model: model.folder, threads: 1, inputs: try writeInputs([1, 2, 3, 4, -1, -2, -3, -4]))
    #expect(worker.load.loadNanoseconds > 0 && worker.load.firstNanoseconds > 0)
    #expect(worker.load.peakBytes >= worker.facts.baseBytes)
    #expect(try worker.turn(seconds: 10, maximumRuns: 7).count == 7)
    #expect(try worker.turn(seconds: 0, maximumRuns: 7).count == 1)
    #expect(try worker.writeOutputs(to: folder.path) == 1)
    let output = try Tensor(npyFile: folder.path + "/output_0.npy")
    #expect(output.sizes == [2, 4])
    #expect(try output.floats() == [2, 0, 6, 0, 0, 0, 0, 0])
  }

  @Test func itemsAreClassified() throws {
    let model = try FakeEngine.model(in: folder)
    let worker = try worker()
    try worker.prepare(model: model.folder, threads: 1, inputs: try writeInputs([1, 2, 3, 4]))
    // relu(x + bias) of these rows is largest at 0, 2 and 2; the last label is wrong.
    try Tensor([9, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1, 0] as [Float], sizes: [3, 4]).write(
      npyFile: folder.path + "/x.npy")
    try Tensor([0, 2, 1] as [Int64], sizes: [3]).write(npyFile: folder.path + "/y.npy")
    for batch in [1, 2, 3, 5] {
      let result = try worker.evaluate(
        images: folder.path + "/x.npy", labels: folder.path + "/y.npy", batch: batch, count: 3)
      #expect(result.correct == 2)
      // Logits: log Σ exp − the true one; rows (10, 0, 3, 0), (1, 0, 12, 0), (1, 0, 4, 0).
      #expect(abs(result.loss - (0.0010026 + 0.0000290 + 4.0852) / 3) < 1e-3, "\(result.loss)")
      #expect(result.totalNanoseconds > 0 && result.peakBytes > 0)
    }
  }

  @Test func manyCallersAreServed() throws {
    let model = try FakeEngine.model(in: folder)
    let worker = try worker()
    try worker.prepare(model: model.folder, threads: 1, inputs: try writeInputs([1, 2, 3, 4]))
    let result = try worker.load(concurrency: 3, seconds: 0.3)
    #expect(result.latencies.count >= 3)
    #expect(result.wallNanoseconds >= 0.3e9)
    // Little's law: three callers at once, none of which rests unless other tests have the processors.
    let busy = result.latencies.reduce(0, +) / result.wallNanoseconds
    #expect(busy > 0.5 && busy <= 3.01, "\(busy)")
  }

  @Test func troubleIsTold() throws {
    let model = try FakeEngine.model(in: folder)
    let early = try worker()
    #expect(throws: WorkerError.refused("nothing is prepared: 'prepare' comes first")) {
      try early.turn(seconds: 0, maximumRuns: 1)
    }
    let inputs = try writeInputs([1, 2, 3, 4])
    let gpu = try worker(options: ["backend": "gpu"])
    #expect(throws: WorkerError.self) { try gpu.prepare(model: model.folder, threads: 1, inputs: inputs) }
    folder.write("odd/model.onnx", TinyModel.bytes(operatorName: "NoSuchOperator"))
    let error = #expect(throws: WorkerError.self) {
      try early.prepare(model: folder.path + "/odd", threads: 1, inputs: inputs)
    }
    #expect(error?.kind == "unsupported")
    #expect(error?.description.contains("NoSuchOperator") == true)
  }

  @Test func workersAreComparedInACell() throws {
    let model = try FakeEngine.model(in: folder)
    let tool = [Repository.tool, "worker"]
    var runner = FakeEngine.runner([
      Engine("needletail", command: tool, options: ["backend": "simd"]),
      Engine("needletail_original", command: tool, options: ["backend": "naive", "optimize": "none"]),
    ])
    runner.standIn = Engine(
      "needletail_naive", command: tool, options: ["backend": "naive", "optimize": "none"])
    let cell = try runner.run(model, batch: 3, threads: 1)
    #expect(cell.results.allSatisfy { $0.failure == nil && $0.difference == 0 && $0.counts })
    #expect(cell.ratio("needletail_original")?.count ?? 0 >= 7)
    #expect(cell.best == nil, "a needletail is no other engine")
  }
}
