import FoundationEssentials

/// A text that is no JSON, with what the reader says of it.
package struct JSONError: Error, CustomStringConvertible {
  package let description: String
}

extension JSON: Decodable {
  /// Reads a JSON text. Members of an object come in alphabetical order: what is read here is looked up by name.
  package static func parse(_ text: String) throws(JSONError) -> JSON {
    do { return try JSONDecoder().decode(JSON.self, from: Data(text.utf8)) } catch let error as DecodingError
    {
      guard case .dataCorrupted(let context) = error else {
        throw JSONError(description: "no JSON: \(error)")
      }
      let detail = context.underlyingError.map { ": \($0)" } ?? ""
      throw JSONError(description: "no JSON: \(context.debugDescription)\(detail)")
    } catch { throw JSONError(description: "no JSON: \(error)") }
  }

  private struct Key: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  package init(from decoder: any Decoder) throws {
    if let members = try? decoder.container(keyedBy: Key.self) {
      let keys = members.allKeys.sorted { $0.stringValue < $1.stringValue }
      self = .object(try keys.map { ($0.stringValue, try members.decode(JSON.self, forKey: $0)) })
      return
    }
    if var elements = try? decoder.unkeyedContainer() {
      var array: [JSON] = []
      while !elements.isAtEnd { array.append(try elements.decode(JSON.self)) }
      self = .array(array)
      return
    }
    let value = try decoder.singleValueContainer()
    if value.decodeNil() {
      self = .null
    } else if let bool = try? value.decode(Bool.self) {
      self = .bool(bool)
    } else if let integer = try? value.decode(Int.self) {
      self = .integer(integer)
    } else if let number = try? value.decode(Double.self) {
      self = .number(number)
    } else {
      self = .string(try value.decode(String.self))
    }
  }
}

// MARK: - Looking things up

extension JSON {
  /// The member of an object; nil when there is none, or when this is no object.
  package subscript(_ name: String) -> JSON? { members?.first { $0.0 == name }?.1 }

  package var members: [(String, JSON)]? { if case .object(let members) = self { members } else { nil } }
  package var array: [JSON]? { if case .array(let elements) = self { elements } else { nil } }
  package var string: String? { if case .string(let text) = self { text } else { nil } }
  package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }

  package var integer: Int? {
    switch self {
    case .integer(let value): value
    case .number(let value): Int(exactly: value)
    default: nil
    }
  }

  package var double: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }

  package var isNull: Bool { if case .null = self { true } else { false } }

  /// Two numbers as an interval; nil for anything else.
  package var interval: ClosedRange<Double>? {
    guard let ends = array, ends.count == 2, let low = ends[0].double, let high = ends[1].double, low <= high
    else {
      return nil
    }
    return low...high
  }
}

extension JSON: Equatable {
  /// Members count in any order; 1 equals 1.0.
  package static func == (a: JSON, b: JSON) -> Bool {
    switch (a, b) {
    case (.null, .null): true
    case (.bool(let a), .bool(let b)): a == b
    case (.string(let a), .string(let b)): a == b
    case (.array(let a), .array(let b)): a == b
    case (.object(let a), .object(let b)):
      a.count == b.count && a.allSatisfy { name, value in b.contains { $0.0 == name && $0.1 == value } }
    default: a.double != nil && a.double == b.double
    }
  }
}
