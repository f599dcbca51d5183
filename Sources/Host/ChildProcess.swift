import Glibc

/// What a program that was run to its end left behind.
package struct ChildResult: Sendable {
  package var output: [UInt8]
  package var errors: [UInt8]
  /// 128 and the signal for a program that a signal ended, as shells say it.
  package var exitCode: Int32
}

/// A program that could not be run.
package struct ChildError: Error, CustomStringConvertible {
  package let description: String
}

/// The path of a program, by the folders of `PATH`; nil when none of them holds it.
package func programPath(_ name: String) -> String? {
  guard let folders = environmentVariable("PATH") else { return nil }
  for folder in folders.split(separator: ":") {
    let path = "\(folder)/\(name)"
    if access(path, X_OK) == 0, !isFolder(path) { return path }
  }
  return nil
}

/// Runs the program at `path` to its end, with `input` on its standard input.
///
/// All three streams are served as they become ready, so neither side waits for a full pipe of the other.
package func runProgram(_ path: String, _ arguments: [String], input: [UInt8]) throws(ChildError)
  -> ChildResult
{
  // Sockets: writing to a program that is gone is an error then, and no signal.
  var streams: [(parent: Int32, child: Int32)] = []
  defer { for stream in streams { close(stream.parent) } }
  for _ in 0..<3 {
    var ends: [Int32] = [0, 0]
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0 else { throw ChildError(path) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    streams.append((ends[0], ends[1]))
  }
  let child = spawn(path, arguments, streams.map(\.child))
  for stream in streams { close(stream.child) }
  guard child.status == 0 else {
    throw ChildError(description: "\(path): \(String(cString: strerror(child.status)))")
  }
  var result = ChildResult(output: [], errors: [], exitCode: 0)
  exchange(streams.map(\.parent), input, &result)
  var state: Int32 = 0
  while waitpid(child.process, &state, 0) < 0 && errno == EINTR {}
  result.exitCode = state & 0x7F == 0 ? state >> 8 & 0xFF : 128 + state & 0x7F
  return result
}

private func spawn(_ path: String, _ arguments: [String], _ streams: [Int32]) -> (
  process: pid_t, status: Int32
) {
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  defer { posix_spawn_file_actions_destroy(&actions) }
  for (i, stream) in streams.enumerated() { posix_spawn_file_actions_adddup2(&actions, stream, Int32(i)) }
  let strings = ([path] + arguments).map { strdup($0) }
  defer { for string in strings { free(string) } }
  var process: pid_t = 0
  let status = posix_spawn(&process, path, &actions, nil, strings + [nil], environ)
  return (process, status)
}

/// Writes `input` and reads what comes until both outputs are closed.
private func exchange(_ streams: [Int32], _ input: [UInt8], _ result: inout ChildResult) {
  var written = 0
  var isWriting = true
  var isReading = [true, true]
  var buffer = [UInt8](repeating: 0, count: 65_536)
  while isReading[0] || isReading[1] {
    if isWriting && written == input.count {
      shutdown(streams[0], Int32(SHUT_WR))
      isWriting = false
    }
    var waiting = [
      pollfd(fd: isWriting ? streams[0] : -1, events: Int16(POLLOUT), revents: 0),
      pollfd(fd: isReading[0] ? streams[1] : -1, events: Int16(POLLIN), revents: 0),
      pollfd(fd: isReading[1] ? streams[2] : -1, events: Int16(POLLIN), revents: 0),
    ]
    if poll(&waiting, 3, -1) < 0 { continue }
    if waiting[0].revents != 0 {
      let count = input.withUnsafeBytes {
        send(
          streams[0], $0.baseAddress.map { $0 + written }, input.count - written,
          Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
      }
      if count >= 0 { written += count } else if errno != EAGAIN && errno != EINTR { isWriting = false }
    }
    for i in 0..<2 where waiting[i + 1].revents != 0 {
      let count = read(streams[i + 1], &buffer, buffer.count)
      if count < 0 && errno == EINTR { continue }
      if count <= 0 {
        isReading[i] = false
      } else if i == 0 {
        result.output += buffer[..<count]
      } else {
        result.errors += buffer[..<count]
      }
    }
  }
}

extension ChildError {
  /// With what the system said a moment ago.
  init(_ path: String) { description = "\(path): \(String(cString: strerror(errno)))" }
}
