import Host
import Kernels
import Runtime
import Tensors

/// A plan with memory of its own for everything.
final class LayerRun {
  private let instance: PlanInstance
  private let team: Team
  private let inputs: [Tensor]
  private let results: [Tensor]

  /// Inputs are brought to the formats that the plan wants.
  init(_ plan: ExecutionPlan, _ tensors: [Tensor], _ team: Team) throws {
    self.team = team
    instance = try PlanInstance(plan)
    var inputs: [Tensor] = []
    for (placement, tensor) in zip(plan.inputs, tensors) {
      let input = try tensor.reordered(to: placement.format)
      instance.setInput(inputs.count, input.bytes)
      inputs.append(input)
    }
    var results: [Tensor] = []
    for placement in plan.outputs {
      let result = try Tensor(
        uninitialized: placement.dataType, sizes: placement.sizes, format: placement.format)
      if let bytes = result.mutableBytes { instance.setOutput(results.count, bytes) }
      results.append(result)
    }
    self.inputs = inputs
    self.results = results
  }

  func run() throws {
    team.lease()
    defer { team.release() }
    try instance.run(Workers(team: team))
  }

  /// The fastest of a few runs.
  func quickNanoseconds() throws -> Double {
    var best = UInt64.max
    let end = monotonicNanoseconds() + 3_000_000
    for count in 1...50 {
      let start = monotonicNanoseconds()
      try run()
      best = min(best, monotonicNanoseconds() - start)
      if count >= 3, monotonicNanoseconds() > end { break }
    }
    return Double(best)
  }

  /// In row-major order; copies.
  func outputs() throws -> [Tensor] { try results.map { try $0.reordered(to: .rowMajor($0.dataType)) } }
}
