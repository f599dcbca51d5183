import Host

/// How many bytes the values and weights of a model may take where no limit is given.
package enum MemoryBudget {
  /// The share of the memory that the process may use; the rest is for the program and for others.
  package static let share = 0.75

  /// Three quarters of the machine's memory, or of what the control groups allow where that is less; of 1 TiB when
  /// neither can be read.
  package static func bytes() -> Int {
    let total = readSmallFile("/proc/meminfo").flatMap { parseMemTotal($0) } ?? 1 << 40
    return bytes(total: total, limit: ControlGroup.read().memoryLimit)
  }

  package static func bytes(total: Int, limit: Int?) -> Int {
    Int(Double(min(total, limit ?? total)) * share)
  }

  /// `MemTotal: 24576 kB` in bytes.
  package static func parseMemTotal(_ text: String) -> Int? {
    guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("MemTotal:") }),
      let kibibytes = line.split(separator: " ").dropFirst().first.flatMap({ Int($0) }), kibibytes < 1 << 50
    else { return nil }
    return kibibytes << 10
  }
}
