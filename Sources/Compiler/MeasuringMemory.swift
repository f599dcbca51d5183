import Kernels
import Synchronization
import Tensors

/// Memory that measurements use one after the other: fresh pages would cost more than what is measured.
///
/// Unchecked: one measurement at a time has it.
final class MeasuringMemory: @unchecked Sendable {
  private var chunks: [TensorStorage] = []
  private var used = 0

  private static let smallest = 8 << 20

  /// What was handed out is free again.
  func reset() {
    // One chunk instead of many, next time.
    if chunks.count > 1 {
      let sum = chunks.reduce(0) { $0 + $1.bytes.count }
      chunks = []
      if let chunk = try? TensorStorage.allocate(byteCount: sum) { chunks = [chunk] }
    }
    used = 0
  }

  /// Bytes of any content, aligned as tensors are; nil when there is no memory.
  func take(_ byteCount: Int) -> MutableBytes? {
    guard byteCount >= 0, byteCount < 1 << 46 else { return nil }
    let needed = TensorStorage.aligned(max(byteCount, 1))
    if chunks.isEmpty || used > chunks[chunks.count - 1].bytes.count - needed {
      guard let chunk = try? TensorStorage.allocate(byteCount: max(needed, Self.smallest)) else { return nil }
      chunks.append(chunk)
      used = 0
    }
    guard let chunk = chunks[chunks.count - 1].mutableBytes else { return nil }
    defer { used += needed }
    return chunk.slice(at: used, count: byteCount)
  }

  /// Bytes of zeros as a storage.
  func zeros(_ byteCount: Int) -> TensorStorage? {
    guard let bytes = take(byteCount) else { return nil }
    bytes.base.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
    return TensorStorage(bytes: bytes.bytes, owner: .caller(self))
  }

  /// Bytes of small numbers of both signs, without denormals; of zeros where the elements are none of float32: valid
  /// indices.
  func operand(_ byteCount: Int, _ type: DataType) -> MutableBytes? {
    guard let bytes = take(byteCount) else { return nil }
    if type == .float32 {
      Self.pattern.withUnsafeBytes { pattern in
        guard let source = pattern.baseAddress else { return }
        var done = 0
        while done < byteCount {
          let count = min(pattern.count, byteCount - done)
          (bytes.base + done).copyMemory(from: source, byteCount: count)
          done += count
        }
      }
    } else {
      bytes.base.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
    }
    return bytes
  }

  private static let pattern: [Float] = {
    var state: UInt32 = 12345
    return (0..<16_384).map { _ in
      state = state &* 1_664_525 &+ 1_013_904_223
      return Float(state >> 8) / Float(1 << 24) - 0.5
    }
  }()
}

/// Weights of another plan, handed out in place of packed ones: what rivals of that plan run on.
///
/// They need not be packed to know that they lose, and pages that nobody has touched would cost as much.
final class BorrowedWeights: Sendable {
  private struct State {
    var blobs: [(storage: TensorStorage, used: Int)]
  }
  private let state: Mutex<State>

  /// What is smaller is packed as it should be.
  static let smallest = 64 << 10

  init(_ packed: PackedWeights) {
    let blobs = packed.all.sorted {
      ($1.value.bytes.count, $0.key.format) < ($0.value.bytes.count, $1.key.format)
    }
    state = Mutex(State(blobs: blobs.map { ($0.value, 0) }))
  }

  /// nil when there are none that are large enough.
  func take(_ byteCount: Int) -> TensorStorage? {
    if byteCount < Self.smallest { return nil }
    return state.withLock { state in
      for _ in 0..<2 {
        for i in state.blobs.indices
        where state.blobs[i].storage.bytes.count - state.blobs[i].used >= byteCount {
          let (storage, used) = state.blobs[i]
          state.blobs[i].used += TensorStorage.aligned(byteCount)
          return TensorStorage(
            bytes: Bytes(base: storage.bytes.base + used, count: byteCount), owner: .caller(storage))
        }
        // From the beginning.
        for i in state.blobs.indices { state.blobs[i].used = 0 }
      }
      return nil
    }
  }
}
