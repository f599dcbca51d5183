import Measurement
import Reports

private let engines = ["needletail", "onnxruntime"]

/// Threads of a request and requests at once.
private let loads = [(1, 1), (2, 1), (1, 2), (1, 4), (1, 8), (2, 2), (2, 4)]
private let quickLoads = [(1, 1), (2, 1), (1, 2), (1, 4)]

package let concurrencyStudy = Study(
  name: "concurrency", title: "One instance against many",
  summary:
    "A closed loop: so many callers at once, each with a request of its own of so many threads, which call again as "
    + "soon as they were answered. The engines take turns. Throughput, latencies, and Little's law as a check: "
    + "throughput times mean latency is the number of callers.",
  models: ["mnist_cnn", "mobilenet_v2"], quickModels: ["mnist_cnn", "squeezenet1_1"]
) { context in
  let scratch = try ScratchFolder()
  var result = StudyResult()
  for model in context.models {
    var table = Page.Table(
      "\(model.name), one item a request",
      [
        Page.Column("engine"), .number("threads"), .number("callers"), .number("items/s"), .number("p50, ms"),
        .number("p90, ms"), .number("p99, ms"), .number("callers by Little's law"), Page.Column("remarks"),
      ])
    for (threads, callers) in context.isQuick ? quickLoads : loads {
      context.log("\(model.name): \(counted(threads, "thread")), \(counted(callers, "caller"))")
      for (engine, found) in try measure(
        model, threads: threads, callers: callers, context, scratch, &result.remarks)
      {
        table.rows.append(found.cells(engine, threads, callers))
        result.rows.append(found.json(model.name, engine, threads, callers))
      }
    }
    result.sections.append(Page.Section(model.name, charts(model.name, result.rows) + [.table(table)]))
  }
  return result
}

/// All calls of an engine under one load.
private struct LoadFigures {
  var wallNanoseconds = 0.0
  var statistics: Statistics

  var itemsPerSecond: Double { Double(statistics.count) * 1e9 / wallNanoseconds }
  /// By Little's law.
  var callers: Double { itemsPerSecond * statistics.mean / 1e9 }

  func isConsistent(_ expected: Int) -> Bool { abs(callers / Double(expected) - 1) <= 0.1 }

  func cells(_ engine: String, _ threads: Int, _ callers: Int) -> [String] {
    [
      engine, "\(threads)", "\(callers)", significant(itemsPerSecond, 4), milliseconds(statistics.median),
      milliseconds(statistics.p90), milliseconds(statistics.p99), fixed(self.callers, 2),
      isConsistent(callers)
        ? "" : "INVALID: Little's law does not hold, callers waited outside of their calls",
    ]
  }

  func json(_ model: String, _ engine: String, _ threads: Int, _ callers: Int) -> JSON {
    .object([
      ("model", .string(model)), ("engine", .string(engine)), ("threads", .integer(threads)),
      ("callers", .integer(callers)), ("calls", .integer(statistics.count)),
      ("items_per_s", .number(itemsPerSecond)),
      ("mean_ms", .number(statistics.mean / 1e6)), ("p50_ms", .number(statistics.median / 1e6)),
      ("p90_ms", .number(statistics.p90 / 1e6)), ("p99_ms", .number(statistics.p99 / 1e6)),
      ("callers_by_littles_law", .number(self.callers)),
      ("verdict", .string(isConsistent(callers) ? "VALID" : "INVALID")),
    ])
  }
}

private func measure(
  _ model: BenchmarkModel, threads: Int, callers: Int, _ context: StudyContext, _ scratch: ScratchFolder,
  _ remarks: inout [String]
) throws -> [(engine: String, figures: LoadFigures)] {
  var workers: [(name: String, worker: EngineWorker, wall: Double, latencies: [Double])] = []
  defer { for worker in workers { worker.worker.quit() } }
  for name in engines {
    guard let worker = try context.worker(name, model, batch: 1, threads: threads, scratch, &remarks) else {
      continue
    }
    workers.append((name, worker, 0, []))
  }
  // The first turn warms up.
  for round in 0...(context.isQuick ? 2 : 5) {
    for i in workers.indices.reversed() {
      let name = workers[i].name
      do {
        let found = try workers[i].worker.load(concurrency: callers, seconds: context.isQuick ? 0.5 : 2)
        if round == 0 { continue }
        workers[i].wall += found.wallNanoseconds
        workers[i].latencies += found.latencies
      } catch {
        remarks.append("\(name), \(counted(threads, "thread")), \(counted(callers, "caller")): \(error)")
        workers.remove(at: i).worker.quit()
      }
    }
  }
  return workers.compactMap { worker in
    Statistics(worker.latencies).map {
      (worker.name, LoadFigures(wallNanoseconds: worker.wall, statistics: $0))
    }
  }
}

private func charts(_ model: String, _ rows: [JSON]) -> [Page.Block] {
  let rows = rows.filter { $0["model"]?.string == model }
  func name(_ row: JSON) -> String {
    "\(row["threads"]?.integer ?? 0) thr. × \(row["callers"]?.integer ?? 0)"
  }
  var places: [String] = []
  for row in rows where !places.contains(name(row)) { places.append(name(row)) }
  func chart(_ title: String, _ yTitle: String, _ field: String) -> Page.Block {
    .chart(
      Chart(
        "\(model): \(title)", .bars(categories: places), xTitle: "threads of a request × callers",
        yTitle: yTitle,
        series: engines.map { engine in
          Chart.Series(
            engine,
            rows.compactMap { row in
              guard row["engine"]?.string == engine, let value = row[field]?.double,
                let index = places.firstIndex(of: name(row))
              else { return nil }
              return Chart.Point(x: Double(index), y: value)
            })
        }))
  }
  return [
    chart("throughput", "throughput, items/s", "items_per_s"), chart("latency, p50", "latency, ms", "p50_ms"),
    chart("latency, p99", "latency, ms", "p99_ms"),
  ]
}
