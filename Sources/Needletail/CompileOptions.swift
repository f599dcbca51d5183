import Kernels

/// How far a model is optimized.
public enum Optimization: String, Sendable, Hashable, CaseIterable {
  /// The file's graph, node for node, in the file's order of bytes.
  case none
  /// Constants folded, dead nodes and identities removed; nothing fused.
  case folded
  /// Every pass, and the layouts that kernels like best.
  case full
}

/// Which results are good enough.
public enum NumericsPolicy: String, Sendable, Hashable, CaseIterable {
  /// Sums in another order, and algorithms such as Winograd's within a tested bound.
  case fast
  /// Sums in another order, no other algorithms.
  case strict
}

public struct CompileOptions: Sendable, Hashable {
  public var optimization: Optimization
  public var numerics: NumericsPolicy
  /// Passes to leave out, by name, as `needletail compile --verbose` lists them; `kernel-layouts` stands for the
  /// layouts that kernels like best.
  public var disabledPasses: [String]
  /// Constants are not folded into results of more bytes than this.
  public var foldBudgetBytes: Int
  /// Seconds that `auto` may measure for one plan.
  public var tuningSeconds: Double

  public init(
    optimization: Optimization = .full, numerics: NumericsPolicy = .fast, disabledPasses: [String] = [],
    foldBudgetBytes: Int = 64 << 20, tuningSeconds: Double = 1.5
  ) {
    self.optimization = optimization
    self.numerics = numerics
    self.disabledPasses = disabledPasses
    self.foldBudgetBytes = foldBudgetBytes
    self.tuningSeconds = tuningSeconds
  }

  /// The name by which `disabledPasses` leaves out the choice of layouts, which is the planner's and no pass.
  package static let layoutChoice = "kernel-layouts"

  var keepsFileLayout: Bool { optimization != .full || disabledPasses.contains(Self.layoutChoice) }

  var allowedNumerics: Set<Numerics> {
    numerics == .strict ? [.exact, .reassociated] : [.exact, .reassociated, .transformed]
  }
}
