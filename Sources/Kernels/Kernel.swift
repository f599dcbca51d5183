import IR
import Operators
import Tensors

/// A kernel that cannot be prepared although it made the offer: memory, or a library's refusal.
package struct KernelError: Error, Sendable {
  package var reason: String
  package init(_ reason: String) { self.reason = reason }
}

/// What only the data can do wrong. Nothing else stops a run.
package enum KernelFault: Error, Hashable, Sendable {
  case indexOutOfRange(operand: Int)
  case divisionByZero
  case sizeMismatch(output: Int)
  case budget
  /// A run or a compilation would take more bytes or steps than it may.
  case overBudget(BudgetError)
  case notRepresentable
  /// What is not installed, and the package that has it.
  case missingLibrary(String)
}

extension KernelFault: CustomStringConvertible {
  package var description: String {
    switch self {
    case .indexOutOfRange(let operand): "operand \(operand) holds an index that is out of range"
    case .divisionByZero: "an integer is divided by zero"
    case .sizeMismatch(let output): "result \(output) would have other sizes than planned"
    case .budget: "a result would be larger than allowed"
    case .overBudget(let error): error.description
    case .notRepresentable: "a result cannot be represented"
    case .missingLibrary(let what): what
    }
  }
}

/// A row of a backend's table: what it computes, when it is willing to, and how it is made ready.
package struct Kernel: Sendable {
  package enum Implementation: Sendable {
    /// Sizes follow from types. Constants are those of the inputs, then of the epilogue inputs.
    case planned(
      @Sendable (KernelRequest, Offer, [Constant?], PackedWeights) throws(KernelError) -> any PreparedKernel)
    /// Sizes, sequences or strings that are known only by doing. The last argument tells which results are wanted.
    case evaluated(
      @Sendable (any Operator, [RuntimeValue?], [Bool]) throws(KernelFault) -> [RuntimeValue?])
  }

  /// An address: `simd.convolution.f32.nhwc.direct.avx512`.
  package let name: String
  package let version: Int
  /// `Operator.name` of what it computes.
  package let operatorName: String
  package let consider: @Sendable (KernelRequest) -> Verdict
  package let implementation: Implementation

  package init(
    name: String, version: Int = 1, operatorName: String,
    consider: @escaping @Sendable (KernelRequest) -> Verdict,
    implementation: Implementation
  ) {
    self.name = name
    self.version = version
    self.operatorName = operatorName
    self.consider = consider
    self.implementation = implementation
  }

  /// The first word of the name.
  package var backend: BackendID { BackendID(name: String(name.prefix { $0 != "." })) }
}

/// A kernel made ready for one request and offer. Immutable: one copy serves all runs at once; never serialized.
package protocol PreparedKernel: Sendable {
  /// Bytes of scratch that a run needs, aligned as tensors are.
  var scratchByteCount: Int { get }
  /// Computes once. Allocates nothing and takes no lock.
  func run(_ call: borrowing KernelCall) throws(KernelFault)
}

/// A window on the request's table of addresses: nothing is allocated per step.
package struct KernelCall: ~Copyable {
  /// Inputs, epilogue inputs, outputs.
  package let table: UnsafePointer<MutableBytes>
  package let inputCount: Int
  package let epilogueCount: Int
  package let outputCount: Int
  package let scratch: MutableBytes
  package let workers: Workers

  package init(
    table: UnsafePointer<MutableBytes>, inputCount: Int, epilogueCount: Int, outputCount: Int,
    scratch: MutableBytes,
    workers: Workers
  ) {
    self.table = table
    self.inputCount = inputCount
    self.epilogueCount = epilogueCount
    self.outputCount = outputCount
    self.scratch = scratch
    self.workers = workers
  }

  /// An absent optional operand, or a consumed constant, has no bytes.
  package func input(_ i: Int) -> Bytes { table[i].bytes }
  package func epilogueInput(_ i: Int) -> Bytes { table[inputCount + i].bytes }
  package func output(_ i: Int) -> MutableBytes { table[inputCount + epilogueCount + i] }
}
