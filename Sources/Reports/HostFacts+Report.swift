import Host

extension HostFacts {
  /// A note when other processes want more processors than there are; nil when the machine is quiet.
  package static func competition() -> String? {
    let budget = ThreadBudget()
    guard let first = readSmallFile("/proc/loadavg")?.split(separator: " ").first, let load = Double(first),
      load > Double(budget.affinity) * 0.75
    else { return nil }
    return
      "the load average is \(first) on \(counted(budget.affinity, "processor")): other work disturbs what is measured"
  }

  /// `AMD EPYC, avx512f, …; 2 threads (affinity 2, quota none)`
  package func line(threads: Int?) -> String {
    let isas = features.filter {
      ["avx2", "avx512f", "avx512_vnni", "avx512_bf16", "asimd", "sve"].contains($0)
    }
    return ([processor] + isas).joined(separator: ", ") + "; " + ThreadBudget(requested: threads).explanation
  }

  package func json(threads: Int?) -> JSON {
    let budget = ThreadBudget(requested: threads)
    return .object([
      ("processor", .string(processor)), ("features", JSON(features)), ("threads", .integer(budget.threads)),
      ("affinity", .integer(budget.affinity)), ("quota_processors", JSON(budget.quota)),
      (
        "caches",
        .array(
          caches.map {
            .object([
              ("level", .integer($0.level)), ("kind", .string($0.kind)), ("bytes", .integer($0.byteCount)),
              ("shared_by", .string($0.sharedBy)),
            ])
          })
      ),
      ("memory_bytes", .integer(memoryByteCount)), ("memory_limit_bytes", JSON(memoryLimit)),
    ])
  }
}
