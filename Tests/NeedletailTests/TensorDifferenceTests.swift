import Needletail
import Testing

@Suite struct TensorDifferenceTests {
  private func difference(_ a: [Float], _ e: [Float], _ tolerance: Tolerance = Tolerance()) throws
    -> TensorDifference
  {
    try TensorDifference(Tensor(a, sizes: [a.count]), expected: Tensor(e, sizes: [e.count]), tolerance)
  }

  @Test func theToleranceIsAbsolutePlusRelative() throws {
    let tolerance = Tolerance(relative: 0.01, absolute: 0.5)
    #expect(try difference([101.4], [100], tolerance).isWithin)
    #expect(try !difference([101.6], [100], tolerance).isWithin)
    #expect(try difference([0.4], [0], tolerance).isWithin)
  }

  @Test func theFloorGrowsWithTheLargestElement() throws {
    #expect(try !difference([1000, 0.01], [1000, 0]).isWithin)
    #expect(try difference([1000, 0.01], [1000, 0], Tolerance(scaled: 1e-5)).isWithin)
    #expect(try difference([1000, 0.01], [1000, 0]).scale == 1000)
  }

  @Test func nanEqualsNaNAndNothingElse() throws {
    #expect(try difference([.nan, 1], [.nan, 1]).isWithin)
    #expect(try !difference([.nan], [1], Tolerance(relative: 1e9)).isWithin)
    #expect(try !difference([1], [.nan], Tolerance(relative: 1e9)).isWithin)
  }

  @Test func infinitiesEqualThemselves() throws {
    #expect(try difference([.infinity, -.infinity], [.infinity, -.infinity]).isWithin)
    #expect(try !difference([1e30], [.infinity]).isWithin)
    #expect(try !difference([-.infinity], [.infinity]).isWithin)
    #expect(try !difference([.infinity], [1]).isWithin)
  }

  @Test func shapeAndTypeMustBeTheSame() throws {
    let row = try Tensor([1, 2] as [Float], sizes: [1, 2])
    let column = try Tensor([1, 2] as [Float], sizes: [2, 1])
    let whole = try Tensor([1, 2] as [Int32], sizes: [1, 2])
    #expect(try TensorDifference(row, expected: column).reason == "expected float32[2,1], found float32[1,2]")
    #expect(try !TensorDifference(whole, expected: row).isComparable)
  }

  @Test func reasonsNameTheFirstElement() throws {
    let found = try difference([1, 5, 7], [1, 2, 3])
    #expect(found.reason == "element 1: expected 2.0, found 5.0")
    #expect(found.beyondCount == 2)
    #expect(found.worstAbsolute == 4)
  }

  @Test func topClassesAreTheFirstLargestOfEachRow() throws {
    let scores = try Tensor([0, 3, 3, 9, 1, 2] as [Float], sizes: [2, 3])
    #expect(try scores.topClasses() == [1, 0])
    #expect(try Tensor([1, 2] as [Int32], sizes: [2]).topClasses() == nil)
  }
}

@Suite struct QuantizedStepsTests {
  private func isWithin(_ actual: [Double], _ expected: [Double], _ steps: Tolerance.Steps?) throws -> Bool {
    let tolerance = Tolerance(steps: steps)
    return try TensorDifference(
      .fromFloats(actual.map { Float($0) }, dataType: .float32, sizes: [actual.count]),
      expected: .fromFloats(expected.map { Float($0) }, dataType: .float32, sizes: [expected.count]),
      tolerance
    ).isWithin
  }

  @Test func floatsOfAQuantizedResultMayBeStepsAway() throws {
    let expected = (0..<200).map { Double($0) * 0.5 }
    var actual = expected
    actual[7] += 2
    #expect(try isWithin(actual, expected, Tolerance.Steps(step: 0.5)))
    #expect(try !isWithin(actual, expected, nil))
    actual[7] += 0.5
    #expect(try !isWithin(actual, expected, Tolerance.Steps(step: 0.5)))
    actual[7] = expected[7]
    for i in 0..<3 { actual[i] += 0.5 }
    #expect(try !isWithin(actual, expected, Tolerance.Steps(step: 0.5)), "more than one in a hundred")
  }

  @Test func probabilitiesMoveWithTheirScores() throws {
    let probability = Tolerance.Steps.Probability(gain: 0.5, one: 256, zero: 0)
    let steps = Tolerance.Steps(probability: probability)
    // 200 of 256: p · (1 − p) · 0.5 · 256 = 21.9 steps, and one for the rounding.
    #expect(try isWithin([222], [200], steps))
    #expect(try !isWithin([224], [200], steps))
    #expect(try !isWithin([205], [200], Tolerance.Steps()))
    #expect(try isWithin([4], [0], steps))
    #expect(try !isWithin([5], [0], steps))
  }
}
