/// Whether threads bring more than they cost, judged run by run.
///
/// Beside other programs a thread is stopped in the middle of a part, and the caller waits for it or is stopped itself:
/// it does not compute for much of a run. Then the caller runs alone for a while, and tries again; each try in vain
/// doubles the while.
struct Contention {
  /// Shorter runs are not judged: the clocks would take a part of them that counts.
  static let shortestRun: UInt64 = 200_000
  static let firstPause: UInt64 = 10_000_000
  static let longestPause: UInt64 = 1_000_000_000
  /// Undisturbed runs in a row that clear a team of suspicion.
  static let trial = 8

  private var aloneUntil: UInt64 = 0
  private var pause = firstPause
  private var undisturbedCount = 0

  func allowsThreads(at now: UInt64) -> Bool { now >= aloneUntil }

  /// Takes note of a run on threads that took `wall` nanoseconds, in which the caller computed or spun for `busy`.
  mutating func note(wall: UInt64, busy: UInt64, at now: UInt64) {
    guard wall > busy, (wall - busy) * 4 > wall else {
      undisturbedCount += 1
      if undisturbedCount % Self.trial == 0 { pause = max(pause / 2, Self.firstPause) }
      return
    }
    // One disturbance among many runs is no neighbour.
    if undisturbedCount < Self.trial {
      aloneUntil = now + pause
      pause = min(pause * 2, Self.longestPause)
    }
    undisturbedCount = 0
  }
}
