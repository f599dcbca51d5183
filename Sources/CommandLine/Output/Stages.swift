import Host
import Reports

/// The times of one thing after another.
struct Stages {
  private var times: [(name: String, nanoseconds: UInt64)] = []
  private var start = monotonicNanoseconds()

  /// Ends a stage that began where the last one ended.
  mutating func end(_ name: String) {
    let now = monotonicNanoseconds()
    times.append((name, now - start))
    start = now
  }

  /// What was done since the last end counts for nothing.
  mutating func restart() { start = monotonicNanoseconds() }

  /// `read 1.20 ms, plan 3.40 ms`
  var text: String {
    times.map { "\($0.name) \(milliseconds(Double($0.nanoseconds))) ms" }.joined(separator: ", ")
  }

  var json: JSON { .object(times.map { ($0.name, .number(Double($0.nanoseconds) / 1e6)) }) }
}
