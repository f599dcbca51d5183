/// Why a measurement cannot be trusted, with the evidence.
package enum MeasurementDoubt: Hashable, Sendable {
  case tooFewRuns(found: Int, expected: Int)
  /// Relative change from the first half to the second.
  case drift(Double)
  /// Half the width of the median's interval, as a share of the median.
  case wideInterval(Double)
  case stillWarming(runs: Int)
  /// Times keep a level for so long that the turns say no more than a few independent ones would.
  case unsteady(independent: Int, turns: Int)
  /// How far the mean lies above the median, as a share of the median.
  case slowRuns(Double)
  /// Times that the control group stopped the process, and for how long.
  case throttled(count: Int, seconds: Double)
  /// The share of the time in which a thread of the process was ready and had no processor.
  case crowded(Double)
  /// The share of the processors' time that other processes took.
  case others(Double)
  /// The share of the turns in which the processors were far from each other.
  case apart(Double)
  /// Requests arrive faster than they are served; rates per second, and requests left over.
  case overloaded(offered: Double, served: Double, queue: Int)
  /// The mean number of requests in the system as it was counted, and as rate and latency say.
  case littlesLaw(counted: Double, expected: Double)
  /// The number of requests in the system was counted too seldom to check anything.
  case uncounted(samples: Int)
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
    case .unsteady(let independent, let turns):
      "times keep a level for long: \(turns) turns say as much as \(independent)"
    case .slowRuns(let excess): "the mean is \(percent(excess)) above the median: some runs are much slower"
    case .others(let share): "other processes took \(percent(share)) of the processors' time"
    case .crowded(let share): "threads waited for a processor for \(percent(share)) of the time"
    case .apart(let share):
      "the machine kept its processors far from each other in \(percent(share)) of the turns: work shared by threads "
        + "takes longer then"
    case .overloaded(let offered, let served, let queue):
      "overloaded: \(rate(offered)) requests per second came, \(rate(served)) were served, \(queue) were left over; "
        + "latencies are those of a growing queue"
    case .littlesLaw(let counted, let expected):
      "Little's law fails: \(rate(counted)) requests in the system were counted, rate × latency gives \(rate(expected))"
    case .uncounted(let samples): "the requests in the system were counted only \(samples) times"
    case .throttled(let count, let seconds):
      "the control group stopped the process \(count) times for \(Int((seconds * 1000).rounded())) ms"
    }
  }

  /// What to do about it.
  package var advice: String {
    switch self {
    case .tooFewRuns: "allow more time with --limit, or ask for fewer with --runs"
    case .drift, .wideInterval: "measure longer with --seconds, on a quiet machine"
    case .stillWarming, .unsteady, .uncounted: "measure longer with --seconds"
    case .slowRuns: "look at p99, and for what interrupts the runs"
    case .others: "measure while nothing else runs"
    case .apart: "measure again, for longer with --limit, or with --threads 1"
    case .crowded: "use fewer --threads, or stop what else is running"
    case .overloaded: "ask for a lower --rate, or more --concurrency"
    case .littlesLaw: "measure longer with --seconds, with processors to spare"
    case .throttled: "use fewer --threads or a larger CPU quota"
    }
  }

  private func rate(_ value: Double) -> String {
    value >= 100 ? "\(Int(value.rounded()))" : "\((value * 100).rounded() / 100)"
  }

  private func percent(_ share: Double) -> String { "\((share * 1000).rounded() / 10) %" }
}
