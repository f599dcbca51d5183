import Glibc
import Synchronization

/// The one pool of threads of the process. Idle workers spin for a moment, then sleep.
package final class WorkerPool: Sendable {
  package static let shared: WorkerPool = {
    pthread_atfork(nil, nil) { WorkerPool.shared.forget() }
    return WorkerPool()
  }()

  /// Workers have a bit each in one word.
  static let maximum = 64
  private static let allBits: UInt64 = (1 << UInt64(maximum - 1)) - 1

  private let workers: [Worker]
  private let free = Atomic<UInt64>(allBits)

  /// Threads of a pool that holds them do not start before it lets them go: so late is a thread at worst.
  package init(holdsThreads: Bool = false) {
    workers = (0..<Self.maximum - 1).map { _ in Worker(isHeld: holdsThreads) }
  }

  /// Lets so many of the threads held start.
  package func letGo(_ count: Int) { for worker in workers.prefix(count) { worker.letGo() } }

  /// Takes up to `count` free workers, lowest first, and returns their bits.
  func lease(_ count: Int) -> UInt64 {
    while true {
      let available = free.load(ordering: .relaxed)
      var taken: UInt64 = 0
      var rest = available
      for _ in 0..<count where rest != 0 {
        taken |= rest & (~rest &+ 1)
        rest &= rest - 1
      }
      if taken == 0 { return 0 }
      if free.compareExchange(
        expected: available, desired: available & ~taken, ordering: .acquiringAndReleasing
      )
      .exchanged {
        return taken
      }
    }
  }

  func release(_ bits: UInt64) { free.bitwiseOr(bits, ordering: .releasing) }

  func worker(_ index: Int) -> Worker { workers[index] }

  /// In the child of a fork: the threads are gone, and so are the teams of other threads that had leased them.
  func forget() {
    for worker in workers { worker.forget() }
    free.store(Self.allBits, ordering: .relaxed)
  }
}
