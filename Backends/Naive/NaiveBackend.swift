import IR
import Kernels
import Operators
import Tensors

/// Plain loops for every operator: the oracle of tests, the folder of constants, and the last resort of a run.
package struct NaiveBackend: Backend {
  package let id = BackendID.naive
  package let kernels: [Kernel]

  package init() {
    kernels = Self.operators.flatMap { plannedRow($0) + [evaluatedRow($0)] } + [reorderRow]
  }

  package static func load(limit: InstructionSet?) -> NaiveBackend { NaiveBackend() }

  /// By family, a file each. Control flow and groups are run by whoever holds their regions.
  private static let operators: [any NaiveOperator.Type] = [
    // Convolution, Linear
    Convolution.self, ConvTranspose.self, Gemm.self, MatMul.self,
    // Text
    StringConcat.self, StringSplit.self, StringNormalizer.self, RegexFullMatch.self, TfIdfVectorizer.self,
    // Images, Learned
    ImageDecoder.self,
    TreeEnsemble.self, SupportVectors.self, Classify.self, TransformScores.self, LabelEncoder.self,
    OneHotEncoder.self, ZipMap.self, TrainingStep.self,
    // Quantization, Recurrent
    QuantizeLinear.self, DequantizeLinear.self, DynamicQuantizeLinear.self, MatMulInteger.self,
    QLinearMatMul.self,
    ConvInteger.self, QLinearConv.self, Recurrent.self,
    // Pooling
    MaxPool.self, AveragePool.self, GlobalAveragePool.self, GlobalMaxPool.self,
    // Normalization
    BatchNormalization.self, ScaleShift.self, InstanceNormalization.self, LayerNormalization.self, LRN.self,
    // Elementwise, Cast, Softmax, Reduction
    Unary.self, Binary.self, Variadic.self, Clip.self, Where.self, Cast.self, Identity.self, Dropout.self,
    Softmax.self, LogSoftmax.self, Reduce.self, ArgReduce.self,
    // Attention, Transformer
    Attention.self, RMSNormalization.self, GroupNormalization.self, RotaryEmbedding.self,
    LinearAttention.self,
    TensorScatter.self,
    // Shaping, Selection, Resize
    Reshape.self, Flatten.self, Squeeze.self, Unsqueeze.self, Transpose.self, Expand.self, Tile.self,
    DepthToSpace.self, SpaceToDepth.self, Concat.self, Split.self, Slice.self, Pad.self, Gather.self,
    NonZero.self,
    Resize.self,
    // Indexing, Ordering, Matrices
    GatherElements.self, GatherND.self, ScatterElements.self, ScatterND.self, OneHot.self, Compress.self,
    ReverseSequence.self, CenterCropPad.self, TopK.self, Unique.self, Hardmax.self, Cumulative.self,
    EyeLike.self, Trilu.self, Det.self, Einsum.self, BitCast.self,
    // Sampling, Loss
    GridSample.self, AffineGrid.self, RoiAlign.self, MaxRoiPool.self, DeformConv.self, NonMaxSuppression.self,
    NegativeLogLikelihoodLoss.self, LpPool.self, MaxUnpool.self, Col2Im.self, LpNormalization.self,
    // Signal, Random
    DFT.self, STFT.self, CosineWindow.self, MelWeightMatrix.self, RandomTensor.self, Bernoulli.self,
    Multinomial.self, TrainingDropout.self,
    // Generation, Sequences, Storage
    Shape.self, Size.self, Range.self, ConstantOfShape.self, SequenceConstruct.self, SequenceAt.self,
    SequenceLength.self, SequenceEmpty.self, SequenceInsert.self, SequenceErase.self, SplitToSequence.self,
    ConcatFromSequence.self, OptionalOf.self, OptionalHasElement.self, OptionalGetElement.self, Reorder.self,
  ]
}

/// Operators that a plan cannot hold: sizes or kinds of their results are known only by doing.
private let neverPlanned: Set<String> = [
  ImageDecoder.name, NonZero.name, Compress.name, Unique.name, NonMaxSuppression.name, SequenceConstruct.name,
  SequenceAt.name,
  SequenceLength.name, SequenceEmpty.name, SequenceInsert.name, SequenceErase.name, SplitToSequence.name,
  ConcatFromSequence.name, OptionalOf.name, OptionalHasElement.name, OptionalGetElement.name, ZipMap.name,
  Reorder.name,
]

private func plannedRow(_ type: any NaiveOperator.Type) -> [Kernel] {
  if neverPlanned.contains(type.name) { return [] }
  let elements = type.elements
  return [
    Kernel(
      name: "naive.\(type.naiveName)", operatorName: type.name,
      consider: { request in
        guard request.body == nil else { return .declines("a group") }
        let types = request.inputs.map { $0?.placement.dataType } + request.outputs.map { $0?.dataType }
        if types.contains(where: { $0 == .string || $0?.isComplex == true }) {
          return .declines("strings or complex")
        }
        if let first = request.inputs.first.flatMap({ $0?.placement.dataType }), !elements.contains(first) {
          return .declines("elements of type \(first.rawValue)")
        }
        return .accepts([.rowMajor(request, fusedSteps: request.epilogue.steps.count)])
      },
      implementation: .planned { (request, offer, _, _) throws(KernelError) in
        guard let op = request.op.base as? any NaiveOperator else {
          throw KernelError("\(request.op.base.name) has no naive kernel")
        }
        return NaivePlanned(op: op, request: request, fusedSteps: offer.fusedSteps)
      })
  ]
}

private func evaluatedRow(_ type: any NaiveOperator.Type) -> Kernel {
  Kernel(
    name: "naive.\(type.naiveName).evaluated", operatorName: type.name,
    consider: { _ in .declines("runs outside of plans") },
    implementation: .evaluated { (op, operands, wanted) throws(KernelFault) in
      try evaluate(op, operands, wanted: wanted)
    })
}
