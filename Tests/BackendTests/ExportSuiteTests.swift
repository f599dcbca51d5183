import IR
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

  /// A file that would be larger than readers take has its weights beside it; one that is too large without them is refused.
  @Test func largeWeightsLieBeside() throws {
    let folder = TemporaryFolder()
    let graph = try TestGraph.weights(count: 4096)
    var options = ONNX.ExportOptions()
    options.fileByteLimit = 10_000
    let file = try Exporter.write(graph, to: "\(folder.path)/large.onnx", options)
    #expect(file.data?.byteCount == 16_384)
    let tensor = try #require(
      try Model(contentsOf: "\(folder.path)/large.onnx").graph.liveNodes.first?.inputs[1])
    let read = try Model(contentsOf: "\(folder.path)/large.onnx").graph[tensor].constant?.tensor().floats()
    #expect(read == (0..<4096).map { Float($0) })
    options.fileByteLimit = 50
    #expect(throws: ExportError.self) { try Exporter.write(graph, to: "\(folder.path)/none.onnx", options) }
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
        let request = try model.compile(CompileOptions(optimization: .none)).makeRequest(
          backend: .naive, threads: 1)
        let results = try request.run(
          values: Dictionary(uniqueKeysWithValues: inputs.map { ($0.name, $0.value) }))
        let found = test.expected.indices.map { results["y\($0)"] }
        if let what = test.mismatch(found) { Issue.record("\(test.name): \(what)") }
        done += 1
      } catch { Issue.record("\(test.name): \(error)") }
    }
    // Tables that the standard has as attributes must be constants. Support vectors of several classes are written with
    // the labels that are made of them, and trees with sets have one weight for each leaf.
    let tables: Set = [
      "TfIdfVectorizer", "LabelEncoder", "SupportVectors", "OneHotEncoder", "TreeEnsemble", "ZipMap",
    ]
    #expect(refused.isSubset(of: frozen ? ["TreeEnsemble", "SupportVectors"] : tables))
    #expect(done > 2_700)
  }
}

/// `y = x + w` for a vector of weights 0, 1, 2, ….
private enum TestGraph {
  static func weights(count: Int) throws -> Graph {
    var graph = Graph(name: "weights")
    let x = graph.addInput("x", .tensor(.float32, [Dimension(count)]))
    let tensor = try Tensor((0..<count).map { Float($0) }, sizes: [count])
    let w = graph.addConstant("w", Constant(id: ConstantID(of: "weights"), tensor))
    let results = try graph.addNode(Binary(.add), [x, w], outputs: ["y"], named: "add")
    if let y = results[0] { graph.addOutput("y", y) }
    return graph
  }
}
