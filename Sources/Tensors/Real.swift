/// A floating-point attribute that is equal to another exactly when their bits are: one NaN, two zeros.
///
/// Attributes are keys of caches, so `0.0` and `-0.0` must differ and a NaN must equal itself.
public struct Real: Hashable, Codable, Sendable {
  public let bits: UInt64

  public init(_ value: Double) { bits = (value.isNaN ? .nan : value).bitPattern }
  public init(_ value: Float) { self.init(Double(value)) }

  public var value: Double { Double(bitPattern: bits) }
  public var float: Float { Float(value) }

  public init(from decoder: any Decoder) throws {
    let text = try decoder.singleValueContainer().decode(String.self)
    guard let value = Double(text) else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "not a number: \(text)"))
    }
    self.init(value)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }
}

extension Real: ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral {
  public init(floatLiteral value: Double) { self.init(value) }
  public init(integerLiteral value: Int) { self.init(Double(value)) }
}

extension Real: CustomStringConvertible {
  /// The shortest text that reads back to the same bits.
  public var text: String {
    let value = value
    if value.isNaN { return "nan" }
    if value.isInfinite { return value < 0 ? "-inf" : "inf" }
    return "\(value)"
  }
  public var description: String { text }
}
