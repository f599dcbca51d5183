import Glibc
import Host
import Synchronization

/// The one pool of threads of the process. Idle workers spin for a moment, yield for a while, then park.
package final class WorkerPool: Sendable {
  package static let shared = WorkerPool()

  /// Workers have a bit each in one word.
  static let maximum = 64

  private let workers: [Worker]
  private let free: Atomic<UInt64>
  private let startedCount = Atomic<Int>(0)

  package init() {
    workers = (0..<Self.maximum - 1).map { _ in Worker() }
    free = Atomic((1 << UInt64(Self.maximum - 1)) - 1)
  }

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

  /// Hands the leased worker `index`, which has this rank in the team, its part of the team's work.
  func start(_ index: Int, for team: Team, rank: Int) { workers[index].start(team, rank: rank) }
}

/// One thread, started when first needed.
///
/// Unchecked: `team` and `rank` are written only by the leaseholder between two epochs, and read by the thread after it saw
/// the new epoch.
final class Worker: @unchecked Sendable {
  private var team: Unmanaged<Team>?
  private var rank = 0
  private let epoch = Atomic<Int>(0)
  private let isParked = Atomic<Bool>(false)
  private let wake: UnsafeMutablePointer<sem_t>
  private var isRunning = false

  init() {
    wake = .allocate(capacity: 1)
    sem_init(wake, 0, 0)
  }

  func start(_ team: Team, rank: Int) {
    self.team = Unmanaged.passUnretained(team)
    self.rank = rank
    if !isRunning { launch() }
    epoch.add(1, ordering: .sequentiallyConsistent)
    if isParked.exchange(false, ordering: .sequentiallyConsistent) { sem_post(wake) }
  }

  private func launch() {
    isRunning = true
    var thread = pthread_t()
    let argument = Unmanaged.passRetained(self).toOpaque()
    let status = pthread_create(&thread, nil, workerMain, argument)
    // Without threads the process cannot keep its promise to finish the chunk: nothing sensible is left to do.
    precondition(status == 0, "the system refuses to start a thread")
    pthread_detach(thread)
  }

  func loop() {
    var seen = 0
    while true {
      seen = waitForEpoch(after: seen)
      guard let team = team?.takeUnretainedValue() else { continue }
      if let processor = team.callerProcessor, processor == Processor.current { Processor.leave(processor) }
      team.help(rank)
    }
  }

  private func waitForEpoch(after seen: Int) -> Int {
    var spins = 0
    while true {
      let now = epoch.load(ordering: .acquiring)
      if now != seen { return seen + 1 }
      spins += 1
      if spins < 20_000 {
        _spinPause()
      } else if spins < 20_100 {
        sched_yield()
      } else {
        isParked.store(true, ordering: .sequentiallyConsistent)
        if epoch.load(ordering: .sequentiallyConsistent) == seen {
          while sem_wait(wake) != 0 {}
        } else if !isParked.exchange(false, ordering: .sequentiallyConsistent) {
          // Somebody has seen the flag and posted already.
          while sem_wait(wake) != 0 {}
        }
        spins = 0
      }
    }
  }
}

private func workerMain(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  guard let argument else { return nil }
  Unmanaged<Worker>.fromOpaque(argument).takeRetainedValue().loop()
  return nil
}
