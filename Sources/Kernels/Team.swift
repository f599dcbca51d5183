import Glibc
import Host
import Synchronization

/// The calling thread and the workers it has leased: one fork and join at a time.
///
/// Unchecked: the plain fields are written by the caller before it publishes an epoch to the workers (releasing), read
/// by them after they saw it (acquiring), and written again only after all have reported back.
package final class Team: @unchecked Sendable {
  private let pool: WorkerPool
  private let limit: Int
  /// Bits of the leased workers.
  private var leased: UInt64 = 0
  package private(set) var leasedCount = 0
  /// Where the caller ran at the last fork: during a long run it may be moved.
  private(set) var callerProcessor: Int32?

  private var type: any ParallelWork.Type = NoWork.self
  private var context: UnsafeRawPointer?
  private var chunkCount = 0
  private var rangeCount = 1
  /// For each thread the next chunk of its range, each on cache lines of its own.
  private let nextChunks: UnsafeMutablePointer<Atomic<Int>>
  private static let lineCount = 16
  private let pending = Atomic<Int>(0)

  /// A team of at most `threads` threads, the caller among them.
  package init(threads: Int, pool: WorkerPool = .shared) {
    limit = max(0, min(threads, WorkerPool.maximum) - 1)
    self.pool = pool
    nextChunks = .allocate(capacity: (limit + 1) * Self.lineCount)
    for i in 0..<(limit + 1) * Self.lineCount { (nextChunks + i).initialize(to: Atomic(0)) }
  }

  deinit {
    nextChunks.deinitialize(count: (limit + 1) * Self.lineCount)
    nextChunks.deallocate()
  }

  /// Leases as many workers as are free, up to the limit. Never waits: a run alone is still right.
  package func lease() {
    guard limit > 0, leased == 0 else { return }
    leased = pool.lease(limit)
    leasedCount = leased.nonzeroBitCount
  }

  package func release() {
    guard leased != 0 else { return }
    pool.release(leased)
    leased = 0
    leasedCount = 0
  }

  /// Runs the chunks of the work at `context` on the caller and the leased workers.
  ///
  /// Each thread begins with a range of its own, the same from step to step, so that it mostly reads what it wrote
  /// itself; then it helps the others.
  package func dispatch(_ chunks: Int, _ context: UnsafeRawPointer, of type: any ParallelWork.Type) {
    begin(chunks, context, of: type)
    finish()
  }

  /// The first half of a dispatch: the leased workers begin, and the caller goes on with something else. What lies at
  /// `context` must stay until `finish()`, and no other dispatch may come before.
  func begin(_ chunks: Int, _ context: UnsafeRawPointer, of type: any ParallelWork.Type) {
    self.type = type
    self.context = context
    chunkCount = chunks
    callerProcessor = Processor.current
    let helpers = min(leasedCount, max(chunks - 1, 0))
    rangeCount = helpers + 1
    for i in 0...helpers { nextChunks[i * Self.lineCount].store(range(i).lowerBound, ordering: .relaxed) }
    pending.store(helpers, ordering: .relaxed)
    var remaining = leased
    for i in 0..<helpers {
      let index = remaining.trailingZeroBitCount
      remaining &= remaining - 1
      pool.start(index, for: self, rank: i + 1)
    }
  }

  /// The second half: the caller helps, and waits until all is done.
  func finish() {
    work(0)
    var spins = 0
    while pending.load(ordering: .acquiring) != 0 {
      spins += 1
      if spins & 0x3ff == 0 { sched_yield() } else { _spinPause() }
    }
  }

  /// The part of the worker that has this rank in the team: chunks until none is left, then one report.
  func help(_ rank: Int) {
    work(rank)
    pending.subtract(1, ordering: .releasing)
  }

  private func range(_ i: Int) -> Swift.Range<Int> {
    chunkCount * i / rangeCount..<chunkCount * (i + 1) / rangeCount
  }

  private func work(_ rank: Int) {
    guard let context else { return }
    let type = type
    var i = 0
    while i < rangeCount {
      let own = (rank + i) % rangeCount
      let end = range(own).upperBound
      while true {
        let chunk = nextChunks[own * Self.lineCount].add(1, ordering: .relaxed).oldValue
        if chunk >= end { break }
        type.run(context, chunk: chunk)
      }
      i += 1
    }
  }
}

/// What a team has before its first dispatch.
private struct NoWork: ParallelWork {
  func run(chunk: Int) {}
}

@inline(__always)
func _spinPause() {
  // A relaxed fence keeps the loop from being collapsed; the processor's pause has no Swift spelling.
  atomicMemoryFence(ordering: .acquiring)
}
