import Measurement
import Testing

/// A clock that subjects move.
private final class FakeClock {
  var now: UInt64 = 1
}

/// Faults of known kind in measurements that are otherwise quiet: each must be flagged, or show in an interval.
@Suite struct PlantedFaultTests {
  private let limits = MeasurementLimits(minimumRuns: 30, minimumSeconds: 0.5, maximumSeconds: 5)

  /// Measures subjects whose runs take `times`, in ns, by the number of the run and the time of the clock in seconds.
  private func measure(
    _ limits: MeasurementLimits, _ times: [(Int, Double) -> Double], noise seed: UInt64 = 1,
    areApart: @escaping (Double) -> Bool = { _ in false }
  ) throws -> [MeasuredSeries] {
    let clock = FakeClock()
    var noise = Noise(seed: seed)
    var calls = [Int](repeating: 0, count: times.count)
    return try InterleavedMeasurement(
      limits: limits, clock: { clock.now }, areApart: { areApart(Double(clock.now) / 1e9) }
    ).run(
      times.indices.map { i in
        {
          let time = times[i](calls[i], Double(clock.now) / 1e9) * (1 + 0.01 * abs(noise.normal()))
          clock.now += UInt64(max(1, time))
          calls[i] += 1
        }
      })
  }

  @Test(arguments: [50_000, 1_000_000, 20_000_000] as [Double])
  func quietIsValid(nanoseconds: Double) throws {
    let series = try measure(limits, [{ _, _ in nanoseconds }, { _, _ in nanoseconds * 2 }])
    for one in series { #expect(one.doubts(limits).isEmpty, "\(one.doubts(limits))") }
    let speedup = try #require(series[1].speedups(over: series[0]))
    #expect(speedup.medianInterval?.contains(0.5) == true)
    #expect((speedup.relativeHalfWidth ?? 1) < MeasuredSeries.processLuck * 1.1)
  }

  /// Every third run of the second variant sleeps as long as a run takes.
  @Test(arguments: [50_000, 1_000_000, 20_000_000] as [Double])
  func aSleepEveryFewRuns(nanoseconds: Double) throws {
    let series = try measure(
      limits, [{ _, _ in nanoseconds }, { i, _ in nanoseconds * (i % 3 == 0 ? 2 : 1) }])
    #expect(series[0].doubts(limits).isEmpty)
    let isSeen = try isSeen(in: series[1], beyond: nanoseconds * 1.1)
    #expect(isSeen)
  }

  /// For two thirds of the time the processors are far from each other, and runs take longer.
  @Test func processorsThatComeAndGo() throws {
    func areApart(_ seconds: Double) -> Bool { seconds.truncatingRemainder(dividingBy: 3) < 2 }
    let series = try measure(
      limits, [{ areApart($1) ? 1_600_000 : 1_000_000 }, { areApart($1) ? 2_000_000 : 1_500_000 }],
      areApart: areApart)
    for one in series {
      #expect(one.doubts(limits).isEmpty, "\(one.doubts(limits))")
      #expect(one.setAsideTurns > 0)
      #expect(one.apartTurns == 0)
    }
    let median = try #require(series[0].statistics).median
    #expect(median > 1_000_000 && median < 1_020_000)
    #expect(series[0].turns.count == series[1].turns.count)
  }

  @Test func processorsThatStayApart() throws {
    let series = try measure(limits, [{ _, _ in 1_600_000 }], areApart: { _ in true })
    #expect(series[0].doubts(limits) == [.apart(1)])
    #expect(series[0].setAsideTurns == 0)
  }

  /// A rare but long sleep moves no median; the mean shows it.
  @Test func aRareLongSleep() throws {
    let series = try measure(limits, [{ i, _ in i % 50 == 49 ? 20_000_000 : 1_000_000 }])
    #expect(series[0].doubts(limits).contains { if case .slowRuns = $0 { true } else { false } })
  }

  private func isSeen(in series: MeasuredSeries, beyond level: Double) throws -> Bool {
    let upper = try #require(series.statistics?.medianInterval).upperBound
    return upper >= level || !series.doubts(limits).isEmpty
  }

  /// The first runs are slow for longer than the warm-up before the measurement looks.
  @Test(arguments: [100, 250]) func aColdBeginning(runs: Int) throws {
    let series = try measure(limits, [{ i, _ in i < runs ? 1_500_000 : 1_000_000 }, { _, _ in 1_000_000 }])
    #expect(series[0].droppedTurns > 0)
    #expect(series[0].droppedTurns == series[1].droppedTurns)
    // Of a turn of several runs the first does not count.
    #expect((runs / 2...runs + 20).contains(series[0].warmUpRuns), "\(series[0].warmUpRuns)")
    #expect(series[0].doubts(limits).isEmpty, "\(series[0].doubts(limits))")
    #expect(series[0].times.reduce(0, +) >= 0.5e9)
    #expect((series[0].statistics?.maximum ?? 0) < 1_200_000)
  }

  @Test func coldUntilTheEnd() throws {
    let brief = MeasurementLimits(minimumRuns: 30, minimumSeconds: 0.9, maximumSeconds: 1)
    let series = try measure(brief, [{ _, now in now < 0.65 ? 1_500_000 : 1_000_000 }])
    #expect(series[0].doubts(brief).contains { if case .stillWarming = $0 { true } else { false } })
  }

  /// Something else takes half of the processor's time in spells.
  @Test(arguments: 0..<5 as Range<UInt64>) func aBusyCore(seed: UInt64) throws {
    let series = try measure(
      limits, [{ _, now in Int(now * 7) % 2 == 0 ? 2_000_000 : 1_000_000 }], noise: seed)
    let isSeen = try isSeen(in: series[0], beyond: 1_900_000)
    #expect(isSeen)
  }

  @Test func aDrift() throws {
    let series = try measure(limits, [{ i, _ in 1_000_000 * (1 + Double(i) / 3000) }])
    #expect(
      series[0].doubts(limits).contains { if case .drift(let change) = $0 { change > 0.05 } else { false } })
  }

  @Test func tooFewRuns() throws {
    let series = try measure(limits, [{ _, _ in 1_000_000_000 }])
    #expect(series[0].doubts(limits).contains { if case .tooFewRuns = $0 { true } else { false } })
  }

  /// Levels that change over 100 ms: a longer measurement knows them, and says how well.
  @Test func levelsThatComeAndGoAreMeasuredLonger() throws {
    var noise = Noise(seed: 9)
    let levels = (0..<1000).map { _ in 1 + 0.04 * noise.uniform() }
    let level = { (now: Double) in 50_000 * levels[Int(now * 10) % 1000] }
    let series = try measure(limits, [{ _, now in level(now) }, { _, now in 2 * level(now) }])
    for one in series { #expect(one.doubts(limits).isEmpty, "\(one.doubts(limits))") }
    let speedup = try #require(series[1].speedups(over: series[0]))
    #expect((speedup.relativeHalfWidth ?? 1) < MeasuredSeries.processLuck * 1.1)
  }
}
