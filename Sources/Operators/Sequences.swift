import IR
import Tensors

/// ONNX `SequenceConstruct`: a sequence of its operands.
package struct SequenceConstruct: Operator {
  package static let name = "SequenceConstruct"
  package init() {}
  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `SequenceAt`. Operands: sequence, position (negative counts from the end).
package struct SequenceAt: Operator {
  package static let name = "SequenceAt"
  package init() {}
  package var traits: OperatorTraits { [.pure, .dataDependent] }
}

/// ONNX `SequenceLength`, an int64 scalar.
package struct SequenceLength: Operator {
  package static let name = "SequenceLength"
  package init() {}
  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `SequenceEmpty`: a sequence without items.
package struct SequenceEmpty: Operator {
  package static let name = "SequenceEmpty"
  package var dataType: DataType
  package init(dataType: DataType) { self.dataType = dataType }
  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `SequenceInsert`. Operands: sequence, item, position? (the end).
package struct SequenceInsert: Operator {
  package static let name = "SequenceInsert"
  package init() {}
  package var traits: OperatorTraits { [.pure, .dataDependent] }
}

/// ONNX `SequenceErase`. Operands: sequence, position? (the last).
package struct SequenceErase: Operator {
  package static let name = "SequenceErase"
  package init() {}
  package var traits: OperatorTraits { [.pure, .dataDependent] }
}

/// ONNX `SplitToSequence`. Operands: x, size or sizes of the parts? (1).
package struct SplitToSequence: Operator {
  package static let name = "SplitToSequence"
  package var axis: Int
  /// Counts where no size is given: parts of size 1 keep the axis.
  package var keepDims: Bool

  package init(axis: Int = 0, keepDims: Bool = true) {
    self.axis = axis
    self.keepDims = keepDims
  }

  package var traits: OperatorTraits { [.pure, .dataDependent] }
}

/// ONNX `ConcatFromSequence`: the items of a sequence along an axis that they have, or along a new one.
package struct ConcatFromSequence: Operator {
  package static let name = "ConcatFromSequence"
  package var axis: Int
  package var newAxis: Bool

  package init(axis: Int, newAxis: Bool = false) {
    self.axis = axis
    self.newAxis = newAxis
  }

  package var traits: OperatorTraits { [.pure, .dataDependent] }
}

/// ONNX `Optional`. Operand: the value?; without one, the type of what is absent is an attribute.
package struct OptionalOf: Operator {
  package static let name = "Optional"
  package var dataType: DataType?
  package var isSequence: Bool

  package init(dataType: DataType? = nil, isSequence: Bool = false) {
    self.dataType = dataType
    self.isSequence = isSequence
  }

  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `OptionalHasElement`. Operand: an optional, or a value?; a bool scalar.
package struct OptionalHasElement: Operator {
  package static let name = "OptionalHasElement"
  package init() {}
  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `OptionalGetElement`. Operand: an optional, which must have a value, or a value.
package struct OptionalGetElement: Operator {
  package static let name = "OptionalGetElement"
  package init() {}
  package var traits: OperatorTraits { [.pure, .dataDependent] }
}
