import IR
import Operators
import Tensors
import Testing

/// A graph with one float input `x`, for tests to grow.
struct Chain {
  var graph = Graph(name: "g")
  let x: ValueID

  init(_ shape: [Dimension] = [Dimension(Symbol("N")), 4]) {
    x = graph.addInput("x", .tensor(.float32, shape), mirrors: nil)
  }

  /// A node with its own origin, whose one result mirrors a name of the file.
  mutating func add(_ op: any Operator, _ inputs: [ValueID?], _ name: String) throws -> ValueID {
    let origin = graph.originIndex(of: name)
    let ids = try graph.addNode(
      op, inputs, outputs: [name], named: name, origins: Origins([origin]), mirrors: [origin])
    return try #require(ids[0])
  }

  mutating func constant(_ name: String, _ value: Float = 1) throws -> ValueID {
    let origin = graph.originIndex(of: name)
    return graph.addConstant(
      name, Constant(id: ConstantID(of: name), try Tensor([value], sizes: [1])), origins: Origins([origin]))
  }
}

extension Graph {
  func names(of origins: Origins) -> [String] { origins.indices.map { originNames[Int($0)] } }
}
