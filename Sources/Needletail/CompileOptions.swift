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
  /// Sums in another order, and algorithms such as Winograd's within a tested bound. On a named backend the bits depend
  /// on the model, the sizes, the number of threads and the processor, not on what was planned before; `auto` measures,
  /// so its bits may differ between processes.
  case fast
  /// Sums in another order, no other algorithms. The same bits on any number of threads.
  case strict
}

/// What a plan is to save where both cannot be had.
public enum Preference: String, Sendable, Hashable, CaseIterable {
  /// Time: weights are transformed where that is faster, which makes some of them several times as large.
  case speed
  /// Memory: the smallest weights.
  case memory
}

public struct CompileOptions: Sendable, Hashable {
  public var optimization: Optimization
  public var numerics: NumericsPolicy
  public var prefer: Preference
  /// Bytes that values and packed weights of a plan may take; nil: three quarters of what the machine and the control group have. The
  /// fastest plan that fits is taken; where none does, planning throws with the bytes that the smallest needs.
  public var memoryLimit: Int?
  /// Steps that a run may take for what is not linear in its operands and results, such as trips of a Loop, pairs of
  /// boxes and products of an Einsum; nil: 2^31, about two seconds of the simplest steps. A trip takes 2,048.
  public var stepLimit: Int?
  /// Where times that were measured are kept for other processes. Nowhere, if not asked for: a library writes no files of
  /// its own accord.
  public var tuningTable = TuningTablePlace.none
  /// Also times that were measured while other work disturbed the machine: for tests.
  package var keepsDisturbedTimes = false
  /// Passes to leave out, by name, as `needletail compile --verbose` lists them; `kernel-layouts` stands for the
  /// layouts that kernels like best.
  public var disabledPasses: [String]
  /// Constants are not folded into results of more bytes than this.
  public var foldBudgetBytes: Int
  /// Seconds that `auto` may measure for one plan, and four times as many for all plans of a backend: sizes that come
  /// later are planned from the times of the nearest sizes that were measured.
  public var tuningSeconds: Double
  /// Quantized weights stay as they are, each behind its DequantizeLinear: what other engines know quantized models by.
  package var keepsQuantizedWeights = false
  /// Bytes that the plans of a model may take together, for all sizes that it was run with; the least recently used goes
  /// first. The memory for values that all requests of the model hold together has the same bound.
  public var planByteLimit: Int

  public init(
    optimization: Optimization = .full, numerics: NumericsPolicy = .fast, prefer: Preference = .speed,
    memoryLimit: Int? = nil, disabledPasses: [String] = [], foldBudgetBytes: Int = 64 << 20,
    tuningSeconds: Double = 1.5,
    planByteLimit: Int = 256 << 20
  ) {
    self.optimization = optimization
    self.numerics = numerics
    self.prefer = prefer
    self.memoryLimit = memoryLimit
    self.disabledPasses = disabledPasses
    self.foldBudgetBytes = foldBudgetBytes
    self.tuningSeconds = tuningSeconds
    self.planByteLimit = planByteLimit
  }

  /// The name by which `disabledPasses` leaves out the choice of layouts, which is the planner's and no pass.
  package static let layoutChoice = "kernel-layouts"

  var keepsFileLayout: Bool { optimization != .full || disabledPasses.contains(Self.layoutChoice) }

  var allowedNumerics: Set<Numerics> {
    numerics == .strict ? [.exact, .reassociated] : [.exact, .reassociated, .transformed]
  }
}
