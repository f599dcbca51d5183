import IR
import Tensors

/// ONNX `NegativeLogLikelihoodLoss`. Operands: x [N, C, …] of logarithms, classes [N, …], weights [C]?.
package struct NegativeLogLikelihoodLoss: Operator {
  /// A weighted mean is divided by the sum of the weights.
  package enum Reduction: String, Hashable, Codable, Sendable { case none, sum, mean }
  package static let name = "NegativeLogLikelihoodLoss"
  package var reduction: Reduction
  /// A class that counts as nothing.
  package var ignoredClass: Int?

  package init(reduction: Reduction = .mean, ignoredClass: Int? = nil) {
    self.reduction = reduction
    self.ignoredClass = ignoredClass
  }

  package var traits: OperatorTraits { [.pure] }
}

extension NegativeLogLikelihoodLoss {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(2...3)
    let x = try context.tensor(0, of: ElementTypes.floats)
    let classes = try context.tensor(1, of: ElementTypes.indices)
    try context.expectSameType(0, 2..<3)
    guard let x else { return [.unknown] }
    var shape = classes?.shape
    if let full = x.shape {
      if full.count < 2 { throw GraphError(.minimumRank(operand: 0, expected: 2, found: full.count)) }
      shape = [full[0]] + full[2...]
      try context.expectShape(1, shape ?? [])
      try context.expectShape(2, [full[1]])
    }
    return [.tensor(x.dataType, reduction == .none ? shape : [])]
  }
}
