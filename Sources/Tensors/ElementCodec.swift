/// Reads and writes single elements of any numeric type, packed ones too, as `Double` or `Int64`.
///
/// Reading is exact but for integers beyond 2^53 as `Double` and, as `Int64`, for uint64 above its range,
/// which wraps. Writing follows ONNX `Cast`: the nearest float, ties to even; floats are truncated to
/// integers; integers keep their low bits. Strings and complex numbers have no codec.
package struct ElementCodec: Sendable {
  package let dataType: DataType
  private let small: SmallFloat?

  /// nil for strings and complex numbers.
  package init?(_ dataType: DataType) {
    if dataType == .string || dataType.isComplex { return nil }
    self.dataType = dataType
    small = SmallFloat(dataType)
  }

  /// The codec, or the error that says what is expected.
  package static func of(_ dataType: DataType) throws(TensorError) -> ElementCodec {
    guard let codec = ElementCodec(dataType) else {
      throw .dataType(expected: "a number that is not complex", found: dataType)
    }
    return codec
  }
}

// MARK: - Reading

extension ElementCodec {
  package func double(at index: Int, in base: UnsafeRawPointer) -> Double {
    switch dataType {
    case .float64: return load(index, base)
    case .float32: return Double(load(index, base) as Float)
    case .float16: return Double(load(index, base) as Float16)
    case .bfloat16: return Double(Float(bitPattern: UInt32(load(index, base) as UInt16) << 16))
    case .float8E8M0: return PowerOfTwoFloat.decode(load(index, base))
    case .float8E4M3FN, .float8E4M3FNUZ, .float8E5M2, .float8E5M2FNUZ:
      return small.map { $0.decode(UInt16(load(index, base) as UInt8)) } ?? .nan
    case .float4E2M1: return small.map { $0.decode(UInt16(loadPacked(index, base, width: 4))) } ?? .nan
    case .uint64: return Double(load(index, base) as UInt64)
    default: return Double(int64(at: index, in: base))
    }
  }

  package func int64(at index: Int, in base: UnsafeRawPointer) -> Int64 {
    switch dataType {
    case .int64: return load(index, base)
    case .int32: return Int64(load(index, base) as Int32)
    case .int16: return Int64(load(index, base) as Int16)
    case .int8: return Int64(load(index, base) as Int8)
    case .int4: return Int64(Int8(bitPattern: loadPacked(index, base, width: 4) << 4) >> 4)
    case .int2: return Int64(Int8(bitPattern: loadPacked(index, base, width: 2) << 6) >> 6)
    case .uint64: return Int64(bitPattern: load(index, base))
    case .uint32: return Int64(load(index, base) as UInt32)
    case .uint16: return Int64(load(index, base) as UInt16)
    case .uint8: return Int64(load(index, base) as UInt8)
    case .uint4: return Int64(loadPacked(index, base, width: 4))
    case .uint2: return Int64(loadPacked(index, base, width: 2))
    case .bool: return (load(index, base) as UInt8) == 0 ? 0 : 1
    default: return Self.truncate(double(at: index, in: base))
    }
  }

  /// Towards zero; NaN is 0, and what does not fit is the nearest that does.
  package static func truncate(_ value: Double) -> Int64 {
    if value.isNaN { return 0 }
    if value >= 0x1p63 { return .max }
    return value < -0x1p63 ? .min : Int64(value)
  }

  private func load<T: BitwiseCopyable>(_ index: Int, _ base: UnsafeRawPointer) -> T {
    base.loadUnaligned(fromByteOffset: index * MemoryLayout<T>.size, as: T.self)
  }

  private func loadPacked(_ index: Int, _ base: UnsafeRawPointer, width: Int) -> UInt8 {
    let bit = index * width
    return base.load(fromByteOffset: bit / 8, as: UInt8.self) >> UInt8(bit % 8) & (1 << UInt8(width) - 1)
  }
}

// MARK: - Writing

extension ElementCodec {
  /// Writes a real number; `saturates` counts for the float8 types alone.
  package func store(_ value: Double, at index: Int, in base: UnsafeMutableRawPointer, saturates: Bool = true)
  {
    switch dataType {
    case .float64: save(value, index, base)
    case .float32: save(Float(value), index, base)
    case .float16: save(Float16(value), index, base)
    case .bfloat16: save(SmallFloat.bfloat16.encode(value, saturates: false), index, base)
    case .float8E8M0: save(PowerOfTwoFloat.encode(value, saturates: saturates), index, base)
    case .float8E4M3FN, .float8E4M3FNUZ, .float8E5M2, .float8E5M2FNUZ:
      if let small { save(UInt8(truncatingIfNeeded: small.encode(value, saturates: saturates)), index, base) }
    case .float4E2M1:
      if let small {
        savePacked(UInt8(truncatingIfNeeded: small.encode(value, saturates: true)), index, base, width: 4)
      }
    case .bool: save(value == 0 ? 0 : 1 as UInt8, index, base)
    case .uint64 where value >= 0x1p63: save(value < 0x1p64 ? UInt64(value) : .max, index, base)
    default: store(Self.truncate(value), at: index, in: base)
    }
  }

  /// Writes an integer; integer types narrower than 64 bits keep its low bits.
  package func store(_ value: Int64, at index: Int, in base: UnsafeMutableRawPointer, saturates: Bool = true)
  {
    switch dataType {
    case .int64: save(value, index, base)
    case .uint64: save(UInt64(bitPattern: value), index, base)
    case .int32, .uint32: save(UInt32(truncatingIfNeeded: value), index, base)
    case .int16, .uint16: save(UInt16(truncatingIfNeeded: value), index, base)
    case .int8, .uint8: save(UInt8(truncatingIfNeeded: value), index, base)
    case .int4, .uint4: savePacked(UInt8(truncatingIfNeeded: value & 15), index, base, width: 4)
    case .int2, .uint2: savePacked(UInt8(truncatingIfNeeded: value & 3), index, base, width: 2)
    case .bool: save(value == 0 ? 0 : 1 as UInt8, index, base)
    case .float32: save(Float(value), index, base)
    default: store(Double(value), at: index, in: base, saturates: saturates)
    }
  }

  private func save<T: BitwiseCopyable>(_ value: T, _ index: Int, _ base: UnsafeMutableRawPointer) {
    base.storeBytes(of: value, toByteOffset: index * MemoryLayout<T>.size, as: T.self)
  }

  /// Keeps the neighbours in the same byte.
  private func savePacked(_ value: UInt8, _ index: Int, _ base: UnsafeMutableRawPointer, width: Int) {
    let bit = index * width
    let mask: UInt8 = (1 << UInt8(width) - 1) << UInt8(bit % 8)
    let old = base.load(fromByteOffset: bit / 8, as: UInt8.self)
    base.storeBytes(of: old & ~mask | value << UInt8(bit % 8) & mask, toByteOffset: bit / 8, as: UInt8.self)
  }
}
