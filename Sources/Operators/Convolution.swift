import IR
import Tensors

/// ONNX `Conv`. Operands: x [N, C, …], weights [O, C/groups, …], bias [O]?. Result: [N, O, …].
package struct Convolution: Operator {
  package static let name = "Conv"
  package var window: Window
  package var groups: Int

  package init(window: Window, groups: Int = 1) {
    self.window = window
    self.groups = groups
  }

  package var traits: OperatorTraits { [.pure, .acceptsEpilogue] }
}

/// ONNX `ConvTranspose`. Operands: x [N, C, …], weights [C, O/groups, …], bias [O]?. Result: [N, O, …].
package struct ConvTranspose: Operator {
  package static let name = "ConvTranspose"
  package var window: Window
  package var groups: Int
  package var outputPadding: [Int]
  /// Spatial sizes of the result, from which padding follows; nil: padding is given.
  package var outputShape: [Int]?

  package init(window: Window, groups: Int = 1, outputPadding: [Int]? = nil, outputShape: [Int]? = nil) {
    self.window = window
    self.groups = groups
    self.outputPadding = outputPadding ?? [Int](repeating: 0, count: window.kernel.count)
    self.outputShape = outputShape
  }

  package var traits: OperatorTraits { [.pure, .acceptsEpilogue] }
}
