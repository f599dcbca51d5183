import IR
import Operators
import Tensors

/// A value of the graph as a term of a formula: arithmetic adds nodes.
struct Term {
  let tape: Tape
  let id: ValueID

  var type: TensorType? { tape.graph[id].type.tensor }
  var shape: [Dimension]? { type?.shape }

  /// The elements, where they are known.
  var numbers: [Int]? { tape.graph[id].operand.numbers }

  static func + (a: Term, b: Term) throws(Unsupported.Reason) -> Term { try a.with(b, .add) }
  static func - (a: Term, b: Term) throws(Unsupported.Reason) -> Term { try a.with(b, .sub) }
  static func * (a: Term, b: Term) throws(Unsupported.Reason) -> Term { try a.with(b, .mul) }
  static func / (a: Term, b: Term) throws(Unsupported.Reason) -> Term { try a.with(b, .div) }
  static func + (a: Term, b: Double) throws(Unsupported.Reason) -> Term { try a + a.scalar(b) }
  static func * (a: Term, b: Double) throws(Unsupported.Reason) -> Term { try b == 1 ? a : a * a.scalar(b) }
  static func - (a: Double, b: Term) throws(Unsupported.Reason) -> Term { try b.scalar(a) - b }
  static func / (a: Double, b: Term) throws(Unsupported.Reason) -> Term { try b.scalar(a) / b }

  func of(_ function: UnaryFunction) throws(Unsupported.Reason) -> Term {
    try tape.add(Unary(function), [self])
  }

  func with(_ other: Term, _ function: BinaryFunction) throws(Unsupported.Reason) -> Term {
    try tape.add(Binary(function), [self, other])
  }

  func compared(_ function: BinaryFunction, _ value: Double) throws(Unsupported.Reason) -> Term {
    try with(scalar(value), function)
  }

  /// Its elements where `condition` holds, and those of `other` elsewhere.
  func kept(where condition: Term, else other: Term) throws(Unsupported.Reason) -> Term {
    try tape.add(Where(), [condition, self, other])
  }

  func kept(where condition: Term) throws(Unsupported.Reason) -> Term {
    try kept(where: condition, else: scalar(0))
  }

  func cast(to type: DataType) throws(Unsupported.Reason) -> Term {
    self.type?.dataType == type ? self : try tape.add(Cast(to: type), [self])
  }

  /// A scalar of the same element type.
  func scalar(_ value: Double) throws(Unsupported.Reason) -> Term {
    try tape.scalar(value, of: try elementType())
  }

  func elementType() throws(Unsupported.Reason) -> DataType {
    guard let type = type?.dataType else {
      throw .form("needs the element types on the way to y to be known")
    }
    return type
  }

  // MARK: - Shapes

  func rank() throws(Unsupported.Reason) -> Int {
    guard let shape else { throw .form("needs the ranks on the way to y to be known") }
    return shape.count
  }

  func sizes() throws(Unsupported.Reason) -> Term { try tape.add(Shape(), [self]) }

  /// A tensor of its type and shape, of one value.
  func filled(with value: Double) throws(Unsupported.Reason) -> Term {
    try tape.add(ConstantOfShape(dataType: try elementType(), fill: .real(Real(value))), [try sizes()])
  }

  func reshaped(like other: Term) throws(Unsupported.Reason) -> Term {
    if let shape, shape == other.shape { return self }
    return try tape.add(Reshape(allowZero: true), [self, try other.sizes()])
  }

  func expanded(like other: Term) throws(Unsupported.Reason) -> Term {
    if let shape, shape == other.shape { return self }
    return try tape.add(Expand(), [self, try other.sizes()])
  }

  func unsqueezed(_ axes: [Int]) throws(Unsupported.Reason) -> Term {
    axes.isEmpty ? self : try tape.add(Unsqueeze(axes: axes), [self])
  }

  func sum(_ axes: [Int]) throws(Unsupported.Reason) -> Term {
    axes.isEmpty ? self : try tape.add(Reduce(.sum, axes: axes, keepDims: true), [self])
  }

  func product(_ other: Term) throws(Unsupported.Reason) -> Term { try tape.add(MatMul(), [self, other]) }

  /// The last two axes exchanged.
  func turned() throws(Unsupported.Reason) -> Term {
    let rank = try rank()
    return try tape.add(Transpose(permutation: Array(0..<rank - 2) + [rank - 1, rank - 2]), [self])
  }

  /// The sum over the axes along which `operand` was repeated, in its shape.
  func summed(to operand: Term) throws(Unsupported.Reason) -> Term {
    let (own, rank) = (try rank(), try operand.rank())
    guard let from = shape, let to = operand.shape, from != to else { return self }
    let extra = own - rank
    guard extra >= 0 else { throw .form("the derivative has fewer axes than its operand") }
    var axes = Array(0..<extra)
    for (i, size) in to.enumerated() where size != from[extra + i] {
      guard size.fixed == 1 else {
        throw .form(
          "cannot tell from the sizes [\(to.map(\.text).joined(separator: ","))] which axes are repeated")
      }
      axes.append(extra + i)
    }
    return try sum(axes).reshaped(like: operand)
  }
}
