import Tensors

/// How a field's value is written.
package enum WireType: UInt8, Hashable, Sendable {
  case varint = 0, fixed64 = 1, length = 2, groupStart = 3, groupEnd = 4, fixed32 = 5
}

/// A field's key: its number in the message, how its value is written, and where the key starts.
package struct WireField: Hashable, Sendable {
  package let number: UInt32
  package let type: WireType
  package let offset: Int
}

/// What a file may contain before it is refused: memory for what was read stays within a small multiple of these.
package struct WireLimits: Hashable, Sendable {
  package var depth = 100
  package var messages = 16_000_000
  /// Strings, and numbers outside of tensors.
  package var elements = 64_000_000

  package init() {}
}

/// The singular fields that a message has had: none may come twice.
package struct SeenFields: Sendable {
  private var mask: UInt64 = 0
  package init() {}

  mutating func insert(_ field: WireField, _ name: StaticString) throws(WireError) {
    let bit: UInt64 = 1 << UInt64(field.number & 63)
    if mask & bit != 0 { throw WireError(.repeated, field: name, at: field.offset) }
    mask |= bit
  }
}

/// Reads protocol buffers from bytes without copying them; every read is checked against the message's end.
///
/// ```swift
/// while let field = try reader.next("NodeProto") {
///   switch field.number {
///   case 1: inputs.append(try reader.string(field, "NodeProto.input"))
///   default: try reader.skip(field, "NodeProto")
///   }
/// }
/// ```
/// The caller keeps the bytes alive. Offsets and ranges count from the first byte.
package struct WireReader: Sendable {
  package let bytes: Bytes
  package private(set) var position: Int
  package private(set) var end: Int
  private let limits: WireLimits
  private var depth = 0
  private var messages = 0
  private var elements = 0

  package init(_ bytes: Bytes, limits: WireLimits = WireLimits()) {
    self.init(bytes, range: 0..<bytes.count, limits: limits)
  }

  /// Reads one message inside of `bytes`.
  package init(_ bytes: Bytes, range: Range<Int>, limits: WireLimits = WireLimits()) {
    precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count, "range outside of the bytes")
    self.bytes = bytes
    self.limits = limits
    position = range.lowerBound
    end = range.upperBound
  }

  // MARK: - Fields

  /// The next field's key; nil at the end of the message.
  package mutating func next(_ message: StaticString) throws(WireError) -> WireField? {
    if position == end { return nil }
    let offset = position
    let key = try varint(message)
    let number = key >> 3
    guard let type = WireType(rawValue: UInt8(key & 7)) else {
      throw WireError(.unknownWireType(UInt8(key & 7)), field: message, at: offset)
    }
    guard number > 0, number < 1 << 29 else {
      throw WireError(.fieldNumber(number), field: message, at: offset)
    }
    if type == .groupEnd { throw WireError(.unmatchedGroup, field: message, at: offset) }
    return WireField(number: UInt32(number), type: type, offset: offset)
  }

  /// Passes over a field's value, whatever it is: unknown fields are no error. Groups are not recursed into.
  package mutating func skip(_ field: WireField, _ message: StaticString) throws(WireError) {
    var open: [UInt32] = []
    var number = field.number
    var type = field.type
    while true {
      switch type {
      case .varint: _ = try varint(message)
      case .fixed64: try advance(8, message)
      case .fixed32: try advance(4, message)
      case .length: _ = try lengthPrefixed(message)
      case .groupStart:
        if depth + open.count >= limits.depth {
          throw WireError(.depth(limit: limits.depth), field: message, at: field.offset)
        }
        open.append(number)
      case .groupEnd:
        if open.popLast() != number { throw WireError(.unmatchedGroup, field: message, at: field.offset) }
      }
      if open.isEmpty { return }
      let offset = position
      let key = try varint(message)
      guard let next = WireType(rawValue: UInt8(key & 7)) else {
        throw WireError(.unknownWireType(UInt8(key & 7)), field: message, at: offset)
      }
      guard key >> 3 > 0, key >> 3 < 1 << 29 else {
        throw WireError(.fieldNumber(key >> 3), field: message, at: offset)
      }
      number = UInt32(key >> 3)
      type = next
    }
  }

  // MARK: - Values of a field

  package mutating func int64(_ field: WireField, _ name: StaticString) throws(WireError) -> Int64 {
    try expect(.varint, field, name)
    return Int64(bitPattern: try varint(name))
  }

  /// A number of 32 bits, or an enumeration: negative ones are written with 64 bits.
  package mutating func int32(_ field: WireField, _ name: StaticString) throws(WireError) -> Int32 {
    let wide = try int64(field, name)
    guard let value = Int32(exactly: wide) else {
      throw WireError(.outOfRange(wide), field: name, at: field.offset)
    }
    return value
  }

  package mutating func float(_ field: WireField, _ name: StaticString) throws(WireError) -> Float {
    try expect(.fixed32, field, name)
    let start = position
    try advance(4, name)
    return Float(bitPattern: bytes.base.loadUnaligned(fromByteOffset: start, as: UInt32.self))
  }

  /// Where the field's bytes are.
  package mutating func range(_ field: WireField, _ name: StaticString) throws(WireError) -> Range<Int> {
    try expect(.length, field, name)
    return try lengthPrefixed(name)
  }

  package mutating func blob(_ field: WireField, _ name: StaticString) throws(WireError) -> [UInt8] {
    let range = try range(field, name)
    try countElements(1, name)
    return [UInt8](UnsafeRawBufferPointer(start: bytes.base + range.lowerBound, count: range.count))
  }

  /// Text; bytes that are no UTF-8 become replacement characters.
  package mutating func string(_ field: WireField, _ name: StaticString) throws(WireError) -> String {
    let range = try range(field, name)
    try countElements(1, name)
    return String(
      decoding: UnsafeRawBufferPointer(start: bytes.base + range.lowerBound, count: range.count),
      as: UTF8.self)
  }

  /// Appends the field's numbers, packed or one at a time.
  package mutating func int64s(
    _ field: WireField, _ name: StaticString, into list: inout [Int64]
  ) throws(WireError) {
    if field.type == .varint {
      try countElements(1, name)
      list.append(Int64(bitPattern: try varint(name)))
      return
    }
    let range = try range(field, name)
    let outer = end
    position = range.lowerBound
    end = range.upperBound
    while position < end {
      try countElements(1, name)
      list.append(Int64(bitPattern: try varint(name)))
    }
    end = outer
  }

  package mutating func floats(
    _ field: WireField, _ name: StaticString, into list: inout [Float]
  ) throws(WireError) {
    if field.type == .fixed32 {
      try countElements(1, name)
      list.append(try float(field, name))
      return
    }
    let range = try range(field, name)
    if range.count % 4 != 0 {
      throw WireError(.packedSize(range.count, elementByteCount: 4), field: name, at: field.offset)
    }
    try countElements(range.count / 4, name)
    list.reserveCapacity(list.count + range.count / 4)
    for offset in stride(from: range.lowerBound, to: range.upperBound, by: 4) {
      list.append(Float(bitPattern: bytes.base.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
    }
  }

  /// Reads the message in the field; `body` sees its fields only.
  package mutating func message<Result>(
    _ field: WireField, _ name: StaticString, _ body: (inout WireReader) throws(WireError) -> Result
  ) throws(WireError) -> Result {
    let range = try range(field, name)
    if depth >= limits.depth { throw WireError(.depth(limit: limits.depth), field: name, at: field.offset) }
    if messages >= limits.messages {
      throw WireError(.count(limit: limits.messages), field: name, at: field.offset)
    }
    messages += 1
    depth += 1
    let outer = end
    position = range.lowerBound
    end = range.upperBound
    let result = try body(&self)
    position = range.upperBound
    end = outer
    depth -= 1
    return result
  }

  // MARK: - Bytes

  /// An unsigned number, seven bits a byte, at most ten bytes.
  package mutating func varint(_ name: StaticString) throws(WireError) -> UInt64 {
    let start = position
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      if position >= end { throw WireError(.truncated, field: name, at: start) }
      let byte = bytes.base.load(fromByteOffset: position, as: UInt8.self)
      position += 1
      if shift == 63 && byte > 1 { throw WireError(.varintTooLong, field: name, at: start) }
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
      shift += 7
    }
  }

  /// The range after a length, which is moved over.
  private mutating func lengthPrefixed(_ name: StaticString) throws(WireError) -> Range<Int> {
    let start = position
    let length = try varint(name)
    guard length <= UInt64(end - position) else {
      throw WireError(.length(length, remaining: end - position), field: name, at: start)
    }
    let range = position..<position + Int(length)
    position = range.upperBound
    return range
  }

  private mutating func advance(_ count: Int, _ name: StaticString) throws(WireError) {
    if end - position < count { throw WireError(.truncated, field: name, at: position) }
    position += count
  }

  private func expect(_ type: WireType, _ field: WireField, _ name: StaticString) throws(WireError) {
    if field.type != type {
      throw WireError(.wireType(expected: type, found: field.type), field: name, at: field.offset)
    }
  }

  private mutating func countElements(_ count: Int, _ name: StaticString) throws(WireError) {
    elements += count
    if elements > limits.elements {
      throw WireError(.count(limit: limits.elements), field: name, at: position)
    }
  }
}
