import Glibc
import Host

/// Runs each body on a thread of its own, `meanwhile` on this one, and returns when all are done.
///
/// Throws the first error by the order of the bodies.
func runConcurrently(_ bodies: [() throws -> Void], meanwhile: () -> Void) throws {
  let threads = bodies.map(CallerThread.init)
  for thread in threads { thread.start() }
  meanwhile()
  for thread in threads { thread.join() }
  for thread in threads { if let error = thread.error { throw error } }
}

/// A thread that runs one closure.
///
/// Unchecked: the closure and the error belong to the thread between `start` and `join`, and to their owner
/// before and after; starting and joining a thread order memory.
private final class CallerThread: @unchecked Sendable {
  private let body: () throws -> Void
  private(set) var error: (any Error)?
  private var thread = pthread_t()

  init(_ body: @escaping () throws -> Void) { self.body = body }

  func start() {
    let argument = Unmanaged.passRetained(self).toOpaque()
    let status = pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        Unmanaged<CallerThread>.fromOpaque(argument).takeRetainedValue().run()
        return nil
      }, argument)
    precondition(status == 0, "the system refuses to start a thread")
  }

  private func run() {
    do { try body() } catch { self.error = error }
  }

  func join() { pthread_join(thread, nil) }
}

/// Time as a load generator needs it; tests make one of their own.
package struct LoadClock {
  package var now: () -> UInt64
  /// Returns at the time, or as soon after it as the system can.
  package var wait: (UInt64) -> Void

  package init(now: @escaping () -> UInt64, wait: @escaping (UInt64) -> Void) {
    self.now = now
    self.wait = wait
  }

  /// The monotonic clock. The last moments of a wait are spun: a sleeping thread wakes tens of microseconds
  /// late.
  package static var monotonic: LoadClock { LoadClock(now: monotonicNanoseconds, wait: waitMonotonic) }
}

private func waitMonotonic(until time: UInt64) {
  let spun: UInt64 = 60_000
  while true {
    let now = monotonicNanoseconds()
    if now >= time { return }
    if time - now > spun { sleepUntil(time - spun) }
  }
}

/// Sleeps until a time of the monotonic clock, and a little longer.
func sleepUntil(_ time: UInt64) {
  var absolute = timespec(tv_sec: Int(time / 1_000_000_000), tv_nsec: Int(time % 1_000_000_000))
  while clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &absolute, nil) == EINTR {}
}
