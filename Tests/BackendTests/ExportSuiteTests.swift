import Needletail
import ONNX
import Operators
import OperatorSuite
import Tensors
import TestSupport
import Testing

/// Every case of the operator suite, written as ONNX and read again: the results are those of the case.
@Suite struct ExportSuiteTests {
  /// Operators that have no form of their own in ONNX.
  private static let formless: Set<String> = ["Group"]

  /// Whether a file can tell the type: that of an empty sequence, or of nothing, it cannot.
  private static func isWhole(_ type: ValueType) -> Bool {
    switch type {
    case .tensor: true
    case .sequence(let element), .optional(let element): isWhole(element)
    case .unknown: false
    }
  }

  @Test func everyOperatorHasARule() {
    let names = Set(Catalog.operators.map { $0.name })
    #expect(names.symmetricDifference(ExportRules.operatorNames).isEmpty)
  }

  @Test(arguments: [false, true]) func casesSurviveTheWayThroughAFile(frozen: Bool) throws {
    let folder = TemporaryFolder()
    var done = 0
    var refused: Set<String> = []
    for test in OperatorSuite.cases where test.fault == nil && !Self.formless.contains(test.op.name) {
      guard let graph = try? test.graph(frozen: frozen),
        graph.inputs.allSatisfy({ Self.isWhole(graph[$0.value].type) })
      else { continue }
      let path = "\(folder.path)/case.onnx"
      do throws(ExportError) { _ = try Exporter.write(graph, to: path) } catch {
        refused.insert(test.op.name)
        continue
      }
      do {
        let model = try Model(contentsOf: path)
        let inputs = frozen ? test.graphInputs.filter { $0.value.tensor == nil } : test.graphInputs
        let request = try model.compile(CompileOptions(optimization: .none)).makeRequest(backend: .naive, threads: 1)
        let results = try request.run(values: Dictionary(uniqueKeysWithValues: inputs.map { ($0.name, $0.value) }))
        let found = test.expected.indices.map { results["y\($0)"] }
        if let what = test.mismatch(found) { Issue.record("\(test.name): \(what)") }
        done += 1
      } catch { Issue.record("\(test.name): \(error)") }
    }
    // Tables that the standard has as attributes must be constants. Support vectors of several classes are written with
    // the labels that are made of them, and sets of trees have a form in newer versions alone.
    let tables: Set = ["TfIdfVectorizer", "LabelEncoder", "SupportVectors", "OneHotEncoder", "TreeEnsemble", "ZipMap"]
    #expect(refused.isSubset(of: frozen ? ["TreeEnsemble", "SupportVectors"] : tables))
    #expect(done > 2_700)
  }
}
