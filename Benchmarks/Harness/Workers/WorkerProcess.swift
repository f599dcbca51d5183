import Glibc
import Host
import Terminal

/// An engine in a process of its own: asked by a line, answering by a line, and stopped while others have their turn.
///
/// It dies with the program that started it, however that ends.
package final class WorkerProcess {
  package let identifier: pid_t
  private let requests: Int32
  private let answers: Int32
  private let errorLog: String
  private var received: [UInt8] = []
  private var isRunning = true

  /// Longer lines are refused: a million times of a run need less.
  private static let lineLimit = 64 << 20

  /// Starts `command`, a program's path or name and its words; its standard error goes to the file `errorLog`.
  package init(
    _ command: [String], environment extra: [String: String] = [:], errorLog: String
  ) throws(WorkerError) {
    self.errorLog = errorLog
    // A worker that is gone is an error of this cell, not the end of the program.
    signal(SIGPIPE, SIG_IGN)
    var input: [Int32] = [0, 0]
    var output: [Int32] = [0, 0]
    guard pipe(&input) == 0 else { throw .cannotStart("pipe: \(String(cString: strerror(errno)))") }
    guard pipe(&output) == 0 else {
      for end in input { close(end) }
      throw .cannotStart("pipe: \(String(cString: strerror(errno)))")
    }
    for end in input + output { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, input[0], STDIN_FILENO)
    posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO)
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, errorLog, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var defaults = sigset_t()
    sigemptyset(&defaults)
    sigaddset(&defaults, SIGPIPE)
    posix_spawnattr_setsigdefault(&attributes, &defaults)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))
    // The kernel kills the worker, stopped or not, when the program that started it is gone.
    let words = (["setpriv", "--pdeathsig", "KILL", "--"] + command).map { strdup($0) }
    defer { for word in words { free(word) } }
    let variables = Self.environment(extra).map { strdup($0) }
    defer { for variable in variables { free(variable) } }
    var child: pid_t = 0
    let status = posix_spawnp(&child, "setpriv", &actions, &attributes, words + [nil], variables + [nil])
    close(input[0])
    close(output[1])
    guard status == 0 else {
      close(input[1])
      close(output[0])
      throw .cannotStart("setpriv (package util-linux): \(String(cString: strerror(status)))")
    }
    identifier = child
    requests = input[1]
    answers = output[0]
  }

  deinit {
    kill()
    close(requests)
    close(answers)
  }

  private static func environment(_ extra: [String: String]) -> [String] {
    var lines: [String] = []
    var entry = environ
    while let text = entry.pointee {
      let line = String(cString: text)
      let name = line.prefix { $0 != "=" }
      if extra[String(name)] == nil { lines.append(line) }
      entry += 1
    }
    return lines + extra.map { "\($0)=\($1)" }
  }

  // MARK: Asking

  /// Sends a request and waits for its answer. A worker that is late or gone is killed: its next answer would be
  /// another request's.
  package func ask(_ request: WorkerLine, seconds: Double) throws(WorkerError) -> WorkerLine {
    guard isRunning else { throw .ended(how: "an earlier error", lastWords: "") }
    if !received.isEmpty {
      kill()
      throw .answer(verb: request.verb, "there are words that nobody asked for: '\(excerpt(received))'")
    }
    try send(Array((request.text + "\n").utf8))
    let bytes = try receiveLine(for: request.verb, seconds: seconds)
    let answer: WorkerLine
    do throws(WorkerLineError) {
      answer = try WorkerLine(parsing: String(decoding: bytes, as: UTF8.self))
    } catch {
      kill()
      throw .answer(verb: request.verb, error.description)
    }
    switch answer.verb {
    case "ok": return answer
    case "unsupported": throw .unsupported(answer.fields["reason"] ?? "not supported, without a reason")
    case "error": throw .refused(answer.fields["message"] ?? "an error without a message")
    default:
      kill()
      throw .answer(verb: request.verb, "expected ok, unsupported or error, found '\(excerpt(bytes))'")
    }
  }

  private func excerpt(_ bytes: [UInt8]) -> String {
    String(String(decoding: bytes.prefix(120), as: UTF8.self).map { $0.isNewline || $0 == "\t" ? " " : $0 })
  }

  private func send(_ bytes: [UInt8]) throws(WorkerError) {
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes {
        write(requests, $0.baseAddress.map { $0 + done }, bytes.count - done)
      }
      if count < 0 && errno == EINTR { continue }
      if count <= 0 { throw end() }
      done += count
    }
  }

  private func receiveLine(for verb: String, seconds: Double) throws(WorkerError) -> [UInt8] {
    let deadline = monotonicNanoseconds() + UInt64(max(0, seconds) * 1e9)
    var buffer = [UInt8](repeating: 0, count: 65_536)
    var searched = 0
    while true {
      if let end = received[searched...].firstIndex(of: 10) {
        let line = Array(received[..<end])
        received = Array(received[(end + 1)...])
        return line
      }
      searched = received.count
      if received.count > Self.lineLimit {
        kill()
        throw .answer(verb: verb, "a line of more than \(Self.lineLimit >> 20) MiB")
      }
      let now = monotonicNanoseconds()
      var waiting = pollfd(fd: answers, events: Int16(POLLIN), revents: 0)
      let ready = now >= deadline ? 0 : poll(&waiting, 1, Int32(min(Double(deadline - now) / 1e6 + 1, 1e9)))
      if ready < 0 && errno == EINTR { continue }
      if ready == 0 && monotonicNanoseconds() < deadline { continue }
      if ready <= 0 {
        kill()
        throw .silent(verb: verb, seconds: seconds)
      }
      let count = read(answers, &buffer, buffer.count)
      if count < 0 && errno == EINTR { continue }
      if count <= 0 { throw end() }
      received += buffer[..<count]
    }
  }

  // MARK: Stopping

  /// Takes the processor from it until `resume()`; returns when it stands still.
  package func stop() {
    guard isRunning, Glibc.kill(identifier, SIGSTOP) == 0 else { return }
    var state: Int32 = 0
    while waitpid(identifier, &state, WUNTRACED) < 0 && errno == EINTR {}
    if !Self.isStopped(state) { isRunning = false }
  }

  package func resume() {
    if isRunning { Glibc.kill(identifier, SIGCONT) }
  }

  /// Ends it at once, stopped or not.
  package func kill() {
    guard isRunning else { return }
    isRunning = false
    Glibc.kill(identifier, SIGKILL)
    var state: Int32 = 0
    while waitpid(identifier, &state, 0) < 0 && errno == EINTR {}
  }

  /// Asks it to end, and ends it when it does not within a second.
  package func quit() {
    guard isRunning else { return }
    resume()
    _ = try? ask(WorkerLine("quit"), seconds: 1)
    kill()
  }

  /// What became of a worker that closed its ends: it is given a moment to end by itself, so that its own exit
  /// code can be told.
  private func end() -> WorkerError {
    guard isRunning else { return .ended(how: "an earlier error", lastWords: lastWords()) }
    var state: Int32 = 0
    let deadline = monotonicNanoseconds() + 2_000_000_000
    while monotonicNanoseconds() < deadline {
      if waitpid(identifier, &state, WNOHANG) == identifier {
        isRunning = false
        // The low seven bits hold the signal; without one the next byte is the exit code.
        let how = state & 0x7F == 0 ? "exit code \(state >> 8 & 0xFF)" : "signal \(state & 0x7F)"
        return .ended(how: how, lastWords: lastWords())
      }
      usleep(1000)
    }
    kill()
    return .ended(how: "a closed pipe", lastWords: lastWords())
  }

  private static func isStopped(_ state: Int32) -> Bool { state & 0xFF == 0x7F }

  /// The last line of its standard error that says something.
  private func lastWords() -> String {
    guard let text = readTail(errorLog) else { return "" }
    let line = text.split(whereSeparator: \.isNewline).last { $0.contains { !$0.isWhitespace } }
    return line.map { String($0.prefix(300)) } ?? ""
  }

  private func readTail(_ path: String) -> String? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    let size = lseek(file, 0, SEEK_END)
    lseek(file, max(0, size - 4096), SEEK_SET)
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = read(file, &bytes, bytes.count)
    return count >= 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
  }
}
