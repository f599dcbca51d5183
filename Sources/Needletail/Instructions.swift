import Kernels
import SIMDKernels
import Synchronization

/// Instruction sets that kernels exist for.
public enum Instructions: String, Sendable, Hashable, CaseIterable {
  /// What every processor of the architecture runs.
  case portable
  case avx2, avx512
  case neon

  /// Those of this processor, the best last.
  public static var available: [Instructions] { InstructionSet.available.map { Instructions($0) } }

  init(_ set: InstructionSet) {
    self =
      switch set {
      case .portable: .portable
      case .avx2: .avx2
      case .avx512: .avx512
      case .neon: .neon
      }
  }

  var set: InstructionSet? { InstructionSet(rawValue) }
}

extension Backends {
  private struct Limit {
    var asked: InstructionSet?
    var isSettled = false
  }

  private static let limitState = Mutex(Limit())

  /// Keeps all backends of this process to `instructions`: our own kernels, and the libraries, oneDNN down to SSE4.1 and
  /// OpenBLAS down to SSE3. A library that cannot be kept to them, because something else in the process has used it
  /// before, is missing then, with this as its reason.
  ///
  /// Comes before anything else, since libraries settle on their instructions when they are opened. The variable
  /// NEEDLETAIL_ISA of the environment does the same where nothing is called; a word that names no set allows all.
  /// Throws when the processor lacks them, or when it is too late for another limit.
  public static func limit(to instructions: Instructions) throws(EngineError) {
    guard let set = instructions.set, InstructionSet.available.contains(set) else {
      throw EngineError(
        .usage, subject: "instructions",
        expectation: Instructions.available.map(\.rawValue).joined(separator: " or "),
        finding: instructions.rawValue)
    }
    let isTooLate = limitState.withLock { state in
      if state.isSettled { return state.asked != set }
      state.asked = set
      return false
    }
    if isTooLate {
      throw EngineError(
        .usage, subject: "instructions", expectation: "a limit before the first use of a backend",
        finding: "\(instructions.rawValue) after it")
    }
  }

  /// The limit, which stays from now on; nil where it is what the processor can.
  static func settledLimit() -> InstructionSet? {
    limitState.withLock { state in
      if !state.isSettled, state.asked == nil, let named = InstructionSet.ofEnvironment,
        InstructionSet.available.contains(named)
      {
        state.asked = named
      }
      state.isSettled = true
      return state.asked.flatMap { $0 < .detected ? $0 : nil }
    }
  }
}
