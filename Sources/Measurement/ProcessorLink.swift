import Glibc
import Host
import Synchronization

/// How long two processors of this process take to hand each other a line of the cache.
///
/// A virtual machine's processors are threads of its host, which moves them about: now they share a cache, now they sit
/// at the two ends of the socket, and work split between threads takes up to 1.6 times as long, for seconds at a
/// time. Nothing in the times of a single measurement tells, since all of it may fall into one such spell.
///
/// Unchecked: the semaphore is written before the partner starts; the rest is atomic.
package final class ProcessorLink: @unchecked Sendable {
  /// Beyond this, processors that share their last cache by the system's account are not near each other: on
  /// processors that do, 50 to 140 ns were seen.
  package static let farNanoseconds = 200.0

  private static let roundsPerBlock = 50
  private static let blocks = 4
  /// A partner that does not answer for so long has no processor.
  private static let patience: UInt64 = 2_000_000

  private let line = Line()
  private let wake: UnsafeMutablePointer<sem_t>
  private let avoided = Atomic<Int32>(-1)

  /// The link of this process; nil where threads may run on processors that share no cache anyway.
  private static let shared: ProcessorLink? =
    ThreadBudget().affinity > 1 && processorsShareCache() ? ProcessorLink() : nil

  /// Whether the processors are far from each other at this moment, which one thread does not mind; false where
  /// nobody can tell.
  package static func areApart(threads: Int) -> Bool {
    guard threads > 1, let time = shared?.roundTripNanoseconds() else { return false }
    return time > farNanoseconds
  }

  /// Starts the partner, which sleeps between two questions and lives as long as the process.
  private init() {
    wake = .allocate(capacity: 1)
    sem_init(wake, 0, 0)
    var thread = pthread_t()
    let argument = Unmanaged.passRetained(self).toOpaque()
    if pthread_create(&thread, nil, partnerMain, argument) == 0 {
      pthread_detach(thread)
    } else {
      Unmanaged<ProcessorLink>.fromOpaque(argument).release()
      line.state.store(Line.closed, ordering: .relaxed)
    }
  }

  /// The best of a few blocks of round trips; nil when the partner did not get a processor.
  private func roundTripNanoseconds() -> Double? {
    guard line.state.load(ordering: .relaxed) == Line.resting else { return nil }
    avoided.store(Processor.current ?? -1, ordering: .relaxed)
    line.state.store(Line.called, ordering: .releasing)
    sem_post(wake)
    defer { line.state.store(Line.resting, ordering: .releasing) }
    // The first answer comes when the partner is awake.
    guard exchange() else { return nil }
    var best: Double?
    for _ in 0..<Self.blocks {
      let start = monotonicNanoseconds()
      for _ in 0..<Self.roundsPerBlock { guard exchange() else { return best } }
      let time = Double(monotonicNanoseconds() - start) / Double(Self.roundsPerBlock)
      best = min(best ?? .infinity, time)
    }
    return best
  }

  /// One round trip; false when nobody answered.
  private func exchange() -> Bool {
    line.ball.store(1, ordering: .releasing)
    var spins = 0
    var start: UInt64 = 0
    while line.ball.load(ordering: .acquiring) != 0 {
      spins += 1
      if spins % 4096 == 0 {
        let now = monotonicNanoseconds()
        if start == 0 { start = now }
        if now - start > Self.patience {
          line.ball.store(0, ordering: .relaxed)
          return false
        }
      }
    }
    return true
  }

  fileprivate func answer() {
    while true {
      while sem_wait(wake) != 0 {}
      let processor = avoided.load(ordering: .relaxed)
      if processor >= 0, processor == Processor.current { Processor.leave(processor) }
      while line.state.load(ordering: .acquiring) == Line.called {
        if line.ball.load(ordering: .acquiring) == 1 { line.ball.store(0, ordering: .releasing) }
      }
    }
  }

  /// Whether the last cache of the first processor is that of all the process may run on.
  private static func processorsShareCache() -> Bool {
    guard let last = HostFacts.read().caches.max(by: { $0.level < $1.level }), last.level >= 3 else {
      return false
    }
    return (ThreadBudget.processorCount(ofList: last.sharedBy) ?? 0) >= ThreadBudget().affinity
  }
}

/// The ball that is thrown to and fro, with two lines of the cache to itself.
private final class Line: Sendable {
  static let resting = 0
  static let called = 1
  static let closed = 2

  private let before = Pad()
  let state = Atomic<Int>(resting)
  let ball = Atomic<Int>(0)
  private let after = Pad()

  private struct Pad {
    let words = InlineArray<16, Int>(repeating: 0)
  }
}

private func partnerMain(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  guard let argument else { return nil }
  Unmanaged<ProcessorLink>.fromOpaque(argument).takeRetainedValue().answer()
  return nil
}
