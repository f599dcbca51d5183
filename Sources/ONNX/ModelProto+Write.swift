import Tensors

extension DataType {
  private static let numbers = Dictionary(
    uniqueKeysWithValues: (1...Int32(26)).compactMap { n in DataType(onnx: n).map { ($0, Int64(n)) } })

  /// The number that ONNX gives the type.
  var onnx: Int64 { Self.numbers[self] ?? 0 }
}

extension TypeProto {
  func put(_ writer: inout WireWriter) {
    switch self {
    case .tensor(let type): writer.message(1) { type.put(&$0) }
    case .sparseTensor(let type): writer.message(8) { type.put(&$0) }
    case .sequence(let element): writer.message(4) { $0.message(1) { element.put(&$0) } }
    case .optional(let element): writer.message(9) { $0.message(1) { element.put(&$0) } }
    case .map(let key, let value):
      writer.message(5) {
        $0.int(1, Int64(key))
        $0.message(2) { value.put(&$0) }
      }
    case .opaque(let domain, let name):
      writer.message(7) {
        $0.text(1, domain)
        $0.text(2, name)
      }
    case .none: break
    }
  }
}

extension TensorTypeProto {
  func put(_ writer: inout WireWriter) {
    writer.int(1, Int64(elementType))
    guard let shape else { return }
    writer.message(2) { writer in
      for size in shape {
        writer.message(1) {
          switch size {
          case .value(let value): $0.int(1, value)
          case .name(let name): $0.string(2, name)
          case .missing: break
          }
        }
      }
    }
  }
}

extension ValueInfoProto {
  func put(_ writer: inout WireWriter) {
    writer.string(1, name)
    if let type, type != .none { writer.message(2) { type.put(&$0) } }
  }
}

/// An attribute to be written: unlike an `AttributeProto`, it holds its tensor.
struct ExportAttribute: Sendable {
  enum Value: Sendable {
    case float(Float)
    case int(Int64)
    case string([UInt8])
    case tensor(Tensor)
    /// The fields of a GraphProto.
    case graph(WireWriter)
    case floats([Float])
    case ints([Int64])
    case strings([[UInt8]])
    case type(TypeProto)
  }

  var name: String
  var value: Value

  static func int(_ name: String, _ value: Int) -> Self { Self(name: name, value: .int(Int64(value))) }
  static func flag(_ name: String, _ value: Bool) -> Self { .int(name, value ? 1 : 0) }
  static func ints(_ name: String, _ values: [Int]) -> Self {
    Self(name: name, value: .ints(values.map { Int64($0) }))
  }
  static func real(_ name: String, _ value: Real) -> Self { Self(name: name, value: .float(value.float)) }
  static func reals(_ name: String, _ values: [Real]) -> Self {
    Self(name: name, value: .floats(values.map(\.float)))
  }
  static func text(_ name: String, _ value: String) -> Self {
    Self(name: name, value: .string(Array(value.utf8)))
  }
  static func texts(_ name: String, _ values: [String]) -> Self {
    Self(name: name, value: .strings(values.map { Array($0.utf8) }))
  }
  static func type(_ name: String, _ value: DataType) -> Self { Self(name: name, value: .int(value.onnx)) }

  func put(_ writer: inout WireWriter) throws(TensorError) {
    writer.string(1, name)
    let kind: Int64
    switch value {
    case .float(let value): (kind, _) = (1, writer.float(2, value))
    case .int(let value): (kind, _) = (2, writer.int(3, value))
    case .string(let value): (kind, _) = (3, writer.blob(4, value))
    case .tensor(let tensor):
      var inner = WireWriter()
      try tensor.put(&inner)
      (kind, _) = (4, writer.blob(5, inner.bytes))
    case .graph(let graph): (kind, _) = (5, writer.blob(6, graph.bytes))
    case .floats(let values):
      kind = 6
      for value in values { writer.float(7, value) }
    case .ints(let values):
      kind = 7
      for value in values { writer.int(8, value) }
    case .strings(let values):
      kind = 8
      for value in values { writer.blob(9, value) }
    case .type(let type): (kind, _) = (13, writer.message(14) { type.put(&$0) })
    }
    writer.int(20, kind)
  }
}

extension Tensor {
  /// The fields of a TensorProto that hold a small tensor.
  fileprivate func put(_ writer: inout WireWriter) throws(TensorError) {
    TensorMessage.putHeader(&writer, name: "", dataType, sizes)
    if dataType == .string {
      for text in strings { writer.blob(6, text) }
    } else {
      let dense = try reordered(to: .rowMajor(dataType))
      writer.blob(9, dense.withBytes { [UInt8](UnsafeRawBufferPointer(start: $0.base, count: $0.count)) })
    }
  }
}

/// A TensorProto whose length is known before its elements are.
struct TensorMessage {
  /// The fields up to the length of `raw_data`, or all of them.
  let head: WireWriter
  /// Bytes of `raw_data` that follow.
  let rawByteCount: Int

  static func putHeader(_ writer: inout WireWriter, name: String, _ dataType: DataType, _ sizes: [Int]) {
    for size in sizes { writer.int(1, Int64(size)) }
    writer.int(2, dataType.onnx)
    writer.text(8, name)
  }

  /// Elements follow as `raw_data`.
  init(raw byteCount: Int, named name: String, _ dataType: DataType, _ sizes: [Int]) {
    var writer = WireWriter()
    Self.putHeader(&writer, name: name, dataType, sizes)
    writer.key(9, .length)
    writer.varint(UInt64(byteCount))
    (head, rawByteCount) = (writer, byteCount)
  }

  init(strings: [[UInt8]], named name: String, _ sizes: [Int]) {
    var writer = WireWriter()
    Self.putHeader(&writer, name: name, .string, sizes)
    for text in strings { writer.blob(6, text) }
    (head, rawByteCount) = (writer, 0)
  }

  /// Elements lie in another file of the same folder.
  init(
    external location: String, offset: Int, byteCount: Int, named name: String, _ dataType: DataType,
    _ sizes: [Int]
  ) {
    var writer = WireWriter()
    Self.putHeader(&writer, name: name, dataType, sizes)
    for (key, value) in [("location", location), ("offset", "\(offset)"), ("length", "\(byteCount)")] {
      writer.message(13) {
        $0.string(1, key)
        $0.string(2, value)
      }
    }
    writer.int(14, 1)
    (head, rawByteCount) = (writer, 0)
  }

  var byteCount: Int { head.bytes.count + rawByteCount }
}
