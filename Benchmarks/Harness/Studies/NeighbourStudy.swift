import Glibc
import Measurement
import Reports
import Synchronization

private let engines = ["needletail", "onnxruntime"]
private let threadCounts = [1, 2]
private let loopCounts = [0, 1, 2, 4]

package let neighbourStudy = Study(
  name: "neighbours", title: "Beside busy neighbours",
  summary:
    "The median time of one run while so many other threads of the machine compute without end. The engines take "
    + "turns, each on one thread and on two. The load is intended: compare the columns of one row, not the rows.",
  models: ["mobilenet_v2"], quickModels: ["mobilenet_v2"]
) { context in
  let scratch = try ScratchFolder()
  var result = StudyResult()
  for model in context.models {
    var table = Page.Table(
      "\(model.name), one item, p50 in ms",
      [.number("busy loops")]
        + threadCounts.flatMap { threads in
          engines.map { .number("\($0), \(counted(threads, "thread"))") }
        } + [.number("needletail, two threads to one")])
    for (loops, figures) in try measure(model, context, scratch, &result.remarks) {
      for figure in figures { result.rows.append(figure.json(model.name, loops)) }
      func median(_ engine: String, _ threads: Int) -> Double? {
        figures.first { $0.engine == engine && $0.threads == threads }?.statistics.median
      }
      let ratio = median("needletail", 1).flatMap { one in median("needletail", 2).map { $0 / one } }
      table.rows.append(
        ["\(loops)"]
          + threadCounts.flatMap { threads in
            engines.map { median($0, threads).map(milliseconds) ?? "–" }
          } + [ratio.map { fixed($0, 2) } ?? "–"])
    }
    result.sections.append(Page.Section(model.name, [.table(table)]))
  }
  return result
}

private struct Figure {
  var engine: String
  var threads: Int
  var statistics: Statistics

  func json(_ model: String, _ loops: Int) -> JSON {
    .object([
      ("model", .string(model)), ("busy_loops", .integer(loops)), ("engine", .string(engine)),
      ("threads", .integer(threads)), ("runs", .integer(statistics.count)),
      ("p50_ms", .number(statistics.median / 1e6)), ("p90_ms", .number(statistics.p90 / 1e6)),
    ])
  }
}

/// For each number of busy loops what each engine needs on each number of threads.
private func measure(
  _ model: BenchmarkModel, _ context: StudyContext, _ scratch: ScratchFolder, _ remarks: inout [String]
) throws -> [(loops: Int, figures: [Figure])] {
  var workers: [(engine: String, threads: Int, worker: EngineWorker)] = []
  defer { for worker in workers { worker.worker.quit() } }
  for threads in threadCounts {
    for name in engines {
      context.log("\(model.name): starting \(name), \(counted(threads, "thread"))")
      if let worker = try context.worker(name, model, batch: 1, threads: threads, scratch, &remarks) {
        workers.append((name, threads, worker))
      }
    }
  }
  var rows: [(loops: Int, figures: [Figure])] = []
  for loops in loopCounts {
    context.log("\(model.name): \(counted(loops, "busy loop"))")
    let neighbours = BusyLoops(loops)
    defer { neighbours.stop() }
    var times = [[Double]](repeating: [], count: workers.count)
    // The first turn lets each engine get used to the load.
    for round in 0...(context.isQuick ? 3 : 8) {
      for i in workers.indices.reversed() {
        do {
          let found = try workers[i].worker.turn(seconds: context.limits.seconds, maximumRuns: 100_000)
          if round > 0 { times[i] += found }
        } catch {
          remarks.append(
            "\(workers[i].engine), \(counted(workers[i].threads, "thread")), \(counted(loops, "busy loop")): \(error)"
          )
          times.remove(at: i)
          workers.remove(at: i).worker.quit()
        }
      }
    }
    rows.append(
      (
        loops,
        zip(workers, times).compactMap { worker, times in
          Statistics(times).map { Figure(engine: worker.engine, threads: worker.threads, statistics: $0) }
        }
      ))
  }
  return rows
}

/// Threads that compute without end until they are stopped.
private final class BusyLoops: Sendable {
  private let isStopped = Atomic(false)
  private let runningCount = Atomic(0)

  init(_ count: Int) {
    for _ in 0..<count {
      runningCount.add(1, ordering: .relaxed)
      var thread = pthread_t()
      let status = pthread_create(
        &thread, nil,
        { argument in
          if let argument { Unmanaged<BusyLoops>.fromOpaque(argument).takeRetainedValue().run() }
          return nil
        }, Unmanaged.passRetained(self).toOpaque())
      precondition(status == 0, "the system refuses to start a thread")
      pthread_detach(thread)
    }
  }

  private func run() {
    while !isStopped.load(ordering: .relaxed) {}
    runningCount.subtract(1, ordering: .relaxed)
  }

  func stop() {
    isStopped.store(true, ordering: .relaxed)
    while runningCount.load(ordering: .relaxed) > 0 { usleep(1000) }
  }
}
