/// Appends fields of protocol buffers to bytes: the counterpart of `WireReader`.
struct WireWriter: Sendable {
  private(set) var bytes: [UInt8] = []

  mutating func varint(_ value: UInt64) {
    var value = value
    while value >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: value) | 0x80)
      value >>= 7
    }
    bytes.append(UInt8(value))
  }

  mutating func key(_ field: UInt32, _ type: WireType) { varint(UInt64(field) << 3 | UInt64(type.rawValue)) }

  mutating func int(_ field: UInt32, _ value: Int64) {
    key(field, .varint)
    varint(UInt64(bitPattern: value))
  }

  mutating func float(_ field: UInt32, _ value: Float) {
    key(field, .fixed32)
    for shift in stride(from: 0, to: 32, by: 8) {
      bytes.append(UInt8(truncatingIfNeeded: value.bitPattern >> UInt32(shift)))
    }
  }

  mutating func blob(_ field: UInt32, _ value: [UInt8]) {
    key(field, .length)
    varint(UInt64(value.count))
    bytes += value
  }

  mutating func string(_ field: UInt32, _ value: String) { blob(field, Array(value.utf8)) }

  /// The same, left out when it is empty.
  mutating func text(_ field: UInt32, _ value: String) {
    if !value.isEmpty { string(field, value) }
  }

  mutating func message(_ field: UInt32, _ body: (inout WireWriter) -> Void) {
    var inner = WireWriter()
    body(&inner)
    blob(field, inner.bytes)
  }

  /// Fields that are written already.
  mutating func append(_ other: WireWriter) { bytes += other.bytes }
}
