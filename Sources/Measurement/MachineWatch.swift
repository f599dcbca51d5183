import Glibc
import Host

/// What the machine did to the process while it measured; for subjects that run in this process.
package struct MachineWatch {
  /// The share of the time that threads may wait for a processor.
  package static let mostWaiting = 0.1

  /// The share of the processors' time that others may take: beyond it a neighbour on the same core may slow
  /// the process evenly, without ever making it wait.
  package static let mostTakenByOthers = 0.05

  private let start: UInt64
  private let load = ProcessorLoad.now()
  private let throttled: ThrottleCount?
  private let waited: [Int: UInt64]

  /// Begins to watch.
  package init() {
    start = monotonicNanoseconds()
    throttled = .now()
    waited = Self.waitingNanoseconds()
  }

  /// What speaks against the measurements made since then.
  package func doubts() -> [MeasurementDoubt] {
    var doubts = throttling()
    let elapsed = Double(max(1, monotonicNanoseconds() - start))
    // The thread that waited most: work split evenly waits for the last of its threads.
    let longest = Self.waitingNanoseconds().map { $1 - min($1, waited[$0] ?? 0) }.max() ?? 0
    let share = Double(longest) / elapsed
    if share > Self.mostWaiting { doubts.append(.crowded(share)) }
    if let load, let others = ProcessorLoad.now()?.shareOfOthers(since: load), others > Self.mostTakenByOthers
    {
      doubts.append(.others(others))
    }
    return doubts
  }

  /// The same for what has more threads than processors on purpose.
  package func throttling() -> [MeasurementDoubt] {
    guard let throttled, let doubt = ThrottleCount.now()?.doubt(since: throttled) else { return [] }
    return [doubt]
  }

  /// How long each thread of the process was ready to run and did not; empty where the kernel does not say.
  private static func waitingNanoseconds() -> [Int: UInt64] {
    guard let folder = opendir("/proc/self/task") else { return [:] }
    defer { closedir(folder) }
    var times: [Int: UInt64] = [:]
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      guard let thread = Int(name), let text = readSmallFile("/proc/self/task/\(name)/schedstat") else {
        continue
      }
      let words = text.split { $0 == " " || $0 == "\n" }
      if words.count >= 2, let time = UInt64(words[1]) { times[thread] = time }
    }
    return times
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
