import Tensors

/// Numbers, texts and lists as bytes: little endian, every list and text behind its count.
struct ByteWriter {
  private(set) var bytes: [UInt8] = []

  mutating func put(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: UInt64(truncatingIfNeeded: value).littleEndian) { bytes.append(contentsOf: $0) }
  }

  mutating func put(_ text: String) { put(raw: Array(text.utf8)) }

  mutating func put(raw: [UInt8]) {
    put(raw.count)
    bytes.append(contentsOf: raw)
  }

  mutating func put(_ text: String?) {
    put(text == nil ? 0 : 1)
    if let text { put(text) }
  }

  mutating func put<T>(_ list: [T], _ one: (inout ByteWriter, T) -> Void) {
    put(list.count)
    for element in list { one(&self, element) }
  }
}

/// The way back. Throws where the bytes end too early or say what cannot be; no count is believed before as many bytes
/// are there.
struct ByteReader {
  private let bytes: Bytes
  private var position = 0

  init(_ bytes: Bytes) { self.bytes = bytes }

  static let cut = CompiledFileError.damaged("its description ends too early")

  mutating func word() throws(CompiledFileError) -> UInt64 {
    guard bytes.count - position >= 8 else { throw Self.cut }
    defer { position += 8 }
    return UInt64(littleEndian: bytes.base.loadUnaligned(fromByteOffset: position, as: UInt64.self))
  }

  /// A number that is not negative.
  mutating func count() throws(CompiledFileError) -> Int {
    guard let count = Int(exactly: try word()) else { throw .damaged("a number is too large") }
    return count
  }

  mutating func number() throws(CompiledFileError) -> Int { Int(Int64(bitPattern: try word())) }

  mutating func int32() throws(CompiledFileError) -> Int32 {
    guard let value = Int32(exactly: try number()) else { throw .damaged("a number is too large") }
    return value
  }

  mutating func text() throws(CompiledFileError) -> String { String(decoding: try raw(), as: UTF8.self) }

  mutating func raw() throws(CompiledFileError) -> [UInt8] {
    let count = try count()
    guard bytes.count - position >= count else { throw Self.cut }
    defer { position += count }
    return Array(UnsafeRawBufferPointer(start: bytes.base + position, count: count))
  }

  mutating func optionalText() throws(CompiledFileError) -> String? { try word() == 0 ? nil : try text() }

  mutating func list<T>(
    _ one: (inout ByteReader) throws(CompiledFileError) -> T
  ) throws(CompiledFileError) -> [T] {
    let count = try count()
    // Each element takes eight bytes or more.
    guard (bytes.count - position) / 8 >= count else { throw Self.cut }
    var list: [T] = []
    list.reserveCapacity(count)
    for _ in 0..<count { list.append(try one(&self)) }
    return list
  }

  func expectEnd() throws(CompiledFileError) {
    if position != bytes.count { throw .damaged("its description is followed by other bytes") }
  }
}
