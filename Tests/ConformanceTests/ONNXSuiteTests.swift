import Foundation
import Needletail
import RecordedData
import Testing

/// The cases of the ONNX backend suite whose operators Needletail has: no wrong answer, no error while
/// running.
@Suite(.enabled(if: ONNXSuite.shared != nil), .serialized) struct ONNXSuiteTests {
  @Test(
    arguments: ["node", "simple", "pytorch-converted", "pytorch-operator"], [BackendChoice.naive, .simd])
  func noWrongAnswer(_ category: String, _ backend: BackendChoice) throws {
    let suite = try #require(ONNXSuite.shared)
    var passed = 0
    var refusals: [String: Int] = [:]
    var failures: [String] = []
    for (name, outcome) in suite.run(category, on: backend) {
      switch outcome {
      case .passed: passed += 1
      case .refused(let reason): refusals[Self.culprit(reason), default: 0] += 1
      case .failed(let what): failures.append("\(name): \(what)")
      }
    }
    let refused = refusals.values.reduce(0, +)
    print(
      "ONNX suite, \(category), \(backend.rawValue): \(passed) passed, \(failures.count) failed, \(refused) refused"
    )
    if backend == .naive, !refusals.isEmpty {
      let list = refusals.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { "\($0.key) ×\($0.value)" }
      print("  refused: \(list.joined(separator: ", "))")
    }
    for failure in failures { Issue.record("\(category)/\(failure)") }
    #expect(passed >= Self.floor[category] ?? 0)
  }

  /// Fewer cases than these passing is a loss, even if they are refused politely.
  static let floor = ["node": 1871, "simple": 21, "pytorch-converted": 82, "pytorch-operator": 35]

  /// The first operator that a refusal names, with what is wrong about it unless that is its absence.
  private static func culprit(_ reason: String) -> String {
    // "  Operator (opset 17) 'node': what", a line each; anything else stands for itself.
    guard let line = reason.split(separator: "\n").first(where: { $0.hasPrefix("  ") }),
      let name = line.split(separator: " ").first, let quote = line.range(of: "': ")
    else { return reason }
    let what = line[quote.upperBound...]
    return what == "this operator is not supported" ? String(name) : "\(name) (\(what))"
  }
}
