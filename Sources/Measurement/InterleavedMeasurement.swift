import Host

/// How long to measure: at least so many runs and so many seconds, unless `maximumSeconds` ends it.
package struct MeasurementLimits: Hashable, Sendable {
  package var minimumRuns: Int
  /// Of each subject.
  package var minimumSeconds: Double
  /// Of each subject; a measurement that it cut short has too few runs.
  package var maximumSeconds: Double
  /// A subject runs at least this long before the next takes its turn.
  package var turnSeconds: Double

  package init(
    minimumRuns: Int = 30, minimumSeconds: Double = 1, maximumSeconds: Double = 60, turnSeconds: Double = 0.004
  ) {
    self.minimumRuns = minimumRuns
    self.minimumSeconds = minimumSeconds
    self.maximumSeconds = max(minimumSeconds, maximumSeconds)
    self.turnSeconds = turnSeconds
  }
}

/// The times of one subject, turn by turn, in nanoseconds.
package struct MeasuredSeries: Sendable {
  package var warmUpRuns = 0
  /// Whether the times had settled when the warm-up ended.
  package var isWarm = true
  package var turns: [[Double]] = []

  package init(warmUpRuns: Int = 0, isWarm: Bool = true, turns: [[Double]] = []) {
    self.warmUpRuns = warmUpRuns
    self.isWarm = isWarm
    self.turns = turns
  }

  package var times: [Double] { turns.flatMap { $0 } }
  package var statistics: Statistics? { Statistics(times) }
  /// The median of each turn: what is compared with another subject's turn of the same round.
  package var turnMedians: [Double] { turns.compactMap { Statistics($0)?.median } }

  /// How many times faster this is than `reference`, round by round.
  package func speedups(over reference: MeasuredSeries) -> Statistics? {
    Statistics(zip(reference.turnMedians, turnMedians).map { $0 / $1 })
  }
}

/// What is measured in turns: a closure of this process, or an engine in a process of its own.
package protocol MeasuredSubject {
  /// Runs at least once, and again until `seconds` have passed or `maximumRuns` were made; the nanoseconds of each run.
  func turn(seconds: Double, maximumRuns: Int) throws -> [Double]
}

/// A closure, timed from outside.
package struct TimedClosure: MeasuredSubject {
  private let body: () throws -> Void
  private let clock: () -> UInt64

  package init(clock: @escaping () -> UInt64 = monotonicNanoseconds, _ body: @escaping () throws -> Void) {
    self.body = body
    self.clock = clock
  }

  package func turn(seconds: Double, maximumRuns: Int) throws -> [Double] {
    var times: [Double] = []
    var spent = 0.0
    repeat {
      let start = clock()
      try body()
      let time = Double(clock() - start)
      times.append(time)
      spent += time
    } while spent < seconds * 1e9 && times.count < maximumRuns
    return times
  }
}

/// Measures subjects in turns in one process, so that whatever disturbs the machine disturbs them alike.
package struct InterleavedMeasurement {
  package let limits: MeasurementLimits
  private let clock: () -> UInt64

  package init(limits: MeasurementLimits, clock: @escaping () -> UInt64 = monotonicNanoseconds) {
    self.limits = limits
    self.clock = clock
  }

  /// Runs every subject warm, then all of them round by round; the order is reversed every other round.
  ///
  /// `progress` is told the share of the work done, from 0 to 1.
  package func run(
    _ bodies: [() throws -> Void], progress: (Double) -> Void = { _ in }
  ) throws -> [MeasuredSeries] {
    try run(subjects: bodies.map { TimedClosure(clock: clock, $0) }, progress: progress)
  }

  /// The same for subjects that time themselves.
  package func run(
    subjects: [any MeasuredSubject], progress: (Double) -> Void = { _ in }
  ) throws -> [MeasuredSeries] {
    var series: [MeasuredSeries] = []
    for subject in subjects { series.append(try warmUp(subject)) }
    var spent = [Double](repeating: 0, count: subjects.count)
    var counts = [Int](repeating: 0, count: subjects.count)
    let start = clock()
    let limit = limits.maximumSeconds * Double(subjects.count)
    var round = 0
    while !subjects.isEmpty {
      for position in subjects.indices {
        let i = round % 2 == 0 ? position : subjects.count - 1 - position
        let turn = try turn(of: subjects[i])
        spent[i] += turn.reduce(0, +) / 1e9
        counts[i] += turn.count
        series[i].turns.append(turn)
      }
      round += 1
      let runs = Double(counts.min() ?? 0) / Double(max(1, limits.minimumRuns))
      let seconds = (spent.min() ?? 0) / max(1e-9, limits.minimumSeconds)
      let elapsed = Double(clock() - start) / 1e9
      progress(min(1, max(min(runs, seconds), elapsed / limit)))
      // Seven rounds are the fewest from which an interval of the ratios follows.
      if (runs >= 1 && seconds >= 1 && round >= 7) || elapsed >= limit { break }
    }
    return series
  }

  /// A few runs in a row; the first of many is dropped, since it finds another subject's data in the caches.
  private func turn(of subject: any MeasuredSubject) throws -> [Double] {
    let times = try subject.turn(seconds: limits.turnSeconds, maximumRuns: 1_000_000)
    return times.count > 2 ? Array(times.dropFirst()) : times
  }

  /// Runs in blocks until a block is no longer faster than the best before it by more than 2 %.
  private func warmUp(_ subject: any MeasuredSubject) throws -> MeasuredSeries {
    let start = clock()
    let limit = min(limits.maximumSeconds, max(1, limits.minimumSeconds))
    var best = Double.infinity
    var runs = 0
    var settled = 0
    while true {
      let block = try subject.turn(seconds: limits.turnSeconds, maximumRuns: 1000)
      runs += block.count
      let median = Statistics(block)?.median ?? .infinity
      settled = median < best * 0.98 ? 0 : settled + 1
      best = min(best, median)
      if settled >= 2 { return MeasuredSeries(warmUpRuns: runs) }
      if Double(clock() - start) / 1e9 >= limit {
        return MeasuredSeries(warmUpRuns: runs, isWarm: settled > 0)
      }
    }
  }
}
