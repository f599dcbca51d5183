import Tensors

/// What a rewrite may assume of one instance of an operator.
package struct OperatorTraits: OptionSet, Sendable {
  package let rawValue: UInt16
  package init(rawValue: UInt16) { self.rawValue = rawValue }
  /// The same operands give the same result, and nothing else happens.
  package static let pure = Self(rawValue: 1)
  /// Each element of the result depends on the elements at its (broadcast) position alone.
  package static let elementwise = Self(rawValue: 2)
  package static let commutative = Self(rawValue: 4)
  package static let acceptsEpilogue = Self(rawValue: 8)
  package static let preservesZero = Self(rawValue: 16)
  /// Sizes of the result depend on the data.
  package static let dataDependent = Self(rawValue: 32)
  /// A result folded from constants would be larger than them: never fold.
  package static let keepCompressed = Self(rawValue: 64)
}

/// What inference knows of one operand or result.
package struct Operand: Sendable {
  package var type: ValueType
  package var constant: Constant?
  /// The elements of a small tensor (rank 0 or 1) of integers, of floats that are integers, or of flags (0
  /// and 1), where known, maybe as formulas.
  package var contents: [Dimension]?

  package init(_ type: ValueType, constant: Constant? = nil, contents: [Dimension]? = nil) {
    self.type = type
    self.constant = constant
    self.contents = contents
  }

  package var tensor: TensorType? { type.tensor }
  package var shape: [Dimension]? { type.tensor?.shape }

  /// The contents, when all are numbers.
  package var numbers: [Int]? {
    guard let contents else { return nil }
    var numbers: [Int] = []
    for dimension in contents {
      guard let number = dimension.fixed else { return nil }
      numbers.append(number)
    }
    return numbers
  }
}

package struct InferenceContext: Sendable {
  package let operands: [Operand?]
  /// Which results the node names.
  package let wanted: [Bool]
  /// A size that depends on data: the same symbol whenever the same node asks for the same index.
  package let fresh: @Sendable (Int) -> Dimension
  /// Infers region `i` of the node for the given operands.
  package let region: @Sendable (Int, [Operand?]) throws(GraphError) -> [Operand]

  package init(
    operands: [Operand?], wanted: [Bool], fresh: @escaping @Sendable (Int) -> Dimension,
    region: @escaping @Sendable (Int, [Operand?]) throws(GraphError) -> [Operand]
  ) {
    self.operands = operands
    self.wanted = wanted
    self.fresh = fresh
    self.region = region
  }
}

/// An operator of the vocabulary: a value whose stored properties are the attributes, floats as `Real`.
package protocol Operator: Hashable, Codable, Sendable {
  static var name: String { get }
  /// Of the instance: `Binary(.add)` commutes, `Binary(.sub)` does not.
  var traits: OperatorTraits { get }
  func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType]
}

/// An operator that computes on small integer tensors element by element, so that shapes stay known.
package protocol ShapeArithmetic: Operator {
  /// Contents of each result, nil where unknown. Asked after the types were found; what is said of results
  /// that are not of rank 0 or 1, or that have another number of elements, is ignored.
  func contents(_ context: InferenceContext) throws(GraphError) -> [[Dimension]?]
}

package struct AnyOperator: Hashable, Sendable {
  package let base: any Operator
  package init(_ base: any Operator) { self.base = base }

  package static func == (a: Self, b: Self) -> Bool {
    func same<T: Operator>(_ x: T) -> Bool { (b.base as? T) == x }
    return same(a.base)
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(ObjectIdentifier(type(of: base)))
    base.hash(into: &hasher)
  }
}

extension Operator {
  package var name: String { Self.name }
}
