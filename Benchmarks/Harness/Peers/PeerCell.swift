import Glibc
import Measurement

/// One engine in a cell: what it needed, how long its runs took, and how far its outputs lie from the reference's.
package struct PeerResult: Sendable {
  package struct Failure: Hashable, Sendable {
    /// `absent`, `unsupported`, `failed`, `crashed` or `timed_out`.
    package var kind: String
    package var reason: String

    package init(kind: String, reason: String) {
      self.kind = kind
      self.reason = reason
    }
  }

  /// The times of all runs in a few numbers, in nanoseconds.
  package struct Times: Hashable, Sendable {
    package var runs: Int
    package var median: Double
    package var interval: ClosedRange<Double>?
    package var p99: Double

    package init(runs: Int, median: Double, interval: ClosedRange<Double>?, p99: Double) {
      self.runs = runs
      self.median = median
      self.interval = interval
      self.p99 = p99
    }
  }

  package var engine: String
  package var failure: Failure?
  package var facts = EngineFacts()
  package var load = LoadFacts()
  package var times: Times?
  /// In nanoseconds; those of the same round are compared.
  package var roundMedians: [Double] = []
  /// Rounds that do not count, since the processors were far from each other.
  package var setAsideRounds = 0
  /// The largest difference over the reference's largest magnitude, of the worst output; nil: not compared.
  package var difference: Double?
  /// Why the outputs are not the reference's.
  package var differs: String?
  package var doubts: [String] = []
  /// The mean of so many runs in a row, in nanoseconds, where it was asked for.
  package var mean: Double?

  package init(_ engine: String) { self.engine = engine }

  /// Only single precision is the contest; the others are shown beside it.
  package var isSinglePrecision: Bool { facts.precision == "f32" }
  /// Measured, and with the right outputs.
  package var counts: Bool { failure == nil && times != nil && differs == nil && difference != nil }
}

/// A model at one batch size on so many threads, on every engine.
package struct PeerCell: Sendable {
  package var model: String
  package var batch: Int
  package var threads: Int
  package var results: [PeerResult]
  /// Whose outputs the others' are compared with.
  package var reference: String
  package var seconds = 0.0
  /// What the machine did meanwhile.
  package var disturbances: [String] = []

  /// A ratio within this of 1 is a tie: passes minutes apart differ by more.
  package static let tie = 0.05
  /// Ratios are known well enough when their interval is narrower, as a share of the median.
  package static let widestRatio = 0.06

  package static let ours = "needletail"

  package init(model: String, batch: Int, threads: Int, results: [PeerResult], reference: String) {
    self.model = model
    self.batch = batch
    self.threads = threads
    self.results = results
    self.reference = reference
  }

  package var name: String { "\(model), batch \(batch), \(threads) thread\(threads == 1 ? "" : "s")" }

  package func result(_ engine: String) -> PeerResult? { results.first { $0.engine == engine } }

  /// The fastest other engine that computes in single precision and has the right outputs.
  package var best: PeerResult? {
    results.filter { !$0.engine.hasPrefix(Self.ours) && $0.isSinglePrecision && $0.counts }
      .min { ($0.times?.median ?? .infinity) < ($1.times?.median ?? .infinity) }
  }

  /// Their time over ours, round by round: above 1 we are faster.
  package func ratio(_ engine: String) -> Statistics? {
    guard let ours = result(Self.ours), let theirs = result(engine), ours.failure == nil,
      theirs.failure == nil,
      engine != Self.ours
    else { return nil }
    func series(_ result: PeerResult) -> MeasuredSeries {
      MeasuredSeries(turns: result.roundMedians.map { [$0] })
    }
    return series(ours).speedups(over: series(theirs))
  }

  /// The ratio that the verdict follows from; nil when there is none to be had, or our own outputs differ.
  package var ratioOverBest: Statistics? {
    guard let best, result(Self.ours)?.counts == true else { return nil }
    return ratio(best.engine)
  }

  package enum Verdict: String, Hashable, Sendable, CaseIterable {
    case faster, tie, slower
    /// Nothing to compare: ours or all others failed or differ.
    case none
  }

  package var verdict: Verdict {
    guard let ratio = ratioOverBest?.median else { return .none }
    return ratio >= 1 + Self.tie ? .faster : ratio <= 1 / (1 + Self.tie) ? .slower : .tie
  }

  /// What speaks against the ratio over the best engine.
  package var doubts: [String] {
    guard ratioOverBest != nil, let best, let ours = result(Self.ours) else { return [] }
    return disturbances + ours.doubts.map { "\(ours.engine): \($0)" }
      + best.doubts.map { "\(best.engine): \($0)" }
      + (isPrecise ? [] : ["the interval of the ratio is wider than 6 %"])
  }

  /// Whether the interval of the ratio is as narrow as it should be.
  package var isPrecise: Bool { Self.isPrecise(ratioOverBest) }

  package static func isPrecise(_ ratio: Statistics?) -> Bool {
    guard let width = ratio?.relativeHalfWidth else { return false }
    return width * 2 < widestRatio
  }
}

/// The cells in a sentence: how often faster, and how much in the mean.
package struct PeerSummary: Hashable, Sendable {
  package var counts: [PeerCell.Verdict: Int] = [:]
  /// Of the ratios over the best engine; nil without one.
  package var geometricMean: Double?

  package init(_ cells: [PeerCell]) {
    for cell in cells { counts[cell.verdict, default: 0] += 1 }
    geometricMean = NeedletailBenchmarks.geometricMean(cells.compactMap { $0.ratioOverBest?.median })
  }
}

/// The mean that treats twice as fast and half as fast as each other's opposite; nil for none or for one not above 0.
package func geometricMean(_ ratios: [Double]) -> Double? {
  guard !ratios.isEmpty, ratios.allSatisfy({ $0 > 0 && $0.isFinite }) else { return nil }
  return exp(ratios.reduce(0) { $0 + log($1) } / Double(ratios.count))
}
