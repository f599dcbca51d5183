import Tensors

/// Recorded inputs and outputs of models: a TensorProto, SequenceProto or OptionalProto in a file.
///
/// The file does not say which of them it is; the type of the graph's input or output does.
package enum TensorFile {
  /// Reads the value at `path`, of the kind that `type` says; an unknown type is read as a tensor.
  package static func read(_ path: String, as type: ValueType = .unknown) throws(ImportError) -> RuntimeValue
  {
    let file: MappedFile
    do throws(FileError) { file = try MappedFile(path: path) } catch { throw .file(error) }
    return try read(file, as: type)
  }

  package static func read(_ file: MappedFile, as type: ValueType) throws(ImportError) -> RuntimeValue {
    defer { withExtendedLifetime(file) {} }
    let value: Proto
    do throws(WireError) {
      var reader = WireReader(file.bytes)
      value = try Proto(&reader, as: type)
    } catch {
      throw .malformed(path: file.path, error)
    }
    // Test data has no other files: nothing may be read from beside it.
    let tensors = TensorReader(file, externalDataOf: nil, policy: ExternalDataPolicy(), copy: false)
    return try value.decoded(tensors, file)
  }

  /// A value as its file says it.
  fileprivate indirect enum Proto {
    case tensor(TensorProto)
    case sparse(SparseTensorProto)
    case sequence([Proto])
    /// Values are one tensor each, or one tensor of all.
    case map(keys: Tensor, values: [Proto])
    case absent
  }
}

extension TensorFile.Proto {
  init(_ reader: inout WireReader, as type: ValueType) throws(WireError) {
    switch type {
    case .tensor, .unknown: self = .tensor(try TensorProto(&reader))
    case .sequence(let element): self = try Self.sequence(&reader, of: element)
    case .optional(let element): self = try Self.optional(&reader, of: element)
    }
  }

  private static func sequence(_ reader: inout WireReader, of element: ValueType) throws(WireError) -> Self {
    var elements: [Self] = []
    while let field = try reader.next("SequenceProto") {
      switch field.number {
      case 3:
        elements.append(
          .tensor(
            try reader.message(field, "SequenceProto.tensor_values") { r throws(WireError) in
              try TensorProto(&r)
            }))
      case 4:
        elements.append(
          .sparse(
            try reader.message(field, "SequenceProto.sparse_tensor_values") { r throws(WireError) in
              try SparseTensorProto(&r)
            }))
      case 5:
        elements.append(
          try reader.message(field, "SequenceProto.sequence_values") { r throws(WireError) in
            try sequence(&r, of: element.element)
          })
      case 6:
        elements.append(
          try reader.message(field, "SequenceProto.map_values") { r throws(WireError) in try map(&r) })
      case 7:
        elements.append(
          try reader.message(field, "SequenceProto.optional_values") { r throws(WireError) in
            try optional(&r, of: element.element)
          })
      default: try reader.skip(field, "SequenceProto")
      }
    }
    return .sequence(elements)
  }

  private static func map(_ reader: inout WireReader) throws(WireError) -> Self {
    var integers: [Int64] = []
    var words: [[UInt8]] = []
    var values: [Self] = []
    while let field = try reader.next("MapProto") {
      switch field.number {
      case 3: try reader.int64s(field, "MapProto.keys", into: &integers)
      case 4: words.append(Array(try reader.string(field, "MapProto.string_keys").utf8))
      case 5:
        if case .sequence(let items) = try reader.message(
          field, "MapProto.values",
          { r throws(WireError) in
            try sequence(&r, of: .unknown)
          })
        {
          values = items
        }
      default: try reader.skip(field, "MapProto")
      }
    }
    let keys =
      words.isEmpty
      ? try? Tensor(integers, sizes: [integers.count]) : try? Tensor(strings: words, sizes: [words.count])
    return keys.map { .map(keys: $0, values: values) } ?? .absent
  }

  private static func optional(_ reader: inout WireReader, of element: ValueType) throws(WireError) -> Self {
    var value = Self.absent
    // 0: nothing; 1: tensor; 2: sparse; 3: sequence; 4: map; 5: optional.
    while let field = try reader.next("OptionalProto") {
      switch field.number {
      case 3:
        value = .tensor(
          try reader.message(field, "OptionalProto.tensor_value") { r throws(WireError) in try TensorProto(&r)
          })
      case 4:
        value = .sparse(
          try reader.message(field, "OptionalProto.sparse_tensor_value") { r throws(WireError) in
            try SparseTensorProto(&r)
          })
      case 5:
        value = try reader.message(field, "OptionalProto.sequence_value") { r throws(WireError) in
          try sequence(&r, of: element.element)
        }
      case 7:
        value = try reader.message(field, "OptionalProto.optional_value") { r throws(WireError) in
          try optional(&r, of: element.element)
        }
      default: try reader.skip(field, "OptionalProto")
      }
    }
    return value
  }

  func decoded(_ tensors: TensorReader, _ file: MappedFile) throws(ImportError) -> RuntimeValue {
    do throws(TensorDecodeError) { return try decoded(tensors) } catch {
      throw .tensor(path: file.path, place: "value", error)
    }
  }

  private func decoded(_ tensors: TensorReader) throws(TensorDecodeError) -> RuntimeValue {
    switch self {
    case .tensor(let proto): return .tensor(try tensors.tensor(proto))
    case .sparse(let proto): return .tensor(try tensors.decode(proto).tensor)
    case .absent: return .absent
    case .map(let keys, let values):
      var numbers: [Float] = []
      for value in values {
        if let tensor = try value.decoded(tensors).tensor, let more = try? tensor.floats() { numbers += more }
      }
      guard let all = try? Tensor(numbers, sizes: [numbers.count]) else { return .absent }
      return .map(keys: keys, values: all)
    case .sequence(let elements):
      var values: [RuntimeValue] = []
      for element in elements { values.append(try element.decoded(tensors)) }
      return .sequence(values)
    }
  }
}

extension ValueType {
  fileprivate var element: ValueType {
    switch self {
    case .sequence(let element), .optional(let element): element
    case .tensor, .unknown: .unknown
    }
  }
}
