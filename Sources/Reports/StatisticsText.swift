import Measurement

package func statisticsJSON(_ statistics: Statistics, suffix: String = "_ms", divisor: Double = 1e6) -> [(
  String, JSON
)] {
  [
    ("runs", .integer(statistics.count)), ("min\(suffix)", .number(statistics.minimum / divisor)),
    ("p50\(suffix)", .number(statistics.median / divisor)),
    (
      "p50_ci95\(suffix)",
      statistics.medianInterval.map {
        .array([.number($0.lowerBound / divisor), .number($0.upperBound / divisor)])
      } ?? .null
    ),
    ("p90\(suffix)", .number(statistics.p90 / divisor)), ("p99\(suffix)", .number(statistics.p99 / divisor)),
    ("mean\(suffix)", .number(statistics.mean / divisor)),
  ]
}

/// The statistics of a series, and what they rest on.
package func seriesJSON(_ series: MeasuredSeries) -> [(String, JSON)] {
  (series.statistics.map { statisticsJSON($0) } ?? []) + [
    ("warm_up_runs", .integer(series.warmUpRuns)), ("turns", .integer(series.turns.count)),
    ("dropped_turns", .integer(series.droppedTurns)), ("set_aside_turns", .integer(series.setAsideTurns)),
    ("apart_turns", .integer(series.apartTurns)), ("independent_turns", .integer(series.independentTurns)),
  ]
}

/// What is left out for the processors' sake; nil where nothing is.
package func setAsideText(turns: Int, counting: Int) -> String? {
  guard turns > 0 else { return nil }
  return
    "\(turns) of \(turns + counting) turns are set aside: the machine kept its processors far from each other then"
}

package func setAsideText(_ series: [MeasuredSeries]) -> String? {
  setAsideText(
    turns: series.reduce(0) { $0 + $1.setAsideTurns }, counting: series.reduce(0) { $0 + $1.turns.count })
}

/// The median in milliseconds and its interval, with no more digits than are known.
package func medianText(_ statistics: Statistics, divisor: Double = 1e6) -> (median: String, interval: String)
{
  let uncertainty = statistics.medianInterval.map { ($0.upperBound - $0.lowerBound) / 2 / divisor }
  let median = measured(statistics.median / divisor, uncertainty: uncertainty)
  guard let interval = statistics.medianInterval else { return (median, "–") }
  let low = measured(interval.lowerBound / divisor, uncertainty: uncertainty)
  let high = measured(interval.upperBound / divisor, uncertainty: uncertainty)
  return (median, "\(low) … \(high)")
}

package func verdictJSON(_ doubts: [MeasurementDoubt]) -> [(String, JSON)] {
  [("verdict", .string(doubts.isEmpty ? "VALID" : "INVALID")), ("doubts", JSON(doubts.map(\.description)))]
}

/// `3.21× (3.18 … 3.24)`, a ratio of times with the interval of its median.
package func speedupText(_ speedup: Statistics?) -> String {
  guard let speedup else { return "" }
  let (median, interval) = medianText(speedup, divisor: 1)
  return "\(median)× (\(interval))"
}

package func speedupJSON(_ speedup: Statistics?) -> JSON {
  speedup.map { .object(statisticsJSON($0, suffix: "", divisor: 1)) } ?? .null
}
