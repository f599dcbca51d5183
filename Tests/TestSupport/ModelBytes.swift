/// Writes ONNX models of any content for tests, right or wrong: nothing is checked.
package enum ModelBytes {
  package enum Element: Int, Sendable {
    case float = 1
    case uint8 = 2
    case int8 = 3
    case int32 = 6
    case int64 = 7
    case string = 8
    case bool = 9
    case float64 = 11
  }

  package enum Attribute: Sendable {
    case int(Int)
    case ints([Int])
    case float(Float)
    case floats([Float])
    case string(String)
    /// A graph's bytes.
    case graph([UInt8])
  }

  /// A size that the model fixes, or names.
  package enum Size: Sendable, ExpressibleByIntegerLiteral, ExpressibleByStringLiteral {
    case fixed(Int)
    case named(String)

    package init(integerLiteral value: Int) { self = .fixed(value) }
    package init(stringLiteral value: String) { self = .named(value) }
  }

  package static func node(
    _ operatorName: String, _ inputs: [String], _ outputs: [String], _ attributes: [String: Attribute] = [:],
    domain: String = "", named name: String = ""
  ) -> [UInt8] {
    ProtoBytes.message { node in
      for input in inputs { node.add(1, input) }
      for output in outputs { node.add(2, output) }
      if !name.isEmpty { node.add(3, name) }
      node.add(4, operatorName)
      for (name, value) in attributes.sorted(by: { $0.key < $1.key }) { node.add(5, attribute(name, value)) }
      if !domain.isEmpty { node.add(7, domain) }
    }
  }

  private static func attribute(_ name: String, _ value: Attribute) -> [UInt8] {
    ProtoBytes.message { proto in
      proto.add(1, name)
      switch value {
      case .float(let x):
        proto.add(2, fixed32: x.bitPattern)
        proto.add(20, 1)
      case .int(let x):
        proto.add(3, x)
        proto.add(20, 2)
      case .string(let text):
        proto.add(4, text)
        proto.add(20, 3)
      case .graph(let bytes):
        proto.add(6, bytes)
        proto.add(20, 5)
      case .floats(let xs):
        for x in xs { proto.add(7, fixed32: x.bitPattern) }
        proto.add(20, 6)
      case .ints(let xs):
        for x in xs { proto.add(8, x) }
        proto.add(20, 7)
      }
    }
  }

  // MARK: Tensors

  /// A tensor whose sizes may promise more elements than `raw` has.
  package static func tensor(_ name: String, _ type: Element, _ sizes: [Int], raw: [UInt8] = []) -> [UInt8] {
    ProtoBytes.message { tensor in
      for size in sizes { tensor.add(1, size) }
      tensor.add(2, type.rawValue)
      tensor.add(8, name)
      if type != .string { tensor.add(9, raw) }
    }
  }

  package static func integers(_ name: String, _ elements: [Int], sizes: [Int]? = nil) -> [UInt8] {
    tensor(
      name, .int64, sizes ?? [elements.count],
      raw: elements.flatMap { littleEndian(UInt64(bitPattern: Int64($0))) })
  }

  package static func floats(_ name: String, _ elements: [Float], sizes: [Int]? = nil) -> [UInt8] {
    tensor(name, .float, sizes ?? [elements.count], raw: elements.flatMap { littleEndian($0.bitPattern) })
  }

  package static func strings(_ name: String, _ elements: [String], sizes: [Int]? = nil) -> [UInt8] {
    ProtoBytes.message { tensor in
      for size in sizes ?? [elements.count] { tensor.add(1, size) }
      tensor.add(2, Element.string.rawValue)
      for element in elements { tensor.add(6, element) }
      tensor.add(8, name)
    }
  }

  private static func littleEndian<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
    (0..<T.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> (8 * T($0))) }
  }

  // MARK: Ports, graphs and models

  /// An input or output; without sizes its rank is open.
  package static func port(_ name: String, _ type: Element, _ sizes: [Size]? = nil) -> [UInt8] {
    let tensor = ProtoBytes.message { tensor in
      tensor.add(1, type.rawValue)
      guard let sizes else { return }
      tensor.add(
        2,
        ProtoBytes.message { shape in
          for size in sizes {
            shape.add(
              1,
              ProtoBytes.message { dimension in
                switch size {
                case .fixed(let value): dimension.add(1, value)
                case .named(let name): dimension.add(2, name)
                }
              })
          }
        })
    }
    return ProtoBytes.message { port in
      port.add(1, name)
      port.add(2, ProtoBytes.message { $0.add(1, tensor) })
    }
  }

  /// A sequence of tensors.
  package static func sequencePort(_ name: String, _ type: Element) -> [UInt8] {
    let element = ProtoBytes.message { $0.add(1, ProtoBytes.message { $0.add(1, type.rawValue) }) }
    return ProtoBytes.message { port in
      port.add(1, name)
      port.add(2, ProtoBytes.message { $0.add(4, ProtoBytes.message { $0.add(1, element) }) })
    }
  }

  package static func graph(
    _ nodes: [[UInt8]], _ inputs: [[UInt8]], _ outputs: [[UInt8]], _ initializers: [[UInt8]] = []
  ) -> [UInt8] {
    ProtoBytes.message { graph in
      for node in nodes { graph.add(1, node) }
      graph.add(2, "g")
      for initializer in initializers { graph.add(5, initializer) }
      for input in inputs { graph.add(11, input) }
      for output in outputs { graph.add(12, output) }
    }
  }

  package static func model(
    _ nodes: [[UInt8]], _ inputs: [[UInt8]], _ outputs: [[UInt8]], _ initializers: [[UInt8]] = [],
    opset: Int = 21
  ) -> [UInt8] {
    ProtoBytes.message { model in
      model.add(1, 10)
      model.add(7, graph(nodes, inputs, outputs, initializers))
      model.add(8, ProtoBytes.message { $0.add(2, opset) })
    }
  }
}
