import Tensors
import Testing

@Suite struct TensorTests {
  /// Every order of the axes 0..<rank.
  static func orders(_ rank: Int) -> [[Int]] {
    rank == 0
      ? [[]]
      : orders(rank - 1).flatMap { order in
        (0...order.count).map { i in Array(order[..<i]) + [rank - 1] + Array(order[i...]) }
      }
  }

  @Test("Reordering there and back changes nothing, in every layout", arguments: 0...4)
  func thereAndBack(rank: Int) throws {
    let sizes = Array([2, 3, 1, 4, 2].prefix(rank))
    let count = sizes.reduce(1, *)
    for type in [DataType.float32, .float64, .uint8, .int16, .int4, .uint2, .bfloat16, .complex128] {
      let codec = ElementCodec(type)
      let x =
        try codec == nil
        ? Tensor(uninitialized: type, sizes: sizes)
        : Tensor.fromInt64s((0..<count).map { Int64($0 % 3) }, dataType: type, sizes: sizes)
      if codec == nil, let bytes = x.mutableBytes {
        for i in 0..<bytes.count {
          bytes.base.storeBytes(of: UInt8(truncatingIfNeeded: i * 7), toByteOffset: i, as: UInt8.self)
        }
      }
      let original = (0..<x.byteCount).map { x.bytes.base.load(fromByteOffset: $0, as: UInt8.self) }
      for order in Self.orders(rank) {
        let target = Format(storage: type, layout: .order(order))
        let there = try x.reordered(to: target)
        #expect(there.format == target)
        let back = try there.reordered(to: .rowMajor(type))
        let bytes = (0..<back.byteCount).map { back.bytes.base.load(fromByteOffset: $0, as: UInt8.self) }
        #expect(bytes == original, "\(type) \(order)")
        if codec != nil { #expect(try there.int64s() == x.int64s(), "\(type) \(order)") }
      }
    }
  }

  @Test func channelsLastMovesChannelsInside() throws {
    let x = try Tensor((0..<12).map { Float($0) }, sizes: [1, 3, 2, 2])
    let last = try x.reordered(to: .channelsLast(.float32, rank: 4))
    let bytes = last.bytes.elements(of: Float.self)
    #expect(Array(bytes) == [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11])
    #expect(try last.elements(of: Float.self) == x.elements(of: Float.self))
  }

  @Test func layouts() {
    #expect(Layout.order([0, 1, 2]) == .rowMajor)
    #expect(Layout.channelsLast(rank: 4) == .permuted([0, 2, 3, 1]))
    #expect(Layout.channelsLast(rank: 2) == .rowMajor && Layout.channelsLast(rank: 300) == .rowMajor)
    #expect(Layout.permuted([1, 0]).strides(of: [2, 3]) == [1, 2])
    #expect(Layout.rowMajor.strides(of: [2, 0, 3]) == [3, 3, 1])
    #expect(Layout.rowMajor.strides(of: [2, .max, .max]) == nil)
    // What is no order of the axes has none.
    for bad: [UInt8] in [[0, 0], [0, 5], [0], [0, 1, 2]] {
      #expect(Layout.permuted(bad).strides(of: [2, 3]) == nil)
    }
  }

  @Test func sameBytes() {
    func check(_ sizes: [Int], _ order: [Int]) -> Bool {
      Placement(dataType: .float32, sizes: sizes).sameBytes(
        as: Format(storage: .float32, layout: .order(order)))
    }
    #expect(check([5, 1, 28, 28], [0, 2, 3, 1]))
    #expect(check([5, 8, 1, 1], [0, 2, 3, 1]))
    #expect(!check([5, 8, 2, 1], [0, 2, 3, 1]))
    #expect(check([5, 8, 2, 0], [0, 2, 3, 1]))
    #expect(!Placement(dataType: .float32, sizes: [2]).sameBytes(as: .rowMajor(.bfloat16)))
  }

  @Test("Sizes of placements do not trap")
  func placements() {
    #expect(Placement(dataType: .float32, sizes: [.max, 2]).elementCount == .max)
    #expect(Placement(dataType: .float32, sizes: [.max, 2]).byteCount == .max)
    #expect(Placement(dataType: .float32, sizes: [.max, 2, 0]).byteCount == 0)
    #expect(Placement(dataType: .int4, sizes: [3]).byteCount == 2)
  }

  @Test(arguments: [
    (DataType.float32, 3, 12), (.float64, 3, 24), (.bool, 3, 3), (.float16, 3, 6), (.complex128, 2, 32),
    (.int4, 0, 0),
    (.int4, 1, 1), (.uint4, 3, 2), (.float4E2M1, 4, 2), (.int2, 5, 2), (.uint2, 4, 1), (.float8E8M0, 7, 7),
  ])
  func byteCounts(_ type: DataType, _ count: Int, _ bytes: Int) {
    #expect(type.byteCount(of: count) == bytes)
    #expect(type.byteCount(of: -1) == nil)
    #expect((type.bitWidth ?? 0) <= 8 || type.byteCount(of: .max) == nil)
  }

  @Test("Sizes of files are checked, not trusted")
  func sizes() throws {
    #expect(try Tensor.elementCount(of: []) == 1)
    #expect(try Tensor.elementCount(of: [3, 0, 2]) == 0)
    #expect(throws: TensorError.negativeSize(-1)) { try Tensor.elementCount(of: [3, -1]) }
    #expect(throws: TensorError.sizeOverflow) { try Tensor.elementCount(of: [.max, 2]) }
    #expect(throws: TensorError.sizeOverflow) { try Tensor.elementCount(of: [.max, 2, 0]) }
    #expect(throws: TensorError.sizeOverflow) { try Tensor(uninitialized: .float64, sizes: [.max / 4]) }
    #expect(throws: TensorError.rank(10_000)) {
      try Tensor.elementCount(of: [Int](repeating: 1, count: 10_000))
    }
    #expect(throws: TensorError.self) { try Tensor([1, 2] as [Float], sizes: [3]) }
    let storage = try TensorStorage.allocate(byteCount: 8)
    #expect(throws: TensorError.byteCount(expected: 12, found: 8)) {
      try Tensor(dataType: .float32, sizes: [3], storage: storage)
    }
    #expect(throws: TensorError.self) {
      try Tensor(dataType: .float32, sizes: [1], storage: storage, byteOffset: 5)
    }
    #expect(throws: TensorError.self) {
      try Tensor(dataType: .float32, sizes: [1], storage: storage, byteOffset: -1)
    }
    #expect(throws: TensorError.self) {
      try Tensor(dataType: .float32, sizes: [0], storage: storage, byteOffset: .max)
    }
  }

  @Test func empty() throws {
    let x = try Tensor([] as [Float], sizes: [2, 0])
    #expect(try x.elements(of: Float.self).isEmpty && x.doubles().isEmpty && x.byteCount == 0)
    #expect(
      try x.reordered(to: Format(storage: .float32, layout: .permuted([1, 0]))).elements(of: Float.self)
        .isEmpty)
    #expect(try x.reshaped(to: [0, 7]).sizes == [0, 7])
    #expect(try x.converted(to: .int4).byteCount == 0)
  }

  @Test func reshaping() throws {
    let x = try Tensor([1, 2, 3, 4] as [Int32], sizes: [2, 2])
    #expect(try x.reshaped(to: [4]).elements(of: Int32.self) == [1, 2, 3, 4])
    #expect(throws: TensorError.self) { try x.reshaped(to: [3]) }
    #expect(throws: TensorError.self) {
      try x.reordered(to: Format(storage: .int32, layout: .permuted([1, 0]))).reshaped(to: [4])
    }
    #expect(throws: TensorError.self) { try x.elements(of: Float.self) }
  }

  @Test func strings() throws {
    let x = try Tensor(strings: [Array("a".utf8), Array("bc".utf8)], sizes: [2])
    #expect(x.strings.count == 2 && x.dataType == .string && x.byteCount == 0)
    #expect(throws: TensorError.self) { try Tensor(strings: [[1]], sizes: [2]) }
    #expect(try x.reshaped(to: [2, 1]).strings.count == 2)
  }

  @Test("Reals are equal when their bits are")
  func reals() throws {
    #expect(Real(0.0) != Real(-0.0))
    #expect(Real(Double.nan) == Real(-Double.nan))
    for value in [0.1, -0.0, 1e300, .infinity, -.infinity, .nan, .leastNonzeroMagnitude, Double(Float(0.1))] {
      #expect(Real(Double(Real(value).text) ?? 7) == Real(value))
    }
  }
}
