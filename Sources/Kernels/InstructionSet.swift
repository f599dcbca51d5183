import Host

/// Instruction sets that kernels exist for, those of one processor from the plainest to the best. The numbers are those
/// of the C headers.
package enum InstructionSet: Int32, Sendable, CaseIterable, Comparable, CustomStringConvertible {
  case portable, avx2, avx512, neon

  /// The set of this name.
  package init?(_ word: String) {
    guard let set = Self.allCases.first(where: { $0.description == word }) else { return nil }
    self = set
  }

  /// The set that NEEDLETAIL_ISA names; nil where it names none.
  package static var ofEnvironment: InstructionSet? {
    environmentVariable("NEEDLETAIL_ISA").flatMap { InstructionSet($0) }
  }

  package static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }

  package var description: String {
    switch self {
    case .portable: "portable"
    case .avx2: "avx2"
    case .avx512: "avx512"
    case .neon: "neon"
    }
  }
}
