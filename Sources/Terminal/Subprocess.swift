import Glibc

/// A child that is this tool again, with a pipe from its standard output.
package struct Subprocess {
  package struct Result {
    package var output: String
    package var exitCode: Int32?
    /// The signal that ended it.
    package var signal: Int32?
    package var timedOut = false
  }

  /// Starts this tool with `words`, waits for its end, and kills it when nothing comes for `silenceSeconds`.
  ///
  /// `received` sees all output so far, each time some arrives.
  package static func runSelf(
    _ words: [String], silenceSeconds: Double = 600, received: (String) -> Void = { _ in }
  ) throws -> Result {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { throw ToolError("pipe: \(String(cString: strerror(errno)))") }
    defer { close(ends[0]) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO)
    let strings = (["needletail"] + words).map { strdup($0) }
    defer { for string in strings { free(string) } }
    var child: pid_t = 0
    let status = posix_spawn(&child, "/proc/self/exe", &actions, nil, strings + [nil], environ)
    close(ends[1])
    guard status == 0 else { throw ToolError("cannot start a process: \(String(cString: strerror(status)))") }
    var result = Result(output: "")
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      var waiting = pollfd(fd: ends[0], events: Int16(POLLIN), revents: 0)
      let ready = poll(&waiting, 1, Int32(min(silenceSeconds, 1e6) * 1000))
      if ready < 0 && errno == EINTR { continue }
      if ready == 0 {
        result.timedOut = true
        kill(child, SIGKILL)
        break
      }
      let count = read(ends[0], &buffer, buffer.count)
      if count < 0 && errno == EINTR { continue }
      if count <= 0 { break }
      bytes += buffer[..<count]
      received(String(decoding: bytes, as: UTF8.self))
    }
    var state: Int32 = 0
    while waitpid(child, &state, 0) < 0 && errno == EINTR {}
    // The low seven bits hold the signal; without one the next byte is the exit code.
    if state & 0x7F == 0 { result.exitCode = state >> 8 & 0xFF } else { result.signal = state & 0x7F }
    result.output = String(decoding: bytes, as: UTF8.self)
    return result
  }
}
