import NeedletailBenchmarks
import Reports
import TestSupport
import Testing

@Suite(.serialized) struct StudyTests {
  private let folder = TemporaryFolder()
  private static let allEngines = EngineTable.names

  /// Runs a study on scripted engines; every model takes digits and has a file for each engine.
  private func run(_ study: Study, models: [String], change: (String) -> [String] = { _ in [] }) throws
    -> StudyResult
  {
    for model in models {
      for file in ["model.onnx", "model.keras", "model.tflite", "frozen.pb", "grappler.pb"] {
        folder.write("\(model)/\(file)", [UInt8](repeating: 0, count: file == "model.keras" ? 2000 : 1000))
      }
      let text = """
        {"inputs": [{"name": "image", "shape": ["N", 28, 28, 1], "dtype": "float32", "minimum": 0, "maximum": 1}],
         "accuracy": {"value": 0.75, "kind": "declared", "source": "a publication"}}
        """
      folder.write("\(model)/model.json", Array(text.utf8))
    }
    let repository = try Repository.find()
    var table = EngineTable(repository)
    table.substitutes = Self.allEngines.map { name in
      Engine(
        name,
        command: [
          "python3", FakeEngine.script, "name=\(name)",
          "time_ns=\(name.hasPrefix("needletail") ? 1000 : 2000)",
        ]
          + change(name))
    }
    var context = StudyContext(
      models: try BenchmarkModel.models(models, in: folder.path), threads: 1, isQuick: true, engines: table,
      repository: repository)
    context.limits = FakeEngine.runner([]).limits
    return try study.measure(context)
  }

  private func text(_ study: Study, _ result: StudyResult) -> String { markdown(of: study.page(result)) }

  @Test func sweepsHoldEveryVariantAndBatch() throws {
    let result = try run(sweepStudy, models: ["tiny"]) { $0 == "tensorflow_frozen" ? ["crash=prepare"] : [] }
    #expect(result.rows.count == 3 * 8)
    let row = try #require(result.rows.first { $0["engine"]?.string == "keras" && $0["batch"]?.integer == 4 })
    #expect(abs((row["mean_of_100_ms"]?.double ?? 0) - 0.002) < 1e-5)
    #expect(abs((row["p50_ms_per_item"]?.double ?? 0) - 0.0005) < 1e-5)
    #expect(result.remarks.count { $0.contains("tensorflow_frozen") } == 3, "\(result.remarks)")
    #expect(text(sweepStudy, result).contains("Optimized (grappler)"))
  }

  @Test func sizesAreHeldAgainstKeras() throws {
    let result = try run(sizeStudy, models: ["tiny"])
    let ratios = result.rows.compactMap { $0["ratio_to_keras"]?.double }
    #expect(ratios == [1, 0.5, 0.5])
    #expect(result.rows.allSatisfy { $0["accuracy"]?.double == 0.9999 && $0["loss"]?.double == 0.25 })
    #expect(result.rows.allSatisfy { $0["rise_bytes"]?.integer == 4000 })
  }

  @Test func declaredAccuraciesAreMarked() throws {
    let result = try run(accuracyStudy, models: ["tiny"])
    #expect(result.rows.map { $0["accuracy_kind"]?.string } == ["declared", "declared"])
    let rates = result.rows.compactMap { $0["items_per_s"]?.double }
    #expect(rates.count == 2 && abs(rates[1] / rates[0] - 2) < 0.01)
    #expect(text(accuracyStudy, result).contains("| declared |"))
    #expect(text(accuracyStudy, result).contains("a publication"))
  }

  @Test func growthHasATrend() throws {
    let result = try run(growthStudy, models: ["tiny"])
    #expect(result.rows.count == 6)
    let ours = result.rows.filter { $0["framework"]?.string == "needletail" }.compactMap {
      $0["total_ms"]?.double
    }
    #expect(ours == [0.1, 1, 5])
    let charts = growthStudy.page(result).sections[0].blocks.compactMap { block in
      if case .chart(let chart) = block { chart } else { nil }
    }
    #expect(charts.count == 4)
    #expect(charts.count { $0.series.allSatisfy(\.hasTrend) } == 2)
  }

  @Test func loadsAreCheckedByLittlesLaw() throws {
    // Ten calls of 1 µs in 10 µs: one caller at once, whatever was asked for.
    let result = try run(concurrencyStudy, models: ["tiny"])
    let rows = result.rows.filter { $0["engine"]?.string == "needletail" }
    #expect(rows.map { $0["verdict"]?.string } == ["VALID", "VALID", "INVALID", "INVALID"])
    #expect(rows.allSatisfy { abs(($0["callers_by_littles_law"]?.double ?? 0) - 1) < 1e-9 })
    #expect(rows.allSatisfy { abs(($0["items_per_s"]?.double ?? 0) - 1e6) < 1 })
    #expect(text(concurrencyStudy, result).contains("INVALID: Little's law"))
  }

  @Test func neighboursAreSetAgainstOneThread() throws {
    let result = try run(neighbourStudy, models: ["tiny"])
    #expect(result.rows.count == 4 * 2 * 2)
    #expect(Set(result.rows.compactMap { $0["busy_loops"]?.integer }) == [0, 1, 2, 4])
    let ours = result.rows.filter { $0["engine"]?.string == "needletail" }
    #expect(ours.allSatisfy { abs(($0["p50_ms"]?.double ?? 0) - 0.001) < 1e-6 })
    #expect(text(neighbourStudy, result).contains("busy loops"))
    #expect(result.remarks.isEmpty, "\(result.remarks)")
  }
}
