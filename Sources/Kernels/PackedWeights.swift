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
  /// Bytes that a file holds. `check` compares those that kernels asked for.
  package struct Stored: Sendable {
    package var storage: TensorStorage
    package var checksum: UInt64

    package init(storage: TensorStorage, checksum: UInt64) {
      self.storage = storage
      self.checksum = checksum
    }
  }

  private let blobs = Mutex<[PackKey: TensorStorage]>([:])
  private let unchecked = Mutex<[PackKey: Int]>([:])
  private let base: PackedWeights?
  private let stored: StoredWeights?
  /// Memory that is handed out as it is; nil: all weights are packed.
  private let blank: (@Sendable (Int) -> TensorStorage?)?

  /// What is in `base` or in `stored` already is taken from there.
  package init(over base: PackedWeights? = nil, stored: [PackKey: Stored] = [:]) {
    self.base = base
    self.stored = stored.isEmpty ? nil : StoredWeights(stored)
    blank = nil
  }

  /// Weights for measuring: `blank` hands out so many bytes of any numbers; nil: they are to be packed.
  package init(blank: @escaping @Sendable (_ byteCount: Int) -> TensorStorage?) {
    base = nil
    stored = nil
    self.blank = blank
  }

  private func known(_ key: PackKey, byteCount: Int) -> TensorStorage? {
    if let blob = blobs.withLock({ $0[key] }) { return blob }
    if let stored, let position = stored.position(of: key),
      stored.storage(at: position).bytes.count == byteCount
    {
      let storage = stored.storage(at: position)
      blobs.withLock { $0[key] = storage }
      unchecked.withLock { $0[key] = position }
      return storage
    }
    return base?.known(key, byteCount: byteCount)
  }

  /// Lets free threads compare checksums of what a file holds while the caller plans, until it ends that. nil: nothing is
  /// to be compared, or no thread is free.
  package func checkAhead(threads: Int) -> WeightCheck? { stored?.begin(threads: threads) }

  /// Compares the checksums of what was asked for since the last time, on `threads` threads: nothing may run before.
  /// Throws when one is another.
  package func check(threads: Int) throws(KernelError) {
    let asked = unchecked.withLock { asked in
      defer { asked = [:] }
      return asked
    }
    guard let stored, !asked.isEmpty, !stored.areRight(asked.values.sorted(), threads: threads) else {
      return
    }
    // Whoever asks again is told again.
    blobs.withLock { blobs in for key in asked.keys { blobs[key] = nil } }
    throw KernelError("packed weights are not those that were written: the file is damaged")
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
    if let blob = known(key, byteCount: byteCount) {
      blobs.withLock { $0[key] = blob }
      return blob
    }
    if let blob = blank?(byteCount) {
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

  /// Bytes of what was packed here first, of other constants than `shared`.
  package func addedByteCount(besides shared: Set<ConstantID>) -> Int {
    blobs.withLock { $0 }.reduce(0) { sum, blob in
      if blob.key.constants.allSatisfy(shared.contains) || base?.holds(blob.key) == true { return sum }
      return sum + blob.value.bytes.count
    }
  }

  private func holds(_ key: PackKey) -> Bool {
    blobs.withLock { $0[key] != nil } || stored?.position(of: key) != nil || base?.holds(key) == true
  }

  /// Gives up what no plan reads any more.
  package func dropUnused() {
    var dropped: [TensorStorage] = []
    blobs.withLock { blobs in
      for key in Array(blobs.keys) where isKnownUniquelyReferenced(&blobs[key]!) {
        if let blob = blobs.removeValue(forKey: key) { dropped.append(blob) }
      }
    }
  }

  package var byteCount: Int { blobs.withLock { $0.values.reduce(0) { $0 + $1.bytes.count } } }
  package var count: Int { blobs.withLock { $0.count } }
  /// Every blob that was asked for.
  package var all: [PackKey: TensorStorage] { blobs.withLock { $0 } }
}
