/// Bytes that are no well-formed protocol buffer of the expected kind: where, in which field, and why.
package struct WireError: Error, Hashable, Sendable {
  package enum Reason: Hashable, Sendable {
    case truncated
    case varintTooLong
    /// The number does not fit the field's 32 bits.
    case outOfRange(Int64)
    case length(UInt64, remaining: Int)
    case wireType(expected: WireType, found: WireType)
    case unknownWireType(UInt8)
    case fieldNumber(UInt64)
    case unmatchedGroup
    case depth(limit: Int)
    case count(limit: Int)
    case repeated
    case packedSize(Int, elementByteCount: Int)
    case attributeKind(declared: String, found: String)
    case attributeType(Int32)
  }

  /// Bytes from the start of the file.
  package let offset: Int
  /// Message and field, such as `NodeProto.input`.
  package let field: String
  package let reason: Reason

  package init(_ reason: Reason, field: StaticString, at offset: Int) {
    self.offset = offset
    self.field = "\(field)"
    self.reason = reason
  }
}
