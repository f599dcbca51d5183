import Measurement

/// A layer for which another candidate is surely faster than the compiler's pick.
struct SlowPick: Equatable, Sendable {
  var pick: String
  var best: String
  /// The pick's median over the best one's.
  var ratio: Double
}

/// What the check of picks reads of a candidate.
struct JudgedKernel: Sendable {
  var name: String
  var isPick: Bool
  /// Wrong results do not win.
  var isRight: Bool
  var median: Double
  var interval: ClosedRange<Double>?
}

enum KernelVerdict {
  /// The share by which a pick may be slower.
  static let allowance = 0.05

  /// Whether the best right candidate beats every pick by more than the allowance, and their intervals are apart.
  ///
  /// A kernel that makes the same offer twice has two picks: the better one counts. Without an interval nothing is sure.
  static func slowPick(_ kernels: [JudgedKernel]) -> SlowPick? {
    let right = kernels.filter(\.isRight)
    guard let pick = kernels.filter(\.isPick).min(by: { $0.median < $1.median }),
      let best = right.min(by: { $0.median < $1.median }), pick.median > best.median * (1 + allowance),
      let slow = pick.interval, let fast = best.interval, slow.lowerBound > fast.upperBound
    else { return nil }
    return SlowPick(pick: pick.name, best: best.name, ratio: pick.median / best.median)
  }
}

extension MeasuredLayer {
  var judged: [JudgedKernel] {
    kernels.map {
      JudgedKernel(
        name: $0.kernel, isPick: $0.isPick, isRight: $0.mistake == nil, median: $0.statistics.median,
        interval: $0.statistics.medianInterval)
    }
  }

  /// Nothing is faster than a view.
  var slowPick: SlowPick? { isPickView ? nil : KernelVerdict.slowPick(judged) }
  var pick: MeasuredKernel? { kernels.first(where: \.isPick) }
  var best: MeasuredKernel? { kernels.first { $0.mistake == nil } }
}
