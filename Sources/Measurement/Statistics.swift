import Glibc

/// What a sample of measurements says, in the unit of the sample.
///
/// Percentiles are nearest ranks, hence values that were measured; the median of an even sample is the mean
/// of the middle two. The interval of the median is made of order statistics: it asks nothing of the
/// distribution, but that the values are independent. Those of a series over time are not: see
/// `DependentMedian`.
package struct Statistics: Hashable, Sendable {
  package let count: Int
  package let minimum: Double
  package let median: Double
  package let p90: Double
  package let p99: Double
  package let maximum: Double
  package let mean: Double
  /// 95 % confidence; nil for fewer than six values, from which none follows.
  package let medianInterval: ClosedRange<Double>?

  /// nil for an empty sample, and for one that holds a NaN.
  package init?(_ sample: [Double]) {
    guard !sample.isEmpty, !sample.contains(where: \.isNaN) else { return nil }
    let sorted = sample.sorted()
    count = sorted.count
    minimum = sorted[0]
    maximum = sorted[sorted.count - 1]
    median = Self.median(ofSorted: sorted)
    p90 = Self.percentile(90, ofSorted: sorted)
    p99 = Self.percentile(99, ofSorted: sorted)
    mean = sorted.reduce(0, +) / Double(sorted.count)
    medianInterval = Self.medianInterval(ofSorted: sorted)
  }

  private init(_ other: Statistics, median: Double, medianInterval: ClosedRange<Double>?) {
    count = other.count
    minimum = other.minimum
    self.median = median
    p90 = other.p90
    p99 = other.p99
    maximum = other.maximum
    mean = other.mean
    self.medianInterval = medianInterval
  }

  /// The same sample with a median that allows for the order in which it was taken.
  func with(_ center: DependentMedian) -> Statistics {
    Statistics(self, median: center.median, medianInterval: center.interval)
  }

  /// The same with an interval that allows for an independent error of this size, in the unit of the sample.
  func widened(by error: Double) -> Statistics {
    guard let interval = medianInterval else { return self }
    return Statistics(
      self, median: median,
      medianInterval: median - hypot(median - interval.lowerBound, error)...median
        + hypot(interval.upperBound - median, error))
  }

  /// Half the width of the interval, as a share of the median; nil without an interval.
  package var relativeHalfWidth: Double? {
    guard let interval = medianInterval, median != 0 else { return nil }
    return (interval.upperBound - interval.lowerBound) / 2 / abs(median)
  }
}

extension Statistics {
  static func median(ofSorted sorted: [Double]) -> Double {
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }

  /// The nearest rank: the smallest value that at least `percent` % of the sample do not exceed.
  static func percentile(_ percent: Int, ofSorted sorted: [Double]) -> Double {
    let rank = (sorted.count * percent + 99) / 100
    return sorted[min(max(rank, 1), sorted.count) - 1]
  }

  /// The j-th smallest to the j-th largest value, for the largest j that still covers the median with 95 %.
  static func medianInterval(ofSorted sorted: [Double]) -> ClosedRange<Double>? {
    guard let j = medianRank(count: sorted.count) else { return nil }
    return sorted[j - 1]...sorted[sorted.count - j]
  }

  /// The largest j for which a binomial of `count` fair trials is below j with a probability of at most 2.5
  /// %.
  static func medianRank(count: Int) -> Int? {
    let n = Double(count)
    var below = 0.0
    var rank: Int?
    for j in 1...max(1, (count + 1) / 2) {
      let i = Double(j - 1)
      below += exp(logGamma(n + 1) - logGamma(i + 1) - logGamma(n - i + 1) - n * log(2))
      if below > 0.025 { break }
      rank = j
    }
    return rank
  }

  /// `lgamma` writes the sign into a global variable; this form does not.
  private static func logGamma(_ x: Double) -> Double {
    var sign: Int32 = 0
    return lgamma_r(x, &sign)
  }
}
