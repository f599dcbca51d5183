import IR
import Kernels
import Tensors

/// A graph made ready for one binding: prepared kernels in order, and where each finds its operands.
///
/// Immutable and shared by every run; what a run writes belongs to its `PlanInstance`.
package final class ExecutionPlan: Sendable {
  /// Where a value lives: in the arena, a constant, or memory of the caller.
  package struct Place: Hashable, Sendable {
    package enum Base: Hashable, Sendable { case arena, constant(Int), input(Int), output(Int), none }
    package var base: Base
    package var byteOffset: Int
    package var byteCount: Int

    package init(_ base: Base, byteOffset: Int = 0, byteCount: Int) {
      self.base = base
      self.byteOffset = byteOffset
      self.byteCount = byteCount
    }

    /// An absent operand.
    package static let none = Place(.none, byteCount: 0)
  }

  package struct Step: Sendable {
    package var kernel: any PreparedKernel
    package var firstPlace: Int
    package var inputCount, epilogueCount, outputCount: Int
    package var scratchOffset: Int

    package init(
      kernel: any PreparedKernel, firstPlace: Int, inputCount: Int, epilogueCount: Int, outputCount: Int,
      scratchOffset: Int
    ) {
      self.kernel = kernel
      self.firstPlace = firstPlace
      self.inputCount = inputCount
      self.epilogueCount = epilogueCount
      self.outputCount = outputCount
      self.scratchOffset = scratchOffset
    }
  }

  /// What a report says of a step; apart, so that the hot loop carries no strings.
  package struct Label: Sendable {
    package var node: String
    package var operatorName: String
    package var kernel: String
    /// Names in the file that the step stands for.
    package var origins: [String]
    /// For rooflines; nil where it depends on the data.
    package var work: Work?

    package init(node: String, operatorName: String, kernel: String, origins: [String], work: Work?) {
      self.node = node
      self.operatorName = operatorName
      self.kernel = kernel
      self.origins = origins
      self.work = work
    }

    package var backend: String { String(kernel.prefix { $0 != "." }) }
  }

  package let steps: [Step]
  package let places: [Place]
  package let arenaByteCount: Int
  /// The most bytes that live at once at any step: no arena can be smaller.
  package let liveByteCount: Int
  /// Constants that steps read as they are; packed weights belong to the kernels.
  package let constants: [Tensor]
  package let inputs: [Placement]
  package let outputs: [Placement]
  package let labels: [Label]
  package let reorderCount: Int
  /// How often a run goes through the steps: a batch may be taken in parts.
  package let turns: Int
  /// Bytes by which an input or output moves on from one turn to the next.
  package let inputSteps: [Int]
  package let outputSteps: [Int]
  /// Bytes of constants and packed weights that no plan before it had.
  package let addedByteCount: Int

  package init(
    steps: [Step], places: [Place], arenaByteCount: Int, liveByteCount: Int, constants: [Tensor],
    inputs: [Placement], outputs: [Placement], labels: [Label], reorderCount: Int, turns: Int = 1,
    inputSteps: [Int] = [], outputSteps: [Int] = [], addedByteCount: Int = 0
  ) {
    self.steps = steps
    self.places = places
    self.arenaByteCount = arenaByteCount
    self.liveByteCount = liveByteCount
    self.constants = constants
    self.inputs = inputs
    self.outputs = outputs
    self.labels = labels
    self.reorderCount = reorderCount
    self.turns = turns
    self.inputSteps = inputSteps
    self.outputSteps = outputSteps
    self.addedByteCount = addedByteCount
  }
}

extension ExecutionPlan {
  /// Bytes that it holds for its binding alone.
  package var byteCount: Int {
    // A kernel with its request and tables takes about a kilobyte, its label half of one.
    addedByteCount + 1024 + places.count * MemoryLayout<Place>.stride + steps.count
      * (MemoryLayout<Step>.stride + 1536)
  }

  /// Bytes that a run writes.
  package var workingByteCount: Int { outputs.reduce(arenaByteCount) { $0 + $1.byteCount } }

  /// The plan that does this one's steps `turns` times, for a batch as many times as large. `inputs` and `outputs` tell
  /// which hold the items along their first axis; the others stay where they are.
  package func repeated(_ turns: Int, inputs isBatchedInput: [Bool], outputs isBatchedOutput: [Bool])
    -> ExecutionPlan
  {
    func larger(_ placements: [Placement], _ isBatched: [Bool]) -> [Placement] {
      zip(placements, isBatched).map { placement, isBatched in
        guard isBatched, let first = placement.sizes.first else { return placement }
        var placement = placement
        placement.sizes[0] = first * turns
        return placement
      }
    }
    return ExecutionPlan(
      steps: steps, places: places, arenaByteCount: arenaByteCount, liveByteCount: liveByteCount,
      constants: constants,
      inputs: larger(inputs, isBatchedInput), outputs: larger(outputs, isBatchedOutput),
      labels: labels.map { label in
        var label = label
        label.work = label.work.map {
          Work(operations: $0.operations * Double(turns), bytes: $0.bytes * Double(turns))
        }
        return label
      }, reorderCount: reorderCount, turns: turns,
      inputSteps: zip(inputs, isBatchedInput).map { $1 ? $0.byteCount : 0 },
      outputSteps: zip(outputs, isBatchedOutput).map { $1 ? $0.byteCount : 0 }, addedByteCount: addedByteCount
    )
  }
}
