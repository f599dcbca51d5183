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
      tensor.add(9, elements.flatMap { x in (0..<4).map { UInt8(truncatingIfNeeded: x.bitPattern >> (8 * $0)) } })
    }
  }

  private static func node(_ operatorName: String, _ name: String, _ inputs: [String], _ output: String) -> [UInt8] {
    ProtoBytes.message { node in
      for input in inputs { node.add(1, input) }
      node.add(2, output)
      node.add(3, name)
      node.add(4, operatorName)
    }
  }

  private static func port(_ name: String) -> [UInt8] {
    let batch = ProtoBytes.message { $0.add(2, "N") }
    let width = ProtoBytes.message { $0.add(1, 4) }
    let shape = ProtoBytes.message { shape in
      shape.add(1, batch)
      shape.add(1, width)
    }
    let tensor = ProtoBytes.message { tensor in
      tensor.add(1, 1)
      tensor.add(2, shape)
    }
    return ProtoBytes.message { port in
      port.add(1, name)
      port.add(2, ProtoBytes.message { $0.add(1, tensor) })
    }
  }
}
