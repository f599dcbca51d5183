/// A few bytes of protobuf, written field by field.
package struct ProtoBytes: Sendable {
  package private(set) var bytes: [UInt8] = []

  package init() {}

  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  package mutating func add(_ field: UInt64, _ value: Int) {
    varint(field << 3)
    varint(UInt64(bitPattern: Int64(value)))
  }

  package mutating func add(_ field: UInt64, fixed32 value: UInt32) {
    varint(field << 3 | 5)
    bytes += (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  package mutating func add(_ field: UInt64, _ content: [UInt8]) {
    varint(field << 3 | 2)
    varint(UInt64(content.count))
    bytes += content
  }

  package mutating func add(_ field: UInt64, _ text: String) { add(field, Array(text.utf8)) }

  package static func message(_ fill: (inout ProtoBytes) -> Void) -> [UInt8] {
    var proto = ProtoBytes()
    fill(&proto)
    return proto.bytes
  }
}

/// The smallest models that a test of the tool or of the façade needs.
package enum TinyModel {
  /// `y = operator(x + bias)` for `x: float32[N,4]` with the bias 1, −2, 3, −4; the nodes are `add` and `last`.
  package static func bytes(operatorName: String = "Relu") -> [UInt8] {
    let graph = ProtoBytes.message { graph in
      graph.add(1, node("Add", "add", ["x", "bias"], "sum"))
      graph.add(1, node(operatorName, "last", ["sum"], "y"))
      graph.add(2, "tiny")
      graph.add(5, tensor([1, -2, 3, -4], sizes: [4], named: "bias"))
      graph.add(11, port("x"))
      graph.add(12, port("y"))
    }
    return ProtoBytes.message { model in
      model.add(1, 8)
      model.add(7, graph)
      model.add(8, ProtoBytes.message { $0.add(2, 17) })
    }
  }

  /// A TensorProto of float32.
  package static func tensor(_ elements: [Float], sizes: [Int], named name: String = "") -> [UInt8] {
    ProtoBytes.message { tensor in
      for size in sizes { tensor.add(1, size) }
      tensor.add(2, 1)
      if !name.isEmpty { tensor.add(8, name) }
      tensor.add(
        9, elements.flatMap { x in (0..<4).map { UInt8(truncatingIfNeeded: x.bitPattern >> (8 * $0)) } })
    }
  }

  /// Scores `p: float32[B,S,8]` of `x: float32[B,S,4]`, and `found: int64[K,4]`, where they are above a mean, of which
  /// nobody knows how many there are: sizes with names, a shape that is computed, and a graph cut at `NonZero`.
  package static func dynamicBytes() -> [UInt8] {
    let weights = (0..<32).map { Float($0 % 7) / 4 - 0.75 }
    let graph = ProtoBytes.message { graph in
      graph.add(1, node("MatMul", "product", ["x", "w"], "h"))
      graph.add(1, node("Softmax", "softmax", ["h"], "p"))
      graph.add(1, node("Shape", "shape", ["x"], "sizes"))
      graph.add(1, node("Gather", "first", ["sizes", "firstTwo"], "leading"))
      graph.add(1, node("Concat", "target", ["leading", "pairs"], "fourSizes", integers: ["axis": 0]))
      graph.add(1, node("Reshape", "reshape", ["p", "fourSizes"], "four"))
      graph.add(1, node("Sub", "centre", ["four", "mean"], "centred"))
      graph.add(1, node("Relu", "relu", ["centred"], "above"))
      graph.add(1, node("NonZero", "find", ["above"], "places"))
      graph.add(1, node("Transpose", "turn", ["places"], "turned"))
      graph.add(1, node("Add", "count", ["turned", "one"], "found"))
      graph.add(2, "dynamic")
      graph.add(5, tensor(weights, sizes: [4, 8], named: "w"))
      graph.add(5, tensor([0.125], sizes: [], named: "mean"))
      graph.add(5, integers([0, 1], named: "firstTwo"))
      graph.add(5, integers([2, 4], named: "pairs"))
      graph.add(5, integers([1], named: "one"))
      graph.add(11, port("x", ["B", "S"], 4))
      graph.add(12, port("p", ["B", "S"], 8))
      graph.add(12, port("found", ["K"], 4, elementType: 7))
    }
    return ProtoBytes.message { model in
      model.add(1, 8)
      model.add(7, graph)
      model.add(8, ProtoBytes.message { $0.add(2, 17) })
    }
  }

  private static func integers(_ elements: [Int], named name: String) -> [UInt8] {
    ProtoBytes.message { tensor in
      tensor.add(1, elements.count)
      tensor.add(2, 7)
      for element in elements { tensor.add(7, element) }
      tensor.add(8, name)
    }
  }

  private static func node(
    _ operatorName: String, _ name: String, _ inputs: [String], _ output: String,
    integers: [String: Int] = [:]
  ) -> [UInt8] {
    ProtoBytes.message { node in
      for input in inputs { node.add(1, input) }
      node.add(2, output)
      node.add(3, name)
      node.add(4, operatorName)
      for (name, value) in integers {
        node.add(
          5,
          ProtoBytes.message { attribute in
            attribute.add(1, name)
            attribute.add(3, value)
            attribute.add(20, 2)
          })
      }
    }
  }

  private static func port(
    _ name: String, _ symbols: [String] = ["N"], _ width: Int = 4, elementType: Int = 1
  ) -> [UInt8] {
    let shape = ProtoBytes.message { shape in
      for symbol in symbols { shape.add(1, ProtoBytes.message { $0.add(2, symbol) }) }
      shape.add(1, ProtoBytes.message { $0.add(1, width) })
    }
    let tensor = ProtoBytes.message { tensor in
      tensor.add(1, elementType)
      tensor.add(2, shape)
    }
    return ProtoBytes.message { port in
      port.add(1, name)
      port.add(2, ProtoBytes.message { $0.add(1, tensor) })
    }
  }
}
