import IR
import Kernels
import Needletail
import ONNX
import Reports
import Runtime

/// The first line of every report about a model.
func modelLine(_ model: Model) -> String {
  "\(model.path.split(separator: "/").last.map(String.init) ?? model.path)  \(fileSize(model.file.fileByteCount))  "
    + "\(opsets(model))  \(counted(model.nodeCount, "node"))"
}

func opsets(_ model: Model) -> String {
  let sets = model.file.operatorSets.map { "\($0.domain.isEmpty ? "" : $0.domain + " ")\($0.version)" }
  return "opset " + sets.joined(separator: ", ")
}

/// `onednn 48 nodes │ simd 4 nodes`
func placementText(_ facts: PlanFacts) -> String {
  facts.placement.map { "\($0.backend) \(counted($0.count, "step"))" }.joined(separator: " │ ")
}

/// The same with times: `onednn 48 steps 10.9 ms`.
func placementText(_ profile: Profile, runs: Int) -> String {
  var sums: [(backend: String, count: Int, nanoseconds: Double)] = []
  for entry in profile.entries {
    let time = Double(entry.nanoseconds) / Double(max(1, runs))
    if let i = sums.firstIndex(where: { $0.backend == entry.label.backend }) {
      sums[i].count += 1
      sums[i].nanoseconds += time
    } else {
      sums.append((entry.label.backend, 1, time))
    }
  }
  return sums.sorted { $0.nanoseconds > $1.nanoseconds }
    .map { "\($0.backend) \(counted($0.count, "step")) \(milliseconds($0.nanoseconds)) ms" }.joined(
      separator: " │ ")
}

/// Says which nodes ran elsewhere than asked, by name.
func strayText(_ strays: [ExecutionPlan.Label], asked: BackendChoice) -> String? {
  if strays.isEmpty { return nil }
  let shown = strays.prefix(6).map { "\(shortened($0.node)) (\($0.operatorName) on \($0.backend))" }
  let more = strays.count > shown.count ? " and \(strays.count - shown.count) more" : ""
  return "\(counted(strays.count, "node")) not on \(asked.rawValue): \(shown.joined(separator: ", "))\(more)"
}

func strayJSON(_ strays: [ExecutionPlan.Label]) -> JSON {
  .array(
    strays.map {
      .object([
        ("node", .string($0.node)), ("operator", .string($0.operatorName)), ("backend", .string($0.backend)),
        ("kernel", .string($0.kernel)),
      ])
    })
}

func modelJSON(_ model: Model) -> JSON {
  .object([
    ("path", .string(model.path)), ("bytes", .integer(model.file.fileByteCount)),
    ("nodes", .integer(model.nodeCount)),
    (
      "opsets",
      .object(
        model.file.operatorSets.map { ($0.domain.isEmpty ? "ai.onnx" : $0.domain, .integer(Int($0.version))) }
      )
    ),
    ("producer", .string(model.file.producer)),
  ])
}

func portsJSON(_ ports: [Model.Port]) -> JSON {
  .array(ports.map { .object([("name", .string($0.name)), ("type", .string("\($0.type)"))]) })
}
