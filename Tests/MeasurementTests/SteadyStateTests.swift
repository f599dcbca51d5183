import Measurement
import Testing

@Suite struct SteadyStateTests {
  @Test func aSlowBeginningIsWarmUp() {
    var noise = Noise(seed: 1)
    let series = noise.independent(200).enumerated().map { $0 < 30 ? $1 * 1.2 : $1 }
    let warmUp = WarmUp(series)
    #expect((28...34).contains(warmUp.count), "\(warmUp.count)")
    #expect(warmUp.isOver)
  }

  @Test func aDecayEndsWhereItIsLostInTheNoise() {
    var noise = Noise(seed: 2)
    // 1 + 1/2^(i/5): below the noise of 2 % from the 28th value on.
    let series = noise.independent(300).enumerated().map { i, value in
      value + 1 / Double(1 << (min(i, 100) / 5))
    }
    let warmUp = WarmUp(series)
    #expect((15...45).contains(warmUp.count), "\(warmUp.count)")
  }

  @Test func oneSlowValueHidesNoWarmUp() {
    var noise = Noise(seed: 3)
    var series = noise.independent(200).enumerated().map { $0 < 20 ? $1 * 1.2 : $1 }
    series[90] = 100
    #expect((18...24).contains(WarmUp(series).count))
  }

  @Test func aSteadySeriesLosesNextToNothing() {
    for seed in 0..<50 as Range<UInt64> {
      var noise = Noise(seed: seed)
      let warmUp = WarmUp(noise.independent(100))
      #expect(warmUp.count <= 10 && warmUp.isOver, "seed \(seed): \(warmUp.count)")
    }
    #expect(WarmUp([Double](repeating: 1, count: 50)).count == 0)
  }

  @Test func whatGetsSlowerIsNoWarmUp() {
    let series: [Double] = (0..<100).map { $0 < 20 ? 1 : 1.2 }
    #expect(WarmUp(series).count == 0)
  }

  @Test func aWarmUpOfMoreThanHalfIsNotOver() {
    let series: [Double] = (0..<100).map { i in (i < 60 ? 1.2 : 1) + Double(i % 3) / 100 }
    let warmUp = WarmUp(series)
    #expect(!warmUp.isOver)
    #expect(warmUp.count == 0)
  }

  @Test func driftIsATrend() throws {
    let steady: [Double] = (0..<40).map { i in 100 + Double(i % 4) }
    #expect(Drift(steady) == nil)
    let stepped: [Double] = (0..<40).map { i in (i < 20 ? 100 : 120) + Double(i % 4) }
    let step = try #require(Drift(stepped))
    #expect(abs(step.change - 0.197) < 0.01)
    let rising: [Double] = (0..<200).map { i in 100 + Double(i) / 10 + Double(i % 4) }
    let slope = try #require(Drift(rising))
    #expect(slope.change > 0.05)
    #expect(Drift([1, 2, 3]) == nil)
  }

  /// Levels that come and go are no drift, though the halves of a series may differ: they are seen in the interval.
  @Test func comingAndGoingIsNoDrift() {
    var found = 0
    for seed in 0..<100 as Range<UInt64> {
      var noise = Noise(seed: seed)
      if Drift(noise.levels(300, length: 8)) != nil { found += 1 }
    }
    #expect(found <= 2)
  }
}
