/// The times of one subject, turn by turn, in nanoseconds.
///
/// The turn is the unit of all that is said of the median: runs of one turn follow each other within
/// milliseconds and share whatever befell the machine, so that a hundred of them tell hardly more than one.
/// See `docs/measuring.md`.
package struct MeasuredSeries: Sendable {
  /// Runs before the measurement, and those of the turns that were dropped.
  package var warmUpRuns: Int
  /// Turns of the measurement that turned out to be slower than the steady state, or to be beside such turns.
  package var droppedTurns: Int
  /// Whether the times had settled when the measurement ended.
  package var isWarm: Bool
  /// Turns that do not count, since the processors were far from each other.
  package var setAsideTurns = 0
  /// Of those that count, turns at a time when they were.
  package var apartTurns = 0
  package var turns: [[Double]]

  package init(warmUpRuns: Int = 0, droppedTurns: Int = 0, isWarm: Bool = true, turns: [[Double]] = []) {
    self.warmUpRuns = warmUpRuns
    self.droppedTurns = droppedTurns
    self.isWarm = isWarm
    self.turns = turns
  }

  /// What another process would find is off by up to this share: where its memory happens to lie decides, and no
  /// interval of one process shows it. Twice the standard deviation of ratios of 10 µs to 4 ms runs over
  /// processes; see `docs/measuring.md`.
  package static let processLuck = 0.02

  package var times: [Double] { turns.flatMap { $0 } }

  /// Of all runs; but the median and its interval are those of the turns' medians.
  package var statistics: Statistics? {
    guard let all = Statistics(times), let center = DependentMedian(turnMedians) else { return nil }
    return all.with(center).widened(by: Self.processLuck * center.median)
  }

  /// The median of each turn: what is compared with another subject's turn of the same round.
  package var turnMedians: [Double] { turns.compactMap { Statistics($0)?.median } }

  /// How many turns without a memory would tell as much as these.
  package var independentTurns: Int { DependentMedian(turnMedians)?.independentCount ?? 0 }

  /// How many times faster this is than `reference`, round by round.
  package func speedups(over reference: MeasuredSeries) -> Statistics? {
    let rounds = zip(reference.turnMedians, turnMedians).map { $0 / $1 }
    guard let all = Statistics(rounds), let center = DependentMedian(rounds) else { return nil }
    return all.with(center).widened(by: Self.processLuck * center.median)
  }

  /// How much longer this takes than `reference`, round by round, in nanoseconds.
  package func excess(over reference: MeasuredSeries) -> Statistics? {
    let rounds = zip(reference.turnMedians, turnMedians).map { $1 - $0 }
    guard let all = Statistics(rounds), let center = DependentMedian(rounds) else { return nil }
    return all.with(center).widened(by: Self.processLuck * (Statistics(reference.turnMedians)?.median ?? 0))
  }

  /// Takes the first turns for warm-up.
  mutating func drop(_ count: Int) {
    warmUpRuns += turns.prefix(count).reduce(0) { $0 + $1.count }
    droppedTurns += count
    turns.removeFirst(count)
  }
}
