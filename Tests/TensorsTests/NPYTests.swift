import Glibc
import Tensors
import Testing

@Suite struct NPYTests {
  func file(_ header: String, version: UInt8 = 1, data: [UInt8] = []) -> [UInt8] {
    let text = Array(header.utf8)
    let length =
      version == 1
      ? [UInt8(text.count & 255), UInt8(text.count >> 8)]
      : [UInt8(text.count & 255), UInt8(text.count >> 8), 0, 0]
    return [0x93] + Array("NUMPY".utf8) + [version, 0] + length + text + data
  }

  static let types: [DataType] = [
    .bool, .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64, .float16, .float32, .float64,
  ]

  @Test("There and back", arguments: types)
  func roundTrip(_ type: DataType) throws {
    for sizes in [[], [0], [3], [2, 3], [1, 2, 0], [2, 1, 3, 2]] {
      let count = sizes.reduce(1, *)
      let x = try Tensor.fromInt64s((0..<count).map { Int64($0 % 2) }, dataType: type, sizes: sizes)
      let bytes = try x.npy()
      let text = try #require(bytes.firstIndex(of: 0x0A))
      #expect((text + 1) % 64 == 0)
      let y = try Tensor(npy: bytes)
      #expect(y.dataType == type && y.sizes == sizes && y.format == x.format)
      #expect(try y.int64s() == x.int64s())
    }
  }

  @Test func fortranOrderIsALayout() throws {
    let header = "{'descr': '<i2', 'fortran_order': True, 'shape': (2, 3), }\n"
    let x = try Tensor(npy: file(header, data: [1, 0, 4, 0, 2, 0, 5, 0, 3, 0, 6, 0]))
    #expect(x.format.layout == .permuted([1, 0]))
    #expect(try x.elements(of: Int16.self) == [1, 2, 3, 4, 5, 6])
    #expect(try Tensor(npy: x.npy()).elements(of: Int16.self) == [1, 2, 3, 4, 5, 6])
    #expect(try Tensor(npy: x.npy()).format.layout == .permuted([1, 0]))
  }

  @Test("Versions, byte orders and spellings", arguments: [1, 2, 3] as [UInt8])
  func versions(_ version: UInt8) throws {
    let header = "{\"shape\": (2L,), 'descr':'>f4','fortran_order' : False}"
    let x = try Tensor(npy: file(header, version: version, data: [0x3F, 0x80, 0, 0, 0xC0, 0, 0, 0]))
    #expect(try x.elements(of: Float.self) == [1, -2])
  }

  @Test func badFiles() throws {
    let good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n"
    let bad: [[UInt8]] = [
      [], [0x93], Array("PK not an npy file".utf8), file(good, version: 9), file(good, data: [0, 0, 0]),
      Array(file(good).prefix(30)), file("{'descr': '<f4'"), file("{}"), file(""), file("{{{{"),
      file("{'descr': '<V2', 'fortran_order': False, 'shape': (2,), }"),
      file("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }"),
      file("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }"),
      file("{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 4), }"),
      file("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904,), }"),
      file("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999,), }"),
      file("{'descr': '<f4', 'fortran_order': False, 'shape': (\(String(repeating: "1,", count: 100))), }"),
      file("{'descr': '<f4', 'fortran_order': 3, 'shape': (2,), }"),
      [0x93] + Array("NUMPY".utf8) + [2, 0, 255, 255, 255, 255, 0, 0],
    ]
    for bytes in bad { #expect(throws: TensorError.self) { try Tensor(npy: bytes) } }
  }

  @Test func files() throws {
    let path = "/tmp/needletail-npy-\(getpid()).npy"
    defer { unlink(path) }
    let x = try Tensor([1, 2, 3] as [Double], sizes: [3, 1])
    try x.write(npyFile: path)
    #expect(try Tensor(npyFile: path).elements(of: Double.self) == [1, 2, 3])
    #expect(throws: TensorError.self) { try Tensor(npyFile: path + ".missing") }
    #expect(throws: TensorError.self) { try Tensor(npyFile: "/tmp") }
    #expect(throws: TensorError.self) { try x.write(npyFile: "/nowhere/x.npy") }
    #expect(throws: TensorError.self) {
      try Tensor(uninitialized: .bfloat16, sizes: [1]).write(npyFile: path)
    }
  }
}
