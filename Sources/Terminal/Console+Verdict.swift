import Measurement
import Reports

extension Console {
  /// The verdict on all measurements of a report, and what to do when it is bad.
  package func printVerdict(_ doubts: [(what: String, doubts: [MeasurementDoubt])]) -> Bool {
    let doubtful = doubts.filter { !$0.doubts.isEmpty }
    if doubtful.isEmpty {
      print("verdict VALID")
      return true
    }
    print("verdict INVALID")
    var advice: [String] = []
    for (what, doubts) in doubtful {
      print("  \(what): \(doubts.map(\.finding).joined(separator: "; "))")
      for doubt in doubts where !advice.contains(doubt.advice) { advice.append(doubt.advice) }
    }
    print("  → \(advice.joined(separator: "; "))")
    return false
  }
}
