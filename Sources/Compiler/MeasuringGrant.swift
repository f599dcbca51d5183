import Synchronization

/// Nanoseconds that the plans of a model may be measured for: a few at full length, then ever less. A model that sees
/// new sizes in every run is soon planned from what was measured for others.
final class MeasuringGrant: Sendable {
  private let perPlan: UInt64
  private let left: Atomic<UInt64>

  /// All plans together get as much as four alone.
  static let planCount: UInt64 = 4
  /// Less than this is not worth a race.
  private static let least: UInt64 = 1_000_000

  init(perPlan: UInt64) {
    self.perPlan = perPlan
    left = Atomic(
      perPlan.multipliedReportingOverflow(by: Self.planCount).overflow ? .max : perPlan * Self.planCount)
  }

  /// For the next plan: no more than half of what is left.
  func next() -> UInt64 {
    let half = left.load(ordering: .relaxed) / 2
    return half < Self.least ? 0 : min(perPlan, half)
  }

  func spend(_ nanoseconds: UInt64) {
    var known = left.load(ordering: .relaxed)
    while true {
      let (exchanged, original) = left.weakCompareExchange(
        expected: known, desired: known - min(known, nanoseconds), ordering: .relaxed)
      if exchanged { return }
      known = original
    }
  }
}
