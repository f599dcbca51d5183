import Glibc
import Measurement
import Synchronization
import Testing

/// One server with a made clock: what queueing theory says of it must come out.
@Suite struct OpenLoopTests {
  private final class FakeClock {
    var now: UInt64 = 1

    var loadClock: LoadClock {
      LoadClock(now: { self.now }, wait: { self.now = max(self.now, $0) })
    }
  }

  /// The number in the system at moments of its own, from who has come and who has gone.
  private func samples(_ requests: [RequestTime], perRequest share: Double = 0.2, extra: Int = 0)
    -> [SystemSample]
  {
    let ends = requests.map(\.end).sorted()
    var noise = Noise(seed: 3)
    var samples: [SystemSample] = []
    var (come, gone) = (0, 0)
    var time = Double(requests[0].arrival)
    let gap = Double(ends[ends.count - 1] - requests[0].arrival) / Double(requests.count) / share
    while time < Double(ends[ends.count - 1]) {
      while come < requests.count, Double(requests[come].arrival) <= time { come += 1 }
      while gone < ends.count, Double(ends[gone]) <= time { gone += 1 }
      samples.append(SystemSample(time: UInt64(time), count: come - gone + extra))
      time += 2 * gap * noise.uniform()
    }
    return samples
  }

  /// Requests at 1000 per second for so many seconds; `service` in ns, by the number of the request.
  private func serve(
    seconds: Double = 60, rate: Double = 1000, extra: Int = 0, _ service: (Int) -> Double
  ) throws -> LatencyReport {
    let clock = FakeClock()
    let limits = MeasurementLimits(minimumRuns: 30, minimumSeconds: seconds, maximumSeconds: seconds)
    var count = 0
    let report = try OpenLoop(ratePerSecond: rate, limits: limits, seed: 4).run(
      clock.loadClock, samples: { samples($0, extra: extra) }
    ) {
      clock.now += UInt64(service(count))
      count += 1
    }
    return try #require(report)
  }

  private func exponential(mean: Double, seed: UInt64) -> (Int) -> Double {
    var noise = Noise(seed: seed)
    return { _ in -mean * log(1 - noise.uniform()) }
  }

  /// M/M/1: W = 1 / (μ − λ), L = ρ / (1 − ρ), and a latency that is exponential itself.
  @Test func exponentialServiceWaitsAsTheFormulaSays() throws {
    let report = try serve(exponential(mean: 500_000, seed: 7))
    #expect(abs(report.latency.mean / 1e6 - 1) < 0.06, "\(report.latency.mean)")
    #expect(abs(report.latency.p50 / 1e6 - log(2)) < 0.05)
    #expect(abs(report.latency.p99 / 1e6 - log(100)) < 0.5)
    #expect(abs(report.waiting.mean + report.service.mean - report.latency.mean) < 1)
    #expect(abs(report.utilization - 0.5) < 0.02)
    #expect(abs(report.offeredRate - 1000) < 15)
    #expect(abs((report.littlesLaw?.counted ?? 0) - 1) < 0.1)
    #expect(report.doubts.isEmpty, "\(report.doubts)")
  }

  /// M/D/1: the wait is ρ S / 2 (1 − ρ).
  @Test(arguments: [0.3, 0.5, 0.8]) func fixedServiceWaitsAsTheFormulaSays(load: Double) throws {
    let service = load * 1e6
    let report = try serve { _ in service }
    let wait = load * service / 2 / (1 - load)
    #expect(abs(report.waiting.mean / wait - 1) < 0.08, "\(report.waiting.mean), expected \(wait)")
    #expect(report.service.p99 == service)
    #expect(report.doubts.isEmpty, "\(report.doubts)")
  }

  @Test func moreThanCanBeServedIsOverload() throws {
    for load in [1.05, 1.5] {
      let report = try serve(seconds: 20, exponential(mean: load * 1e6, seed: 8))
      #expect(report.doubts.contains { if case .overloaded = $0 { true } else { false } }, "\(load)")
      #expect(report.servedRate < report.offeredRate)
      #expect(report.unservedCount > 0 || load < 1.1)
    }
  }

  /// A stall of one second: a tenth of all requests come meanwhile. Service times hardly show it.
  @Test func requestsThatCameDuringAStallHaveWaited() throws {
    let report = try serve(seconds: 10) { $0 == 5000 ? 1e9 : 100_000 }
    #expect(report.service.p99 == 100_000)
    #expect(report.latency.p99 > 0.7e9)
    #expect(report.latency.maximum >= 1e9)
  }

  /// Times that leave out a request that is in the system all along.
  @Test func aLostRequestBreaksLittlesLaw() throws {
    let report = try serve(extra: 1, exponential(mean: 500_000, seed: 7))
    #expect(report.littlesLaw?.isKept == false)
    #expect(report.doubts.contains { if case .littlesLaw = $0 { true } else { false } })
  }

  @Test func aColdBeginningIsLeftOut() throws {
    let report = try serve { $0 < 6000 ? 600_000 : 300_000 }
    #expect((5900...8000).contains(report.warmUpRequests), "\(report.warmUpRequests)")
    #expect(report.service.maximum == 300_000)
    #expect(report.doubts.isEmpty, "\(report.doubts)")
  }

  @Test func slowerAndSlowerIsADrift() throws {
    let report = try serve { 300_000 * (1 + Double($0) / 100_000) }
    #expect(report.doubts.contains { if case .drift = $0 { true } else { false } })
  }

  @Test func arrivalsAreIndependentAndRepeatable() {
    var process = PoissonArrivals(ratePerSecond: 1000, seed: 1)
    var again = PoissonArrivals(ratePerSecond: 1000, seed: 1)
    var counts = [Int](repeating: 0, count: 1000)
    var time = 0.0
    while time < 1e9 {
      time = process.next()
      #expect(time == again.next())
      if time < 1e9 { counts[Int(time / 1e6)] += 1 }
    }
    // As many milliseconds without an arrival as with one: e⁻¹ of them each.
    #expect(abs(counts.count { $0 == 0 } - 368) < 50)
    #expect(abs(counts.count { $0 == 1 } - 368) < 50)
  }

  @Test func farPercentilesTakeAThousandValues() {
    #expect(LatencyFigures((1...999).map(Double.init))?.p999 == nil)
    #expect(LatencyFigures((1...1000).map(Double.init))?.p999 == 999)
    #expect(LatencyFigures([]) == nil)
  }
}

/// Threads and the real clock; sleeping takes no processor, so that a busy machine disturbs little.
@Suite struct LoadThreadTests {
  @Test func aClosedLoopKeepsAllCallersBusy() throws {
    let limits = MeasurementLimits(minimumRuns: 30, minimumSeconds: 0.4, maximumSeconds: 5)
    let report = try #require(try ClosedLoop(limits: limits).run((0..<3).map { _ in { usleep(4000) } }))
    #expect(report.callers == 3)
    #expect(report.latency.p50 >= 4e6)
    #expect(report.servedRate < 751)
    #expect(report.waiting.maximum == 0)
    #expect(report.utilization > 0.9 && report.utilization <= 1.001, "\(report.utilization)")
    let law = try #require(report.littlesLaw)
    #expect(law.isKept, "counted \(law.counted), expected \(law.expected)")
    #expect(abs(law.counted - 3) < 0.3)
  }

  @Test func anOpenLoopServesWhatComes() throws {
    let limits = MeasurementLimits(minimumRuns: 30, minimumSeconds: 0.5, maximumSeconds: 5)
    let loop = OpenLoop(ratePerSecond: 200, limits: limits, seed: 2)
    let report = try #require(try loop.run((0..<4).map { _ in { usleep(1000) } }))
    #expect(report.unservedCount == 0)
    #expect(report.service.p50 >= 1e6)
    #expect(report.latency.mean >= report.service.mean)
    #expect(report.littlesLaw?.isKept == true)
  }

  @Test func anErrorOfACallerEndsTheLoops() {
    struct Broken: Error {}
    let limits = MeasurementLimits(minimumRuns: 30, minimumSeconds: 0.2, maximumSeconds: 1)
    let calls = Atomic<Int>(0)
    let callers: [() throws -> Void] = [
      { usleep(1000) },
      {
        usleep(1000)
        if calls.add(1, ordering: .relaxed).newValue > 10 { throw Broken() }
      },
    ]
    #expect(throws: Broken.self) { _ = try ClosedLoop(limits: limits).run(callers) }
    #expect(throws: Broken.self) { _ = try OpenLoop(ratePerSecond: 100, limits: limits).run(callers) }
  }
}
