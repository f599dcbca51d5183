import Host
import Kernels
import Runtime
import Tensors

/// Runs plans of one graph in turns on the same inputs and returns the lower quartile of each, in nanoseconds;
/// infinity for one that cannot run.
func raceTimes(_ plans: [ExecutionPlan], threads: Int, budget: UInt64) -> [Double] {
  let team = Team(threads: threads)
  var instances: [PlanInstance?] = []
  var kept: [Tensor] = []
  for plan in plans {
    guard let instance = try? PlanInstance(plan) else {
      instances.append(nil)
      continue
    }
    for (i, placement) in plan.inputs.enumerated() {
      guard let tensor = zeros(placement) else { continue }
      kept.append(tensor)
      instance.setInput(i, tensor.bytes)
    }
    for (i, placement) in plan.outputs.enumerated() {
      guard let tensor = zeros(placement), let bytes = tensor.mutableBytes else { continue }
      kept.append(tensor)
      instance.setOutput(i, bytes)
    }
    instances.append(instance)
  }
  var times = [[Double]](repeating: [], count: plans.count)
  let deadline = monotonicNanoseconds() + budget
  for round in 0..<30 {
    for (i, instance) in instances.enumerated() {
      guard let instance else { continue }
      // A turn is a few runs in a row, the first not counted: others' turns have cooled the caches.
      let turnEnd = monotonicNanoseconds() + 200_000
      var runs = 0
      repeat {
        team.lease()
        let start = monotonicNanoseconds()
        let finished = (try? instance.run(Workers(team: team))) != nil
        let time = Double(monotonicNanoseconds() - start)
        team.release()
        if !finished {
          instances[i] = nil
          times[i] = []
          break
        }
        if runs > 0 { times[i].append(time) }
        runs += 1
      } while runs < 2 || (runs < 20 && monotonicNanoseconds() < turnEnd)
    }
    if round >= 1, monotonicNanoseconds() > deadline { break }
    // Who is far behind need not be looked at for longer.
    if round == 0, let best = times.compactMap({ $0.min() }).min() {
      for i in times.indices where (times[i].min() ?? 0) > 1.15 * best { instances[i] = nil }
    }
  }
  withExtendedLifetime(kept) {}
  return times.map { $0.isEmpty ? .infinity : $0.sorted()[$0.count / 4] }
}

private func zeros(_ placement: Placement) -> Tensor? {
  guard let tensor = try? Tensor(uninitialized: placement.dataType, sizes: placement.sizes),
    let bytes = tensor.mutableBytes
  else { return nil }
  bytes.base.initializeMemory(as: UInt8.self, repeating: 0, count: bytes.count)
  return tensor
}
