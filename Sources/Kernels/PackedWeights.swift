import IR
import Synchronization
import Tensors

/// What packed bytes depend on: the constants they come from, and library, version, ISA, tile and geometry. Never the
/// batch.
package struct PackKey: Hashable, Codable, Sendable {
  package var constants: [ConstantID]
  package var format: String

  package init(_ constants: [ConstantID], format: String) {
    self.constants = constants
    self.format = format
  }
}

/// Weights in the form that kernels read: plain position-independent bytes, made once and shared between plans.
package final class PackedWeights: Sendable {
  /// Bytes that a file holds; they are checked when a kernel first asks for them.
  package struct Stored: Sendable {
    package var storage: TensorStorage
    package var checksum: UInt64

    package init(storage: TensorStorage, checksum: UInt64) {
      self.storage = storage
      self.checksum = checksum
    }
  }

  private let blobs = Mutex<[PackKey: TensorStorage]>([:])
  private let base: PackedWeights?
  private let stored: [PackKey: Stored]

  /// What is in `base` or in `stored` already is taken from there.
  package init(over base: PackedWeights? = nil, stored: [PackKey: Stored] = [:]) {
    self.base = base
    self.stored = stored
  }

  private func known(_ key: PackKey, byteCount: Int) throws(KernelError) -> TensorStorage? {
    if let blob = blobs.withLock({ $0[key] }) { return blob }
    if let item = stored[key], item.storage.bytes.count == byteCount {
      guard Checksum.of(item.storage.bytes) == item.checksum else {
        throw KernelError("packed weights are not those that were written: the file is damaged")
      }
      return item.storage
    }
    return try base?.known(key, byteCount: byteCount)
  }

  /// Keeps what was asked of `other`.
  package func absorb(_ other: PackedWeights) {
    let new = other.blobs.withLock { $0 }
    blobs.withLock { $0.merge(new) { first, _ in first } }
  }

  /// The blob for `key`, filled now if nobody has yet. Whoever runs with it keeps the storage.
  package func packed(
    _ key: PackKey, byteCount: Int, _ fill: (MutableBytes) throws(KernelError) -> Void
  ) throws(KernelError) -> TensorStorage {
    if let blob = try known(key, byteCount: byteCount) {
      blobs.withLock { $0[key] = blob }
      return blob
    }
    let blob: TensorStorage
    do { blob = try TensorStorage.allocate(byteCount: byteCount) } catch { throw KernelError("\(error)") }
    guard let bytes = blob.mutableBytes else { throw KernelError("packed weights need memory of their own") }
    try fill(bytes)
    return blobs.withLock { blobs in
      if let first = blobs[key] { return first }
      blobs[key] = blob
      return blob
    }
  }

  package var byteCount: Int { blobs.withLock { $0.values.reduce(0) { $0 + $1.bytes.count } } }
  package var count: Int { blobs.withLock { $0.count } }
  /// Every blob that was asked for.
  package var all: [PackKey: TensorStorage] { blobs.withLock { $0 } }
}
