import IR
import Operators

extension Model {
  /// Whether values are drawn at random: results that others recorded then tell types and sizes only.
  package var drawsAtRandom: Bool { graph.drawsAtRandom }
}

extension Graph {
  fileprivate var drawsAtRandom: Bool {
    liveNodes.contains { node in
      node.op is RandomTensor || node.op is Bernoulli || node.op is Multinomial
        || node.regions.contains { $0.drawsAtRandom }
    }
  }
}
