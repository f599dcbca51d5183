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
