import Glibc
import Tensors
import Testing

@testable import ONNX

@Suite struct TensorReaderTests {
  /// Decodes a tensor that is a file of its own.
  private func decode(_ spec: TensorSpec) throws -> Tensor {
    let file = try MappedFile(contents: spec.bytes, named: "tensor")
    var reader = WireReader(file.bytes)
    let proto = try TensorProto(&reader)
    return try TensorReader(file, externalDataOf: nil, policy: ExternalDataPolicy(), copy: false).tensor(
      proto)
  }

  private func bytes(_ tensor: Tensor) -> [UInt8] {
    Array(UnsafeRawBufferPointer(start: tensor.bytes.base, count: tensor.byteCount))
  }

  private func reason(_ spec: TensorSpec) -> TensorDecodeError.Reason? {
    do {
      _ = try decode(spec)
      return nil
    } catch let error as TensorDecodeError { return error.reason } catch { return nil }
  }

  @Test func rawBytesAreNotCopied() throws {
    let file = try MappedFile(contents: TensorSpec.floats([3], [1, 2, 3], named: "w").bytes, named: "tensor")
    var wire = WireReader(file.bytes)
    let proto = try TensorProto(&wire)
    let tensor = try TensorReader(file, externalDataOf: nil, policy: ExternalDataPolicy(), copy: false)
      .tensor(proto)
    #expect(tensor.bytes.base >= file.bytes.base && tensor.bytes.base < file.bytes.base + file.bytes.count)
    #expect(try tensor.elements(of: Float.self) == [1, 2, 3])
  }

  @Test func readsTypedFields() throws {
    let floats = try decode(TensorSpec(type: 1, sizes: [2]) { $0.packedFloats(4, [1.5, -2]) })
    #expect(try floats.elements(of: Float.self) == [1.5, -2])
    let single = try decode(
      TensorSpec(type: 1, sizes: [2]) { e in
        e.float(4, 1.5)
        e.float(4, -2)
      })
    #expect(try single.elements(of: Float.self) == [1.5, -2])
    let doubles = try decode(TensorSpec(type: 11, sizes: [1]) { $0.bytes(10, littleEndian([0.25])) })
    #expect(try doubles.elements(of: Double.self) == [0.25])
    let int64s = try decode(TensorSpec(type: 7, sizes: [3]) { $0.packed(7, [-1, 0, .max]) })
    #expect(try int64s.elements(of: Int64.self) == [-1, 0, .max])
    let int32s = try decode(TensorSpec(type: 6, sizes: [2]) { $0.packed(5, [-5, 7]) })
    #expect(try int32s.elements(of: Int32.self) == [-5, 7])
    let uint64s = try decode(TensorSpec(type: 13, sizes: [1]) { $0.packed(11, [-1]) })
    #expect(try uint64s.elements(of: UInt64.self) == [.max])
    let uint32s = try decode(TensorSpec(type: 12, sizes: [1]) { $0.packed(11, [0xFFFF_FFFF]) })
    #expect(try uint32s.elements(of: UInt32.self) == [.max])
    let int8s = try decode(TensorSpec(type: 3, sizes: [2]) { $0.packed(5, [-128, 127]) })
    #expect(try int8s.elements(of: Int8.self) == [-128, 127])
    let uint16s = try decode(TensorSpec(type: 4, sizes: [1]) { $0.packed(5, [65535]) })
    #expect(try uint16s.elements(of: UInt16.self) == [65535])
    let bools = try decode(TensorSpec(type: 9, sizes: [2]) { $0.packed(5, [1, 0]) })
    #expect(bytes(bools) == [1, 0])
    let half = try decode(TensorSpec(type: 10, sizes: [2]) { $0.packed(5, [0x3C00, 0xC000]) })
    #expect(half.dataType == .float16)
    #expect(bytes(half) == [0x00, 0x3C, 0x00, 0xC0])
    let float8 = try decode(TensorSpec(type: 17, sizes: [2]) { $0.packed(5, [0x38, 0xB8]) })
    #expect(bytes(float8) == [0x38, 0xB8])
    let int4 = try decode(TensorSpec(type: 22, sizes: [3]) { $0.packed(5, [0x21, 0x0F]) })
    #expect(int4.dataType == .int4)
    #expect(bytes(int4) == [0x21, 0x0F])
    let int2 = try decode(TensorSpec(type: 26, sizes: [5]) { $0.bytes(9, [0xE4, 0x01]) })
    #expect(int2.byteCount == 2)
    let complex = try decode(TensorSpec(type: 14, sizes: [1]) { $0.packedFloats(4, [1, 2]) })
    #expect(complex.dataType == .complex64)
    let strings = try decode(
      TensorSpec(type: 8, sizes: [2]) { e in
        e.string(6, "a")
        e.bytes(6, [0xFF, 0])
      })
    #expect(strings.strings == [[0x61], [0xFF, 0]])
  }

  @Test func truthValuesAreZeroOrOne() throws {
    #expect(bytes(try decode(TensorSpec(type: 9, sizes: [3]) { $0.bytes(9, [0, 1, 7]) })) == [0, 1, 1])
  }

  @Test func scalarsAndEmptyTensors() throws {
    #expect(try decode(.floats([], [4])).sizes == [])
    #expect(try decode(TensorSpec(type: 1, sizes: [2, 0, 3])).elementCount == 0)
  }

  @Test func sizesMustMatch() {
    #expect(reason(.floats([1_000_000], [1])) == .byteCount(expected: 4_000_000, found: 4))
    #expect(reason(TensorSpec(type: 1, sizes: [4])) == .byteCount(expected: 16, found: 0))
    #expect(
      reason(TensorSpec(type: 7, sizes: [3]) { $0.packed(7, [1, 2]) }) == .elementCount(expected: 3, found: 2)
    )
    #expect(
      reason(TensorSpec(type: 22, sizes: [3]) { $0.bytes(9, [1]) }) == .byteCount(expected: 2, found: 1))
    #expect(reason(TensorSpec(type: 1, sizes: [1 << 40, 1 << 40])) == .sizeOverflow)
    #expect(reason(TensorSpec(type: 1, sizes: [1 << 62])) == .sizeOverflow)
    #expect(reason(TensorSpec(type: 1, sizes: [1 << 40])) == .byteCount(expected: 1 << 42, found: 0))
    #expect(reason(TensorSpec(type: 1, sizes: [0, 1 << 62, 1 << 62])) == .sizeOverflow)
    #expect(reason(TensorSpec(type: 1, sizes: [-1])) == .negativeSize(-1))
    #expect(reason(TensorSpec(type: 1, sizes: [Int64](repeating: 1, count: 10_000))) == .rank(10_000))
  }

  @Test func elementsMustFitTheirType() {
    #expect(reason(TensorSpec(type: 3, sizes: [1]) { $0.packed(5, [300]) }) == .notRepresentable(300, .int8))
    #expect(
      reason(TensorSpec(type: 6, sizes: [1]) { $0.packed(5, [1 << 40]) })
        == .notRepresentable(1 << 40, .int32))
    #expect(
      reason(TensorSpec(type: 12, sizes: [1]) { $0.packed(11, [1 << 40]) })
        == .notRepresentable(1 << 40, .uint32))
    #expect(
      reason(TensorSpec(type: 1, sizes: [1]) { $0.packed(5, [1]) })
        == .field("TensorProto.int32_data", .float32))
    #expect(reason(TensorSpec(type: 27, sizes: [1])) == .elementType(27))
    #expect(reason(TensorSpec(type: 0, sizes: [1])) == .elementType(0))
    #expect(
      reason(TensorSpec(type: 8, sizes: [1]) { $0.bytes(9, [1]) }) == .field("TensorProto.raw_data", .string))
    let twice = TensorSpec(type: 1, sizes: [1]) { e in
      e.bytes(9, [0, 0, 0, 0])
      e.float(4, 1)
    }
    #expect(reason(twice) == .severalFields)
  }

  @Test func sparseTensorsAreWrittenOut() throws {
    func sparse(_ indices: TensorSpec, _ sizes: [Int64]) throws -> Tensor {
      let bytes = Encoder { e in
        e.bytes(1, TensorSpec.floats([2], [5, 6], named: "s").bytes)
        e.bytes(2, indices.bytes)
        for size in sizes { e.int(3, size) }
      }.bytes
      let file = try MappedFile(contents: bytes, named: "sparse")
      var wire = WireReader(file.bytes)
      let proto = try SparseTensorProto(&wire)
      return try TensorReader(file, externalDataOf: nil, policy: ExternalDataPolicy(), copy: false).decode(
        proto
      ).tensor
    }
    #expect(try sparse(.int64s([2], [1, 3]), [2, 2]).elements(of: Float.self) == [0, 5, 0, 6])
    #expect(try sparse(.int64s([2, 2], [0, 1, 1, 0]), [2, 2]).elements(of: Float.self) == [0, 5, 6, 0])
    #expect(throws: TensorDecodeError.self) { try sparse(.int64s([2], [1, 4]), [2, 2]) }
    #expect(throws: TensorDecodeError.self) { try sparse(.int64s([2], [-1, 0]), [2, 2]) }
    #expect(throws: TensorDecodeError.self) { try sparse(.int64s([2, 2], [0, 2, 0, 0]), [2, 2]) }
    #expect(throws: TensorDecodeError.self) { try sparse(.int64s([2], [0, 1]), [1 << 20, 1 << 20]) }
  }

  @Test func readsRecordedValues() throws {
    let folder = TemporaryFolder()
    let tensor = folder.write("input_0.pb", TensorSpec.floats([2], [1, 2], named: "x").bytes)
    #expect(try TensorFile.read(tensor).tensor?.elements(of: Float.self) == [1, 2])
    let sequence = folder.write(
      "sequence.pb",
      Encoder { e in
        e.int(2, 1)
        e.bytes(3, TensorSpec.floats([1], [1]).bytes)
        e.bytes(3, TensorSpec.floats([2], [1, 2]).bytes)
      }.bytes)
    let type = ValueType.sequence(.tensor(.float32, nil))
    guard case .sequence(let elements) = try TensorFile.read(sequence, as: type) else {
      Issue.record("no sequence")
      return
    }
    #expect(elements.count == 2)
    let absent = folder.write("optional.pb", Encoder { $0.int(2, 0) }.bytes)
    guard case .absent = try TensorFile.read(absent, as: .optional(type)) else {
      Issue.record("not absent")
      return
    }
    #expect(throws: ImportError.self) { try TensorFile.read(folder.path + "/missing.pb") }
  }

  @Test func identitiesAreStableAndTellTensorsApart() throws {
    func id(_ spec: TensorSpec) throws -> String {
      let file = try MappedFile(contents: spec.bytes, named: "tensor")
      var wire = WireReader(file.bytes)
      let proto = try TensorProto(&wire)
      return try TensorReader(file, externalDataOf: nil, policy: ExternalDataPolicy(), copy: false).decode(
        proto
      ).id.text
    }
    let one = try id(.floats([2], [1, 2], named: "a"))
    #expect(try id(.floats([2], [1, 2], named: "b")) == one)
    #expect(try id(.floats([1, 2], [1, 2], named: "a")) != one)
    #expect(try id(.floats([2], [1, 3], named: "a")) != one)
    #expect(try id(TensorSpec(type: 6, sizes: [2]) { $0.bytes(9, littleEndian([Float(1), 2])) }) != one)
    let typed = TensorSpec(type: 1, sizes: [2]) { $0.packedFloats(4, [1, 2]) }
    #expect(try id(typed) == one)
  }
}
