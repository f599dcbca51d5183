import Needletail
import RecordedData
import Testing

/// The whole ONNX backend suite, on every backend and at every level: each case gives the recorded answer, but for
/// those that are refused by name.
@Suite(.enabled(if: ONNXSuite.shared != nil), .serialized) struct ONNXSuiteTests {
  private static let documentation = String(
    decoding: Folders.contents(of: Folders.package + "/docs/conformance.md"), as: UTF8.self)

  /// The cases that docs/conformance.md lets be refused: lines such as "- `node/test_name`".
  static let refused = Set(
    documentation.split(separator: "\n").filter { $0.hasPrefix("- `") }
      .compactMap { $0.split(separator: "`").dropFirst().first.map(String.init) })

  static let caseCount = 2024

  /// Without the optimizer of the compiler a round of all would take minutes.
  static let rounds: [(BackendChoice, Optimization)] = {
    #if DEBUG
      [(.naive, .none), (.simd, .full)]
    #else
      Backends.shared.available.flatMap { backend in Optimization.allCases.map { (backend, $0) } }
    #endif
  }()

  @Test(arguments: rounds)
  func everyCaseGivesTheRecordedAnswer(_ backend: BackendChoice, _ optimization: Optimization) throws {
    let suite = try #require(ONNXSuite.shared)
    Self.check(suite, suite.run(on: backend, optimization))
  }

  @Test func everyExportedCaseGivesTheRecordedAnswer() throws {
    let suite = try #require(ONNXSuite.shared)
    Self.check(suite, suite.runExported())
  }

  private static func check(_ suite: ONNXSuite, _ results: [ModelTestResult]) {
    var passed = 0
    for (test, result) in zip(suite.cases, results) {
      switch result {
      case .passed:
        passed += 1
        if refused.contains(test.name) { Issue.record("\(test.name) is not refused any more") }
      case .refused(let reason):
        // Without the library that decodes images.
        if reason.contains("liblept5") {
          passed += 1
        } else if !refused.contains(test.name) {
          Issue.record("\(test.name): \(reason)")
        }
      case .failed(let reason): Issue.record("\(test.name): \(reason)")
      }
    }
    #expect(suite.cases.count == caseCount)
    #expect(passed == caseCount - refused.count)
  }

  @Test func theTableIsWhatThereIs() throws {
    let suite = try #require(ONNXSuite.shared)
    for category in ["node", "simple", "pytorch-converted", "pytorch-operator"] {
      let names = suite.cases.map(\.name).filter { $0.hasPrefix(category + "/") }
      let refused = Self.refused.filter { $0.hasPrefix(category + "/") }
      #expect(refused.isSubset(of: names))
      let row = "| \(category) | \(names.count) | \(names.count - refused.count) | \(refused.count) | 0 |"
      #expect(Self.documentation.contains(row), "\(row)")
    }
  }

  /// The round above runs them all; here stands that none of them is among the refused.
  @Test func theCoreIsComplete() throws {
    let suite = try #require(ONNXSuite.shared)
    let core = try suite.cases.filter { try $0.isCore() }
    #expect(core.count == 984)
    #expect(Self.refused.isDisjoint(with: core.map(\.name)))
  }

  /// Networks of the early years with weights that the file computes. All scores of some are equal, and so large that a
  /// kernel whose error differs from score to score decides their softmax by rounding.
  @Test func lightModels() throws {
    let suite = try #require(ONNXSuite.shared)
    #expect(suite.light.count == 9)
    #if DEBUG
      let light = suite.light.filter { $0.name == "light_squeezenet" }
    #else
      let light = suite.light
    #endif
    for item in light {
      let model = try Model(contentsOf: item.modelPath)
      let port = try #require(model.inputs.first)
      let sizes = try #require(port.type.tensor?.shape).map { $0.fixed ?? 1 }
      let count = sizes.reduce(1, *)
      let input = try Tensor((0..<count).map { Float($0) / Float(count) }, sizes: sizes)
      let output = try #require(model.outputs.first)
      let expected = try readValue(item.outputPath, as: output.type)
      let compiled = try model.compile(CompileOptions(numerics: .strict))
      for backend in Backends.shared.available where backend == .simd || backend == .onednn {
        let found = try compiled.makeRequest(backend: backend).run([port.name: input])
        let value = try #require(found[output.name])
        if let reason = try RuntimeValue.tensor(value).difference(from: expected, ONNXSuite.tolerance) {
          Issue.record("\(item.name), \(backend.rawValue): \(reason)")
        }
      }
    }
  }
}
