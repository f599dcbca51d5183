import IR
import Kernels
import Operators
import Tensors

/// Measured times, by the printed form of request, kernel and version. Swift's own hashes differ per process.
package struct TuningTable: Sendable {
  package struct Key: Hashable, Sendable {
    package var request: String
    package var kernel: String
    package var version: Int
    package var offer: Int
  }

  private struct Sample: Sendable {
    var work: Work
    var nanoseconds: Double
  }

  /// Nanoseconds.
  package var times: [Key: Double] = [:]
  /// The same by requests that differ in sizes alone.
  private var samples: [Key: [Sample]] = [:]
  package init() {}

  /// Sizes of a family that are remembered: more would not tell more.
  private static let sampleLimit = 32
  /// A request of so many times the work of another is no neighbour.
  private static let neighbourhood = 8.0

  /// `family`: the request's text without sizes.
  mutating func record(_ time: Double, _ key: Key, _ family: String, _ work: Work) {
    times[key] = time
    let familyKey = Key(request: family, kernel: key.kernel, version: key.version, offer: key.offer)
    if samples[familyKey, default: []].count < Self.sampleLimit {
      samples[familyKey, default: []].append(Sample(work: work, nanoseconds: time))
    }
  }

  /// What `key` would take by the nearest sizes of its family, in proportion to the work; nil where none is near.
  func nearest(to key: Key, _ family: String, _ work: Work) -> Double? {
    let familyKey = Key(request: family, kernel: key.kernel, version: key.version, offer: key.offer)
    func distance(_ sample: Sample) -> Double {
      max(ratio(sample.work.operations, work.operations), ratio(sample.work.bytes, work.bytes))
    }
    guard let sample = samples[familyKey]?.min(by: { distance($0) < distance($1) }),
      distance(sample) <= Self.neighbourhood
    else { return nil }
    return sample.nanoseconds * (500 + work.roughNanoseconds) / (500 + sample.work.roughNanoseconds)
  }

  private func ratio(_ a: Double, _ b: Double) -> Double { (max(a, b) + 1) / (min(a, b) + 1) }
}

extension Work {
  /// At the rates of one core.
  fileprivate var roughNanoseconds: Double { max(operations / 60, bytes / 10) }
}

extension KernelRequest {
  /// The text that decides the cost: functions, sizes, strides and threads, but no numeric constants.
  var costText: String {
    text { "\($0)" }
  }

  /// The same for requests that differ in sizes alone.
  var familyText: String {
    text { "\($0.count)" }
  }

  private func text(_ sizesText: ([Int]) -> String) -> String {
    func slot(_ placement: Placement?, _ isConstant: Bool) -> String {
      guard let placement else { return "-" }
      return "\(placement.dataType.rawValue)\(sizesText(placement.sizes))\(isConstant ? "c" : "")"
    }
    let steps = epilogue.steps.map { step in
      switch step {
      case .unary(let function): String(function.text.prefix { $0 != "(" })
      case .clamp: "clamp"
      default: step.text
      }
    }
    return "\(op.base.name) \(op.base) "
      + inputs.map { slot($0?.placement, $0?.isConstant ?? false) }.joined(separator: ",")
      + " {\(steps.joined(separator: ","))}"
      + epilogueInputs.map { slot($0.placement, $0.isConstant) }.joined(separator: ",") + " -> "
      + outputs.map { slot($0, false) }.joined(separator: ",") + " t\(threads)"
  }
}

/// A guess of a candidate's time in nanoseconds where nothing was measured.
func predictedCost(_ candidate: Candidate, _ request: KernelRequest) -> Double {
  guard case .kernel(let kernel) = candidate.method else { return 0 }
  if let predicted = candidate.offer.predicted {
    let (seconds, attoseconds) = predicted.components
    return Double(seconds) * 1e9 + Double(attoseconds) / 1e9
  }
  // Multiply-adds and bytes per nanosecond that a core of the last ten years can be expected to reach.
  let rate: (operations: Double, bytes: Double) =
    switch kernel.backend {
    case .simd, .oneDNN: (60, 10)
    case .openBLAS: (40, 8)
    default: (1, 1)
    }
  let threads = Double(max(1, request.threads))
  let work = request.work
  let time = max(work.operations / rate.operations, work.bytes / rate.bytes) / threads
  return (500 + time) * (1 + 0.2 * Double(candidate.rank)) + unfusedCost(candidate, request)
}

/// What the steps cost that the candidate leaves to nodes of their own: a sweep over the result each.
func unfusedCost(_ candidate: Candidate, _ request: KernelRequest) -> Double {
  let steps = request.epilogue.steps.count - candidate.offer.fusedSteps
  guard steps > 0, let output = request.outputs.first ?? nil else { return 0 }
  return Double(steps) * (1_000 + Double(output.byteCount) * 2 / 10 / Double(max(1, request.threads)))
}

extension Candidate {
  /// Bytes of weights that a plan with this candidate holds.
  func weightByteCount(_ request: KernelRequest) -> Int {
    if let count = offer.packedByteCount { return count }
    let slots: [Slot?] = request.inputs + request.epilogueInputs.map { $0 }
    return slots.reduce(0) { $0 + ($1.map { $0.isConstant ? $0.placement.byteCount : 0 } ?? 0) }
  }
}
