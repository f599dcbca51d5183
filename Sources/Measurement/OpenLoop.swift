import Synchronization

/// Requests that arrive by a Poisson process whatever becomes of those before them, wait in one queue, first
/// come, first served, and are answered by a number of callers.
///
/// A request's latency begins when it was meant to arrive, not when a caller came round to it: a generator
/// that waits for slow answers would otherwise leave out the very requests that had to wait ("coordinated
/// omission", G. Tene, "How NOT to measure latency", 2013).
package struct OpenLoop {
  package let ratePerSecond: Double
  package let limits: MeasurementLimits
  package let seed: UInt64
  /// More arrivals than this are refused: their times are kept.
  package static let mostArrivals = 20_000_000

  package init(ratePerSecond: Double, limits: MeasurementLimits, seed: UInt64 = 1) {
    self.ratePerSecond = ratePerSecond
    self.limits = limits
    self.seed = seed
  }

  /// Long enough for the runs that are wanted.
  package var seconds: Double {
    min(limits.maximumSeconds, max(limits.minimumSeconds, 1.1 * Double(limits.minimumRuns) / ratePerSecond))
  }

  /// Serves the arrivals on a thread for each body. Throws what a body throws.
  ///
  /// nil: no request arrived within the limit.
  package func run(_ callers: [() throws -> Void]) throws -> LatencyReport? {
    let clock = LoadClock.monotonic
    let line = StartLine(callers: callers.count)
    let queue = ArrivalQueue(arrivals(), seconds: seconds)
    let logs = callers.map { _ in RequestLog() }
    var samples: [SystemSample] = []
    try runConcurrently(
      zip(callers, logs).map { body, log in
        {
          let start = try line.wait(clock, body)
          do { try queue.serve(from: start, clock, log, stop: { line.wasStopped }, body) } catch {
            line.stop()
            throw error
          }
        }
      }
    ) {
      guard let start = line.open(clock) else { return }
      let end = start + UInt64(seconds * 1e9)
      sample(clock, into: &samples, while: { $0 < end && !line.wasStopped }) { now in
        queue.arrivedCount(at: now, from: start) - queue.answered.load(ordering: .relaxed)
      }
    }
    guard let start = line.start else { return nil }
    return report(logs.flatMap(\.times), samples, queue, from: start, callers: callers.count)
  }

  /// The same with one caller on this thread, by a clock that may be a made one; the number in the system is
  /// counted by `samples`.
  package func run(
    _ clock: LoadClock, samples: ([RequestTime]) -> [SystemSample], _ body: () throws -> Void
  ) throws -> LatencyReport? {
    let queue = ArrivalQueue(arrivals(), seconds: seconds)
    let log = RequestLog()
    let start = clock.now()
    try queue.serve(from: start, clock, log, stop: { false }, body)
    return report(log.times, samples(log.times), queue, from: start, callers: 1)
  }

  private func report(
    _ requests: [RequestTime], _ samples: [SystemSample], _ queue: ArrivalQueue, from start: UInt64,
    callers: Int
  ) -> LatencyReport? {
    LatencyReport(
      requests, samples: samples, from: start, to: start + UInt64(seconds * 1e9), callers: callers,
      requestedRate: ratePerSecond, unservedCount: queue.arrivals.count - requests.count,
      minimumRequests: min(limits.minimumRuns, queue.arrivals.count))
  }

  private func arrivals() -> [UInt64] {
    var process = PoissonArrivals(ratePerSecond: ratePerSecond, seed: seed)
    var times: [UInt64] = []
    while times.count < Self.mostArrivals {
      let time = process.next()
      if time >= seconds * 1e9 { break }
      times.append(UInt64(time))
    }
    return times
  }
}

/// Arrivals in order, taken by whoever is free.
final class ArrivalQueue: Sendable {
  /// Nanoseconds since the start.
  let arrivals: [UInt64]
  let answered = Atomic<Int>(0)
  private let taken = Atomic<Int>(0)
  /// When requests that still wait are given up.
  private let lastStart: UInt64

  init(_ arrivals: [UInt64], seconds: Double) {
    self.arrivals = arrivals
    lastStart = UInt64(seconds * 1.1 * 1e9)
  }

  /// Takes one arrival after another, waits for it when it is still to come, and answers it.
  func serve(
    from start: UInt64, _ clock: LoadClock, _ log: RequestLog, stop: () -> Bool, _ body: () throws -> Void
  ) throws {
    while !stop() {
      let i = taken.add(1, ordering: .relaxed).oldValue
      guard i < arrivals.count else { return }
      let arrival = start + arrivals[i]
      clock.wait(arrival)
      let begin = clock.now()
      if begin >= start + lastStart { return }
      try body()
      let end = clock.now()
      answered.add(1, ordering: .relaxed)
      log.times.append(RequestTime(arrival: arrival, start: begin, end: end))
    }
  }

  func arrivedCount(at now: UInt64, from start: UInt64) -> Int {
    guard now > start else { return 0 }
    var (low, high) = (0, arrivals.count)
    while low < high {
      let middle = (low + high) / 2
      if arrivals[middle] <= now - start { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
