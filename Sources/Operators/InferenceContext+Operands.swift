import IR
import Tensors

// What inference asks of operands again and again; every refusal says which operand it means.

extension InferenceContext {
  /// The operand, or nil when it is absent.
  package func operand(_ i: Int) -> Operand? { i < operands.count ? operands[i] : nil }

  package func expect(_ count: ClosedRange<Int>) throws(GraphError) {
    if !count.contains(operands.count) { throw GraphError(.arity(expected: count, found: operands.count)) }
  }

  package func expectResults(_ count: ClosedRange<Int>) throws(GraphError) {
    if !count.contains(wanted.count) { throw GraphError(.resultCount(expected: count, found: wanted.count)) }
  }

  /// The tensor type of a required operand; nil: nothing is known of it.
  package func tensor(_ i: Int) throws(GraphError) -> TensorType? {
    guard let operand = operand(i) else { throw GraphError(.missing(operand: i)) }
    return try operand.tensorType(i)
  }

  /// The tensor type of an operand that may be absent.
  package func optionalTensor(_ i: Int) throws(GraphError) -> TensorType? { try operand(i)?.tensorType(i) }

  /// The tensor type of operand `i`, whose elements must be of one of `types`.
  package func tensor(_ i: Int, of types: [DataType]) throws(GraphError) -> TensorType? {
    guard let type = try tensor(i) else { return nil }
    try type.expect(types, operand: i)
    return type
  }

  /// Checks that every operand in `others` that is there has the element type of `first`.
  package func expectSameType(_ first: Int = 0, _ others: some Sequence<Int>) throws(GraphError) {
    guard let expected = try optionalTensor(first)?.dataType else { return }
    for i in others {
      if let found = try optionalTensor(i)?.dataType, found != expected {
        throw GraphError(.dataType(operand: i, expected: [expected], found: found))
      }
    }
  }

  /// Checks that operand `i`, when it is there and its shape known, has `shape`.
  package func expectShape(_ i: Int, _ shape: [Dimension?]) throws(GraphError) {
    guard let found = try optionalTensor(i)?.shape else { return }
    if found.count != shape.count {
      throw GraphError(.rank(operand: i, expected: shape.count, found: found.count))
    }
    for (axis, (expected, found)) in zip(shape, found).enumerated() {
      guard let expected else { continue }
      try checkEqual(expected, found, operand: i, axis: axis)
    }
  }

  /// A parameter that is an attribute, or else the elements of operand `i`, which holds integers in a tensor
  /// of rank 0 or 1; nil: absent or not known.
  package func parameter(_ attribute: [Int]?, or i: Int) throws(GraphError) -> [Dimension]? {
    if let attribute { return dimensions(attribute) }
    guard let operand = operand(i), let type = try operand.tensorType(i) else { return nil }
    try type.expect([.int64, .int32], operand: i)
    if let rank = type.shape?.count, rank > 1 {
      throw GraphError(.rank(operand: i, expected: 1, found: rank))
    }
    // A vector without elements is known, whatever it is computed from.
    return operand.contents ?? (type.shape == [0] ? [] : nil)
  }

  /// The same, when all elements are numbers.
  package func numbers(_ attribute: [Int]?, or i: Int) throws(GraphError) -> [Int]? {
    if let attribute { return attribute }
    return try parameter(nil, or: i)?.map(\.fixed).allKnown
  }

  /// How many elements a parameter operand has, when that is known.
  package func parameterCount(_ i: Int) -> Int? {
    guard let shape = operand(i)?.shape, shape.count <= 1 else { return nil }
    guard let count = shape.first else { return 1 }
    return count.fixed.flatMap { $0 < 0 ? nil : $0 }
  }
}

extension Operand {
  func tensorType(_ i: Int) throws(GraphError) -> TensorType? {
    switch type {
    case .tensor(let type): return type
    case .unknown: return nil
    case .sequence, .optional: throw GraphError(.kind(operand: i, expected: "a tensor", found: type))
    }
  }
}

extension TensorType {
  func expect(_ types: [DataType], operand: Int) throws(GraphError) {
    if !types.contains(dataType) {
      throw GraphError(.dataType(operand: operand, expected: types, found: dataType))
    }
  }
}

/// Throws when two sizes are numbers that differ.
func checkEqual(_ expected: Dimension, _ found: Dimension, operand: Int, axis: Int) throws(GraphError) {
  if let m = expected.fixed, let n = found.fixed, m != n {
    throw GraphError(.dimension(operand: operand, axis: axis, expected: expected, found: found))
  }
}

/// The better known of two sizes that must be equal.
func merged(_ a: Dimension, _ b: Dimension, operand: Int, axis: Int) throws(GraphError) -> Dimension {
  try checkEqual(a, b, operand: operand, axis: axis)
  return a.fixed == nil && b.fixed != nil ? b : a
}

/// `axis` counted from the front. Throws when it is not an axis of the rank.
func resolved(axis: Int, rank: Int, named name: String = "axis") throws(GraphError) -> Int {
  guard axis >= -rank, axis < rank else {
    throw GraphError(.attribute(name, expected: "\(-rank)..<\(rank)", found: "\(axis)"))
  }
  return axis < 0 ? axis + rank : axis
}

/// Axes counted from the front, in the order given. Throws when one is not an axis of the rank or comes
/// twice.
func resolved(axes: [Int], rank: Int, named name: String = "axes") throws(GraphError) -> [Int] {
  var seen = [Bool](repeating: false, count: rank)
  var result: [Int] = []
  for axis in axes {
    let axis = try resolved(axis: axis, rank: rank, named: name)
    if seen[axis] { throw GraphError(.attribute(name, expected: "axes that differ", found: "\(axes)")) }
    seen[axis] = true
    result.append(axis)
  }
  return result
}

/// The sizes as numbers. Throws when one is not known or negative.
func numbers(_ shape: [Dimension]) throws(GraphError) -> [Int] {
  var sizes: [Int] = []
  for dimension in shape {
    guard let size = dimension.fixed, size >= 0 else {
      throw GraphError(.malformed("a size is not a number that is at least 0: \(dimension)"))
    }
    sizes.append(size)
  }
  return sizes
}

/// The sizes as dimensions.
func dimensions(_ sizes: [Int]) -> [Dimension] { sizes.map { Dimension($0) } }

/// The product of sizes; of none, 1.
func product(_ sizes: some Sequence<Dimension>) throws(GraphError) -> Dimension {
  var result = Dimension(1)
  for size in sizes { result = try sized { () throws(SizeOverflow) in try result * size } }
  return result
}

extension [Int?] {
  /// The numbers, when none is missing.
  var allKnown: [Int]? {
    let known = compactMap { $0 }
    return known.count == count ? known : nil
  }
}
