import IR
import Tensors

/// Turns tensors of a file into tensors in memory: the one place for every encoding, wherever the tensor stands.
///
/// Elements that the file holds as plain bytes are not copied: the tensor points into the mapping, of any alignment.
package final class TensorReader {
  package static let rankLimit = 64
  /// A sparse tensor may be this large when written out.
  package static let denseByteLimit = 1 << 28
  /// Smaller tensors are identified by their contents, larger ones by their place in a file.
  private static let contentIdentityLimit = 1 << 14

  package let file: MappedFile
  private let folder: ExternalDataFolder?

  /// Reads tensors of `file`; external data from its folder, or none when `folderOf` is nil.
  package init(_ file: MappedFile, externalDataOf path: String?, policy: ExternalDataPolicy, copy: Bool) {
    self.file = file
    folder = path.map { ExternalDataFolder(ofModel: $0, policy: policy, copy: copy) }
  }

  package struct Decoded: Sendable {
    package let tensor: Tensor
    package let id: ConstantID
  }

  package func tensor(_ proto: TensorProto) throws(TensorDecodeError) -> Tensor { try decode(proto).tensor }

  package func decode(_ proto: TensorProto) throws(TensorDecodeError) -> Decoded {
    let header = try Header(proto)
    if proto.isSegment { throw TensorDecodeError(proto.name, .segment) }
    if proto.isExternal { return try external(proto, header) }
    if let raw = proto.raw {
      if !proto.typedFields.isEmpty { throw TensorDecodeError(proto.name, .severalFields) }
      if header.type == .string {
        throw TensorDecodeError(proto.name, .field("TensorProto.raw_data", .string))
      }
      if raw.count != header.byteCount {
        throw TensorDecodeError(proto.name, .byteCount(expected: header.byteCount, found: raw.count))
      }
      return try view(of: file, raw, header, proto.name)
    }
    if let field = proto.typedFields.first(where: { $0 != header.type.typedField }) {
      throw TensorDecodeError(proto.name, .field("\(field.fieldName)", header.type))
    }
    return try typed(proto, header)
  }

  /// Type, sizes and number of bytes, checked without allocating.
  struct Header {
    let type: DataType
    let sizes: [Int]
    let elementCount: Int
    /// Zero for strings.
    let byteCount: Int

    init(_ proto: TensorProto) throws(TensorDecodeError) {
      try self.init(elementType: proto.elementType, sizes: proto.sizes, named: proto.name)
    }

    init(elementType: Int32, sizes wide: [Int64], named name: String) throws(TensorDecodeError) {
      guard let type = DataType(onnx: elementType) else {
        throw TensorDecodeError(name, .elementType(elementType))
      }
      if wide.count > TensorReader.rankLimit { throw TensorDecodeError(name, .rank(wide.count)) }
      for size in wide where size < 0 { throw TensorDecodeError(name, .negativeSize(size)) }
      self.type = type
      sizes = wide.map { Int($0) }
      do { elementCount = try Tensor.elementCount(of: sizes) } catch {
        throw TensorDecodeError(name, .sizeOverflow)
      }
      if type == .string {
        byteCount = 0
      } else {
        guard let count = type.byteCount(of: elementCount) else {
          throw TensorDecodeError(name, .sizeOverflow)
        }
        byteCount = count
      }
    }
  }

  private func external(_ proto: TensorProto, _ header: Header) throws(TensorDecodeError) -> Decoded {
    func fail(_ reason: ExternalDataError) -> TensorDecodeError {
      TensorDecodeError(proto.name, .external(reason))
    }
    if proto.raw != nil || !proto.typedFields.isEmpty { throw TensorDecodeError(proto.name, .severalFields) }
    if header.type == .string {
      throw TensorDecodeError(proto.name, .field("TensorProto.external_data", .string))
    }
    guard let folder else { throw fail(.noFolder) }
    let reference: ExternalReference
    let other: MappedFile
    do throws(ExternalDataError) {
      reference = try ExternalReference(proto.external)
      if let given = reference.byteCount, given != header.byteCount {
        throw .byteCount(location: reference.location, expected: header.byteCount, found: given)
      }
      other = try folder.file(at: reference.location)
    } catch {
      throw fail(error)
    }
    let (end, overflow) = reference.offset.addingReportingOverflow(header.byteCount)
    if overflow || end > other.bytes.count {
      throw fail(
        .beyondEnd(
          location: reference.location, offset: reference.offset, byteCount: header.byteCount,
          fileByteCount: other.bytes.count))
    }
    return try view(of: other, reference.offset..<end, header, proto.name)
  }

  /// A tensor on the bytes of a file. Truth values other than 0 and 1 are made 1, in a copy.
  func view(
    of file: MappedFile, _ range: Range<Int>, _ header: Header, _ name: String
  ) throws(TensorDecodeError) -> Decoded {
    if header.type == .bool {
      let source = UnsafeRawBufferPointer(start: file.bytes.base + range.lowerBound, count: range.count)
      if source.contains(where: { $0 > 1 }) {
        return try own(header, named: name) { target throws(TensorDecodeError) in
          for (i, byte) in source.enumerated() {
            target.base.storeBytes(of: byte == 0 ? 0 : 1, toByteOffset: i, as: UInt8.self)
          }
        }
      }
    }
    let tensor = try make(header, file.storage(range), named: name)
    return Decoded(tensor: tensor, id: identity(of: tensor, in: file, at: range.lowerBound))
  }

  /// A tensor of its own memory, which `fill` writes. Identified by its contents.
  func own(
    _ header: Header, named name: String, _ fill: (MutableBytes) throws(TensorDecodeError) -> Void
  ) throws(TensorDecodeError) -> Decoded {
    let storage: TensorStorage
    do { storage = try TensorStorage.allocate(byteCount: header.byteCount) } catch {
      throw TensorDecodeError(name, .outOfMemory(byteCount: header.byteCount))
    }
    if let target = storage.mutableBytes { try fill(target) }
    let tensor = try make(header, storage, named: name)
    return Decoded(tensor: tensor, id: Self.contentIdentity(of: tensor))
  }

  func make(_ header: Header, _ storage: TensorStorage, named name: String) throws(TensorDecodeError)
    -> Tensor
  {
    do { return try Tensor(dataType: header.type, sizes: header.sizes, storage: storage) } catch {
      throw TensorDecodeError(name, .byteCount(expected: header.byteCount, found: storage.bytes.count))
    }
  }

  // MARK: - Identity

  private func identity(of tensor: Tensor, in file: MappedFile, at offset: Int) -> ConstantID {
    if tensor.byteCount <= Self.contentIdentityLimit { return Self.contentIdentity(of: tensor) }
    var digest = Self.typeDigest(tensor)
    for word in file.identity.words { digest.add(word) }
    digest.add(UInt64(offset))
    return ConstantID(high: digest.high, low: digest.low)
  }

  package static func contentIdentity(of tensor: Tensor) -> ConstantID {
    var digest = typeDigest(tensor)
    if tensor.dataType == .string {
      for element in tensor.strings {
        digest.add(UInt64(element.count))
        for byte in element { digest.add(UInt64(byte)) }
      }
    } else {
      tensor.withBytes { digest.add($0) }
    }
    return ConstantID(high: digest.high, low: digest.low)
  }

  private static func typeDigest(_ tensor: Tensor) -> Digest {
    var digest = Digest()
    digest.add(tensor.dataType.rawValue)
    digest.add(UInt64(tensor.rank))
    for size in tensor.sizes { digest.add(UInt64(size)) }
    return digest
  }
}
