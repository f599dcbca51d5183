import Synchronization

/// The bytes and the steps that one run, or one compilation, may take.
///
/// Code that allocates takes bytes before it allocates; storage returns them when it is freed. Code that loops takes
/// steps before it loops, so that a few bytes of a model cannot ask for hours. The budget of the calling thread is
/// `RunBudget.current`; without one, nothing is counted.
package final class RunBudget: Sendable {
  /// Bytes of tensors that are alive at once.
  package let byteLimit: Int
  /// Bytes of strings and of items of sequences that are alive at once. They are small objects on the heap: no real
  /// model holds many, and a few nodes can ask for any number.
  package let listByteLimit: Int
  /// Steps of everything that is not linear in its operands and results, such as trips of a Loop.
  package let stepLimit: Int

  private let bytes = Atomic<Int>(0)
  private let listBytes = Atomic<Int>(0)
  private let steps = Atomic<Int>(0)

  package static let defaultListByteLimit = 256 << 20
  /// About two seconds of the simplest steps.
  package static let defaultStepLimit = 1 << 31
  /// What one string or one item of a sequence takes beside its elements.
  package static let itemByteCount = 96

  @TaskLocal package static var current: RunBudget?

  package init(
    byteLimit: Int, listByteLimit: Int = RunBudget.defaultListByteLimit,
    stepLimit: Int = RunBudget.defaultStepLimit
  ) {
    self.byteLimit = byteLimit
    self.listByteLimit = min(listByteLimit, byteLimit)
    self.stepLimit = stepLimit
  }

  /// Bytes of tensors that are alive now.
  package var byteCount: Int { bytes.load(ordering: .relaxed) }
  /// Bytes of strings and items that are alive now.
  package var listByteCount: Int { listBytes.load(ordering: .relaxed) }
  package var stepCount: Int { steps.load(ordering: .relaxed) }

  /// Takes the bytes of a tensor that is allocated next. `returnBytes` gives them back.
  package func takeBytes(_ count: Int) throws(BudgetError) {
    try Self.take(count, from: bytes, upTo: byteLimit, BudgetError.bytes)
  }

  package func returnBytes(_ count: Int) { bytes.subtract(count, ordering: .relaxed) }

  /// Throws where `count` more bytes would not fit, and takes nothing: for scratch that ends with the operator.
  package func checkBytes(_ count: Int) throws(BudgetError) {
    if count > byteLimit - byteCount { throw .bytes(needed: count, limit: byteLimit) }
  }

  /// Takes the bytes of strings, or of items of a sequence.
  package func takeListBytes(_ count: Int) throws(BudgetError) {
    try Self.take(count, from: listBytes, upTo: listByteLimit, BudgetError.listBytes)
  }

  package func returnListBytes(_ count: Int) { listBytes.subtract(count, ordering: .relaxed) }

  package func checkListBytes(_ count: Int) throws(BudgetError) {
    if count > listByteLimit - listByteCount { throw .listBytes(needed: count, limit: listByteLimit) }
  }

  /// Takes steps; they are not given back.
  package func takeSteps(_ count: Int) throws(BudgetError) {
    try Self.take(count, from: steps, upTo: stepLimit, BudgetError.steps)
  }

  private static func take(
    _ count: Int, from used: borrowing Atomic<Int>, upTo limit: Int, _ error: (Int, Int) -> BudgetError
  ) throws(BudgetError) {
    let before = used.load(ordering: .relaxed)
    // Subtracted, for a sum could overflow.
    if count > limit - before { throw error(count, limit) }
    used.add(count, ordering: .relaxed)
  }
}

/// A run or a compilation would take more than it may.
package enum BudgetError: Error, Hashable, Sendable {
  case bytes(needed: Int, limit: Int)
  case listBytes(needed: Int, limit: Int)
  case steps(needed: Int, limit: Int)
}

extension BudgetError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .bytes(let needed, let limit):
      "\(needed) more bytes of tensors would exceed the limit of \(limit)"
    case .listBytes(let needed, let limit):
      "\(needed) more bytes of strings or items of sequences would exceed the limit of \(limit)"
    case .steps(let needed, let limit): "\(needed) more steps would exceed the limit of \(limit) of a run"
    }
  }
}
