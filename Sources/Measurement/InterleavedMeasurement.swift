import Host

/// How long to measure: at least so many runs and so many seconds in the steady state, and longer while there
/// are doubts, unless `maximumSeconds` ends it.
package struct MeasurementLimits: Hashable, Sendable {
  package var minimumRuns: Int
  /// Of each subject.
  package var minimumSeconds: Double
  /// Of each subject; a measurement that it cut short has too few runs.
  package var maximumSeconds: Double
  /// A subject runs about this long before the next takes its turn.
  package var turnSeconds: Double
  /// What is doubtful when it could end goes on for up to so many times as long.
  package var patience: Double = 4
  /// How long to wait for the processors to come together again: such spells last some seconds.
  package var spellSeconds: Double = 30

  package init(
    minimumRuns: Int = 30, minimumSeconds: Double = 1, maximumSeconds: Double = 60,
    turnSeconds: Double = 0.004
  ) {
    self.minimumRuns = minimumRuns
    self.minimumSeconds = minimumSeconds
    self.maximumSeconds = max(minimumSeconds, maximumSeconds)
    self.turnSeconds = turnSeconds
  }
}

/// What is measured in turns: a closure of this process, or an engine in a process of its own.
package protocol MeasuredSubject {
  /// Runs at least once, and again until `seconds` have passed or `maximumRuns` were made; the nanoseconds of
  /// each run.
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
  private let areApart: () -> Bool

  /// For subjects of so many threads.
  package init(limits: MeasurementLimits, threads: Int) {
    self.init(limits: limits, areApart: { ProcessorLink.areApart(threads: threads) })
  }

  /// `areApart` is asked between rounds whether the processors are far from each other.
  package init(
    limits: MeasurementLimits, clock: @escaping () -> UInt64 = monotonicNanoseconds,
    areApart: @escaping () -> Bool = { false }
  ) {
    self.limits = limits
    self.clock = clock
    self.areApart = areApart
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
    let start = clock()
    let limit = limits.maximumSeconds * Double(subjects.count)
    var pace = Pace(limits)
    var random = SplitMix(seed: 1)
    // Of each round.
    var apart: [Bool] = []
    var wasApart = areApart()
    while !subjects.isEmpty {
      // Turns of one length could keep step with something that comes back every few runs, and never see it.
      let seconds = limits.turnSeconds * (1 + Double(random.nextFloat()) / 2)
      for position in subjects.indices {
        let i = apart.count % 2 == 0 ? position : subjects.count - 1 - position
        series[i].turns.append(try turn(of: subjects[i], seconds: seconds))
      }
      let isApart = areApart()
      apart.append(wasApart || isApart)
      wasApart = isApart
      let elapsed = Double(clock() - start) / 1e9
      progress(min(1, max(pace.share, elapsed / limit)))
      if elapsed >= limit || pace.isEnough(series, apart: apart, after: elapsed) { break }
    }
    return Self.steady(Self.together(series, apart: apart, atLeast: pace.minimumRounds))
  }

  /// Without the rounds in which the processors were far from each other, if enough remain; otherwise all, and
  /// the series tell how many were.
  static func together(_ series: [MeasuredSeries], apart: [Bool], atLeast minimum: Int) -> [MeasuredSeries] {
    let far = apart.count { $0 }
    return series.map { one in
      var one = one
      if apart.count - far >= minimum {
        one.turns = zip(one.turns, apart).filter { !$1 }.map(\.0)
        one.setAsideTurns = far
      } else {
        one.apartTurns = far
      }
      return one
    }
  }

  /// Without the rounds in which any of the subjects was still getting faster: what remains are whole rounds.
  static func steady(_ series: [MeasuredSeries]) -> [MeasuredSeries] {
    let warmUps = series.map { WarmUp($0.turnMedians) }
    let dropped = warmUps.map(\.count).max() ?? 0
    return zip(series, warmUps).map { one, warmUp in
      var one = one
      one.drop(dropped)
      if !warmUp.isOver { one.isWarm = false }
      return one
    }
  }

  /// A few runs in a row; the first of many is dropped, since it finds another subject's data in the caches.
  private func turn(of subject: any MeasuredSubject, seconds: Double) throws -> [Double] {
    let times = try subject.turn(seconds: seconds, maximumRuns: 1_000_000)
    return times.count > 2 ? Array(times.dropFirst()) : times
  }

  /// Runs in blocks until a block is no longer faster than the best before it by more than 2 %.
  ///
  /// Only so that the first, slowest runs need not be measured: what is left of a warm-up is found in the
  /// turns.
  private func warmUp(_ subject: any MeasuredSubject) throws -> MeasuredSeries {
    let start = clock()
    let limit = min(limits.maximumSeconds, max(1, limits.minimumSeconds))
    var best = Double.infinity
    var runs = 0
    var settled = 0
    while settled < 2, Double(clock() - start) / 1e9 < limit || runs == 0 {
      let block = try subject.turn(seconds: limits.turnSeconds, maximumRuns: 1000)
      runs += block.count
      let median = Statistics(block)?.median ?? .infinity
      settled = median < best * 0.98 ? 0 : settled + 1
      best = min(best, median)
    }
    return MeasuredSeries(warmUpRuns: runs)
  }
}

/// Decides when there is enough: looks at the steady part of what was measured, ever less often as it grows.
private struct Pace {
  let limits: MeasurementLimits
  /// Twenty, so that their memory shows, unless fewer runs are asked for; an interval takes seven.
  let minimumRounds: Int
  /// Of the way to the least that is wanted.
  private(set) var share = 0.0
  private var nextLook: Int
  /// When there was as much as wanted, though with doubts.
  private var deadline: Double?

  init(_ limits: MeasurementLimits) {
    self.limits = limits
    minimumRounds = min(20, max(7, limits.minimumRuns))
    nextLook = minimumRounds
  }

  mutating func isEnough(_ series: [MeasuredSeries], apart: [Bool], after elapsed: Double) -> Bool {
    let rounds = series.first?.turns.count ?? 0
    if let deadline, elapsed >= deadline { return true }
    guard rounds >= nextLook else { return false }
    nextLook = rounds + max(1, rounds / 10)
    let together = InterleavedMeasurement.together(series, apart: apart, atLeast: minimumRounds)
    let steady = InterleavedMeasurement.steady(together)
    let runs = steady.map { $0.turns.reduce(0) { $0 + $1.count } }.min() ?? 0
    let seconds = (steady.map { $0.times.reduce(0, +) }.min() ?? 0) / 1e9
    share = min(
      Double(runs) / Double(max(1, limits.minimumRuns)), seconds / max(1e-9, limits.minimumSeconds),
      Double(steady[0].turns.count) / Double(minimumRounds))
    guard share >= 1 else { return false }
    if together.contains(where: { $0.apartTurns > 0 }) { return elapsed >= limits.spellSeconds }
    if deadline == nil { deadline = elapsed * limits.patience }
    return steady.allSatisfy { one in
      one.doubts(limits).isEmpty
        && (one.speedups(over: steady[0])?.relativeHalfWidth ?? 0) <= MeasuredSeries.widestInterval
    }
  }
}
