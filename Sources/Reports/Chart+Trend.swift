extension Chart.Series {
  /// The least-squares line through the points; nil for fewer than two places.
  package var trend: (slope: Double, intercept: Double)? {
    let points = points.filter { $0.x.isFinite && $0.y.isFinite }
    let n = Double(points.count)
    let meanX = points.reduce(0) { $0 + $1.x } / n
    let meanY = points.reduce(0) { $0 + $1.y } / n
    let spread = points.reduce(0) { $0 + ($1.x - meanX) * ($1.x - meanX) }
    guard points.count >= 2, spread > 0 else { return nil }
    let slope = points.reduce(0) { $0 + ($1.x - meanX) * ($1.y - meanY) } / spread
    return (slope, meanY - slope * meanX)
  }

  /// `simd, trend 0.12·x + 3.4`
  package var legend: String {
    guard hasTrend, let trend else { return name }
    let sign = trend.intercept < 0 ? "−" : "+"
    return "\(name), trend \(significant(trend.slope))·x \(sign) \(significant(abs(trend.intercept)))"
  }
}
