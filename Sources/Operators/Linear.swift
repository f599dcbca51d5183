import IR
import Tensors

/// ONNX `Gemm`: alpha · A' · B' + beta · C. Operands: a, b, c? (broadcasts to [M, N]).
package struct Gemm: Operator {
  package static let name = "Gemm"
  package var transA: Bool
  package var transB: Bool
  package var alpha: Real
  package var beta: Real

  package init(transA: Bool = false, transB: Bool = false, alpha: Real = 1, beta: Real = 1) {
    self.transA = transA
    self.transB = transB
    self.alpha = alpha
    self.beta = beta
  }

  package var traits: OperatorTraits { [.pure, .acceptsEpilogue] }
}

/// ONNX `MatMul`, NumPy's matmul: batch axes broadcast, operands of rank 1 are rows and columns.
package struct MatMul: Operator {
  package static let name = "MatMul"
  package init() {}
  package var traits: OperatorTraits { [.pure, .acceptsEpilogue] }
}
