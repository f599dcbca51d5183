import Tensors
import Testing

@Suite struct ElementCodecTests {
  static let numeric = DataType.allCases.filter { $0 != .string && !$0.isComplex }
  static let small = numeric.filter { ($0.bitWidth ?? 64) <= 16 }

  /// One element from its bits.
  func element(_ type: DataType, _ bits: UInt16) throws -> Tensor {
    let tensor = try Tensor(uninitialized: type, sizes: [1])
    let target = try #require(tensor.mutableBytes)
    if target.count == 1 {
      target.base.storeBytes(of: UInt8(bits), as: UInt8.self)
    } else {
      target.base.storeBytes(of: bits, as: UInt16.self)
    }
    return tensor
  }

  func bits(_ tensor: Tensor) -> UInt16 {
    tensor.byteCount == 1
      ? UInt16(tensor.bytes.base.load(as: UInt8.self)) : tensor.bytes.base.load(as: UInt16.self)
  }

  @Test("Every bit pattern of a small type survives reading and writing", arguments: small)
  func everyPattern(_ type: DataType) throws {
    let width = try #require(type.bitWidth)
    for pattern in 0..<UInt32(1) << UInt32(width) where type != .bool || pattern < 2 {
      let read = try element(type, UInt16(pattern)).doubles()[0]
      let written = try Tensor.fromDoubles([read], dataType: type, sizes: [1], saturates: false)
      if read.isNaN {
        #expect(try written.doubles()[0].isNaN)
      } else {
        #expect(bits(written) == pattern, "\(type) \(pattern)")
      }
    }
  }

  @Test(
    "Halfway cases go to the even neighbour, others to the nearest",
    arguments: small.filter { $0.isFloatingPoint && $0 != .float8E8M0 })
  func rounding(_ type: DataType) throws {
    let width = try #require(type.bitWidth)
    let positive = try (0..<UInt16(1) << UInt16(width - 1)).map { ($0, try element(type, $0).doubles()[0]) }
      .filter { $0.1.isFinite }
    for (low, high) in zip(positive, positive.dropFirst()) {
      let middle = (low.1 + high.1) / 2
      let even = low.0 % 2 == 0 ? low.0 : high.0
      #expect(bits(try Tensor.fromDoubles([middle], dataType: type, sizes: [1])) == even)
      #expect(bits(try Tensor.fromDoubles([middle.nextUp], dataType: type, sizes: [1])) == high.0)
      #expect(bits(try Tensor.fromDoubles([middle.nextDown], dataType: type, sizes: [1])) == low.0)
    }
  }

  // Rows of the tables in ONNX's description of Cast.
  @Test(arguments: [
    (DataType.float8E4M3FN, 448.0, 0x7E as UInt16, 0x7F as UInt16),
    (.float8E4M3FNUZ, 240.0, 0x7F, 0x80),
    (.float8E5M2, 57344.0, 0x7B, 0x7C),
    (.float8E5M2FNUZ, 57344.0, 0x7F, 0x80),
  ])
  func float8Limits(_ type: DataType, _ maximum: Double, _ saturated: UInt16, _ beyond: UInt16) throws {
    func cast(_ value: Double, _ saturates: Bool) throws -> UInt16 {
      bits(try Tensor([value], sizes: [1]).converted(to: type, saturates: saturates))
    }
    #expect(try cast(maximum, false) == saturated)
    #expect(try cast(maximum * 1.01, false) == saturated)
    for value in [maximum * 2, .infinity] {
      #expect(try cast(value, true) == saturated)
      #expect(try cast(-value, true) == saturated | 0x80)
      #expect(try cast(value, false) == beyond)
    }
    #expect(try Tensor([Double.nan], sizes: [1]).converted(to: type).doubles()[0].isNaN)
    let isFNUZ = type == .float8E4M3FNUZ || type == .float8E5M2FNUZ
    #expect(try cast(-0.0, true) == (isFNUZ ? 0 : 0x80))
    #expect(try cast(-1e-9, true) == (isFNUZ ? 0 : 0x80))
  }

  @Test func powersOfTwoRoundUp() throws {
    let x = try Tensor([0, 0.124, 0.25, 0.5, 1.1, 2, 4, 8, .infinity] as [Float], sizes: [9])
    let cast = try x.converted(to: .float8E8M0).doubles()
    #expect(cast == [0x1p-127, 0.125, 0.25, 0.5, 2, 2, 4, 8, 0x1p127])
    #expect(try x.converted(to: .float8E8M0, saturates: false).doubles()[8].isNaN)
  }

  @Test func integersKeepTheirLowBits() throws {
    let x = try Tensor([200, -1, 300, 65536] as [Int32], sizes: [4])
    #expect(try x.converted(to: .int8).int64s() == [-56, -1, 44, 0])
    #expect(try x.converted(to: .uint8).int64s() == [200, 255, 44, 0])
    #expect(try x.converted(to: .bool).int64s() == [1, 1, 1, 1])
    let floats = try Tensor((-9...15).map { Float($0) }, sizes: [25])
    #expect(try floats.converted(to: .int4).int64s().prefix(3) == [7, -8, -7])
    #expect(try floats.converted(to: .uint4).int64s().prefix(3) == [7, 8, 9])
    #expect(try floats.converted(to: .int4).byteCount == 13)
  }

  @Test func floatsAreTruncated() throws {
    let x = try Tensor([1.9, -1.9, .nan, 1e30, -1e30, 0.5, -0.0] as [Float], sizes: [7])
    #expect(try x.converted(to: .int64).int64s() == [1, -1, 0, .max, .min, 0, 0])
    #expect(try x.converted(to: .bool).int64s() == [1, 1, 1, 1, 1, 1, 0])
  }

  @Test func sixtyFourBitsAreExact() throws {
    let extremes: [Int64] = [.max, .min, .max - 1, 1 << 53 + 1]
    #expect(try Tensor(extremes, sizes: [4]).int64s() == extremes)
    #expect(try Tensor([UInt64.max, 1], sizes: [2]).converted(to: .float64).doubles() == [0x1p64, 1])
    #expect(try Tensor([UInt64.max, 1], sizes: [2]).converted(to: .int64).int64s() == [-1, 1])
    #expect(
      try Tensor([0x1p63, 1], sizes: [2]).converted(to: .uint64).elements(of: UInt64.self) == [1 << 63, 1])
  }

  @Test(
    "Reads through layout and storage",
    arguments: [DataType.float32, .float16, .bfloat16, .int4, .uint2, .int64])
  func layouts(_ type: DataType) throws {
    let values = (0..<24).map { Int64($0 % 3) }
    let x = try Tensor.fromInt64s(values, dataType: type, sizes: [2, 3, 2, 2])
    let last = try x.reordered(to: .channelsLast(type, rank: 4))
    #expect(try last.int64s() == values)
    #expect(try last.doubles() == values.map { Double($0) })
    #expect(try last.floats() == values.map { Float($0) })
  }

  @Test func storageOfAnotherType() throws {
    let narrow = try Tensor.fromDoubles([1, -2.5], dataType: .bfloat16, sizes: [2])
    let format = Format(storage: .bfloat16)
    #expect(throws: TensorError.self) {
      try Tensor(dataType: .float32, sizes: [2], format: format, storage: narrow.storage)
    }
    let x = try Tensor(uninitialized: .float32, sizes: [2], format: format)
    let target = try #require(x.mutableBytes)
    narrow.withBytes { target.base.copyMemory(from: $0.base, byteCount: $0.count) }
    #expect(try x.doubles() == [1, -2.5])
    #expect(try x.converted(to: .float32).elements(of: Float.self) == [1, -2.5])
  }

  @Test func stringsAndComplexHaveNoCodec() throws {
    let strings = try Tensor(strings: [[65]], sizes: [1])
    #expect(throws: TensorError.self) { try strings.doubles() }
    #expect(throws: TensorError.self) { try Tensor(uninitialized: .complex64, sizes: [1]).int64s() }
    #expect(throws: TensorError.self) { try Tensor.fromDoubles([1], dataType: .string, sizes: [1]) }
    #expect(throws: TensorError.self) { try Tensor.fromDoubles([1], dataType: .float32, sizes: [2]) }
  }

  @Test func anyByteIsTrue() throws {
    let bytes = try Tensor([0, 1, 2, 255] as [UInt8], sizes: [4])
    let flags = try Tensor(dataType: .bool, sizes: [4], storage: bytes.storage)
    #expect(try flags.elements(of: Bool.self) == [false, true, true, true])
    #expect(try flags.int64s() == [0, 1, 1, 1])
  }
}
