import Measurement
import Testing

/// A clock that subjects move.
private final class FakeClock {
  var now: UInt64 = 1
}

@Suite struct MeasurementTests {
  private func measure(_ times: [(Int) -> UInt64], _ limits: MeasurementLimits) throws -> [MeasuredSeries] {
    let clock = FakeClock()
    var calls = [Int](repeating: 0, count: times.count)
    let subjects = times.indices.map { i in
      {
        clock.now += times[i](calls[i])
        calls[i] += 1
      }
    }
    return try InterleavedMeasurement(limits: limits, clock: { clock.now }).run(subjects)
  }

  @Test func runsEnoughAndLongEnough() throws {
    let limits = MeasurementLimits(minimumRuns: 30, minimumSeconds: 0.1, maximumSeconds: 10)
    let series = try measure([{ _ in 1_000_000 }, { _ in 2_000_000 }], limits)
    for one in series {
      #expect(one.times.count >= 30)
      #expect(one.times.reduce(0, +) >= 0.05e9)
      #expect(one.isWarm)
      #expect(one.doubts(limits).isEmpty)
    }
    #expect(series[0].turns.count == series[1].turns.count)
    #expect(series[0].statistics?.median == 1_000_000)
    #expect(series[1].speedups(over: series[0])?.median == 0.5)
    #expect(series[0].speedups(over: series[1])?.median == 2)
  }

  @Test func theLimitEndsWhatTakesTooLong() throws {
    let limits = MeasurementLimits(minimumRuns: 30, minimumSeconds: 1, maximumSeconds: 5)
    let series = try measure([{ _ in 1_000_000_000 }], limits)
    #expect(series[0].times.count < 30)
    #expect(series[0].doubts(limits).contains { if case .tooFewRuns = $0 { true } else { false } })
  }

  @Test func warmUpGoesOnWhileTimesFall() throws {
    let limits = MeasurementLimits(minimumRuns: 10, minimumSeconds: 0.01, maximumSeconds: 10)
    let series = try measure([{ 10_000_000 / UInt64(min(10, 1 + $0)) }], limits)
    #expect(series[0].warmUpRuns >= 10)
    #expect(series[0].statistics?.median == 1_000_000)
  }

  @Test func whatNeverSettlesIsDoubted() {
    let series = MeasuredSeries(warmUpRuns: 50, isWarm: false, turns: [[Double]](repeating: [1], count: 40))
    #expect(series.doubts(MeasurementLimits()) == [.stillWarming(runs: 50)])
  }

  @Test func errorsOfASubjectEndTheMeasurement() {
    struct Broken: Error {}
    #expect(throws: Broken.self) {
      _ = try InterleavedMeasurement(limits: MeasurementLimits()).run([{ throw Broken() }])
    }
  }

  @Test func throttlingIsReadFromBothKindsOfControlGroups() {
    let two = ThrottleCount(parsing: "usage_usec 5\nnr_periods 9\nnr_throttled 3\nthrottled_usec 4000\n")
    #expect(two == ThrottleCount(periods: 3, microseconds: 4000))
    let one = ThrottleCount(parsing: "nr_periods 9\nnr_throttled 1\nthrottled_time 2000000\n")
    #expect(one == ThrottleCount(periods: 1, microseconds: 2000))
    #expect(two.doubt(since: one) == .throttled(count: 2, seconds: 0.002))
    #expect(two.doubt(since: two) == nil)
  }

  @Test func whatOthersTakeIsCounted() throws {
    let text = "cpu  100 10 20 800 30 5 5 30 0 0\ncpu0 1 2 3\n"
    let before = try #require(ProcessorLoad(parsing: text, ownTicks: 90))
    #expect(before == ProcessorLoad(busyTicks: 170, idleTicks: 830, ownTicks: 90))
    // Of 200 ticks 120 were busy, 100 of them for this process.
    let after = ProcessorLoad(busyTicks: 290, idleTicks: 910, ownTicks: 190)
    #expect(after.shareOfOthers(since: before) == 0.1)
    #expect(before.shareOfOthers(since: before) == nil)
    #expect(ProcessorLoad(parsing: "intr 1 2 3", ownTicks: 0) == nil)
    #expect(ProcessorLoad.now() != nil)
  }

  @Test func everyDoubtSaysWhatToDo() {
    let doubts: [MeasurementDoubt] = [
      .tooFewRuns(found: 3, expected: 30), .drift(0.2), .wideInterval(0.1), .stillWarming(runs: 9),
      .throttled(count: 2, seconds: 0.1), .unsteady(independent: 3, turns: 90), .slowRuns(0.3), .crowded(0.2),
      .others(0.2),
      .overloaded(offered: 9, served: 5, queue: 40), .littlesLaw(counted: 2, expected: 1),
      .uncounted(samples: 3),
    ]
    for doubt in doubts { #expect(doubt.advice.count > 10, "\(doubt)") }
  }
}
