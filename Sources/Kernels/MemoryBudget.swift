import Host

/// How many bytes a plan may ask for.
package enum MemoryBudget {
  /// The smaller of the machine's memory and the control group's limit; 1 TiB when neither can be read.
  package static func bytes() -> Int {
    let total = readSmallFile("/proc/meminfo").flatMap { parseMemTotal($0) } ?? 1 << 40
    let limit = readSmallFile("/sys/fs/cgroup/memory.max").flatMap { parseMemoryMax($0) } ?? total
    return min(total, limit)
  }

  /// `MemTotal: 24576 kB` in bytes.
  package static func parseMemTotal(_ text: String) -> Int? {
    guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("MemTotal:") }),
      let kibibytes = line.split(separator: " ").dropFirst().first.flatMap({ Int($0) }), kibibytes < 1 << 50
    else { return nil }
    return kibibytes << 10
  }

  /// `max` is no limit.
  package static func parseMemoryMax(_ text: String) -> Int? { Int(text.prefix { $0.isNumber }) }
}
