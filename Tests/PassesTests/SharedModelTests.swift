import Glibc
import IR
import ONNX
import Operators
import Passes
import Tensors
import Testing

/// The portable pipeline on networks as they come: it verifies after every pass, ends, keeps their meaning,
/// and prints what parses back.
@Suite struct SharedModelTests {
  static let folder: String? = {
    let candidates = [getenv("NEEDLETAIL_DATA").map { String(cString: $0) }, "../shared/data"].compactMap {
      $0
    }
    return candidates.first { access($0 + "/models", R_OK) == 0 }
  }()

  /// Nodes that may be left after the portable pipeline, and whether naive runs it in a second or two.
  static let models: [(name: String, nodes: Int, runs: Bool)] = [
    ("mnist_mlp", 4, true), ("mnist_cnn_bn", 8, true), ("mnist_cnn_folded", 8, true), ("mnist_vit", 44, true),
    ("keras_mnist_mlp", 4, true), ("keras_mnist_cnn", 8, true), ("mnist-8", 8, true),
    ("squeezenet_v1.0", 40, false),
    ("mobilenet_v2_1.0_224_float", 56, false), ("ultraface_version-RFB-320", 83, false),
    ("qonnx_bsd300x3-espcn_subpixel_float_model", 5, false), ("nv_residual_block", 8, false),
    ("hg_keypoint_classifier", 5, true), ("omz_samplenet", 9, true), ("vespa_dummy_transformer", 41, true),
    ("vespa_random_encoder", 30, true), ("magika_v3_3", 37, false),
  ]

  @Test(arguments: folder == nil ? [] : models)
  func portablePipeline(name: String, nodes: Int, runs: Bool) throws {
    let folder = try #require(Self.folder)
    let original = try Importer.model(at: "\(folder)/models/\(name)/model.onnx").graph
    var graph = original
    let reports = PassCatalog.portable.run(on: &graph, in: Evaluator.context, options: .init(verifies: true))
    for report in reports {
      for failure in report.log.failures {
        Issue.record("\(failure.rule) at \(failure.node): \(failure.reason)")
      }
    }
    print("\(name): \(original.nodeCount) nodes → \(graph.nodeCount)")
    if getenv("SHOW") != nil { print(graph.text()) }
    #expect(graph.nodeCount <= nodes)
    #expect(try parsed(graph.text()).text() == graph.text())
    var again = graph
    _ = PassCatalog.portable.run(on: &again, in: Evaluator.context)
    #expect(again.text() == graph.text(), "the pipeline is at its fixpoint")
    var folded = original
    _ = PassCatalog.folding.run(on: &folded, in: Evaluator.context, options: .init(verifies: true))
    if !runs { return }
    let inputs = try Evaluator.inputs(of: original, seed: 3)
    let expected = try Evaluator.run(original, inputs)
    for variant in [graph, folded] {
      let found = try Evaluator.run(variant, inputs)
      for (x, y) in zip(expected, found) {
        let (p, q) = (try #require(x?.tensor).doubles(), try #require(y?.tensor).doubles())
        #expect(p.count == q.count)
        let scale = p.map(\.magnitude).max() ?? 1
        #expect(
          zip(p, q).allSatisfy { ($0 - $1).magnitude <= 1e-4 * max(scale, 1) },
          "\(p.prefix(8)) \(q.prefix(8))")
      }
    }
  }
}
