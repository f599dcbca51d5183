import CFutex
import Glibc
import Host
import Synchronization

/// One thread, started when first needed.
///
/// Its state is one word, and every change of it is atomic. The leaseholder publishes work; the thread starts it, or the
/// leaseholder withdraws it: one compare-exchange decides, so that a thread that comes too late reads nothing of the
/// leaseholder's. The word outlives every team, as a thread may look at it at any time.
///
/// Unchecked: `team` and `rank` are written only by the leaseholder while nothing is published, and read by the thread
/// only after it has started what was published.
final class Worker: @unchecked Sendable {
  enum State {
    /// Nothing to do; the thread may spin.
    static let idle: UInt32 = 0
    /// Nothing to do; the thread sleeps until a waker changes the word.
    static let parked: UInt32 = 1
    /// Work that no thread has begun.
    static let published: UInt32 = 2
    static let started: UInt32 = 3
    /// Started, and the leaseholder sleeps until it is done.
    static let awaited: UInt32 = 4
  }

  private var team: Unmanaged<Team>?
  private var rank = 0
  private var isRunning = false
  private var isHeld: Bool
  private let word: UnsafeMutablePointer<Atomic<UInt32>>
  /// Where the leaseholder runs; negative: unknown.
  private let callerProcessor = Atomic<Int32>(-1)

  /// How long an idle thread spins before it sleeps: longer than most steps on one thread.
  private static let idleNanoseconds: UInt64 = 60_000
  private static let lineByteCount = 64

  /// A worker that is held starts no thread, as if the system never ran it.
  init(isHeld: Bool) {
    self.isHeld = isHeld
    word = UnsafeMutableRawPointer.allocate(byteCount: Self.lineByteCount, alignment: Self.lineByteCount)
      .initializeMemory(as: Atomic<UInt32>.self, to: Atomic(State.idle))
  }

  private var futex: UnsafeMutablePointer<UInt32> {
    UnsafeMutableRawPointer(word).assumingMemoryBound(to: UInt32.self)
  }

  // MARK: The leaseholder's side

  /// Publishes a part of the team's work, unless the system refuses to start a thread.
  func publish(_ team: Team, rank: Int, processor: Int32?) {
    self.team = Unmanaged.passUnretained(team)
    self.rank = rank
    callerProcessor.store(processor ?? -1, ordering: .relaxed)
    if !isRunning, !isHeld { isRunning = launch() }
    guard isRunning || isHeld else { return }
    let before = word.pointee.exchange(State.published, ordering: .acquiringAndReleasing)
    if before == State.parked { futex_wake(futex) }
  }

  /// Returns when the thread has no part in what was published: withdraws it, or waits until it is done. Spins so many
  /// nanoseconds at most, then sleeps.
  func join(spinning nanoseconds: UInt64) {
    if exchange(State.published, State.idle) { return }
    if spin(nanoseconds, while: { $0 == State.started }) { return }
    if !exchange(State.started, State.awaited) { return }
    while word.pointee.load(ordering: .acquiring) == State.awaited { futex_wait(futex, State.awaited) }
  }

  /// Lets the thread of a worker that was held start, at any time.
  func letGo() {
    isHeld = false
    if !isRunning { isRunning = launch() }
  }

  /// After a fork the child has none of its parent's threads.
  func forget() {
    isRunning = false
    word.pointee.store(State.idle, ordering: .relaxed)
  }

  private func launch() -> Bool {
    var thread = pthread_t()
    let argument = Unmanaged.passRetained(self)
    guard pthread_create(&thread, nil, workerMain, argument.toOpaque()) == 0 else {
      argument.release()
      return false
    }
    pthread_detach(thread)
    return true
  }

  // MARK: The thread's side

  fileprivate func loop() {
    while true {
      waitUntilPublished()
      Processor.leave(sharedWith: callerProcessor.load(ordering: .relaxed))
      guard exchange(State.published, State.started) else { continue }
      team?.takeUnretainedValue().help(rank)
      // The team may be gone from here on.
      if word.pointee.exchange(State.idle, ordering: .acquiringAndReleasing) == State.awaited {
        futex_wake(futex)
      }
    }
  }

  private func waitUntilPublished() {
    while true {
      if spin(Self.idleNanoseconds, while: { $0 == State.idle }) { return }
      if !exchange(State.idle, State.parked) { continue }
      while word.pointee.load(ordering: .acquiring) == State.parked { futex_wait(futex, State.parked) }
    }
  }

  // MARK: Both sides

  private func exchange(_ old: UInt32, _ new: UInt32) -> Bool {
    word.pointee.compareExchange(expected: old, desired: new, ordering: .acquiringAndReleasing).exchanged
  }

  /// Whether the state changed within so many nanoseconds.
  @inline(__always)
  private func spin(_ nanoseconds: UInt64, while isSame: (UInt32) -> Bool) -> Bool {
    let start = monotonicNanoseconds()
    while true {
      for _ in 0..<16 {
        if !isSame(word.pointee.load(ordering: .acquiring)) { return true }
        spin_pause()
      }
      if monotonicNanoseconds() - start >= nanoseconds { return false }
    }
  }
}

extension Processor {
  /// Moves the calling thread elsewhere if it runs on this processor.
  fileprivate static func leave(sharedWith processor: Int32) {
    if processor >= 0, processor == current { leave(processor) }
  }
}

private func workerMain(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  guard let argument else { return nil }
  Unmanaged<Worker>.fromOpaque(argument).takeRetainedValue().loop()
  return nil
}
