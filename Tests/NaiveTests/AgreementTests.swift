import IR
import Kernels
import NaiveKernels
import OperatorSuite
import Operators
import Tensors
import TestSupport
import Testing

@Suite struct AgreementTests {
  /// What inference says of every case is what the case gives: exactly where all operands are constants.
  @Test(arguments: Catalog.operators.map { $0.name })
  func inferenceAgreesWithTheSuite(operatorName: String) throws {
    for test in OperatorSuite.cases(of: operatorName) where test.fault == nil {
      let graph: Graph
      do throws(GraphError) { graph = try test.graph(frozen: true) } catch {
        Issue.record("\(test.name): \(error)")
        continue
      }
      for (i, port) in graph.outputs.enumerated() {
        guard let expected = test.expected.compactMap({ $0 })[i].tensor,
          let type = graph[port.value].type.tensor
        else {
          continue
        }
        #expect(type.dataType == expected.dataType, "\(test.name)")
        if let sizes = type.sizes { #expect(sizes == expected.sizes, "\(test.name)") }
      }
    }
  }

  private static func grid(_ sizes: [Int]) -> Grid {
    Grid(sizes) { Double($0.reduce(0) { $0 * 5 + $1 } % 7) }
  }

  /// Padding found by the kernel is the padding that the attribute stands for.
  @Test(arguments: [AutoPad.sameUpper, .sameLower, .valid], [1, 2, 3])
  func automaticPadding(mode: AutoPad, stride: Int) throws {
    let x = Self.grid([1, 2, 7, 6])
    let w = Self.grid([3, 2, 3, 2])
    var (begin, end) = ([0, 0], [0, 0])
    if mode != .valid {
      for (axis, (size, kernel)) in [(7, 3), (6, 2)].enumerated() {
        let total = max(((size + stride - 1) / stride - 1) * stride + kernel - size, 0)
        (begin[axis], end[axis]) = (total / 2, total - total / 2)
        if mode == .sameLower { (begin[axis], end[axis]) = (end[axis], begin[axis]) }
      }
    }
    let automatic = Window(kernel: [3, 2], strides: [stride, stride], autoPad: mode)
    let explicit = Window(kernel: [3, 2], strides: [stride, stride], padsBegin: begin, padsEnd: end)
    let inputs = [x.value(), w.value()]
    let convolved = try evaluate(Convolution(window: automatic), inputs, wanted: [true])[0]?.tensor
    let reference = try evaluate(Convolution(window: explicit), inputs, wanted: [true])[0]?.tensor
    #expect(OperatorCase.mismatch(try #require(convolved), try #require(reference), .exact) == nil)
    let found = try evaluate(MaxPool(window: automatic), [x.value()], wanted: [true])[0]?.tensor
    let expected = try evaluate(MaxPool(window: explicit), [x.value()], wanted: [true])[0]?.tensor
    #expect(OperatorCase.mismatch(try #require(found), try #require(expected), .exact) == nil)
  }
}
