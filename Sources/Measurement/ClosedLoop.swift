import Synchronization

/// Callers of which each makes its next request as soon as the last was answered.
///
/// It finds what a number of callers can get through. Its latencies leave out what requests that came while a
/// caller was held up would have waited: for those there is `OpenLoop`.
package struct ClosedLoop {
  package let limits: MeasurementLimits

  package init(limits: MeasurementLimits) { self.limits = limits }

  /// What was observed, before it is judged.
  package struct Observation: Sendable {
    package var requests: [RequestTime]
    package var samples: [SystemSample]
    package var start: UInt64
    /// When the first of the callers stopped: after it there were fewer.
    package var end: UInt64
  }

  /// Runs each body over and over on a thread of its own. Throws what a body throws.
  ///
  /// nil: no request was answered within the limit.
  package func run(_ callers: [() throws -> Void]) throws -> LatencyReport? {
    let load = try observe(callers)
    return LatencyReport(
      load.requests, samples: load.samples, from: load.start, to: load.end, callers: callers.count,
      minimumRequests: limits.minimumRuns)
  }

  /// The same without a judgement; counting the system takes a moment of a processor every millisecond.
  package func observe(_ callers: [() throws -> Void], countsSystem: Bool = true) throws -> Observation {
    let clock = LoadClock.monotonic
    let line = StartLine(callers: callers.count)
    let limits = limits
    let logs = callers.map { _ in RequestLog() }
    var samples: [SystemSample] = []
    try runConcurrently(
      zip(callers, logs).map { body, log in
        {
          let start = try line.wait(clock, body)
          while line.goesOn(at: clock.now(), after: start, limits) {
            line.arrived.add(1, ordering: .relaxed)
            let begin = clock.now()
            do { try body() } catch {
              line.stop()
              throw error
            }
            let end = clock.now()
            line.answered.add(1, ordering: .relaxed)
            log.times.append(RequestTime(arrival: begin, start: begin, end: end))
          }
        }
      }
    ) {
      guard let start = line.open(clock), countsSystem else { return }
      sample(clock, into: &samples, while: { line.goesOn(at: $0, after: start, limits) }) { _ in
        line.arrived.load(ordering: .relaxed) - line.answered.load(ordering: .relaxed)
      }
    }
    let start = line.start ?? clock.now()
    return Observation(
      requests: logs.flatMap(\.times), samples: samples, start: start,
      end: logs.map { $0.times.last?.end ?? start }.min() ?? start)
  }
}

/// Counts the system about every millisecond, at moments that keep step with nothing.
func sample(
  _ clock: LoadClock, into samples: inout [SystemSample], while goesOn: (UInt64) -> Bool,
  _ count: (UInt64) -> Int
) {
  var random = SplitMix(seed: 1, "samples")
  var next = clock.now()
  while true {
    next += 1_000_000 + UInt64(random.next() % 1_000_000) - 500_000
    sleepUntil(next)
    let now = clock.now()
    guard goesOn(now) else { return }
    samples.append(SystemSample(time: now, count: count(now)))
    next = max(next, now)
  }
}

/// The requests of one caller.
final class RequestLog {
  var times: [RequestTime] = []

  init() { times.reserveCapacity(4096) }
}

/// Where callers wait for each other, and what they count together.
final class StartLine: Sendable {
  let arrived = Atomic<Int>(0)
  let answered = Atomic<Int>(0)
  private let callers: Int
  private let ready = Atomic<Int>(0)
  private let startTime = Atomic<UInt64>(0)
  private let isStopped = Atomic<Bool>(false)

  init(callers: Int) { self.callers = callers }

  /// When the callers began; nil when they did not.
  var start: UInt64? {
    let time = startTime.load(ordering: .acquiring)
    return time == 0 ? nil : time
  }

  /// Ends the measurement, for a caller that failed.
  func stop() { isStopped.store(true, ordering: .releasing) }

  var wasStopped: Bool { isStopped.load(ordering: .acquiring) }

  /// Runs once on the caller's thread, then waits for the others.
  func wait(_ clock: LoadClock, _ body: () throws -> Void) throws -> UInt64 {
    do { try body() } catch {
      stop()
      throw error
    }
    ready.add(1, ordering: .releasing)
    while !wasStopped {
      if let start {
        clock.wait(start)
        return start
      }
      sleepUntil(clock.now() + 100_000)
    }
    return 0
  }

  /// Lets the callers go when all have come; the time of it, nil when one of them failed.
  func open(_ clock: LoadClock) -> UInt64? {
    while ready.load(ordering: .acquiring) < callers {
      if wasStopped { return nil }
      sleepUntil(clock.now() + 100_000)
    }
    let start = clock.now() + 1_000_000
    startTime.store(start, ordering: .releasing)
    return start
  }

  /// Whether there is not enough yet: seconds and requests, unless the limit ends it.
  func goesOn(at now: UInt64, after start: UInt64, _ limits: MeasurementLimits) -> Bool {
    if wasStopped { return false }
    let elapsed = now > start ? Double(now - start) / 1e9 : 0
    if elapsed >= limits.maximumSeconds { return false }
    return elapsed < limits.minimumSeconds || answered.load(ordering: .relaxed) < limits.minimumRuns
  }
}
