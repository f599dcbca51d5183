extension MeasuredSeries {
  /// The widest interval of the median that counts as known.
  package static let widestInterval = 0.05
  /// The fewest independent turns that show what is usual.
  package static let fewestIndependentTurns = 8
  /// The mean may lie above the median by this share.
  package static let mostExcess = 0.1

  /// What speaks against this series; nothing when it is valid. `docs/measuring.md` gives the reason for each
  /// rule.
  package func doubts(_ limits: MeasurementLimits) -> [MeasurementDoubt] {
    var doubts: [MeasurementDoubt] = []
    let times = times
    let medians = turnMedians
    let expected = max(6, limits.minimumRuns)
    if times.count < expected { doubts.append(.tooFewRuns(found: times.count, expected: expected)) }
    if !turns.isEmpty, apartTurns > 0 {
      doubts.append(.apart(min(1, Double(apartTurns) / Double(turns.count))))
    }
    if !isWarm { doubts.append(.stillWarming(runs: warmUpRuns)) }
    if let drift = Drift(medians) { doubts.append(.drift(drift.change)) }
    if let center = DependentMedian(medians) {
      // A short series without memory is short, but steady.
      if center.independentCount < min(Self.fewestIndependentTurns, max(6, medians.count)) {
        doubts.append(.unsteady(independent: center.independentCount, turns: medians.count))
      }
    }
    if let statistics {
      if let width = statistics.relativeHalfWidth, width > Self.widestInterval {
        doubts.append(.wideInterval(width))
      }
      let excess = statistics.mean / statistics.median - 1
      if excess > Self.mostExcess { doubts.append(.slowRuns(excess)) }
    }
    return doubts
  }
}
