/// What the control groups of this process allow: the smallest limits of its group and of all groups above it.
///
/// Reads version 1, version 2 and systems that have both.
package struct ControlGroup: Hashable, Sendable {
  /// Bytes of memory; nil: no limit.
  package var memoryLimit: Int?
  /// Processors' worth of time; nil: no limit.
  package var quota: Double?

  package init(memoryLimit: Int? = nil, quota: Double? = nil) {
    self.memoryLimit = memoryLimit
    self.quota = quota
  }

  /// `root` is where the file system lies: a test gives a folder of its own.
  package static func read(root: String = "") -> ControlGroup {
    let memberships = Membership.all(in: readSmallFile(root + "/proc/self/cgroup") ?? "")
    let mounts =
      Mount.all(in: readSmallFile(root + "/proc/self/mountinfo") ?? "") + Mount.usual
    var limits = ControlGroup()
    for membership in memberships {
      for mount in mounts where mount.serves(membership) {
        for folder in mount.folders(of: membership.path) { limits.tighten(folder: root + folder) }
      }
    }
    return limits
  }

  private mutating func tighten(folder: String) {
    func number(_ name: String) -> Double? {
      readSmallFile("\(folder)/\(name)")?.split(whereSeparator: \.isWhitespace).first.flatMap { Double($0) }
    }
    // Version 1 writes the largest number of pages for no limit.
    for bytes in [number("memory.max"), number("memory.limit_in_bytes")].compactMap({ $0 })
    where bytes > 0 && bytes < 0x1p60 {
      memoryLimit = min(memoryLimit ?? .max, Int(bytes))
    }
    var quotas = [readSmallFile("\(folder)/cpu.max").flatMap { Self.parseCPUMax($0) }]
    if let quota = number("cpu.cfs_quota_us"), let period = number("cpu.cfs_period_us"), quota > 0, period > 0
    {
      quotas.append(quota / period)
    }
    for found in quotas.compactMap({ $0 }) { quota = min(quota ?? found, found) }
  }

  /// `"150000 100000"` is 1.5 processors, `"max 100000"` no limit.
  package static func parseCPUMax(_ text: String) -> Double? {
    let words = text.split(whereSeparator: \.isWhitespace)
    guard words.count >= 2, let quota = Double(words[0]), let period = Double(words[1]), quota > 0, period > 0
    else { return nil }
    return quota / period
  }
}

/// A line of `/proc/self/cgroup`: `4:memory:/outer/inner`, or `0::/outer/inner` of version 2.
private struct Membership {
  /// None for version 2.
  var controllers: [Substring]
  var path: Substring

  static func all(in text: String) -> [Membership] {
    text.split(separator: "\n").compactMap { line in
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { return nil }
      return Membership(controllers: parts[1].split(separator: ","), path: parts[2])
    }
  }
}

/// Where a hierarchy of groups is in the file system.
private struct Mount {
  /// None for version 2.
  var controllers: [Substring]
  /// The group that the folder shows: within a container not always the root.
  var root: Substring
  var folder: Substring

  /// Where systems mount them, for processes that see no list of mounts.
  static let usual: [Mount] =
    ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].map { Mount(controllers: [], root: "/", folder: $0) }
    + ["memory", "cpu", "cpu,cpuacct"].map {
      Mount(controllers: $0.split(separator: ","), root: "/", folder: "/sys/fs/cgroup/\($0)")
    }

  /// Lines of `/proc/self/mountinfo`: `32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu`.
  static func all(in text: String) -> [Mount] {
    text.split(separator: "\n").compactMap { line in
      let words = line.split(separator: " ")
      guard let dash = words.firstIndex(of: "-"), dash >= 5, dash + 1 < words.count else { return nil }
      switch words[dash + 1] {
      case "cgroup2": return Mount(controllers: [], root: words[3], folder: words[4])
      case "cgroup" where dash + 3 < words.count:
        return Mount(controllers: words[dash + 3].split(separator: ","), root: words[3], folder: words[4])
      default: return nil
      }
    }
  }

  func serves(_ membership: Membership) -> Bool {
    membership.controllers.isEmpty
      ? controllers.isEmpty : membership.controllers.contains { controllers.contains($0) }
  }

  /// The folder of a group, and those of all groups above it.
  func folders(of path: Substring) -> [String] {
    var rest = path
    if root != "/" { rest = path.hasPrefix(root) ? path.dropFirst(root.count) : "" }
    var folders = [String(folder)]
    for part in rest.split(separator: "/") where part != ".." {
      folders.append("\(folders[folders.count - 1])/\(part)")
    }
    return folders
  }
}
