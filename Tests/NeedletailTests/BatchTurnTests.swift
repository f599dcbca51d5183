import Needletail
import RecordedData
import Tensors
import Testing

/// Batches that do not fit into the cache are taken in turns, and nobody sees it in the results.
@Suite struct BatchTurnTests {
  @Test(arguments: [BackendChoice.simd, .auto], [1, 2])
  func givesTheResultsOfTheWhole(_ backend: BackendChoice, threads: Int) throws {
    let model = try Model(contentsOf: Folders.bundled + "/mnist_cnn_bn/mnist_cnn_bn.onnx")
    var maker = InputMaker()
    maker.batch = 1000
    let values = try maker.values(for: model)
    var whole = CompileOptions()
    whole.optimization = .none
    let expected = try model.compile(whole).makeRequest(backend: .simd, threads: threads)
    let found = try model.compile(CompileOptions()).makeRequest(backend: backend, threads: threads)
    #expect(try expected.planFacts(for: values).turns == 1)
    #expect(try found.planFacts(for: values).turns > 1)
    let (a, b) = (try expected.run(values: values), try found.run(values: values))
    try expectAgreement(a, b)
    // Bound memory, twice: the second run starts where the first one did.
    let run = try PreparedRun(model.compile(CompileOptions()), backend, threads: threads, inputs: values)
    try run.run()
    try run.run()
    let bound = try run.request.run(values: values)
    try expectAgreement(a, bound)
  }

  private func expectAgreement(_ expected: [String: RuntimeValue], _ found: [String: RuntimeValue]) throws {
    for (name, value) in expected {
      let one = try #require(try value.tensor?.floats())
      let other = try #require(try found[name]?.tensor?.floats())
      #expect(one.count == other.count)
      let worst = zip(one, other).map { abs($0 - $1) }.max() ?? .infinity
      #expect(worst <= 1e-4, "\(name)")
    }
  }
}
