import Glibc

/// How many threads a run may use, and which limit decided it.
package struct ThreadBudget: Sendable {
  /// Processors that the process may run on.
  package let affinity: Int
  /// Processors' worth of time per period that the control group grants; nil: no quota.
  package let quota: Double?
  /// What the user asked for; nil: as many as allowed.
  package let requested: Int?

  package init(requested: Int? = nil) {
    self.init(affinity: Self.affinityCount(), quota: ControlGroup.read().quota, requested: requested)
  }

  package init(affinity: Int, quota: Double?, requested: Int?) {
    self.affinity = max(1, affinity)
    self.quota = quota
    self.requested = requested
  }

  package var threads: Int {
    var count = affinity
    if let quota { count = min(count, max(1, Int(quota.rounded(.up)))) }
    if let requested { count = min(count, max(1, requested)) }
    return count
  }

  /// `2 threads (affinity 2, quota none)`
  package var explanation: String {
    let quotaText = quota.map { "\(($0 * 100).rounded() / 100)" } ?? "none"
    let request = requested.map { ", requested \($0)" } ?? ""
    return "\(threads) thread\(threads == 1 ? "" : "s") (affinity \(affinity), quota \(quotaText)\(request))"
  }

  private static func affinityCount() -> Int {
    readSmallFile("/proc/self/status").flatMap { parseAllowedCPUs($0) }
      ?? max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
  }

  /// Counts the processors of the line `Cpus_allowed_list: 0-3,8`.
  package static func parseAllowedCPUs(_ status: String) -> Int? {
    guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix("Cpus_allowed_list:") }) else {
      return nil
    }
    return processorCount(ofList: line.dropFirst("Cpus_allowed_list:".count))
  }

  /// Counts the processors of a list of the kernel's: `0-3,8`.
  package static func processorCount(ofList text: some StringProtocol) -> Int? {
    var count = 0
    for range in text.split(whereSeparator: { ", \t".contains($0) }) {
      let ends = range.split(separator: "-").map { Int($0) }
      guard let first = ends.first ?? nil, let last = ends.last ?? nil, last >= first else { return nil }
      count += last - first + 1
    }
    return count > 0 ? count : nil
  }
}
