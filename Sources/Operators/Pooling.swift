import IR
import Tensors

/// ONNX `MaxPool`. Results: y, indices?.
package struct MaxPool: Operator {
  package static let name = "MaxPool"
  package var window: Window
  package var ceilMode: Bool
  /// Whether indices count columns first.
  package var columnMajorIndices: Bool

  package init(window: Window, ceilMode: Bool = false, columnMajorIndices: Bool = false) {
    self.window = window
    self.ceilMode = ceilMode
    self.columnMajorIndices = columnMajorIndices
  }

  package var traits: OperatorTraits { [.pure, .acceptsEpilogue] }
}

/// ONNX `AveragePool`.
package struct AveragePool: Operator {
  package static let name = "AveragePool"
  package var window: Window
  package var ceilMode: Bool
  package var countIncludePad: Bool

  package init(window: Window, ceilMode: Bool = false, countIncludePad: Bool = false) {
    self.window = window
    self.ceilMode = ceilMode
    self.countIncludePad = countIncludePad
  }

  package var traits: OperatorTraits { [.pure, .acceptsEpilogue] }
}

/// ONNX `GlobalAveragePool`: [N, C, …] → [N, C, 1, …].
package struct GlobalAveragePool: Operator {
  package static let name = "GlobalAveragePool"
  package init() {}
  package var traits: OperatorTraits { [.pure, .acceptsEpilogue] }
}

/// ONNX `GlobalMaxPool`: [N, C, …] → [N, C, 1, …].
package struct GlobalMaxPool: Operator {
  package static let name = "GlobalMaxPool"
  package init() {}
  package var traits: OperatorTraits { [.pure, .acceptsEpilogue] }
}

/// ONNX `LpPool`: (Σ |x|^p)^(1/p) of each window.
package struct LpPool: Operator {
  package static let name = "LpPool"
  package var window: Window
  package var p: Real
  package var ceilMode: Bool

  package init(window: Window, p: Real = 2, ceilMode: Bool = false) {
    self.window = window
    self.p = p
    self.ceilMode = ceilMode
  }

  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `MaxUnpool`. Operands: x, indices into the tensor that `MaxPool` read, sizes of the result?. What is not
/// named is 0. Given sizes that are larger than those the window leads to are filled with zeros at the end.
package struct MaxUnpool: Operator {
  package static let name = "MaxUnpool"
  package var window: Window
  package init(window: Window) { self.window = window }
  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `Col2Im`. Operands: columns [N, C · taps, positions], sizes of the image, sizes of the blocks. Result:
/// [N, C, image…], sums of what overlaps.
package struct Col2Im: Operator {
  package static let name = "Col2Im"
  package var strides: [Int]?
  package var dilations: [Int]?
  /// All begins, then all ends.
  package var pads: [Int]?

  package init(strides: [Int]? = nil, dilations: [Int]? = nil, pads: [Int]? = nil) {
    self.strides = strides
    self.dilations = dilations
    self.pads = pads
  }

  package var traits: OperatorTraits { [.pure] }
}
