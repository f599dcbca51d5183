/// What serving many requests showed.
package struct LatencyReport: Sendable {
  package let callers: Int
  /// Requests per second that were asked for; nil for a closed loop, whose callers ask when they were
  /// answered.
  package let requestedRate: Double?
  /// Requests per second that arrived, and that were answered, in the window.
  package let offeredRate: Double
  package let servedRate: Double
  /// 95 % confidence of the rate of answers, from slices of the window.
  package let servedRateInterval: ClosedRange<Double>?
  /// From the intended arrival to the answer.
  package let latency: LatencyFigures
  /// From the start of the run to the answer.
  package let service: LatencyFigures
  /// From the intended arrival to the start of the run.
  package let waiting: LatencyFigures
  /// The share of the callers' time that they spent on requests.
  package let utilization: Double
  /// nil when the number in the system was hardly ever counted.
  package let littlesLaw: LittlesLaw?
  package let windowSeconds: Double
  /// Requests before the window, when times were still getting shorter.
  package let warmUpRequests: Int
  /// Requests that had arrived and were not taken up when time was over.
  package let unservedCount: Int
  package let doubts: [MeasurementDoubt]

  /// Slices of time that take the place of turns.
  static let slices = 50
  /// Callers that are busy for more of their time serve no steady state.
  static let mostUtilization = 0.98

  /// Judges `requests` that arrived from `start` on and before `end`.
  ///
  /// nil when there is none. `unservedCount` more arrived and were never taken up.
  package init?(
    _ requests: [RequestTime], samples: [SystemSample], from start: UInt64, to end: UInt64, callers: Int,
    requestedRate: Double? = nil, unservedCount: Int = 0, minimumRequests: Int = 30
  ) {
    guard !requests.isEmpty, end > start else { return nil }
    let all = Slices(requests, from: start, to: end)
    let warmUp = WarmUp(all.medianServices)
    let begin =
      start
      + UInt64(Double(end - start) * Double(all.firstSlice(afterMedians: warmUp.count)) / Double(Self.slices))
    let kept = requests.filter { $0.arrival >= begin && $0.arrival < end }
    guard let latency = LatencyFigures(kept.map(\.latency)),
      let service = LatencyFigures(kept.map(\.service)),
      let waiting = LatencyFigures(kept.map(\.waiting))
    else { return nil }
    let window = Double(end - begin)
    let slices = Slices(kept, from: begin, to: end)
    let answered = requests.count { $0.end >= begin && $0.end < end }
    let busy = requests.reduce(0.0) { sum, request in
      let (from, to) = (max(request.start, begin), min(request.end, end))
      return to > from ? sum + Double(to - from) : sum
    }
    self.callers = callers
    self.requestedRate = requestedRate
    self.latency = latency
    self.service = service
    self.waiting = waiting
    self.unservedCount = unservedCount
    windowSeconds = window / 1e9
    offeredRate = Double(kept.count + unservedCount) / window * 1e9
    servedRate = Double(answered) / window * 1e9
    let perSecond = 1e9 * Double(Self.slices) / window
    servedRateInterval =
      DependentMean(slices.answerCounts(of: requests).map { Double($0) * perSecond })?.interval
    utilization = busy / window / Double(callers)
    warmUpRequests = requests.count - kept.count
    littlesLaw = LittlesLaw(
      samples: samples.filter { $0.time >= begin && $0.time < end },
      ratePerNanosecond: Double(kept.count) / window, meanLatency: latency.mean)

    var doubts: [MeasurementDoubt] = []
    if latency.count < minimumRequests {
      doubts.append(.tooFewRuns(found: latency.count, expected: minimumRequests))
    }
    if !warmUp.isOver { doubts.append(.stillWarming(runs: requests.count)) }
    if let drift = Drift(slices.medianServices) { doubts.append(.drift(drift.change)) }
    let arrived = Double(kept.count + unservedCount)
    let late = kept.count { $0.end >= end } + unservedCount
    // A queue in balance swings by the square root of what passed through it.
    let isGrowing = Double(late) > max(10 * Double(callers), 3 * arrived.squareRoot())
    if requestedRate != nil, isGrowing || utilization > Self.mostUtilization {
      doubts.append(.overloaded(offered: offeredRate, served: servedRate, queue: late))
    }
    if let littlesLaw {
      if !littlesLaw.isKept {
        doubts.append(.littlesLaw(counted: littlesLaw.counted, expected: littlesLaw.expected))
      }
    } else {
      doubts.append(.uncounted(samples: samples.count))
    }
    self.doubts = doubts
  }
}

/// Requests by the slice of the window in which they arrived.
private struct Slices {
  let start: UInt64
  let end: UInt64
  /// The median service time of each slice that has requests, and which slice that is.
  let medianServices: [Double]
  private let occupied: [Int]

  init(_ requests: [RequestTime], from start: UInt64, to end: UInt64) {
    self.start = start
    self.end = end
    var services = [[Double]](repeating: [], count: LatencyReport.slices)
    for request in requests {
      if let i = Self.index(request.arrival, start, end) { services[i].append(request.service) }
    }
    occupied = services.indices.filter { !services[$0].isEmpty }
    medianServices = services.compactMap { Statistics($0)?.median }
  }

  /// Where the steady state begins when so many occupied slices are warm-up: one later, for the warm-up may
  /// have ended within a slice.
  func firstSlice(afterMedians count: Int) -> Int {
    count == 0 ? 0 : occupied[min(count + 1, occupied.count - 1)]
  }

  func answerCounts(of requests: [RequestTime]) -> [Int] {
    var counts = [Int](repeating: 0, count: LatencyReport.slices)
    for request in requests { if let i = Self.index(request.end, start, end) { counts[i] += 1 } }
    return counts
  }

  private static func index(_ time: UInt64, _ start: UInt64, _ end: UInt64) -> Int? {
    guard time >= start, time < end else { return nil }
    return Int(Double(time - start) / Double(end - start) * Double(LatencyReport.slices))
  }
}
