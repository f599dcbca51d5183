import Glibc
import Host

/// How long the processors were busy so far, and how long for this process.
package struct ProcessorLoad: Hashable, Sendable {
  /// Hundredths of a second, of all processors: the kernel's unit.
  package var busyTicks: Int
  package var idleTicks: Int
  package var ownTicks: Int

  package init(busyTicks: Int, idleTicks: Int, ownTicks: Int) {
    self.busyTicks = busyTicks
    self.idleTicks = idleTicks
    self.ownTicks = ownTicks
  }

  /// Sums up the first line of `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal; nil for
  /// another.
  package init?(parsing text: String, ownTicks: Int) {
    guard let line = text.split(separator: "\n").first, line.hasPrefix("cpu ") else { return nil }
    let ticks = line.split(separator: " ").dropFirst().prefix(8).compactMap { Int($0) }
    guard ticks.count == 8 else { return nil }
    let idle = ticks[3] + ticks[4]
    self.init(busyTicks: ticks.reduce(0, +) - idle, idleTicks: idle, ownTicks: ownTicks)
  }

  /// nil where the kernel does not say.
  package static func now() -> ProcessorLoad? {
    var usage = rusage()
    guard getrusage(Int32(RUSAGE_SELF.rawValue), &usage) == 0, let text = readSmallFile("/proc/stat") else {
      return nil
    }
    let seconds = Int(usage.ru_utime.tv_sec) + Int(usage.ru_stime.tv_sec)
    let microseconds = Int(usage.ru_utime.tv_usec) + Int(usage.ru_stime.tv_usec)
    return ProcessorLoad(parsing: text, ownTicks: seconds * 100 + microseconds / 10_000)
  }

  /// The share of all processors' time since `earlier` that went to other processes, or was stolen by other
  /// machines.
  ///
  /// nil for too short a time: each processor's count may be off by a tick at both ends.
  package func shareOfOthers(since earlier: ProcessorLoad) -> Double? {
    let busy = busyTicks - earlier.busyTicks
    let total = busy + idleTicks - earlier.idleTicks
    guard total >= 50 else { return nil }
    return Double(max(0, busy - (ownTicks - earlier.ownTicks))) / Double(total)
  }
}
