import Glibc
import Host
import Measurement
import Needletail
import Terminal

/// Callers at once, each of which calls again as soon as it was answered.
enum Callers {
  struct Result: Sendable {
    var wallNanoseconds: UInt64 = 0
    /// Of each call, caller by caller.
    var latencies: [Double] = []
  }

  /// Each body belongs to one caller; each is called at least once.
  static func run(_ bodies: [() throws -> Void], seconds: Double) throws -> Result {
    let callers = bodies.map { Caller($0) }
    let start = monotonicNanoseconds()
    let end = start + UInt64(seconds * 1e9)
    var threads: [pthread_t] = []
    defer { for caller in callers { withExtendedLifetime(caller) {} } }
    for caller in callers {
      caller.end = end
      var thread = pthread_t()
      let context = Unmanaged.passUnretained(caller).toOpaque()
      let status = pthread_create(
        &thread, nil,
        { pointer in
          if let pointer { Unmanaged<Caller>.fromOpaque(pointer).takeUnretainedValue().loop() }
          return nil
        }, context)
      guard status == 0 else {
        for thread in threads { pthread_join(thread, nil) }
        throw ToolError("cannot start \(callers.count) threads: \(String(cString: strerror(status)))")
      }
      threads.append(thread)
    }
    for thread in threads { pthread_join(thread, nil) }
    var result = Result(wallNanoseconds: monotonicNanoseconds() - start)
    for caller in callers {
      if let failure = caller.failure { throw failure }
      result.latencies += caller.latencies
    }
    return result
  }

  private final class Caller {
    let body: () throws -> Void
    var end: UInt64 = 0
    var latencies: [Double] = []
    var failure: (any Error)?

    init(_ body: @escaping () throws -> Void) { self.body = body }

    func loop() {
      repeat {
        let start = monotonicNanoseconds()
        do { try body() } catch {
          failure = error
          return
        }
        latencies.append(Double(max(1, monotonicNanoseconds() - start)))
      } while monotonicNanoseconds() < end
    }
  }
}
