/// The median of a series whose neighbours resemble each other, with an interval that allows for it.
///
/// Times of one turn after another are no independent draws: clocks, caches and neighbours hold a level for a
/// while. The interval of order statistics, which counts every value as a draw, is then too narrow by the
/// square root of the time that a level lasts. Here the number of draws is the length of the series over its
/// autocorrelation time,
///
///     τ = 1 + 2 Σ ρ(k),
///
/// of the sign of each value against the median, which is what decides how far the sample's median may lie
/// off (P. Heidelberger, P. A. W. Lewis, "Quantile estimation in dependent sequences", Operations Research
/// 32, 1984). The sum ends by the initial monotone sequence of C. J. Geyer, "Practical Markov chain Monte
/// Carlo", Statistical Science 7, 1992. A short series shows too little of a long memory, since the sample's
/// own median is taken from it: τ is raised by the share 2 (τ − 1) / n.
package struct DependentMedian: Hashable, Sendable {
  package let median: Double
  /// 95 % confidence; nil with fewer than six independent values.
  package let interval: ClosedRange<Double>?
  package let count: Int
  /// How many independent values say as much.
  package let independentCount: Int

  /// nil for an empty series and for one that holds a NaN. The order of the values matters.
  package init?(_ series: [Double]) {
    guard !series.isEmpty, !series.contains(where: \.isNaN) else { return nil }
    let sorted = series.sorted()
    let n = sorted.count
    let median = Statistics.median(ofSorted: sorted)
    let time = Self.autocorrelationTime(of: series.map { $0 > median ? 1 : $0 < median ? -1 : 0 })
    self.median = median
    count = n
    independentCount = max(1, Int(Double(n) / (time * (1 + 2 * (time - 1) / Double(n)))))
    guard let rank = Statistics.medianRank(count: independentCount) else {
      interval = nil
      return
    }
    // The rank's place, as a share of the independent values, is kept among all of them.
    let place = (Double(rank) - 0.5) / Double(independentCount) * Double(n) + 0.5
    let low = min(max(1, Int(place)), (n + 1) / 2)
    interval = sorted[low - 1]...sorted[n - low]
  }

  /// τ, at least 1.
  static func autocorrelationTime(of series: [Double]) -> Double {
    let n = series.count
    let mean = series.reduce(0, +) / Double(n)
    let centred = series.map { $0 - mean }
    let variance = centred.reduce(0) { $0 + $1 * $1 }
    guard variance > 0 else { return 1 }
    func correlation(_ lag: Int) -> Double {
      var sum = 0.0
      for i in 0..<(n - lag) { sum += centred[i] * centred[i + lag] }
      return sum / variance
    }
    var time = -1.0
    var last = Double.infinity
    for lag in stride(from: 0, to: n - 1, by: 2) {
      let pair = min(last, correlation(lag) + correlation(lag + 1))
      if pair <= 0 { break }
      time += 2 * pair
      last = pair
    }
    return max(1, time)
  }
}
