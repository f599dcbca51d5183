import IR

/// Every operator of the vocabulary, by family: what the text reader, the coverage table and the tests go
/// through.
package enum Catalog {
  package static let operators: [any Operator.Type] = [
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
    // Elementwise, Softmax, Reduction
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
    // Generation, Control, Storage
    Shape.self, Size.self, Range.self, ConstantOfShape.self, If.self, Loop.self, SequenceConstruct.self,
    SequenceAt.self, SequenceLength.self, SequenceEmpty.self, SequenceInsert.self, SequenceErase.self,
    SplitToSequence.self, ConcatFromSequence.self, OptionalOf.self, OptionalHasElement.self,
    OptionalGetElement.self,
    Reorder.self, Group.self,
  ]

  private static let byName = Dictionary(uniqueKeysWithValues: operators.map { ($0.name, $0) })

  package static func type(named name: String) -> (any Operator.Type)? { byName[name] }
}
