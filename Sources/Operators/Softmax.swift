import IR
import Tensors

/// ONNX `Softmax`. `flattens`: opset < 13, over all axes from `axis` on together.
package struct Softmax: Operator {
  package static let name = "Softmax"
  package var axis: Int
  package var flattens: Bool

  package init(axis: Int, flattens: Bool = false) {
    self.axis = axis
    self.flattens = flattens
  }

  package var traits: OperatorTraits { [.pure, .acceptsEpilogue] }
}

/// ONNX `LogSoftmax`, attributes as `Softmax`.
package struct LogSoftmax: Operator {
  package static let name = "LogSoftmax"
  package var axis: Int
  package var flattens: Bool

  package init(axis: Int, flattens: Bool = false) {
    self.axis = axis
    self.flattens = flattens
  }

  package var traits: OperatorTraits { [.pure, .acceptsEpilogue] }
}
