extension Tensor {
  /// The elements as `Double`, in row-major order of the logical shape, whatever type and layout they are
  /// stored in.
  package func doubles() throws(TensorError) -> [Double] {
    let codec = try ElementCodec.of(format.storage)
    switch format.storage {
    case .float64: return try mapped { (x: Double) in x }
    case .float32: return try mapped { (x: Float) in Double(x) }
    case .int64: return try mapped { (x: Int64) in Double(x) }
    case .int32: return try mapped { (x: Int32) in Double(x) }
    case .uint8: return try mapped { (x: UInt8) in Double(x) }
    case .int8: return try mapped { (x: Int8) in Double(x) }
    default:
      return try withRowMajorBytes { base in (0..<elementCount).map { codec.double(at: $0, in: base) } }
    }
  }

  /// The elements as `Float`, rounded to the nearest where their type is wider.
  package func floats() throws(TensorError) -> [Float] {
    let codec = try ElementCodec.of(format.storage)
    switch format.storage {
    case .float32: return try mapped { (x: Float) in x }
    case .float16: return try mapped { (x: Float16) in Float(x) }
    case .bfloat16: return try mapped { (x: UInt16) in Float(bitPattern: UInt32(x) << 16) }
    case .int64: return try mapped { (x: Int64) in Float(x) }
    case .int32: return try mapped { (x: Int32) in Float(x) }
    case .uint8: return try mapped { (x: UInt8) in Float(x) }
    case .int8: return try mapped { (x: Int8) in Float(x) }
    case .uint64: return try mapped { (x: UInt64) in Float(x) }
    default:
      return try withRowMajorBytes { base in (0..<elementCount).map { Float(codec.double(at: $0, in: base)) }
      }
    }
  }

  /// The elements as `Int64`: floats truncated, uint64 beyond its range wrapped.
  package func int64s() throws(TensorError) -> [Int64] {
    let codec = try ElementCodec.of(format.storage)
    if format.storage == .int64 { return try mapped { (x: Int64) in x } }
    return try withRowMajorBytes { base in (0..<elementCount).map { codec.int64(at: $0, in: base) } }
  }

  /// A row-major tensor of numbers converted to `dataType`.
  package static func fromDoubles(
    _ elements: [Double], dataType: DataType, sizes: [Int], saturates: Bool = true
  ) throws(TensorError) -> Tensor {
    try make(elements.count, dataType, sizes) { codec, i, target in
      codec.store(elements[i], at: i, in: target, saturates: saturates)
    }
  }

  package static func fromFloats(
    _ elements: [Float], dataType: DataType, sizes: [Int], saturates: Bool = true
  ) throws(TensorError) -> Tensor {
    if dataType == .float32 { return try Tensor(elements, sizes: sizes) }
    return try make(elements.count, dataType, sizes) { codec, i, target in
      codec.store(Double(elements[i]), at: i, in: target, saturates: saturates)
    }
  }

  package static func fromInt64s(_ elements: [Int64], dataType: DataType, sizes: [Int]) throws(TensorError)
    -> Tensor
  {
    if dataType == .int64 { return try Tensor(elements, sizes: sizes) }
    return try make(elements.count, dataType, sizes) { codec, i, target in
      codec.store(elements[i], at: i, in: target)
    }
  }

  /// The elements converted as by ONNX `Cast`, row-major. `saturates` counts for the float8 types alone.
  package func converted(to target: DataType, saturates: Bool = true) throws(TensorError) -> Tensor {
    if target == dataType && format.storage == dataType { return try reordered(to: .rowMajor(dataType)) }
    let source = try ElementCodec.of(format.storage)
    let dense = try reordered(to: .rowMajor(format.storage))
    let base = dense.bytes.base
    defer { withExtendedLifetime(dense) {} }
    // Integers go through Int64, which keeps what Double cannot: 64 bits, and the low bits of what does not
    // fit. uint64 to a float goes through Double, its upper half being beyond Int64.
    let throughIntegers =
      (dataType.isInteger || dataType == .bool) && !(dataType == .uint64 && target.isFloatingPoint)
    return try Self.make(elementCount, target, sizes) { codec, i, output in
      if throughIntegers {
        codec.store(source.int64(at: i, in: base), at: i, in: output, saturates: saturates)
      } else {
        codec.store(source.double(at: i, in: base), at: i, in: output, saturates: saturates)
      }
    }
  }

  /// The elements in row-major order, in the storage type.
  private func withRowMajorBytes<R>(_ body: (UnsafeRawPointer) -> [R]) throws(TensorError) -> [R] {
    let dense = try reordered(to: .rowMajor(format.storage))
    return withExtendedLifetime(dense.storage) { body(dense.bytes.base) }
  }

  private func mapped<T: BitwiseCopyable, R>(_ body: (T) -> R) throws(TensorError) -> [R] {
    let count = elementCount
    return try withRowMajorBytes { base in
      [R](unsafeUninitializedCapacity: count) { target, filled in
        for i in 0..<count {
          target.initializeElement(
            at: i, to: body(base.loadUnaligned(fromByteOffset: i * MemoryLayout<T>.stride, as: T.self)))
        }
        filled = count
      }
    }
  }

  private static func make(
    _ count: Int, _ dataType: DataType, _ sizes: [Int],
    _ store: (ElementCodec, Int, UnsafeMutableRawPointer) -> Void
  ) throws(TensorError) -> Tensor {
    let expected = try elementCount(of: sizes)
    if count != expected { throw .elementCount(expected: expected, found: count) }
    let codec = try ElementCodec.of(dataType)
    let result = try Tensor(uninitialized: dataType, sizes: sizes)
    guard let target = result.mutableBytes else { throw .unsupportedFormat("read-only storage") }
    // Unused bits of the last byte of packed elements are zero.
    if let bits = dataType.bitWidth, bits < 8, target.count > 0 {
      target.base.storeBytes(of: 0, toByteOffset: target.count - 1, as: UInt8.self)
    }
    for i in 0..<count { store(codec, i, target.base) }
    return result
  }
}
