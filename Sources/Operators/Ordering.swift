import IR
import Tensors

/// ONNX `TopK`: values and int64 positions of the k largest or smallest elements along one axis, in order; of
/// equal elements the first, and NaN counts as the largest. Operands: x, k.
package struct TopK: Operator {
  package static let name = "TopK"
  package var axis: Int
  package var largest: Bool

  package init(axis: Int = -1, largest: Bool = true) {
    self.axis = axis
    self.largest = largest
  }

  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `Unique`. Results: y, indices of first occurrences?, inverse indices?, counts? (int64). No axis: of the
/// flattened x. Unsorted: in the order of first occurrences. NaNs are equal to each other here.
package struct Unique: Operator {
  package static let name = "Unique"
  package var axis: Int?
  package var sorted: Bool

  package init(axis: Int? = nil, sorted: Bool = true) {
    self.axis = axis
    self.sorted = sorted
  }

  package var traits: OperatorTraits { [.pure, .dataDependent] }
}

/// ONNX `Hardmax`: 1 at the first greatest element, 0 elsewhere. `flattens`: opset < 13, over all axes from
/// `axis` on together.
package struct Hardmax: Operator {
  package static let name = "Hardmax"
  package var axis: Int
  package var flattens: Bool

  package init(axis: Int, flattens: Bool = false) {
    self.axis = axis
    self.flattens = flattens
  }

  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `CumSum` and `CumProd`. Operands: x, axis.
package struct Cumulative: Operator {
  package enum Function: String, Hashable, Codable, Sendable { case sum, prod }
  package static let name = "Cumulative"
  package var function: Function
  /// Element i does not count itself.
  package var exclusive: Bool
  /// From the end to the begin.
  package var reverse: Bool

  package init(_ function: Function, exclusive: Bool = false, reverse: Bool = false) {
    self.function = function
    self.exclusive = exclusive
    self.reverse = reverse
  }

  package var traits: OperatorTraits { [.pure] }
}
