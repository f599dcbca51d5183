import Glibc
import Synchronization
import Tensors

/// Packed weights that a file holds, and how far their checksums have been compared.
///
/// Sums are made in pieces, each once, by whoever comes first: free threads may run ahead while the caller plans.
///
/// Unchecked: a piece's sums are written by the thread that claimed it, and read after its state says that they are made.
final class StoredWeights: @unchecked Sendable {
  private let items: [PackedWeights.Stored]
  private let positions: [PackKey: Int]
  /// For each item its first piece, and at the end the number of all pieces.
  private let firstPieces: [Int]
  private let pieces: [Bytes]
  private let sums: UnsafeMutablePointer<Checksum.Sums>
  private let states: UnsafeMutablePointer<Atomic<UInt8>>
  private let hasBegun = Atomic(false)

  private enum State { static let open: UInt8 = 0, claimed: UInt8 = 1, made: UInt8 = 2 }
  private static let pieceByteCount = 1 << 20

  init(_ stored: [PackKey: PackedWeights.Stored]) {
    // As they lie in the file, so that it is read from its beginning to its end.
    let ordered = stored.sorted { $0.value.storage.bytes.base < $1.value.storage.bytes.base }
    items = ordered.map(\.value)
    positions = Dictionary(uniqueKeysWithValues: ordered.enumerated().map { ($1.key, $0) })
    var firstPieces: [Int] = []
    var pieces: [Bytes] = []
    for item in items {
      firstPieces.append(pieces.count)
      let bytes = item.storage.bytes
      let end = bytes.count / Checksum.Sums.blockByteCount * Checksum.Sums.blockByteCount
      for start in stride(from: 0, to: end, by: Self.pieceByteCount) {
        pieces.append(Bytes(base: bytes.base + start, count: min(Self.pieceByteCount, end - start)))
      }
    }
    firstPieces.append(pieces.count)
    self.firstPieces = firstPieces
    self.pieces = pieces
    sums = .allocate(capacity: pieces.count)
    sums.initialize(repeating: Checksum.Sums(), count: pieces.count)
    states = .allocate(capacity: pieces.count)
    for i in pieces.indices { (states + i).initialize(to: Atomic(State.open)) }
  }

  deinit {
    sums.deallocate()
    states.deinitialize(count: pieces.count)
    states.deallocate()
  }

  func position(of key: PackKey) -> Int? { positions[key] }
  func storage(at position: Int) -> TensorStorage { items[position].storage }

  /// Makes the sums of a piece, unless somebody does or has done so.
  fileprivate func makeSums(_ piece: Int) {
    let claim = states[piece].compareExchange(
      expected: State.open, desired: State.claimed, successOrdering: .acquiring, failureOrdering: .relaxed)
    guard claim.exchanged else { return }
    sums[piece] = Checksum.Sums(of: pieces[piece])
    states[piece].store(State.made, ordering: .releasing)
  }

  /// Whether all items at `positions` have their checksums; compares what is left on `threads` threads.
  func areRight(_ positions: [Int], threads: Int) -> Bool {
    let left = positions.flatMap { Array(firstPieces[$0]..<firstPieces[$0 + 1]) }
      .filter { states[$0].load(ordering: .relaxed) == State.open }
    let team = Team(threads: threads)
    team.lease()
    left.withUnsafeBufferPointer { left in
      if let base = left.baseAddress {
        Workers(team: team).forEach(left.count, CheckWork(stored: self, pieces: base))
      }
    }
    team.release()
    return positions.allSatisfy(isRight)
  }

  private func isRight(_ position: Int) -> Bool {
    var whole = Checksum.Sums()
    for piece in firstPieces[position]..<firstPieces[position + 1] {
      while states[piece].load(ordering: .acquiring) != State.made { sched_yield() }
      whole.append(sums[piece])
    }
    return Checksum.finish(whole, items[position].storage.bytes) == items[position].checksum
  }

  /// Lets free threads, of `threads` with the caller's, begin with the sums until `end()`. nil where none is free, or
  /// where somebody has begun before.
  func begin(threads: Int) -> WeightCheck? {
    guard threads > 1, !pieces.isEmpty, !hasBegun.exchange(true, ordering: .relaxed) else { return nil }
    return WeightCheck(self, pieceCount: pieces.count, threads: threads)
  }
}

/// Threads that sum up packed weights beside the caller, until it says so.
package final class WeightCheck {
  private let team: Team
  private let stop = Atomic(false)
  private let stored: StoredWeights
  private let work: UnsafeMutablePointer<AheadWork>
  private var isRunning = true

  fileprivate init?(_ stored: StoredWeights, pieceCount: Int, threads: Int) {
    self.stored = stored
    team = Team(threads: threads)
    team.lease()
    if team.leasedCount == 0 { return nil }
    work = .allocate(capacity: 1)
    work.initialize(to: AheadWork(check: self))
    team.begin(pieceCount, work, of: AheadWork.self)
  }

  /// Stops them after the pieces that they are at, and gives them back.
  package func end() {
    guard isRunning else { return }
    isRunning = false
    stop.store(true, ordering: .relaxed)
    team.finish()
    team.release()
  }

  deinit {
    end()
    work.deallocate()
  }

  fileprivate func makeSums(_ piece: Int) { if !stop.load(ordering: .relaxed) { stored.makeSums(piece) } }
}

private struct AheadWork: ParallelWork {
  unowned(unsafe) let check: WeightCheck

  func run(chunk: Int) { check.makeSums(chunk) }
}

private struct CheckWork: ParallelWork {
  unowned(unsafe) let stored: StoredWeights
  let pieces: UnsafePointer<Int>

  func run(chunk: Int) { stored.makeSums(pieces[chunk]) }
}
