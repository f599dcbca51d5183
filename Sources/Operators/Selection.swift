import IR
import Tensors

/// ONNX `Concat` of at least one operand.
package struct Concat: Operator {
  package static let name = "Concat"
  package var axis: Int
  package init(axis: Int) { self.axis = axis }
  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `Split`. Operands: x, sizes?. Neither: equal parts, the last one smaller.
package struct Split: Operator {
  package static let name = "Split"
  package var axis: Int
  package var sizes: [Int]?

  package init(axis: Int, sizes: [Int]? = nil) {
    self.axis = axis
    self.sizes = sizes
  }

  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `Slice`. Operands: x, starts?, ends?, axes?, steps?; each nil attribute is read from its operand, and
/// absent axes and steps mean all axes and ones.
package struct Slice: Operator {
  package static let name = "Slice"
  package var starts: [Int]?
  package var ends: [Int]?
  package var axes: [Int]?
  package var steps: [Int]?

  package init(starts: [Int]? = nil, ends: [Int]? = nil, axes: [Int]? = nil, steps: [Int]? = nil) {
    self.starts = starts
    self.ends = ends
    self.axes = axes
    self.steps = steps
  }

  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `Pad`. Operands: x, pads?, value?, axes?. Pads are all begins, then all ends; negative ones crop.
package struct Pad: Operator {
  package enum Mode: String, Hashable, Codable, Sendable { case constant, reflect, edge, wrap }
  package static let name = "Pad"
  package var mode: Mode
  package var pads: [Int]?
  package var axes: [Int]?
  /// nil: the operand, or zero when there is none.
  package var value: Real?

  package init(mode: Mode = .constant, pads: [Int]? = nil, axes: [Int]? = nil, value: Real? = nil) {
    self.mode = mode
    self.pads = pads
    self.axes = axes
    self.value = value
  }

  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `Gather`. Operands: x, indices (negative ones count from the end).
package struct Gather: Operator {
  package static let name = "Gather"
  package var axis: Int
  package init(axis: Int = 0) { self.axis = axis }
  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `NonZero`: int64 [rank, count].
package struct NonZero: Operator {
  package static let name = "NonZero"
  package init() {}
  package var traits: OperatorTraits { [.pure, .dataDependent] }
}
