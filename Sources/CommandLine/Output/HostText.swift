import Host
import Needletail
import Reports

/// `AMD EPYC, avx512f, …; kernels for avx2, a limit; 2 threads (affinity 2, quota none)`
func hostLine(threads: Int?) -> String {
  let line = HostFacts.read().line(threads: threads)
  return Backends.shared.limit == nil ? line : "\(line); kernels for \(instructionText())"
}

func hostJSON(threads: Int?) -> JSON {
  guard case .object(let members) = HostFacts.read().json(threads: threads) else { return .object([]) }
  let backends = Backends.shared
  return .object(
    members + [
      ("instructions", .string(backends.instructions.rawValue)), ("limit", JSON(backends.limit?.rawValue)),
      (
        "libraries",
        .array(backends.registry.summaries.filter { !$0.summary.isEmpty }.map { .string($0.summary) })
      ),
    ])
}

/// `avx512`, or `avx2, a limit`
func instructionText() -> String {
  let backends = Backends.shared
  return backends.instructions.rawValue
    + (backends.limit == nil ? "" : ", a limit; libraries are kept to it too")
}
