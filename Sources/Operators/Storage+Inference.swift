import IR
import Tensors

extension Reorder {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(1...1)
    guard let x = try context.tensor(0) else { return [.unknown] }
    if let rank = x.shape?.count, case .permuted = format.layout, format.layout.order(rank: rank) == nil {
      throw GraphError(.attribute("format", expected: "a layout of rank \(rank)", found: "\(format)"))
    }
    return [.tensor(x)]
  }
}

extension Group {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.region(0, context.operands).map(\.type)
  }
}
