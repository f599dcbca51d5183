import IR
import Kernels
import Passes

extension Model {
  /// Names of the passes that run at a level of optimization, in order.
  package static func passNames(_ optimization: Optimization) -> [String] { pipeline(optimization).passNames }

  /// The graph after a pass has run for the first time; nil: after all of them.
  package func graph(after pass: String?, _ optimization: Optimization) -> Graph {
    var graph = graph
    let registry = Backends.shared.registry
    let context = PassContext { (node, inputs) throws(GraphError) in try registry.evaluate(node, inputs) }
    _ = Self.pipeline(optimization).run(on: &graph, in: context, options: Pipeline.Options(stopsAfter: pass))
    return graph
  }

  private static func pipeline(_ optimization: Optimization) -> Pipeline {
    switch optimization {
    case .none: Pipeline([])
    case .folded: PassCatalog.folding
    case .full: PassCatalog.portable
    }
  }

  /// Constants of the graph and how many elements and bytes they have.
  package var parameterCounts: (tensors: Int, elements: Int, bytes: Int) {
    var counts = (tensors: 0, elements: 0, bytes: 0)
    for id in graph.valueIDs {
      guard let type = graph[id].constant?.type, let sizes = type.sizes else { continue }
      let elements = sizes.reduce(1, *)
      counts.tensors += 1
      counts.elements += elements
      counts.bytes += type.dataType.byteCount(of: elements) ?? 0
    }
    return counts
  }
}
