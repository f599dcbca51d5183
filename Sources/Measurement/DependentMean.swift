/// The mean of a series whose neighbours resemble each other, with a standard error that allows for it: the
/// series counts for its length over its autocorrelation time, as in `DependentMedian`.
package struct DependentMean: Hashable, Sendable {
  package let mean: Double
  package let standardError: Double

  /// nil for fewer than two values. A value counts by its weight; all alike when none are given.
  package init?(_ series: [Double], weights: [Double]? = nil) {
    guard series.count >= 2 else { return nil }
    let weights = weights ?? series.map { _ in 1 }
    let total = weights.reduce(0, +)
    guard total > 0 else { return nil }
    let mean = zip(series, weights).reduce(0) { $0 + $1.0 * $1.1 } / total
    let variance = zip(series, weights).reduce(0) { $0 + $1.1 * ($1.0 - mean) * ($1.0 - mean) } / total
    // Kish's count of values that weigh alike.
    let count = total * total / weights.reduce(0) { $0 + $1 * $1 }
    let independent = max(1, count / DependentMedian.autocorrelationTime(of: series) - 1)
    self.mean = mean
    standardError = (variance / independent).squareRoot()
  }

  /// Of 95 % confidence; below 0 there is nothing to count.
  package var interval: ClosedRange<Double> { max(0, mean - 2 * standardError)...(mean + 2 * standardError) }
}
