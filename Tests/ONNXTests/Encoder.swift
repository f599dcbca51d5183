@testable import ONNX

/// Writes protocol buffers: small models for tests, well-formed or not.
struct Encoder {
  var bytes: [UInt8] = []

  init() {}
  init(_ build: (inout Encoder) -> Void) { build(&self) }

  mutating func raw(_ value: UInt64) {
    var value = value
    while value >= 0x80 {
      bytes.append(UInt8(value & 0x7F) | 0x80)
      value >>= 7
    }
    bytes.append(UInt8(value))
  }

  mutating func key(_ field: Int, _ type: WireType) { raw(UInt64(field) << 3 | UInt64(type.rawValue)) }

  mutating func int(_ field: Int, _ value: Int64) {
    key(field, .varint)
    raw(UInt64(bitPattern: value))
  }

  mutating func float(_ field: Int, _ value: Float) {
    key(field, .fixed32)
    bytes += withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
  }

  mutating func bytes(_ field: Int, _ value: [UInt8]) {
    key(field, .length)
    raw(UInt64(value.count))
    bytes += value
  }

  mutating func string(_ field: Int, _ value: String) { bytes(field, Array(value.utf8)) }

  mutating func message(_ field: Int, _ build: (inout Encoder) -> Void) {
    bytes(field, Encoder(build).bytes)
  }

  mutating func packed(_ field: Int, _ values: [Int64]) {
    message(field) { e in for value in values { e.raw(UInt64(bitPattern: value)) } }
  }

  mutating func packedFloats(_ field: Int, _ values: [Float]) { bytes(field, littleEndian(values)) }
}

func littleEndian<T>(_ values: [T]) -> [UInt8] { values.withUnsafeBytes { Array($0) } }

/// A tensor of a model, as bytes of a TensorProto.
struct TensorSpec {
  var bytes: [UInt8]

  init(_ name: String = "", type: Int64, sizes: [Int64], _ build: (inout Encoder) -> Void = { _ in }) {
    bytes =
      Encoder { e in
        for size in sizes { e.int(1, size) }
        e.int(2, type)
        if !name.isEmpty { e.string(8, name) }
        build(&e)
      }.bytes
  }

  static func floats(_ sizes: [Int64], _ values: [Float], named name: String = "") -> TensorSpec {
    TensorSpec(name, type: 1, sizes: sizes) { $0.bytes(9, littleEndian(values)) }
  }

  static func int64s(_ sizes: [Int64], _ values: [Int64], named name: String = "") -> TensorSpec {
    TensorSpec(name, type: 7, sizes: sizes) { $0.bytes(9, littleEndian(values)) }
  }

  static func external(_ sizes: [Int64], _ entries: [(String, String)], named name: String = "") -> TensorSpec
  {
    TensorSpec(name, type: 1, sizes: sizes) { e in
      for (key, value) in entries {
        e.message(13) { e in
          e.string(1, key)
          e.string(2, value)
        }
      }
      e.int(14, 1)
    }
  }
}

/// An attribute, as bytes of an AttributeProto.
struct AttributeSpec {
  var bytes: [UInt8]

  init(_ name: String, kind: Int64, _ build: (inout Encoder) -> Void) {
    bytes =
      Encoder { e in
        e.string(1, name)
        build(&e)
        e.int(20, kind)
      }.bytes
  }

  static func float(_ name: String, _ value: Float) -> Self { Self(name, kind: 1) { $0.float(2, value) } }
  static func int(_ name: String, _ value: Int64) -> Self { Self(name, kind: 2) { $0.int(3, value) } }
  static func string(_ name: String, _ value: String) -> Self { Self(name, kind: 3) { $0.string(4, value) } }
  static func tensor(_ name: String, _ value: TensorSpec) -> Self {
    Self(name, kind: 4) { $0.bytes(5, value.bytes) }
  }
  static func graph(_ name: String, _ value: GraphSpec) -> Self {
    Self(name, kind: 5) { $0.bytes(6, value.bytes) }
  }
  static func floats(_ name: String, _ values: [Float]) -> Self {
    Self(name, kind: 6) { e in for value in values { e.float(7, value) } }
  }
  static func ints(_ name: String, _ values: [Int64]) -> Self {
    Self(name, kind: 7) { e in for value in values { e.int(8, value) } }
  }
}

struct NodeSpec {
  var operatorName: String
  var inputs: [String]
  var outputs: [String]
  var attributes: [AttributeSpec] = []
  var name = ""
  var domain = ""

  init(
    _ operatorName: String, _ inputs: [String], _ outputs: [String], _ attributes: [AttributeSpec] = [],
    name: String = "", domain: String = ""
  ) {
    self.operatorName = operatorName
    self.inputs = inputs
    self.outputs = outputs
    self.attributes = attributes
    self.name = name
    self.domain = domain
  }

  var bytes: [UInt8] {
    Encoder { e in
      for input in inputs { e.string(1, input) }
      for output in outputs { e.string(2, output) }
      if !name.isEmpty { e.string(3, name) }
      e.string(4, operatorName)
      for attribute in attributes { e.bytes(5, attribute.bytes) }
      if !domain.isEmpty { e.string(7, domain) }
    }.bytes
  }
}

/// A value with a declared type; numbers below zero and texts are sizes too, nil shape: no rank.
struct ValueSpec {
  enum Size: ExpressibleByIntegerLiteral, ExpressibleByStringLiteral {
    case number(Int64)
    case name(String)
    case missing
    init(integerLiteral value: Int64) { self = .number(value) }
    init(stringLiteral value: String) { self = .name(value) }
  }
  var name: String
  var elementType: Int64
  var shape: [Size]?

  init(_ name: String, _ shape: [Size]?, type: Int64 = 1) {
    self.name = name
    self.shape = shape
    elementType = type
  }

  var bytes: [UInt8] {
    Encoder { e in
      e.string(1, name)
      e.message(2) { e in
        e.message(1) { e in
          e.int(1, elementType)
          guard let shape else { return }
          e.message(2) { e in
            for size in shape {
              e.message(1) { e in
                switch size {
                case .number(let n): e.int(1, n)
                case .name(let name): e.string(2, name)
                case .missing: break
                }
              }
            }
          }
        }
      }
    }.bytes
  }
}

struct GraphSpec {
  var nodes: [NodeSpec] = []
  var inputs: [ValueSpec] = []
  var outputs: [ValueSpec] = []
  var initializers: [TensorSpec] = []
  var valueInfos: [ValueSpec] = []
  /// More fields of the GraphProto.
  var extra: [UInt8] = []

  var bytes: [UInt8] {
    Encoder { e in
      for node in nodes { e.bytes(1, node.bytes) }
      e.string(2, "graph")
      for tensor in initializers { e.bytes(5, tensor.bytes) }
      for value in inputs { e.bytes(11, value.bytes) }
      for value in outputs { e.bytes(12, value.bytes) }
      for value in valueInfos { e.bytes(13, value.bytes) }
      e.bytes += extra
    }.bytes
  }
}

struct ModelSpec {
  var graph: GraphSpec
  var opset: Int64 = 17
  var extra: [UInt8] = []

  init(_ graph: GraphSpec, opset: Int64 = 17) {
    self.graph = graph
    self.opset = opset
  }

  var bytes: [UInt8] {
    Encoder { e in
      e.int(1, 8)
      e.string(2, "tests")
      e.bytes(7, graph.bytes)
      e.message(8) { $0.int(2, opset) }
      e.bytes += extra
    }.bytes
  }
}

extension MappedFile {
  static func model(_ spec: ModelSpec) throws -> MappedFile {
    try MappedFile(contents: spec.bytes, named: "test.onnx")
  }
}
