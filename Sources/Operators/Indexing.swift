import IR
import Tensors

/// ONNX `GatherElements`. Operands: x, indices of the same rank (negative ones count from the end). Element i
/// of the result is the one that `indices[i]` names along the axis.
package struct GatherElements: Operator {
  package static let name = "GatherElements"
  package var axis: Int
  package init(axis: Int = 0) { self.axis = axis }
  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `GatherND`. Operands: x, indices [batch…, …, k], whose last axis holds the first k coordinates of a
/// part of x behind the batch.
package struct GatherND: Operator {
  package static let name = "GatherND"
  package var batchRank: Int
  package init(batchRank: Int = 0) { self.batchRank = batchRank }
  package var traits: OperatorTraits { [.pure] }
}

/// What a scattered update does to the element that is there.
package enum ScatterReduction: String, Hashable, Codable, Sendable { case replace, add, mul, max, min }

/// ONNX `ScatterElements` and `Scatter`. Operands: x, indices, updates; of several replacements of one element
/// the last counts.
package struct ScatterElements: Operator {
  package static let name = "ScatterElements"
  package var axis: Int
  package var reduction: ScatterReduction

  package init(axis: Int = 0, reduction: ScatterReduction = .replace) {
    self.axis = axis
    self.reduction = reduction
  }

  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `ScatterND`. Operands: x, indices […, k], updates, one part of x for each k coordinates.
package struct ScatterND: Operator {
  package static let name = "ScatterND"
  package var reduction: ScatterReduction
  package init(reduction: ScatterReduction = .replace) { self.reduction = reduction }
  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `OneHot`. Operands: indices, depth, values [off, on]. An index outside of −depth..<depth is off
/// everywhere.
package struct OneHot: Operator {
  package static let name = "OneHot"
  package var axis: Int
  package init(axis: Int = -1) { self.axis = axis }
  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `Compress`. Operands: x, condition (a vector of flags, which may be shorter than the axis). No axis: of
/// the flattened x.
package struct Compress: Operator {
  package static let name = "Compress"
  package var axis: Int?
  package init(axis: Int? = nil) { self.axis = axis }
  package var traits: OperatorTraits { [.pure, .dataDependent] }
}

/// ONNX `ReverseSequence`. Operands: x, lengths, one per entry of the batch axis: so many elements of the time
/// axis are reversed, and the rest stays.
package struct ReverseSequence: Operator {
  package static let name = "ReverseSequence"
  package var timeAxis: Int
  package var batchAxis: Int

  package init(timeAxis: Int = 0, batchAxis: Int = 1) {
    self.timeAxis = timeAxis
    self.batchAxis = batchAxis
  }

  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `CenterCropPad`. Operands: x, target sizes of the axes (absent: of all axes). What is missing is zero.
package struct CenterCropPad: Operator {
  package static let name = "CenterCropPad"
  package var axes: [Int]?
  package init(axes: [Int]? = nil) { self.axes = axes }
  package var traits: OperatorTraits { [.pure] }
}
