import Testing

@testable import Kernels

@Suite struct ContentionTests {
  private static let run: UInt64 = 10_000_000

  @Test func pausesDoubleWhileThreadsAreDisturbed() {
    var contention = Contention()
    var now: UInt64 = 0
    var pauses: [UInt64] = []
    for _ in 0..<9 {
      #expect(contention.allowsThreads(at: now))
      contention.note(wall: Self.run, busy: Self.run / 2, at: now)
      let start = now
      while !contention.allowsThreads(at: now) { now += Self.run }
      pauses.append((now - start) / Self.run)
    }
    #expect(pauses == [1, 2, 4, 8, 16, 32, 64, 100, 100])
  }

  @Test func oneDisturbanceAmongManyRunsIsForgiven() {
    var contention = Contention()
    for turn in 0..<100 {
      contention.note(wall: Self.run, busy: turn % 10 == 9 ? 0 : Self.run, at: 0)
      #expect(contention.allowsThreads(at: 0))
    }
  }

  @Test func quietRunsShortenThePause() {
    var contention = Contention()
    for _ in 0..<6 { contention.note(wall: Self.run, busy: 0, at: 0) }
    for _ in 0..<48 { contention.note(wall: Self.run, busy: Self.run, at: 0) }
    contention.note(wall: Self.run, busy: 0, at: 0)
    contention.note(wall: Self.run, busy: 0, at: 2_000_000_000)
    #expect(!contention.allowsThreads(at: 2_000_000_000))
    #expect(contention.allowsThreads(at: 2_000_000_000 + 2 * Contention.firstPause))
  }
}
