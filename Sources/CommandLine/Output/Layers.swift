import Kernels
import Needletail
import Reports
import Runtime

/// Where the time of a run goes, step by step, and how near each comes to what the machine can do.
func layersJSON(_ profile: Profile, runs: Int, _ ceilings: Ceilings?) -> JSON {
  .array(
    profile.entries.map { entry in
      let seconds = Double(entry.nanoseconds) / Double(max(1, runs)) / 1e9
      let work = entry.label.work
      return .object([
        ("node", .string(entry.label.node)), ("operator", .string(entry.label.operatorName)),
        ("kernel", .string(entry.label.kernel)), ("backend", .string(entry.label.backend)),
        ("ms", .number(seconds * 1e3)), ("operations", JSON(work?.operations)), ("bytes", JSON(work?.bytes)),
        ("roof_ms", JSON(work.flatMap { work in ceilings.map { $0.roofSeconds(work) * 1e3 } })),
        ("roofline_share", JSON(work.flatMap { ceilings?.share($0, seconds: seconds) })),
      ])
    })
}

/// Milliseconds of a run by the backend of its steps.
func placementTimesJSON(_ profile: Profile, runs: Int) -> JSON {
  var times: [String: Double] = [:]
  for entry in profile.entries {
    times[entry.label.backend, default: 0] += Double(entry.nanoseconds) / Double(max(1, runs)) / 1e6
  }
  return .object(times.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { ($0.key, .number($0.value)) })
}
