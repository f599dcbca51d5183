import Needletail
import RecordedData
import Testing

extension ModelTestCase: CustomTestStringConvertible {
  public var testDescription: String { name }
}

/// Every model with recorded runs gives the recorded answers: on every backend, and however far it is
/// optimized.
///
/// Floats may differ by 1e-4 of the largest magnitude of their output, integers not at all but at the end of a quantized
/// network.
@Suite struct RecordedModelTests {
  static let tolerance = Tolerance(relative: 0, absolute: 1e-9, scaled: 1e-4)

  static let bundled = ModelTestCase.find(below: Folders.bundled)

  /// What the data holds of the families that Needletail promises: convolutional networks, perceptrons, small
  /// transformers, recurrent and quantized networks.
  static let promised: Set<String> = [
    "burn_mnist", "burnfix_external_data", "hg_keypoint_classifier", "hg_point_history_classifier",
    "keras_mnist_cnn",
    "keras_mnist_mlp", "magika_v3_3", "mnist-8", "mnist_cnn_bn", "mnist_cnn_folded", "mnist_mlp", "mnist_vit",
    "mobilenet_v2_1.0_224_float", "nv_ext_weights", "nv_instancenorm", "nv_matmul.fp16", "nv_multi_output",
    "nv_residual_block", "nv_same_ext_weights", "nv_transpose_matmul", "omz_samplenet",
    "ortgo_example_0_dim_output",
    "ortgo_example_dynamic_axes", "ortgo_example_lora", "qonnx_bsd300x3-espcn_subpixel_float_model",
    "qonnx_residual_block_clean", "rten_mnist_external", "squeezenet_v1.0",
    "tract_averagepool_count_include_pad",
    "tract_deconv_group", "ultraface_version-RFB-320", "ultraface_version-slim-320_simplified",
    "dtln_model_1", "mnist_lstm", "mobilenet_v2_1.0_224_qdq", "nv_gs_lstm", "nv_scan", "silero_vad_16k_op15",
    "tract_byte_sb_bidi_lstm", "tract_lgbm_classifier_tensor", "tract_qsigmoid_2",
    "tract_qtdnn_10x5_101_i32_biases", "vespa_dummy_transformer", "vespa_random_encoder",
  ]

  static let shared = Folders.shared.map { ModelTestCase.find(below: $0 + "/models") } ?? []
  static let kept = shared.filter { promised.contains($0.name) }
  /// The rest may be refused, but never answered wrongly.
  static let others = shared.filter { !promised.contains($0.name) }

  /// Plain loops take seconds on these: once is enough.
  static func isLarge(_ model: ModelTestCase) -> Bool {
    ["mobilenet", "squeezenet", "ultraface", "nv_residual"].contains { model.name.hasPrefix($0) }
  }

  @Test(arguments: bundled + kept, Optimization.allCases)
  func givesTheRecordedAnswers(_ recorded: ModelTestCase, _ optimization: Optimization) {
    Self.check(recorded, optimization)
  }

  @Test(arguments: others, Optimization.allCases)
  func refusesOrGivesTheRecordedAnswers(_ recorded: ModelTestCase, _ optimization: Optimization) {
    Self.check(recorded, optimization, mayBeRefused: true)
  }

  static func check(_ recorded: ModelTestCase, _ optimization: Optimization, mayBeRefused: Bool = false) {
    for backend in Backends.shared.available {
      var test = recorded
      if isLarge(recorded) {
        if backend == .naive && optimization != .none || backend == .auto && optimization != .full {
          continue
        }
        if backend == .naive { test.sets = Array(test.sets.prefix(1)) }
      }
      let runner = ModelTestRunner(
        backends: [backend], optimizations: [optimization], tolerance: tolerance, threads: 2)
      let result = runner.run(test)
      if case .refused = result, mayBeRefused { return }
      if result != .passed { Issue.record("\(recorded.name): \(result.name): \(result.reason)") }
    }
  }

  @Test func nothingPromisedIsMissing() {
    guard !Self.shared.isEmpty else { return }
    #expect(Self.promised.subtracting(Self.shared.map(\.name)) == [])
  }
}
