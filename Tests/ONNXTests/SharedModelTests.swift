import Glibc
import IR
import Operators
import Tensors
import Testing

@testable import ONNX

@Suite struct SharedModelTests {
  @Test(arguments: SharedModels.all)
  func everyModelParses(path: String) throws {
    let model = try ModelProto(MappedFile(path: path))
    #expect(model.graph != nil)
    #expect(!model.operatorSets.isEmpty)
  }

  @Test(arguments: SharedModels.supported)
  func everyInitializerDecodes(path: String) throws {
    for copy in [false, true] {
      let file = try MappedFile(path: path, copy: copy)
      let model = try ModelProto(file)
      let reader = TensorReader(file, externalDataOf: path, policy: ExternalDataPolicy(), copy: copy)
      for proto in model.graph?.initializers ?? [] {
        let tensor = try reader.tensor(proto)
        #expect(tensor.sizes.map { Int64($0) } == proto.sizes)
      }
    }
  }

  /// The models of item 4: networks whose operators are all supported.
  static let listed = [
    "mnist_mlp", "mnist_cnn_bn", "mnist_cnn_folded", "mnist_vit", "keras_mnist_mlp", "keras_mnist_cnn",
    "mnist-8",
    "squeezenet_v1.0", "mobilenet_v2_1.0_224_float", "ultraface_version-RFB-320",
    "ultraface_version-slim-320_simplified", "qonnx_bsd300x3-espcn_subpixel_float_model", "nv_residual_block",
    "qonnx_residual_block_clean", "hg_keypoint_classifier", "hg_point_history_classifier", "burn_mnist",
    "omz_samplenet", "rten_mnist_external", "magika_v3_3", "vespa_dummy_transformer", "vespa_random_encoder",
    "tract_averagepool_count_include_pad", "tract_deconv_group", "nv_instancenorm", "nv_matmul.fp16",
    "nv_transpose_matmul", "nv_multi_output", "nv_ext_weights", "nv_same_ext_weights",
    "burnfix_external_data",
    "nv_empty_tensor_expand", "nv_unbounded_dds", "ortgo_example_0_dim_output", "ortgo_example_dynamic_axes",
    "ortgo_example_lora",
  ]

  @Test(arguments: SharedModels.all.isEmpty ? [] : listed)
  func listedModelsAreImported(name: String) throws {
    let path = try #require(SharedModels.path(name))
    let imported = try Importer.model(at: path)
    try imported.graph.verify()
    #expect(imported.graph.nodeCount > 0)
    let text = imported.graph.text()
    #expect(try Graph(text: text, operatorNamed: Catalog.type(named:)).text() == text)
  }

  private func refusal(_ path: String) -> ImportError? {
    do throws(ImportError) { _ = try Importer.model(at: path) } catch { return error }
    return nil
  }

  /// Others are imported, or refused with every operator named.
  @Test(arguments: SharedModels.supported)
  func otherModelsAreImportedOrRefused(path: String) throws {
    guard let error = refusal(path) else { return }
    guard case .unsupported(_, let list) = error else {
      Issue.record("\(error)")
      return
    }
    print(path, Set(list.map { "\($0.operatorName): \($0.reason)" }).sorted())
  }

  /// All but one whose operators of ONNX Runtime have a meaning by now.
  @Test(arguments: SharedModels.all.filter { $0.contains("/must-be-refused/") && !$0.contains("/genai_") })
  func invalidModelsAreRefused(path: String) throws {
    let error = try #require(refusal(path))
    print(error)
  }

  @Test func recordedTensorsAreRead() throws {
    for path in SharedModels.recorded {
      let tensor = try #require(try TensorFile.read(path).tensor)
      #expect(tensor.rank <= 5)
    }
  }
}
