import TestSupport

/// Cases for every operator of the catalog: what each backend, the compiler's passes and constant folding are tested
/// with. Expectations are closed forms over `Grid`, or tables small enough to check by hand.
package enum OperatorSuite {
  package static let cases: [OperatorCase] = all([
    convolution, linear, pooling, normalization, elementwise, softmax, reduction, shaping, selection, resize,
    indexing, ordering, matrices, sampling, losses, unpooling, signals, drawn,
    generation, sequences, storage, attention, transformer, epilogues,
    recurrent, quantization,
    text, images, learned, training,
  ])

  /// Lists as one. Long sums of arrays take the compiler too long.
  static func all(_ lists: [[OperatorCase]]) -> [OperatorCase] { lists.flatMap { $0 } }

  package static func cases(of operatorName: String) -> [OperatorCase] {
    cases.filter { $0.op.name == operatorName }
  }
}
