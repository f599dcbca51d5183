import Measurement
import Terminal

/// What an engine says of itself.
package struct EngineFacts: Hashable, Sendable {
  package var version = ""
  package var precision = ""
  /// How one run is called, in words.
  package var call = ""
  /// nil: unknown.
  package var packageBytes: Int?
  package var baseBytes = 0

  package init() {}
}

/// What getting a model ready took.
package struct LoadFacts: Hashable, Sendable {
  package var loadNanoseconds = 0
  package var firstNanoseconds = 0
  package var peakBytes = 0
  /// Peak of resident memory above that after the engine's own import.
  package var riseBytes = 0

  package init() {}
}

/// How long a worker may take to answer.
package struct WorkerPatience: Sendable {
  package var hello = 120.0
  package var prepare = 300.0
  /// Beside the seconds that the request asks for.
  package var other = 120.0

  package init() {}
}

/// A worker with a model: the verbs of the protocol as functions.
package final class EngineWorker: MeasuredSubject {
  package let engine: Engine
  package private(set) var facts = EngineFacts()
  package private(set) var load = LoadFacts()
  private let process: WorkerProcess
  private let patience: WorkerPatience

  /// Starts the engine; it stands still afterwards.
  package init(
    _ engine: Engine, threads: Int, errorLog: String, patience: WorkerPatience = WorkerPatience()
  ) throws(WorkerError) {
    self.engine = engine
    self.patience = patience
    // Some libraries read their number of threads when they are loaded, before anybody could tell them.
    process = try WorkerProcess(
      engine.command, environment: ["OMP_NUM_THREADS": "\(threads)"], errorLog: errorLog)
    let answer = try process.ask(WorkerLine("hello"), seconds: patience.hello)
    do throws(WorkerLineError) {
      facts.version = try answer.text("version")
      facts.precision = try answer.text("precision")
      facts.call = try answer.text("call")
      facts.packageBytes = answer.fields["package_bytes"] == nil ? nil : try answer.count("package_bytes")
      facts.baseBytes = try answer.count("base_bytes")
    } catch { throw nonsense("hello", error) }
    process.stop()
  }

  package func prepare(
    model: String, threads: Int, inputs: String, options: [String: String] = [:]
  ) throws(WorkerError) {
    let fields = ["model": model, "threads": "\(threads)", "inputs": inputs]
    let answer = try ask(
      "prepare", fields.merging(engine.options) { $1 }.merging(options) { $1 }, seconds: patience.prepare)
    do throws(WorkerLineError) {
      load.loadNanoseconds = try answer.count("load_ns")
      load.firstNanoseconds = try answer.count("first_ns")
      load.peakBytes = try answer.count("peak_bytes")
      load.riseBytes = try answer.count("rise_bytes")
      // An engine may know only now which of its libraries it uses, and in which precision it computes.
      if answer.fields["package_bytes"] != nil { facts.packageBytes = try answer.count("package_bytes") }
      if let precision = answer.fields["precision"] { facts.precision = precision }
    } catch { throw nonsense("prepare", error) }
  }

  package func turn(seconds: Double, maximumRuns: Int) throws -> [Double] {
    let answer = try ask(
      "run", ["seconds": "\(seconds)", "maximum": "\(maximumRuns)"], seconds: seconds + patience.other)
    do throws(WorkerLineError) { return try answer.times("times_ns") } catch { throw nonsense("run", error) }
  }

  /// Writes the outputs of the last run; how many there are.
  package func writeOutputs(to folder: String) throws(WorkerError) -> Int {
    let answer = try ask("outputs", ["directory": folder], seconds: patience.other)
    do throws(WorkerLineError) { return try answer.count("count") } catch { throw nonsense("outputs", error) }
  }

  package struct Evaluation: Hashable, Sendable {
    package var correct: Int
    package var loss: Double
    package var totalNanoseconds: Int
    package var peakBytes: Int
  }

  package func evaluate(
    images: String, labels: String, batch: Int, count: Int
  ) throws(WorkerError) -> Evaluation {
    let answer = try ask(
      "evaluate", ["images": images, "labels": labels, "batch": "\(batch)", "count": "\(count)"],
      seconds: patience.prepare + patience.other)
    do throws(WorkerLineError) {
      return Evaluation(
        correct: try answer.count("correct"), loss: try answer.number("loss"),
        totalNanoseconds: try answer.count("total_ns"), peakBytes: try answer.count("peak_bytes"))
    } catch { throw nonsense("evaluate", error) }
  }

  package struct LoadResult: Sendable {
    package var wallNanoseconds: Double
    package var latencies: [Double]
  }

  /// So many callers at once, each of which calls again as soon as it was answered.
  package func load(concurrency: Int, seconds: Double) throws(WorkerError) -> LoadResult {
    let answer = try ask(
      "load", ["concurrency": "\(concurrency)", "seconds": "\(seconds)"], seconds: seconds + patience.prepare)
    do throws(WorkerLineError) {
      return LoadResult(
        wallNanoseconds: try answer.number("wall_ns"), latencies: try answer.times("latencies_ns"))
    } catch { throw nonsense("load", error) }
  }

  package func quit() { process.quit() }

  /// Its turn: it alone runs while it answers.
  private func ask(_ verb: String, _ fields: [String: String], seconds: Double) throws(WorkerError)
    -> WorkerLine
  {
    process.resume()
    defer { process.stop() }
    return try process.ask(WorkerLine(verb, fields), seconds: seconds)
  }

  private func nonsense(_ verb: String, _ error: WorkerLineError) -> WorkerError {
    process.kill()
    return .answer(verb: verb, error.description)
  }
}
