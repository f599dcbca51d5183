import Glibc

/// What the system says of the machine and of what the process may use of it.
package struct HostFacts: Sendable {
  package struct Cache: Sendable {
    package var level: Int
    package var kind: String
    package var byteCount: Int
    package var sharedBy: String
  }

  package var processor = "unknown processor"
  /// Those that kernels care for.
  package var features: [String] = []
  package var caches: [Cache] = []
  package var memoryByteCount = 0
  /// What the control group allows; nil: no limit.
  package var memoryLimit: Int?

  package static let interesting = [
    "sse4_2", "avx", "f16c", "fma", "avx2", "avx_vnni", "avx512f", "avx512bw", "avx512vl", "avx512_vnni",
    "avx512_bf16", "avx512_fp16", "amx_tile", "amx_bf16", "amx_int8", "asimd", "asimddp", "sve", "bf16",
    "i8mm",
  ]

  package static func read() -> HostFacts {
    var facts = HostFacts()
    let cpuinfo = readSmallFile("/proc/cpuinfo") ?? ""
    var flags: Set<Substring> = []
    for line in cpuinfo.split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 1)
      guard parts.count == 2 else { continue }
      switch trimmed(parts[0]) {
      case "model name", "Model": facts.processor = String(trimmed(parts[1]))
      case "flags", "Features": flags = Set(parts[1].split(separator: " "))
      default: continue
      }
      if facts.processor != "unknown processor" && !flags.isEmpty { break }
    }
    facts.features = interesting.filter { flags.contains(Substring($0)) }
    let folder = "/sys/devices/system/cpu/cpu0/cache"
    for entry in folderEntries(folder) where entry.hasPrefix("index") {
      func text(_ name: String) -> String {
        String(trimmed(readSmallFile("\(folder)/\(entry)/\(name)")?[...] ?? ""))
      }
      guard let level = Int(text("level")), let size = parseSize(text("size")) else { continue }
      facts.caches.append(
        Cache(
          level: level, kind: text("type").lowercased(), byteCount: size, sharedBy: text("shared_cpu_list")))
    }
    for line in (readSmallFile("/proc/meminfo") ?? "").split(separator: "\n")
    where line.hasPrefix("MemTotal:") {
      facts.memoryByteCount = (line.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 1024
    }
    facts.memoryLimit = ControlGroup.read().memoryLimit
    return facts
  }

  /// `48K`, `32768K`, `1M`
  package static func parseSize(_ text: String) -> Int? {
    guard let last = text.last else { return nil }
    let unit = ["K": 1024, "M": 1 << 20, "G": 1 << 30][last.uppercased()]
    return unit.map { unit in Int(text.dropLast()).map { $0 * unit } } ?? Int(text)
  }

  private static func trimmed(_ text: Substring) -> Substring {
    var text = text
    while let first = text.first, first.isWhitespace { text.removeFirst() }
    while let last = text.last, last.isWhitespace { text.removeLast() }
    return text
  }
}
