import Measurement

/// What a load showed: rates per second, times in milliseconds, and the verdict. `doubts` may be more than the report's
/// own.
package func latencyReportJSON(_ report: LatencyReport, doubts: [MeasurementDoubt]) -> [(String, JSON)] {
  [
    ("callers", .integer(report.callers)), ("requests", .integer(report.latency.count)),
    ("warm_up_requests", .integer(report.warmUpRequests)),
    ("unserved_requests", .integer(report.unservedCount)),
    ("window_s", .number(report.windowSeconds)), ("requested_per_s", JSON(report.requestedRate)),
    ("offered_per_s", .number(report.offeredRate)), ("served_per_s", .number(report.servedRate)),
    (
      "served_ci95_per_s",
      report.servedRateInterval.map { .array([.number($0.lowerBound), .number($0.upperBound)]) } ?? .null
    ),
    ("utilization", .number(report.utilization)), ("latency", figuresJSON(report.latency)),
    ("service", figuresJSON(report.service)), ("waiting", figuresJSON(report.waiting)),
    (
      "littles_law",
      report.littlesLaw.map { law in
        .object([
          ("counted_in_system", .number(law.counted)), ("rate_times_latency", .number(law.expected)),
          ("relative_tolerance", .number(law.tolerance)), ("is_kept", .bool(law.isKept)),
        ])
      } ?? .null
    ),
  ] + verdictJSON(doubts)
}

private func figuresJSON(_ figures: LatencyFigures) -> JSON {
  .object([
    ("mean_ms", .number(figures.mean / 1e6)), ("p50_ms", .number(figures.p50 / 1e6)),
    ("p90_ms", .number(figures.p90 / 1e6)), ("p99_ms", .number(figures.p99 / 1e6)),
    ("p99_9_ms", JSON(figures.p999.map { $0 / 1e6 })), ("max_ms", .number(figures.maximum / 1e6)),
  ])
}
