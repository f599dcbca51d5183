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
    package var firstPlace: Int32
    package var inputCount, epilogueCount, outputCount: Int16
    package var scratchOffset: Int

    package init(
      kernel: any PreparedKernel, firstPlace: Int, inputCount: Int, epilogueCount: Int, outputCount: Int,
      scratchOffset: Int
    ) {
      self.kernel = kernel
      self.firstPlace = Int32(firstPlace)
      self.inputCount = Int16(inputCount)
      self.epilogueCount = Int16(epilogueCount)
      self.outputCount = Int16(outputCount)
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

  package init(
    steps: [Step], places: [Place], arenaByteCount: Int, liveByteCount: Int, constants: [Tensor],
    inputs: [Placement], outputs: [Placement], labels: [Label], reorderCount: Int
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
  }
}
