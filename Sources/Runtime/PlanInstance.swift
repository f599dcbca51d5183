import Host
import Kernels
import Tensors

/// A kernel stopped a run: which step, and why.
package struct StepFault: Error, Sendable {
  package var step: Int
  package var fault: KernelFault
}

/// The memory of one run at a time of a plan: the arena and the table of addresses that steps read.
///
/// After it is made, runs allocate nothing.
package final class PlanInstance {
  package let plan: ExecutionPlan
  private let arena: TensorStorage
  private let table: UnsafeMutablePointer<MutableBytes>
  private let arenaBase: UnsafeMutableRawPointer
  /// Where an operand without bytes points to.
  private let nowhere: UnsafeMutableRawPointer
  private let tableCount: Int
  /// For each input and output its entries of the table.
  private let inputEntries: [[Int]]
  private let outputEntries: [[Int]]
  /// Entries of the table that move on from turn to turn, and by how many bytes.
  private let moving: [(entry: Int, step: Int)]

  package init(_ plan: ExecutionPlan) throws(TensorError) {
    self.plan = plan
    arena = try TensorStorage.allocate(byteCount: plan.arenaByteCount)
    guard let bytes = arena.mutableBytes else { throw .outOfMemory(byteCount: plan.arenaByteCount) }
    arenaBase = bytes.base
    nowhere = bytes.base
    tableCount = max(plan.places.count, 1)
    table = .allocate(capacity: tableCount)
    table.initialize(repeating: MutableBytes(base: bytes.base, count: 0), count: tableCount)
    moving =
      plan.turns == 1
      ? []
      : plan.places.enumerated().compactMap { i, place in
        switch place.base {
        case .input(let input) where plan.inputSteps[input] != 0: (i, plan.inputSteps[input])
        case .output(let output) where plan.outputSteps[output] != 0: (i, plan.outputSteps[output])
        default: nil
        }
      }
    var inputEntries = [[Int]](repeating: [], count: plan.inputs.count)
    var outputEntries = [[Int]](repeating: [], count: plan.outputs.count)
    for (i, place) in plan.places.enumerated() {
      switch place.base {
      case .arena: table[i] = MutableBytes(base: arenaBase + place.byteOffset, count: place.byteCount)
      case .constant(let c):
        let base = UnsafeMutableRawPointer(mutating: plan.constants[c].bytes.base)
        table[i] = MutableBytes(base: base + place.byteOffset, count: place.byteCount)
      case .input(let input): inputEntries[input].append(i)
      case .output(let output): outputEntries[output].append(i)
      case .none: break
      }
    }
    self.inputEntries = inputEntries
    self.outputEntries = outputEntries
  }

  deinit { table.deallocate() }

  package var arenaByteCount: Int { plan.arenaByteCount }

  /// Points every use of input `index` at `bytes`, which must hold the planned number of bytes.
  package func setInput(_ index: Int, _ bytes: Bytes) {
    set(inputEntries[index], UnsafeMutableRawPointer(mutating: bytes.base))
  }

  package func setOutput(_ index: Int, _ bytes: MutableBytes) { set(outputEntries[index], bytes.base) }

  private func set(_ entries: [Int], _ address: UnsafeMutableRawPointer) {
    for entry in entries {
      let place = plan.places[entry]
      table[entry] = MutableBytes(base: address + place.byteOffset, count: place.byteCount)
    }
  }

  /// Runs every step. The caller has set all inputs and outputs.
  package func run(_ workers: Workers) throws(StepFault) {
    let count = plan.steps.count
    try inTurns { () throws(StepFault) in
      var i = 0
      while i < count {
        try runStep(i, workers)
        i += 1
      }
    }
  }

  /// Does `body` for every turn, with inputs and outputs where they are then.
  @inline(__always)
  private func inTurns(_ body: () throws(StepFault) -> Void) throws(StepFault) {
    var turn = 0
    defer { if turn > 0 { move(-turn) } }
    while true {
      try body()
      if turn == plan.turns - 1 { return }
      turn += 1
      move(1)
    }
  }

  /// Points inputs and outputs at the items of so many turns later.
  private func move(_ turns: Int) {
    var i = 0
    while i < moving.count {
      let (entry, step) = moving[i]
      table[entry] = MutableBytes(base: table[entry].base + turns * step, count: table[entry].count)
      i += 1
    }
  }

  /// Runs every step and adds the time of each, in nanoseconds, to `times`.
  package func run(_ workers: Workers, adding times: inout [UInt64]) throws(StepFault) {
    try inTurns { () throws(StepFault) in
      for i in plan.steps.indices {
        let start = monotonicNanoseconds()
        try runStep(i, workers)
        times[i] += monotonicNanoseconds() - start
      }
    }
  }

  @inline(__always)
  private func runStep(_ index: Int, _ workers: Workers) throws(StepFault) {
    try plan.steps.withUnsafeBufferPointer { (steps) throws(StepFault) in
      // Where it lies: a copy would count the references of the kernel and of all that it holds.
      guard let step = steps.baseAddress.map({ $0 + index }) else { return }
      let scratchOffset = step.pointee.scratchOffset
      let call = KernelCall(
        table: UnsafePointer(table + step.pointee.firstPlace), inputCount: step.pointee.inputCount,
        epilogueCount: step.pointee.epilogueCount, outputCount: step.pointee.outputCount,
        scratch: MutableBytes(base: arenaBase + scratchOffset, count: plan.arenaByteCount - scratchOffset),
        workers: workers)
      do throws(KernelFault) { try step.pointee.kernel.run(call) } catch {
        throw StepFault(step: index, fault: error)
      }
    }
  }
}
