import Kernels

/// How kernels are chosen.
package enum Selection: Hashable, Sendable {
  /// One backend wherever it can; a node that it declines goes to the next of `BackendSet.fallbackOrder`.
  case backend(BackendID)
  /// The fastest for each node and for the whole, by measurement.
  case auto
}

/// Whether chains of nodes run a few rows of an image at a time, which changes no bit of a result.
package enum RowBands: Hashable, Sendable {
  /// Where it was measured, or else is expected, to pay.
  case measured
  case never
  /// Wherever it can be, so many rows at a time.
  case always(rows: Int)
}

/// Everything that may change a plan, beside the graph and the binding.
package struct PlanOptions: Hashable, Sendable {
  package var selection: Selection
  package var threads: Int
  package var allowed: Set<Numerics>
  /// Values keep the order of bytes that they have in the file: what the unoptimized variants of a comparison run.
  package var keepsFileLayout: Bool
  /// Nanoseconds that `auto` may spend on measuring for one plan.
  package var tuningBudget: UInt64
  /// A plan that needs more bytes for its values and weights is refused; one with smaller weights is taken before.
  package var memoryLimit: Int
  /// Nanoseconds that a byte of weights must gain to be worth its place. Weights that do not stay in the cache from one
  /// run to the next come at about 40 bytes per nanosecond, which is shared by all threads and is not seen where a layer
  /// is measured alone.
  package var bytePrice: Double
  /// The smallest weights, whatever they cost in time.
  package var prefersMemory: Bool

  /// The price of `prefersMemory`, and the last that is tried where a plan does not fit.
  static let highestBytePrice = 1_000.0
  /// Inputs come, and outputs stay, in the formats that the kernels like: as in the middle of a model, and what a layer
  /// alone is measured in. The plan's placements tell the formats.
  package var hasFreeEnds = false
  package var rowBands = RowBands.measured

  package init(
    selection: Selection, threads: Int, allowed: Set<Numerics> = [.exact, .reassociated],
    keepsFileLayout: Bool = false, tuningBudget: UInt64 = 1_500_000_000,
    memoryLimit: Int = MemoryBudget.bytes(), prefersMemory: Bool = false
  ) {
    self.selection = selection
    self.threads = threads
    self.allowed = allowed
    self.keepsFileLayout = keepsFileLayout
    self.tuningBudget = tuningBudget
    self.memoryLimit = memoryLimit
    self.prefersMemory = prefersMemory
    bytePrice = prefersMemory ? Self.highestBytePrice : 0.01 * Double(max(1, min(threads, 4)))
  }
}
