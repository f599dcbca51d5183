import Measurement
import Testing

@Suite struct DependentMedianTests {
  @Test func emptySeriesAndNaNSayNothing() {
    #expect(DependentMedian([]) == nil)
    #expect(DependentMedian([1, .nan]) == nil)
  }

  /// Values that alternate have no memory: the interval is the one of order statistics.
  @Test func withoutMemoryItIsTheIntervalOfOrderStatistics() throws {
    let series = (0..<100).map { Double($0 % 2 == 0 ? $0 : 99 - $0) }
    let center = try #require(DependentMedian(series))
    #expect(center.independentCount == 100)
    #expect(center.median == Statistics(series)?.median)
    #expect(center.interval == Statistics(series)?.medianInterval)
  }

  @Test func equalValuesAreKnownExactly() {
    #expect(DependentMedian([Double](repeating: 3, count: 7))?.interval == 3...3)
    #expect(DependentMedian([Double](repeating: 3, count: 5))?.interval == nil)
  }

  /// One step in the middle: two independent values, however many there are.
  @Test func aStepIsTwoLevels() throws {
    let center = try #require(DependentMedian((0..<200).map { $0 < 100 ? 1 : 1.1 }))
    #expect(center.independentCount < 6)
    #expect(center.interval == nil)
  }

  private enum Process: CaseIterable { case independent, autoregressive, levels }

  private func series(_ process: Process, _ noise: inout Noise) -> [Double] {
    switch process {
    case .independent: noise.independent(300)
    case .autoregressive: noise.autoregressive(300, memory: 0.9)
    case .levels: noise.levels(300, length: 8)
    }
  }

  /// Of 400 series each the interval holds the true median in 95 %, give or take what so few can tell; the interval
  /// that takes all values for independent does so in about half of those with a memory.
  @Test func intervalCoversTheMedianWhateverTheMemory() throws {
    for process in Process.allCases {
      var noise = Noise(seed: 11)
      var covered = 0
      var coveredNaively = 0
      for _ in 0..<400 {
        let series = series(process, &noise)
        let interval = try #require(DependentMedian(series)).interval
        // Without an interval nothing is claimed; it is rare with so many values.
        if interval?.contains(1) ?? true { covered += 1 }
        if Statistics(series)?.medianInterval?.contains(1) ?? true { coveredNaively += 1 }
      }
      #expect((364...396).contains(covered), "\(process), seed 11: \(covered) of 400")
      if process != .independent {
        #expect(coveredNaively < 300, "\(process), seed 11: \(coveredNaively) of 400")
      }
    }
  }

  /// What a user sees: of three measurements of the same thing, any two intervals have something in common.
  @Test func threeMeasurementsAgree() throws {
    for process in Process.allCases {
      var noise = Noise(seed: 5)
      var agreeing = 0
      for _ in 0..<100 {
        var intervals: [ClosedRange<Double>] = []
        while intervals.count < 3 {
          if let interval = DependentMedian(series(process, &noise))?.interval { intervals.append(interval) }
        }
        let low = intervals.map(\.lowerBound).max() ?? 0
        let high = intervals.map(\.upperBound).min() ?? 0
        if low <= high { agreeing += 1 }
      }
      #expect(agreeing >= 90, "\(process), seed 5: \(agreeing) of 100")
    }
  }
}
