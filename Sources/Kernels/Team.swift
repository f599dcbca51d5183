import Host
import Synchronization

/// The calling thread and the workers it has leased: one fork and join at a time.
///
/// The caller takes over what no worker has begun, and waits only for those that are in the middle of a chunk.
///
/// Unchecked: the plain fields are written by the caller before it publishes work (releasing), read by workers after
/// they started it (acquiring), and written again only after each is done or withdrawn.
package final class Team: @unchecked Sendable {
  private let pool: WorkerPool
  private let limit: Int
  /// Bits of the leased workers.
  private var leased: UInt64 = 0
  package private(set) var leasedCount = 0
  /// Where a team may run alone for a while.
  private var contention: Contention?
  private var leaseStart: UInt64 = 0
  /// Of the caller's processor time; 0: this run is not judged.
  private var busyStart: UInt64 = 0
  private var isLong = false

  private var type: any ParallelWork.Type = NoWork.self
  private var context: UnsafeRawPointer?
  private var chunkCount = 0
  private var rangeCount = 1
  /// For each thread the next chunk of its range, each on cache lines of its own.
  private let nextChunks: UnsafeMutablePointer<Atomic<Int>>
  private static let lineCount = 16
  /// Workers of the dispatch that began last, and when.
  private var helpers: UInt64 = 0
  private var beginning: UInt64 = 0
  /// Waits up to here are spun through at any rate, and none is for longer than the other.
  private static let spinNanoseconds: ClosedRange<UInt64> = 20_000...2_000_000

  /// A team of at most `threads` threads, the caller among them. One that yields runs on the caller alone for a while
  /// where its threads cost more than they bring.
  package init(threads: Int, yields: Bool = false, pool: WorkerPool = .shared) {
    limit = max(0, min(threads, WorkerPool.maximum) - 1)
    self.pool = pool
    contention = yields && limit > 0 ? Contention() : nil
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
    if let contention {
      leaseStart = monotonicNanoseconds()
      guard contention.allowsThreads(at: leaseStart) else { return }
      busyStart = isLong ? threadNanoseconds() : 0
    }
    leased = pool.lease(limit)
    leasedCount = leased.nonzeroBitCount
  }

  package func release() {
    guard leased != 0 else { return }
    pool.release(leased)
    leased = 0
    leasedCount = 0
    if contention != nil { judge() }
  }

  private func judge() {
    let now = monotonicNanoseconds()
    let wall = now - leaseStart
    isLong = wall >= Contention.shortestRun
    if isLong, busyStart > 0 { contention?.note(wall: wall, busy: threadNanoseconds() - busyStart, at: now) }
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
    let helperCount = min(leasedCount, max(chunks - 1, 0))
    rangeCount = helperCount + 1
    for i in 0...helperCount { nextChunks[i * Self.lineCount].store(range(i).lowerBound, ordering: .relaxed) }
    // Where the caller runs now: during a long run it may be moved.
    let processor = Processor.current
    var remaining = leased
    helpers = 0
    for rank in 0..<helperCount {
      let index = remaining.trailingZeroBitCount
      helpers |= remaining & (~remaining &+ 1)
      remaining &= remaining - 1
      pool.worker(index).publish(self, rank: rank + 1, processor: processor)
    }
    beginning = monotonicNanoseconds()
  }

  /// The second half: the caller does what is left, and waits for the workers that have begun a part.
  func finish() {
    work(0)
    // A worker's part is about as long as the caller's own: a longer wait means that it is not running.
    let own = monotonicNanoseconds() - beginning
    let patience = min(max(own, Self.spinNanoseconds.lowerBound), Self.spinNanoseconds.upperBound)
    while helpers != 0 {
      pool.worker(helpers.trailingZeroBitCount).join(spinning: patience)
      helpers &= helpers - 1
    }
  }

  /// The part of the worker that has this rank in the team: chunks until none is left.
  func help(_ rank: Int) { work(rank) }

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
