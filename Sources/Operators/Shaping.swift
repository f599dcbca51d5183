import IR
import Tensors

// Parameters such as shapes and axes are operands in new opsets. An attribute that is nil is read from the
// operand; a pass moves operands that are known into attributes, and planned kernels see that form only.

/// ONNX `Reshape`. Operands: x, shape?. `target` may hold one −1, and 0 (copy the size, unless `allowZero`).
package struct Reshape: Operator {
  package static let name = "Reshape"
  package var target: [Int]?
  package var allowZero: Bool

  package init(target: [Int]? = nil, allowZero: Bool = false) {
    self.target = target
    self.allowZero = allowZero
  }

  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `Flatten` to a matrix.
package struct Flatten: Operator {
  package static let name = "Flatten"
  package var axis: Int
  package init(axis: Int = 1) { self.axis = axis }
  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `Squeeze`. Operands: x, axes?. Neither: every axis of size 1.
package struct Squeeze: Operator {
  package static let name = "Squeeze"
  package var axes: [Int]?
  package init(axes: [Int]? = nil) { self.axes = axes }
  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `Unsqueeze`. Operands: x, axes?.
package struct Unsqueeze: Operator {
  package static let name = "Unsqueeze"
  package var axes: [Int]?
  package init(axes: [Int]? = nil) { self.axes = axes }
  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `Transpose`; nil: all axes reversed.
package struct Transpose: Operator {
  package static let name = "Transpose"
  package var permutation: [Int]?
  package init(permutation: [Int]? = nil) { self.permutation = permutation }
  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `Expand`. Operands: x, shape?. Both shapes broadcast to each other.
package struct Expand: Operator {
  package static let name = "Expand"
  package var target: [Int]?
  package init(target: [Int]? = nil) { self.target = target }
  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `Tile`. Operands: x, repeats?.
package struct Tile: Operator {
  package static let name = "Tile"
  package var repeats: [Int]?
  package init(repeats: [Int]? = nil) { self.repeats = repeats }
  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `DepthToSpace`; DCR or CRD order of the channels.
package struct DepthToSpace: Operator {
  package enum Mode: String, Hashable, Codable, Sendable { case dcr, crd }
  package static let name = "DepthToSpace"
  package var blockSize: Int
  package var mode: Mode

  package init(blockSize: Int, mode: Mode = .dcr) {
    self.blockSize = blockSize
    self.mode = mode
  }

  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `SpaceToDepth`; DCR or CRD order of the channels.
package struct SpaceToDepth: Operator {
  package static let name = "SpaceToDepth"
  package var blockSize: Int
  package var mode: DepthToSpace.Mode

  package init(blockSize: Int, mode: DepthToSpace.Mode = .dcr) {
    self.blockSize = blockSize
    self.mode = mode
  }

  package var traits: OperatorTraits { [.pure] }
}
