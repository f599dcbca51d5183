import Glibc
import NeedletailBenchmarks
import TestSupport
import Terminal
import Testing

/// Processes of one test must not inherit another's pipes: one after the other.
@Suite(.serialized) struct WorkerProcessTests {
  private let folder = TemporaryFolder()

  private func start(_ words: String...) throws -> WorkerProcess {
    try WorkerProcess(["python3", FakeEngine.script] + words, errorLog: folder.path + "/errors.txt")
  }

  private func error(_ body: () throws -> Void) -> WorkerError? {
    do { try body() } catch let error as WorkerError { return error } catch {}
    return nil
  }

  private func state(_ process: WorkerProcess) -> Character? {
    guard let file = fopen("/proc/\(process.identifier)/stat", "r") else { return nil }
    defer { fclose(file) }
    var buffer = [CChar](repeating: 0, count: 512)
    guard fgets(&buffer, 512, file) != nil else { return nil }
    return String(decoding: buffer.map { UInt8(bitPattern: $0) }, as: UTF8.self).split(separator: " ")[2]
      .first
  }

  @Test func answersAreRead() throws {
    let worker = try start()
    let hello = try worker.ask(WorkerLine("hello"), seconds: 10)
    #expect(hello.fields["version"] == "1.0")
    let run = try worker.ask(WorkerLine("run", ["seconds": "0.000002", "maximum": "5"]), seconds: 10)
    #expect(try run.times("times_ns") == [1000, 1001])
  }

  @Test func stoppedWorkersStandStillAndGoOn() throws {
    let worker = try start()
    _ = try worker.ask(WorkerLine("hello"), seconds: 10)
    worker.stop()
    #expect(state(worker) == "T")
    worker.resume()
    #expect(try worker.ask(WorkerLine("hello"), seconds: 10).verb == "ok")
    worker.stop()
    worker.kill()
    #expect(state(worker) == nil, "a stopped worker is ended too")
  }

  @Test func workersEndWithTheirOwner() throws {
    var worker: WorkerProcess? = try start()
    let identifier = try #require(worker?.identifier)
    worker?.stop()
    worker = nil
    #expect(Glibc.kill(identifier, 0) == -1)
  }

  @Test func workersOfAKilledProgramEnd() throws {
    // A shell stands for the program: it is killed and can tidy nothing up.
    let log = folder.path + "/pid"
    let shell = try WorkerProcess(
      [
        "bash", "-c",
        "setpriv --pdeathsig KILL -- sleep 600 & echo $! > \(log); sleep 0.3; kill -STOP $!; echo ok; read x",
      ],
      errorLog: folder.path + "/errors.txt")
    _ = try shell.ask(WorkerLine("hello"), seconds: 10)
    let identifier = try #require(pid_t(try readTextFile(log).filter(\.isNumber)))
    shell.kill()
    var isGone = false
    for _ in 0..<200 where !isGone {
      let state = try? readTextFile("/proc/\(identifier)/stat").split(separator: " ").dropFirst(2).first
      isGone = state == nil || state == "Z"
      usleep(10_000)
    }
    #expect(isGone)
  }

  @Test func silenceEndsAtItsLimit() throws {
    let worker = try start("hang=run")
    let found = error {
      _ = try worker.ask(WorkerLine("run", ["seconds": "1", "maximum": "1"]), seconds: 0.3)
    }
    #expect(found == .silent(verb: "run", seconds: 0.3))
    #expect(found?.kind == "timed_out")
    #expect(state(worker) == nil)
  }

  @Test func crashesAreToldWithTheirLastWords() throws {
    let worker = try start("crash=hello")
    let found = error { _ = try worker.ask(WorkerLine("hello"), seconds: 10) }
    #expect(found == .ended(how: "exit code 7", lastWords: "a scripted fall"))
  }

  @Test func refusalsAreTold() throws {
    let worker = try start("unsupported=prepare", "error=outputs")
    #expect(
      error { _ = try worker.ask(WorkerLine("prepare"), seconds: 10) } == .unsupported("no such operator"))
    #expect(error { _ = try worker.ask(WorkerLine("outputs"), seconds: 10) } == .refused("a scripted error"))
    #expect(try worker.ask(WorkerLine("hello"), seconds: 10).verb == "ok", "it goes on after a refusal")
  }

  @Test func programsThatAreNotThereAreNamed() throws {
    let worker = try WorkerProcess(["/no/such/engine"], errorLog: folder.path + "/errors.txt")
    let found = error { _ = try worker.ask(WorkerLine("hello"), seconds: 10) }
    #expect(found?.description.contains("/no/such/engine") == true, "\(String(describing: found))")
  }

  @Test(arguments: [
    "hello:", "hello:fine", "hello:ok\\tengine", "hello:ok\\tversion=1\\tversion=2", "hello:\\tok",
  ])
  func nonsenseIsRefused(_ answer: String) throws {
    let worker = try start("answer=\(answer)")
    let found = error { _ = try worker.ask(WorkerLine("hello"), seconds: 10) }
    guard case .answer("hello", _)? = found else {
      Issue.record("\(String(describing: found))")
      return
    }
    #expect(state(worker) == nil)
  }

  @Test func wordsThatNobodyAskedForAreRefused() throws {
    let worker = try start("babble=prepare")
    #expect(
      error { _ = try worker.ask(WorkerLine("prepare"), seconds: 10) }?.description.contains(
        "words of a library") == true)
    let late = try start("answer=hello:ok\\tversion=1")
    _ = try late.ask(WorkerLine("hello"), seconds: 10)
  }

  @Test(
    arguments: [
      "hello:ok\\tversion=1\\tprecision=f32\\tcall=x\\tbase_bytes=-1",
      "hello:ok\\tversion=1\\tprecision=f32\\tcall=x",
      "hello:ok\\tversion=1\\tprecision=f32\\tcall=x\\tbase_bytes=99999999999999999999",
    ])
  func impossibleFactsAreRefused(_ answer: String) throws {
    let engine = FakeEngine.engine("odd", "answer=\(answer)")
    let found = error { _ = try EngineWorker(engine, threads: 1, errorLog: folder.path + "/errors.txt") }
    #expect(found?.description.contains("base_bytes") == true, "\(String(describing: found))")
  }

  @Test(arguments: ["0", "-5", "nan", "inf", "", "1,,2", "1;2"])
  func impossibleTimesAreRefused(_ times: String) throws {
    let engine = FakeEngine.engine("odd", "answer=run:ok\\ttimes_ns=\(times)")
    let worker = try EngineWorker(engine, threads: 1, errorLog: folder.path + "/errors.txt")
    #expect(
      error { _ = try worker.turn(seconds: 0, maximumRuns: 1) }?.description.contains("times_ns") == true)
  }
}
