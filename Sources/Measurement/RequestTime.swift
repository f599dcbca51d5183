import Glibc

/// When a request was made, taken up and answered, in nanoseconds of one clock.
package struct RequestTime: Hashable, Sendable {
  /// When it was meant to arrive: whatever held it up counts for its latency.
  package var arrival: UInt64
  package var start: UInt64
  package var end: UInt64

  package init(arrival: UInt64, start: UInt64, end: UInt64) {
    self.arrival = arrival
    self.start = start
    self.end = end
  }

  package var latency: Double { Double(end) - Double(arrival) }
  package var service: Double { Double(end) - Double(start) }
  package var waiting: Double { Double(start) - Double(arrival) }
}

/// How many requests were in the system at a moment, counted apart from the times of the requests.
package struct SystemSample: Hashable, Sendable {
  package var time: UInt64
  package var count: Int

  package init(time: UInt64, count: Int) {
    self.time = time
    self.count = count
  }
}

/// What is said of a set of times, in nanoseconds.
package struct LatencyFigures: Hashable, Sendable {
  package let count: Int
  package let mean: Double
  package let p50: Double
  package let p90: Double
  package let p99: Double
  /// nil for fewer than a thousand values, of which none would be left beyond it.
  package let p999: Double?
  package let maximum: Double

  /// nil for an empty sample.
  package init?(_ sample: [Double]) {
    guard !sample.isEmpty else { return nil }
    let sorted = sample.sorted()
    count = sorted.count
    mean = sorted.reduce(0, +) / Double(count)
    p50 = Statistics.median(ofSorted: sorted)
    p90 = Statistics.percentile(90, ofSorted: sorted)
    p99 = Statistics.percentile(99, ofSorted: sorted)
    p999 = count >= 1000 ? sorted[(count * 999 + 999) / 1000 - 1] : nil
    maximum = sorted[count - 1]
  }
}

/// Little's law, L = λ W: the mean number in a system is the rate of requests times the mean time that each
/// spends in it (J. D. C. Little, "A proof for the queuing formula: L = λ W", Operations Research 9, 1961).
///
/// The left side is counted at random moments, the right side is made of the requests' own times: where they
/// disagree, requests were lost, or times are wrong.
package struct LittlesLaw: Hashable, Sendable {
  /// L, the mean of the samples.
  package let counted: Double
  /// λ W
  package let expected: Double
  /// How far the two may differ, as a share of λ W: a twentieth for what begins or ends outside of the
  /// window, and four standard errors of the samples' mean, whose memory is allowed for.
  package let tolerance: Double

  /// The fewest samples that count as a check.
  static let fewestSamples = 20

  /// nil with too few samples.
  package init?(samples: [SystemSample], ratePerNanosecond rate: Double, meanLatency: Double) {
    guard samples.count >= Self.fewestSamples else { return nil }
    // Each stands for the time to its neighbours: whoever counts is held up when the machine is, too.
    let weights = samples.indices.map { i in
      Double(samples[min(i + 1, samples.count - 1)].time - samples[max(i - 1, 0)].time)
    }
    guard let mean = DependentMean(samples.map { Double($0.count) }, weights: weights) else { return nil }
    counted = mean.mean
    expected = rate * meanLatency
    tolerance = 0.05 + (expected > 0 ? 4 * mean.standardError / expected : 0)
  }

  package var isKept: Bool { abs(counted - expected) <= tolerance * expected }
}

/// The times at which requests of a Poisson process arrive: independent of each other and of how they are
/// served.
package struct PoissonArrivals: Sendable {
  private var random: SplitMix
  private let meanGap: Double
  private var time = 0.0

  package init(ratePerSecond: Double, seed: UInt64) {
    random = SplitMix(seed: seed, "arrivals")
    meanGap = 1e9 / ratePerSecond
  }

  /// Nanoseconds since the beginning.
  package mutating func next() -> Double {
    // From above 0 to 1, so that the logarithm is finite.
    let uniform = (Double(random.next() >> 11) + 1) / Double(1 << 53)
    time -= meanGap * log(uniform)
    return time
  }
}
