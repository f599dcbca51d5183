import Glibc

/// The bytes behind tensors, and whoever keeps them alive.
public final class TensorStorage: Sendable {
  public enum Owner: Sendable {
    /// Allocated here and freed with the storage.
    case allocation
    /// A mapped file: read-only, of any alignment.
    case mapping(any AnyObject & Sendable)
    /// Memory that the caller lends and keeps alive through this object.
    case caller(any AnyObject & Sendable)
    /// Elements of a tensor of strings, as UTF-8 or any other bytes.
    case strings([[UInt8]])
  }

  /// Allocations start at this alignment, a cache line and a vector register.
  public static let alignment = 64

  /// The next multiple of the alignment.
  package static func aligned(_ byteCount: Int) -> Int { (byteCount + alignment - 1) / alignment * alignment }

  public let bytes: Bytes
  public let owner: Owner

  public init(bytes: Bytes, owner: Owner) {
    self.bytes = bytes
    self.owner = owner
    kept = nil
    budget = nil
  }

  /// Linux gives memory in pages of this size where it is asked to: fewer faults, and fewer misses of the TLB.
  private static let hugePage = 2 << 20

  /// Uninitialized memory of `byteCount` bytes. Throws when there is none, or when it would exceed the budget of the
  /// run.
  public static func allocate(byteCount: Int) throws(TensorError) -> TensorStorage {
    var memory: UnsafeMutableRawPointer?
    let isLarge = byteCount >= hugePage
    guard byteCount >= 0 else { throw .outOfMemory(byteCount: byteCount) }
    let budget = RunBudget.current
    do { try budget?.takeBytes(byteCount) } catch { throw .budget(error.description) }
    guard posix_memalign(&memory, isLarge ? hugePage : alignment, max(byteCount, alignment)) == 0, let memory
    else {
      budget?.returnBytes(byteCount)
      throw .outOfMemory(byteCount: byteCount)
    }
    // Whole pages only: a page that is used in part would cost memory.
    if isLarge { madvise(memory, byteCount / hugePage * hugePage, MADV_HUGEPAGE) }
    return TensorStorage(
      bytes: Bytes(base: UnsafeRawPointer(memory), count: byteCount), owner: .allocation, in: budget)
  }

  /// Storage of strings. Throws when they would exceed the budget of the run.
  public static func strings(_ elements: [[UInt8]]) throws(TensorError) -> TensorStorage {
    let budget = RunBudget.current
    if let budget {
      do { try budget.takeListBytes(listByteCount(of: elements)) } catch { throw .budget(error.description) }
    }
    let empty = try allocate(byteCount: 0)
    return TensorStorage(bytes: empty.bytes, owner: .strings(elements), keeping: empty, in: budget)
  }

  /// What strings take on the heap.
  package static func listByteCount(of elements: [[UInt8]]) -> Int {
    elements.reduce(elements.count * RunBudget.itemByteCount) { $0 + $1.count }
  }

  private let kept: TensorStorage?
  /// Where the bytes were taken from, and go back to.
  private let budget: RunBudget?

  private init(bytes: Bytes, owner: Owner, keeping kept: TensorStorage? = nil, in budget: RunBudget?) {
    self.bytes = bytes
    self.owner = owner
    self.kept = kept
    self.budget = budget
  }

  /// The memory to write to. Only its one owner may, before it is shared; nil for mapped files and strings.
  package var mutableBytes: MutableBytes? {
    switch owner {
    case .allocation, .caller:
      MutableBytes(base: UnsafeMutableRawPointer(mutating: bytes.base), count: bytes.count)
    case .mapping, .strings: nil
    }
  }

  deinit {
    switch owner {
    case .allocation:
      free(UnsafeMutableRawPointer(mutating: bytes.base))
      budget?.returnBytes(bytes.count)
    case .strings(let elements): budget?.returnListBytes(Self.listByteCount(of: elements))
    case .mapping, .caller: break
    }
  }
}
