import Host

/// Why a measurement cannot be trusted, with the evidence.
package enum MeasurementDoubt: Hashable, Sendable {
  case tooFewRuns(found: Int, expected: Int)
  /// Relative change from the first half to the second.
  case drift(Double)
  /// Half the width of the median's interval, as a share of the median.
  case wideInterval(Double)
  case stillWarming(runs: Int)
  /// Times that the control group stopped the process, and for how long.
  case throttled(count: Int, seconds: Double)
}

extension MeasurementDoubt: CustomStringConvertible {
  package var description: String { "\(finding); \(advice)" }

  package var finding: String {
    switch self {
    case .tooFewRuns(let found, let expected): "too few runs: \(found) of \(expected)"
    case .drift(let change):
      "the second half is \(percent(abs(change))) \(change > 0 ? "slower" : "faster") than the first"
    case .wideInterval(let width): "the median is known to ±\(percent(width)) only"
    case .stillWarming(let runs): "still getting faster after \(runs) runs of warm-up"
    case .throttled(let count, let seconds):
      "the control group stopped the process \(count) times for \(Int((seconds * 1000).rounded())) ms"
    }
  }

  /// What to do about it.
  package var advice: String {
    switch self {
    case .tooFewRuns: "allow more time with --limit, or ask for fewer with --runs"
    case .drift, .wideInterval: "measure longer with --seconds, on a quiet machine"
    case .stillWarming: "measure longer with --seconds"
    case .throttled: "use fewer --threads or a larger CPU quota"
    }
  }

  private func percent(_ share: Double) -> String { "\((share * 1000).rounded() / 10) %" }
}

extension MeasuredSeries {
  /// The widest interval of the median that counts as known.
  package static let widestInterval = 0.05

  /// What speaks against this series; nothing when it is valid.
  package func doubts(_ limits: MeasurementLimits) -> [MeasurementDoubt] {
    var doubts: [MeasurementDoubt] = []
    let times = times
    let expected = max(6, limits.minimumRuns)
    if times.count < expected { doubts.append(.tooFewRuns(found: times.count, expected: expected)) }
    if !isWarm { doubts.append(.stillWarming(runs: warmUpRuns)) }
    if let drift = Drift(times) { doubts.append(.drift(drift.change)) }
    if let width = Statistics(times)?.relativeHalfWidth, width > Self.widestInterval {
      doubts.append(.wideInterval(width))
    }
    return doubts
  }
}

/// What the control group has done to the process so far.
package struct ThrottleCount: Hashable, Sendable {
  package var periods = 0
  package var microseconds = 0

  package init(periods: Int = 0, microseconds: Int = 0) {
    self.periods = periods
    self.microseconds = microseconds
  }

  /// Reads `nr_throttled` and `throttled_usec`, or the older `throttled_time` in nanoseconds.
  package init(parsing text: String) {
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.count == 2, let value = Int(words[1]) else { continue }
      switch words[0] {
      case "nr_throttled": periods = value
      case "throttled_usec": microseconds = value
      case "throttled_time": microseconds = value / 1000
      default: break
      }
    }
  }

  /// The count of this moment; nil where there is no control group to ask.
  package static func now() -> ThrottleCount? {
    (readSmallFile("/sys/fs/cgroup/cpu.stat") ?? readSmallFile("/sys/fs/cgroup/cpu/cpu.stat")).map {
      ThrottleCount(parsing: $0)
    }
  }

  /// A doubt when the process was stopped since `earlier`.
  package func doubt(since earlier: ThrottleCount) -> MeasurementDoubt? {
    let count = periods - earlier.periods
    let time = microseconds - earlier.microseconds
    return count > 0 ? .throttled(count: count, seconds: Double(max(0, time)) / 1e6) : nil
  }
}
