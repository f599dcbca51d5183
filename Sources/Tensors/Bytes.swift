/// A readable range of memory whose owner is elsewhere; `base` is never null, also when empty.
///
/// Unchecked: the range is only read, and the plan or tensor that hands it out keeps it alive.
public struct Bytes: @unchecked Sendable {
  public let base: UnsafeRawPointer
  public let count: Int

  public init(base: UnsafeRawPointer, count: Int) {
    self.base = base
    self.count = count
  }

  /// The memory as elements of `type`. Precondition: it is aligned for them, which mapped constants may not
  /// be.
  @inlinable
  public func elements<T: BitwiseCopyable>(of type: T.Type) -> UnsafeBufferPointer<T> {
    UnsafeBufferPointer(start: base.assumingMemoryBound(to: type), count: count / MemoryLayout<T>.stride)
  }

  @inlinable
  public func pointer<T: BitwiseCopyable>(to type: T.Type) -> UnsafePointer<T> {
    base.assumingMemoryBound(to: type)
  }

  public func isAligned(to alignment: Int) -> Bool { UInt(bitPattern: base) % UInt(alignment) == 0 }
}

/// A writable range of memory whose owner is elsewhere; `base` is never null, also when empty.
///
/// Unchecked: a plan gives overlapping ranges to two steps only one after the other.
public struct MutableBytes: @unchecked Sendable {
  public let base: UnsafeMutableRawPointer
  public let count: Int

  public init(base: UnsafeMutableRawPointer, count: Int) {
    self.base = base
    self.count = count
  }

  @inlinable
  public func elements<T: BitwiseCopyable>(of type: T.Type) -> UnsafeMutableBufferPointer<T> {
    UnsafeMutableBufferPointer(
      start: base.assumingMemoryBound(to: type), count: count / MemoryLayout<T>.stride)
  }

  @inlinable
  public func pointer<T: BitwiseCopyable>(to type: T.Type) -> UnsafeMutablePointer<T> {
    base.assumingMemoryBound(to: type)
  }

  public var bytes: Bytes { Bytes(base: UnsafeRawPointer(base), count: count) }

  public func slice(at offset: Int, count: Int) -> MutableBytes {
    precondition(offset >= 0 && count >= 0 && offset + count <= self.count, "slice outside of its range")
    return MutableBytes(base: base + offset, count: count)
  }
}
