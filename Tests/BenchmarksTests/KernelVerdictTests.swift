import Testing

@testable import NeedletailBenchmarks

/// The check of picks on made-up times.
@Suite struct KernelVerdictTests {
  private func kernel(
    _ name: String, _ median: Double, width: Double? = 0.01, isPick: Bool = false, isRight: Bool = true
  ) -> JudgedKernel {
    JudgedKernel(
      name: name, isPick: isPick, isRight: isRight, median: median,
      interval: width.map { median * (1 - $0)...median * (1 + $0) })
  }

  @Test func aPickThatIsSlowerForSureIsFound() {
    let slow = KernelVerdict.slowPick([kernel("a", 100), kernel("b", 120, isPick: true), kernel("c", 150)])
    #expect(slow == SlowPick(pick: "b", best: "a", ratio: 1.2))
  }

  @Test func fivePercentAreAllowed() {
    #expect(KernelVerdict.slowPick([kernel("a", 100), kernel("b", 105, isPick: true)]) == nil)
    #expect(KernelVerdict.slowPick([kernel("a", 100), kernel("b", 106, isPick: true)]) != nil)
  }

  @Test func intervalsThatTouchProveNothing() {
    #expect(
      KernelVerdict.slowPick([kernel("a", 100, width: 0.1), kernel("b", 120, width: 0.1, isPick: true)])
        == nil)
    #expect(KernelVerdict.slowPick([kernel("a", 100, width: nil), kernel("b", 200, isPick: true)]) == nil)
    #expect(KernelVerdict.slowPick([kernel("a", 100), kernel("b", 200, width: nil, isPick: true)]) == nil)
  }

  @Test func wrongResultsDoNotWin() {
    let kernels = [kernel("wrong", 10, isRight: false), kernel("a", 100), kernel("b", 103, isPick: true)]
    #expect(KernelVerdict.slowPick(kernels) == nil)
  }

  @Test func theBetterOfTwoPicksCounts() {
    #expect(KernelVerdict.slowPick([kernel("a", 100, isPick: true), kernel("a", 200, isPick: true)]) == nil)
    #expect(KernelVerdict.slowPick([kernel("a", 100)]) == nil)
    #expect(KernelVerdict.slowPick([]) == nil)
  }
}
