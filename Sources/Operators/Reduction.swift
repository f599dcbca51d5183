import IR
import Tensors

/// ONNX `ReduceSum`, `ReduceMean`, …. Operands: x, axes?.
///
/// `axes` nil: those of the operand, or all axes when there is none. An empty list means all, or none when
/// `noopWithEmptyAxes`.
package struct Reduce: Operator {
  package enum Function: String, Hashable, Codable, Sendable, CaseIterable {
    case sum, mean, max, min, prod, l1, l2, logSum, logSumExp, sumSquare
  }

  package static let name = "Reduce"
  package var function: Function
  package var axes: [Int]?
  package var keepDims: Bool
  package var noopWithEmptyAxes: Bool

  package init(_ function: Function, axes: [Int]?, keepDims: Bool = true, noopWithEmptyAxes: Bool = false) {
    self.function = function
    self.axes = axes
    self.keepDims = keepDims
    self.noopWithEmptyAxes = noopWithEmptyAxes
  }

  package var traits: OperatorTraits { [.pure, .acceptsEpilogue] }
}

/// ONNX `ArgMax` and `ArgMin`: int64 positions along one axis.
package struct ArgReduce: Operator {
  package enum Function: String, Hashable, Codable, Sendable { case max, min }
  package static let name = "ArgReduce"
  package var function: Function
  package var axis: Int
  package var keepDims: Bool
  package var selectLast: Bool

  package init(_ function: Function, axis: Int, keepDims: Bool = true, selectLast: Bool = false) {
    self.function = function
    self.axis = axis
    self.keepDims = keepDims
    self.selectLast = selectLast
  }

  package var traits: OperatorTraits { [.pure] }
}
