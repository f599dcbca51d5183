import Tensors

extension TensorReader {
  /// Elements listed one by one in the field of their type. Counted first, so that nothing is allocated in vain.
  func typed(_ proto: TensorProto, _ header: Header) throws(TensorDecodeError) -> Decoded {
    let found: [Range<Int>]
    do throws(WireError) { found = try pieces(proto, header) } catch {
      throw TensorDecodeError(proto.name, .wire(error))
    }
    switch header.type.typedField {
    case .floats: return try fixed(proto, header, found, elementByteCount: 4)
    case .doubles: return try fixed(proto, header, found, elementByteCount: 8)
    case .strings: return try strings(proto, header, found)
    case .int32s, .int64s, .uint64s: return try numbers(proto, header, found)
    }
  }

  /// Where the field's values are: packed lists and single values, in order.
  private func pieces(_ proto: TensorProto, _ header: Header) throws(WireError) -> [Range<Int>] {
    let typedField = header.type.typedField
    let name = typedField.fieldName
    var reader = WireReader(file.bytes, range: proto.range)
    var pieces: [Range<Int>] = []
    while let field = try reader.next("TensorProto") {
      if field.number != typedField.rawValue {
        try reader.skip(field, "TensorProto")
      } else if field.type == .length {
        pieces.append(try reader.range(field, name))
      } else {
        let expected: WireType =
          switch typedField {
          case .floats: .fixed32
          case .doubles: .fixed64
          case .strings: .length
          case .int32s, .int64s, .uint64s: .varint
          }
        if field.type != expected {
          throw WireError(.wireType(expected: expected, found: field.type), field: name, at: field.offset)
        }
        let start = reader.position
        try reader.skip(field, name)
        // Neighbours that are written one at a time are kept apart: a key stands between them.
        pieces.append(start..<reader.position)
      }
    }
    return pieces
  }

  /// Floats and doubles: little-endian bytes as in memory, so that one packed list is used where it is.
  private func fixed(
    _ proto: TensorProto, _ header: Header, _ pieces: [Range<Int>], elementByteCount: Int
  ) throws(TensorDecodeError) -> Decoded {
    var byteCount = 0
    for piece in pieces {
      if piece.count % elementByteCount != 0 {
        let name = header.type.typedField.fieldName
        let reason = WireError.Reason.packedSize(piece.count, elementByteCount: elementByteCount)
        throw TensorDecodeError(proto.name, .wire(WireError(reason, field: name, at: piece.lowerBound)))
      }
      byteCount += piece.count
    }
    if byteCount != header.byteCount {
      throw TensorDecodeError(proto.name, .byteCount(expected: header.byteCount, found: byteCount))
    }
    if pieces.count == 1 { return try view(of: file, pieces[0], header, proto.name) }
    let source = file.bytes.base
    return try own(header, named: proto.name) { target throws(TensorDecodeError) in
      var offset = 0
      for piece in pieces {
        (target.base + offset).copyMemory(from: source + piece.lowerBound, byteCount: piece.count)
        offset += piece.count
      }
    }
  }

  private func strings(
    _ proto: TensorProto, _ header: Header, _ pieces: [Range<Int>]
  ) throws(TensorDecodeError) -> Decoded {
    if pieces.count != header.elementCount {
      throw TensorDecodeError(proto.name, .elementCount(expected: header.elementCount, found: pieces.count))
    }
    let base = file.bytes.base
    let elements = pieces.map {
      [UInt8](UnsafeRawBufferPointer(start: base + $0.lowerBound, count: $0.count))
    }
    let tensor: Tensor
    do { tensor = try Tensor(strings: elements, sizes: header.sizes) } catch {
      throw TensorDecodeError(proto.name, .outOfMemory(byteCount: 0))
    }
    return Decoded(tensor: tensor, id: Self.contentIdentity(of: tensor))
  }

  /// Integers and everything that is written as integers: one per element, or per byte of elements below 8 bits.
  private func numbers(
    _ proto: TensorProto, _ header: Header, _ pieces: [Range<Int>]
  ) throws(TensorDecodeError) -> Decoded {
    let bits = header.type.bitWidth ?? 8
    let expected = bits < 8 ? header.byteCount : header.elementCount
    let base = file.bytes.base
    // A number ends at its byte without the top bit.
    var found = 0
    for piece in pieces {
      for byte in UnsafeRawBufferPointer(start: base + piece.lowerBound, count: piece.count) where byte < 0x80
      {
        found += 1
      }
    }
    if found != expected {
      throw TensorDecodeError(proto.name, .elementCount(expected: expected, found: found))
    }
    let name = header.type.typedField.fieldName
    let bytes = file.bytes
    return try own(header, named: proto.name) { target throws(TensorDecodeError) in
      var offset = 0
      for piece in pieces {
        var reader = WireReader(bytes, range: piece)
        while reader.position < reader.end {
          let number: UInt64
          do throws(WireError) { number = try reader.varint(name) } catch {
            throw TensorDecodeError(proto.name, .wire(error))
          }
          guard Self.store(number, header.type, width: max(bits / 8, 1), target.base + offset) else {
            throw TensorDecodeError(proto.name, .notRepresentable(Int64(bitPattern: number), header.type))
          }
          offset += max(bits / 8, 1)
        }
      }
    }
  }

  /// Writes a number in the element's width; false when it does not fit, taken as signed or as bits.
  private static func store(
    _ number: UInt64, _ type: DataType, width: Int, _ target: UnsafeMutableRawPointer
  ) -> Bool {
    let signed = Int64(bitPattern: number)
    switch (type, width) {
    case (.bool, _): target.storeBytes(of: number == 0 ? 0 : 1, as: UInt8.self)
    case (_, 8): target.storeBytes(of: number, as: UInt64.self)
    case (.uint32, _):
      guard let value = UInt32(exactly: number) else { return false }
      target.storeBytes(of: value, as: UInt32.self)
    case (_, 4):
      guard let value = Int32(exactly: signed) else { return false }
      target.storeBytes(of: value, as: Int32.self)
    case (_, 2):
      guard signed >= Int64(Int16.min), signed <= Int64(UInt16.max) else { return false }
      target.storeBytes(of: UInt16(truncatingIfNeeded: signed), as: UInt16.self)
    default:
      guard signed >= Int64(Int8.min), signed <= Int64(UInt8.max) else { return false }
      target.storeBytes(of: UInt8(truncatingIfNeeded: signed), as: UInt8.self)
    }
    return true
  }
}
