import Compiler
import IR
import Kernels
import NaiveKernels
import OneDNNKernels
import OperatorSuite
import Operators
import Passes
import Runtime
import SIMDKernels
import Tensors
import TestSupport
import Testing

/// Every case of the suite as a graph of one node, compiled as a model is: unoptimized and with every pass, with its
/// operands as inputs and as constants, on each backend with Naive behind it.
@Suite struct MatrixTests {
  private static func run(
    _ test: OperatorCase, frozen: Bool, optimized: Bool, _ backends: BackendSet, _ first: BackendID
  ) throws -> [RuntimeValue?] {
    var graph = try test.graph(frozen: frozen)
    let context = PassContext { (node, inputs) throws(GraphError) in try backends.evaluate(node, inputs) }
    let portable = optimized ? PassCatalog.portable : Pipeline([])
    _ = portable.run(on: &graph, in: context, options: Pipeline.Options())
    let specializer = Specializer(
      backends: backends,
      options: PlanOptions(
        selection: .backend(first), threads: 1, allowed: [.exact, .reassociated, .transformed],
        keepsFileLayout: !optimized),
      packed: PackedWeights(), context: context,
      pipeline: optimized ? PassCatalog.specialize : PassCatalog.legalize, tuner: Tuner(threads: 1))
    let executable = Executable(graph: graph, path: "", source: specializer)
    // Constants are no inputs, but sequences cannot be frozen.
    let values = test.graphInputs.filter { input in graph.inputs.contains { $0.name == input.name } }.map(
      \.value)
    let results = try Interpreter(team: Team(threads: 1)).run(executable, values)
    var position = 0
    return test.expected.map { expected in
      guard expected != nil else { return nil }
      defer { position += 1 }
      return position < results.count ? results[position] : nil
    }
  }

  private static func check(_ backends: BackendSet, _ first: BackendID) {
    for test in OperatorSuite.cases {
      for (frozen, optimized) in [(false, false), (false, true), (true, false), (true, true)] {
        let label =
          "\(test.name) on \(first.name)\(frozen ? ", frozen" : "")\(optimized ? ", optimized" : "")"
        do {
          let results = try run(test, frozen: frozen, optimized: optimized, backends, first)
          if test.fault != nil {
            Issue.record("\(label) did not fail")
          } else if let reason = test.mismatch(results, tolerance: test.backendTolerance),
            test.mismatch(results) != nil
          {
            if first == .oneDNN, BackendSuiteTests.casesWithNaN.contains(test.name) {
              withKnownIssue { _ = Issue.record("\(label): \(reason)") }
            } else {
              Issue.record("\(label): \(reason)")
            }
          }
        } catch {
          if test.fault == nil { Issue.record("\(label): \(error)") }
        }
      }
    }
  }

  @Test func naive() { Self.check(BackendSet([NaiveBackend()]), .naive) }

  @Test func simd() throws { Self.check(BackendSet([try SIMDBackend.load(), NaiveBackend()]), .simd) }

  @Test func oneDNN() {
    do { Self.check(BackendSet([try OneDNNBackend.load(), NaiveBackend()]), .oneDNN) } catch {
      print("oneDNN is not tested: \(error.reason)")
    }
  }
}
