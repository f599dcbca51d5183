import IR
import Kernels
import Runtime
import Tensors

// Where the bytes of each root live: a result may take its operand's place, an output its caller's memory, and the
// rest shares the arena.
extension PlanBuilder {
  mutating func finish(inputs: [Placement], outputs: [Physical]) throws(GraphError) -> ExecutionPlan {
    var merged = Array(roots.indices)
    func canonical(_ root: Int) -> Int {
      var root = root
      while merged[root] != root { root = merged[root] }
      return root
    }
    var lastUse = [Int](repeating: -1, count: roots.count)
    for (i, step) in pending.enumerated() {
      for case let physical? in step.inputs + step.epilogueInputs + step.outputs {
        lastUse[physical.root] = i
      }
    }
    for output in outputs { lastUse[output.root] = Int.max }

    // Overlays, in the order of the steps; a required one whose operand lives on gets a copy of it.
    var steps: [Pending] = []
    for (i, step) in pending.enumerated() {
      for overlay in step.overlays {
        guard let output = step.outputs[overlay.output] else { continue }
        let operands = step.inputs + step.epilogueInputs
        guard let operand = operands[overlay.operand] else { continue }
        let root = canonical(operand.root)
        let readers = operands.count { $0.map { canonical($0.root) == root } ?? false }
        var isComputed = false
        if case .computed = roots[root].kind { isComputed = true }
        let dies = isComputed && lastUse[root] == i && readers == 1
        let isFree = canonical(output.root) == output.root
        if dies, isFree, roots[root].byteCount == roots[output.root].byteCount {
          merged[output.root] = root
          lastUse[root] = lastUse[output.root]
          break
        }
        if overlay.required {
          guard
            let copy = CopyKernel(
              operand.placement, from: operand.placement.format, to: operand.placement.format)
          else { throw GraphError(.malformed("an operand cannot be copied"), node: step.label.node) }
          var target = operand
          target.root = output.root
          steps.append(
            Pending(
              kernel: copy, inputs: [operand], epilogueInputs: [], outputs: [target], overlays: [],
              label: ExecutionPlan.Label(
                node: step.label.node, operatorName: "Copy", kernel: "naive.copy", origins: [],
                work: .copying(operand.placement))))
          break
        }
      }
      steps.append(step)
    }

    // Outputs: the first to name a computed root is its home, others get a copy.
    var homes: [Int: Int] = [:]
    for (port, output) in outputs.enumerated() {
      let root = canonical(output.root)
      if case .computed = roots[root].kind, homes[root] == nil,
        roots[root].byteCount == output.placement.byteCount
      {
        homes[root] = port
        continue
      }
      guard
        let copy = CopyKernel(output.placement, from: output.placement.format, to: output.placement.format)
      else {
        throw GraphError(.malformed("an output cannot be copied"), node: graph.outputs[port].name)
      }
      let target = Physical(root: addRoot(.computed, output.placement), placement: output.placement)
      merged.append(target.root)
      homes[target.root] = port
      if output.placement.isEmpty { continue }
      steps.append(
        Pending(
          kernel: copy, inputs: [output], epilogueInputs: [], outputs: [target], overlays: [],
          label: ExecutionPlan.Label(
            node: graph.outputs[port].name, operatorName: "Copy", kernel: "naive.copy", origins: [],
            work: .copying(output.placement))))
    }
    let plan = plan(steps, inputs: inputs, outputs: outputs, homes: homes, canonical: canonical)
    if plan.workingByteCount > options.memoryLimit { throw overLimit(plan.workingByteCount, "the plan") }
    return plan
  }

  private func plan(
    _ steps: [Pending], inputs: [Placement], outputs: [Physical], homes: [Int: Int], canonical: (Int) -> Int
  ) -> ExecutionPlan {
    // Lifetimes of what the arena holds: computed roots without a home elsewhere, and each step's scratch.
    var blockOfRoot: [Int: Int] = [:]
    var blocks: [PlanMemory.Block] = []
    var blockOfScratch: [Int?] = []
    for (i, step) in steps.enumerated() {
      for case let physical? in step.inputs + step.epilogueInputs + step.outputs {
        let root = canonical(physical.root)
        guard case .computed = roots[root].kind, homes[root] == nil else { continue }
        if let block = blockOfRoot[root] {
          blocks[block].lastStep = i
        } else {
          blockOfRoot[root] = blocks.count
          blocks.append(PlanMemory.Block(byteCount: roots[root].byteCount, firstStep: i, lastStep: i))
        }
      }
      let scratch = step.kernel.scratchByteCount
      blockOfScratch.append(scratch > 0 ? blocks.count : nil)
      if scratch > 0 { blocks.append(PlanMemory.Block(byteCount: scratch, firstStep: i, lastStep: i)) }
    }
    let memory = PlanMemory(blocks)

    var constants: [Tensor] = []
    var constantOfRoot: [Int: Int] = [:]
    func place(_ physical: Physical?) -> ExecutionPlan.Place {
      guard let physical else { return .none }
      let root = canonical(physical.root)
      let count = physical.placement.byteCount
      switch roots[root].kind {
      case .input(let i): return ExecutionPlan.Place(.input(i), byteCount: count)
      case .constant(let tensor):
        if constantOfRoot[root] == nil {
          constantOfRoot[root] = constants.count
          constants.append(tensor)
        }
        return ExecutionPlan.Place(.constant(constantOfRoot[root] ?? 0), byteCount: count)
      case .computed:
        if let port = homes[root] {
          return ExecutionPlan.Place(.output(port), byteOffset: physical.byteOffset, byteCount: count)
        }
        guard let block = blockOfRoot[root] else { return .none }
        return ExecutionPlan.Place(
          .arena, byteOffset: memory.offsets[block] + physical.byteOffset, byteCount: count)
      }
    }

    var places: [ExecutionPlan.Place] = []
    var planned: [ExecutionPlan.Step] = []
    for (i, step) in steps.enumerated() {
      planned.append(
        ExecutionPlan.Step(
          kernel: step.kernel, firstPlace: places.count, inputCount: step.inputs.count,
          epilogueCount: step.epilogueInputs.count, outputCount: step.outputs.count,
          scratchOffset: blockOfScratch[i].map { memory.offsets[$0] } ?? 0))
      for physical in step.inputs + step.epilogueInputs + step.outputs { places.append(place(physical)) }
    }
    return ExecutionPlan(
      steps: planned, places: places, arenaByteCount: memory.arenaByteCount,
      liveByteCount: memory.liveByteCount,
      constants: constants, inputs: inputs,
      outputs: outputs.map(\.placement),
      labels: steps.map(\.label), reorderCount: reorderCount,
      addedByteCount: ownedByteCount + packed.addedByteCount(besides: sharedConstants))
  }
}
