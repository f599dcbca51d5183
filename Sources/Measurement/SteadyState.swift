/// Where a series stops getting faster.
///
/// The first part is cut off where what remains has the smallest standard error of its mean: MSER, the rule
/// of K. P. White, "An effective truncation heuristic for bias reduction in simulation output", Simulation
/// 69, 1997. It is applied to the ranks of the values, so that one slow value somewhere decides nothing. A
/// part counts as warm-up only when it was slower than the rest: a series that begins faster is no warm-up
/// but a drift.
package struct WarmUp: Hashable, Sendable {
  /// Values at the beginning that do not belong to the steady state.
  package let count: Int
  /// False when more than half of the series was still slower: then there is no telling where it would end.
  package let isOver: Bool

  /// The early part is slower when its median is by this share above the median of the rest …
  static let slowdown = 0.02

  package init(_ series: [Double]) {
    let n = series.count
    let cut = n >= 8 ? Self.leastStandardError(Self.ranks(of: series), atMost: n * 3 / 4) : 0
    guard cut > 0, let early = Statistics(Array(series[..<cut])),
      let late = Statistics(Array(series[cut...])),
      early.median > late.median * (1 + Self.slowdown),
      // … and no value as a rest that spreads as widely would hold anyway.
      early.median > Statistics.percentile(75, ofSorted: series[cut...].sorted())
    else {
      count = 0
      isOver = true
      return
    }
    isOver = cut <= n / 2
    count = isOver ? cut : 0
  }

  /// Ranks from 0; equal values share the mean of theirs.
  static func ranks(of series: [Double]) -> [Double] {
    let order = series.indices.sorted { series[$0] < series[$1] }
    var ranks = [Double](repeating: 0, count: series.count)
    var start = 0
    while start < order.count {
      var end = start + 1
      while end < order.count, series[order[end]] == series[order[start]] { end += 1 }
      for i in start..<end { ranks[order[i]] = Double(start + end - 1) / 2 }
      start = end
    }
    return ranks
  }

  /// The number of values to cut off, so that the variance of the rest over its count is least.
  private static func leastStandardError(_ values: [Double], atMost limit: Int) -> Int {
    var sum = 0.0
    var squares = 0.0
    var best = (cut: 0, error: Double.infinity)
    for cut in stride(from: values.count - 1, through: 0, by: -1) {
      sum += values[cut]
      squares += values[cut] * values[cut]
      guard cut <= limit else { continue }
      let count = Double(values.count - cut)
      let error = (squares - sum * sum / count) / (count * count)
      // `<=`: of equals the one that keeps most.
      if error <= best.error { best = (cut, error) }
    }
    return best.cut
  }
}

/// A level that keeps rising or falling within one series of measurements.
package struct Drift: Hashable, Sendable {
  /// The median of the second half over that of the first, less one.
  package let change: Double

  /// Blocks of which the test is made: enough for it to be sure, few enough to outlast what comes and goes.
  static let blocks = 16

  /// nil when the halves differ by less than `threshold`, or when the blocks' medians show no trend: the test
  /// of H. B. Mann, "Nonparametric tests against trend", Econometrica 13, 1945, at 1 %.
  package init?(_ series: [Double], threshold: Double = 0.05) {
    let half = series.count / 2
    guard half >= 6, let first = Statistics(Array(series[..<half])),
      let second = Statistics(Array(series[half...])),
      first.median > 0
    else { return nil }
    change = second.median / first.median - 1
    if abs(change) < threshold || !Self.hasTrend(series) { return nil }
  }

  private static func hasTrend(_ series: [Double]) -> Bool {
    let count = min(blocks, series.count)
    let medians = (0..<count).compactMap { i in
      Statistics(Array(series[(i * series.count / count)..<((i + 1) * series.count / count)]))?.median
    }
    var score = 0.0
    for i in medians.indices {
      for j in 0..<i where medians[i] != medians[j] { score += medians[i] > medians[j] ? 1 : -1 }
    }
    let n = Double(medians.count)
    let deviation = (n * (n - 1) * (2 * n + 5) / 18).squareRoot()
    return (abs(score) - 1) / deviation > 2.576
  }
}
