import IR
import Measurement
import Operators
import Tensors

extension LayerShape {
  /// The types of the inputs with their sizes; every symbol is the batch.
  func inputTypes(batch: Int) throws -> [(dataType: DataType, sizes: [Int])] {
    var types: [(dataType: DataType, sizes: [Int])] = []
    for port in graph.inputs {
      guard let type = graph[port.value].type.tensor, let shape = type.shape else {
        throw ShapeError(description: "\(graph.name): input \(port.name) is no tensor of known rank")
      }
      var sizes: [Int] = []
      for dimension in shape {
        var bindings: [Symbol: Int] = [:]
        for symbol in dimension.symbols { bindings[symbol] = batch }
        guard let size = try dimension.bound(bindings).fixed, size >= 0 else {
          throw ShapeError(description: "\(graph.name): input \(port.name) has a size \(dimension.text)")
        }
        sizes.append(size)
      }
      types.append((type.dataType, sizes))
    }
    return types
  }

  /// Seeded random inputs: −1 to 1 for floats, zeros for what may be an index.
  func inputs(batch: Int) throws -> [Tensor] {
    var tensors: [Tensor] = []
    for (port, type) in zip(graph.inputs, try inputTypes(batch: batch)) {
      let count = try Tensor.elementCount(of: type.sizes)
      var random = SplitMix(seed: 1, port.name)
      let isFloat = type.dataType.isFloatingPoint
      let elements = (0..<count).map { _ in isFloat ? random.nextFloat() : 0 }
      tensors.append(try .fromFloats(elements, dataType: type.dataType, sizes: type.sizes))
    }
    return tensors
  }

  /// `Conv 3×3/2 64×56×56 → 128×28×28`, sizes without the batch where they have one.
  var shapeText: String {
    guard let node = graph.liveNodes.first else { return "" }
    var words = [node.op.name]
    if let convolution = node.op as? Convolution {
      let stride = convolution.window.strides.first { $0 != 1 }.map { "/\($0)" } ?? ""
      words[0] += " " + convolution.window.kernel.map(String.init).joined(separator: "×") + stride
      if convolution.groups > 1 { words[0] += " g\(convolution.groups)" }
    }
    func text(_ shape: [Dimension]) -> String {
      let sizes = shape.count > 1 && shape.first?.fixed == nil ? Array(shape.dropFirst()) : shape
      return sizes.map(\.text).joined(separator: "×")
    }
    let operands = (node.inputs.prefix(node.op is MatMul ? 2 : 1)).compactMap { $0 }
    words.append(operands.map { text(graph[$0].type.tensor?.shape ?? []) }.joined(separator: ", "))
    let results = node.outputs.compactMap { $0 }.map { text(graph[$0].type.tensor?.shape ?? []) }
    words.append("→ " + results.joined(separator: ", "))
    let steps = node.epilogue.steps.map { String($0.text.prefix { $0 != " " && $0 != "(" }) }
    if !steps.isEmpty { words.append("{" + steps.joined(separator: ", ") + "}") }
    return words.joined(separator: " ")
  }
}
