import Measurement
import Testing

@Suite struct StatisticsTests {
  @Test func emptySamplesAndNaNSayNothing() {
    #expect(Statistics([]) == nil)
    #expect(Statistics([1, .nan]) == nil)
  }

  @Test func medianOfOddAndEvenSamples() {
    #expect(Statistics([3, 1, 2])?.median == 2)
    #expect(Statistics([4, 1, 3, 2])?.median == 2.5)
    #expect(Statistics([7])?.median == 7)
  }

  @Test func percentilesAreNearestRanks() throws {
    let hundred = try #require(Statistics((1...100).map(Double.init).reversed()))
    #expect(hundred.p90 == 90)
    #expect(hundred.p99 == 99)
    #expect(hundred.minimum == 1)
    #expect(hundred.maximum == 100)
    #expect(hundred.mean == 50.5)
    let ten = try #require(Statistics((1...10).map(Double.init)))
    #expect(ten.p90 == 9)
    #expect(ten.p99 == 10)
  }

  /// Ranks from tables of the binomial distribution with p = 1/2: of 10 values the 2nd and 9th, of 20 the 6th and
  /// 15th, of 100 the 40th and 61st.
  @Test(
    arguments: [(5, nil), (6, 1), (8, 1), (9, 2), (10, 2), (20, 6), (30, 10), (100, 40)] as [(Int, Int?)])
  func intervalOfTheMedianIsMadeOfOrderStatistics(count: Int, rank: Int?) {
    let interval = Statistics((1...count).map(Double.init))?.medianInterval
    #expect(interval == rank.map { Double($0)...Double(count + 1 - $0) })
  }

  @Test func intervalCoversTheMedianAsOftenAsItSays() throws {
    var random = SplitMix(seed: 7)
    var covered = 0
    for _ in 0..<1000 {
      let sample = (0..<25).map { _ in Double(random.nextFloat()) }
      let interval = try #require(Statistics(sample)?.medianInterval)
      if interval.contains(0) { covered += 1 }
    }
    #expect((930...990).contains(covered), "seed 7: \(covered) of 1000")
  }

  @Test func halfWidthIsAShareOfTheMedian() {
    // Of six values the interval is the whole sample: 90 to 110 around 100.
    #expect(Statistics([90, 95, 99, 101, 105, 110])?.relativeHalfWidth == 0.1)
    #expect(Statistics([1, 2])?.relativeHalfWidth == nil)
  }
}
