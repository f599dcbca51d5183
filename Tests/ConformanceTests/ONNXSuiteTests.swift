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
    let listed = Self.listed(category)
    var passed = 0
    var refusals: [String: Int] = [:]
    var failures: [String] = []
    for (name, outcome) in suite.run(category, on: backend) {
      switch outcome {
      case .passed: passed += 1
      case .refused(let reason):
        refusals[Self.culprit(reason), default: 0] += 1
        if !listed.contains(name) { failures.append("\(name) is refused, which docs/conformance.md does not say") }
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
    // What the table says.
    #expect(Self.documentation.contains("| \(category) | \(passed + failures.count + refused) |"))
    #expect(listed.isSubset(of: Set(suite.cases[category]?.map(\.name) ?? [])))
  }

  private static let documentation: String = {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    return (try? String(contentsOf: root.appendingPathComponent("docs/conformance.md"), encoding: .utf8)) ?? ""
  }()

  /// The cases of a category that docs/conformance.md lets be refused: lines such as `- node/test_name`.
  private static func listed(_ category: String) -> Set<String> {
    let lines = documentation.split(separator: "\n").filter { $0.hasPrefix("- `\(category)/") }
    return Set(lines.compactMap { $0.split(separator: "`").dropFirst().first?.split(separator: "/").last.map(String.init) })
  }

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
