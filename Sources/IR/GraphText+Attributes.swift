/// The attributes of an operator as a tree of words, as the text form prints them: `{kernel=[3,3]}`.
package indirect enum AttributeTree: Hashable, Sendable {
  case word(String)
  case list([AttributeTree])
  case record([Field])

  package struct Field: Hashable, Sendable {
    package var name: String
    package var value: AttributeTree
    package init(_ name: String, _ value: AttributeTree) {
      self.name = name
      self.value = value
    }
  }

  /// The tree of an operator's stored properties; nil and false ones are left out.
  package init(of value: some Encodable) throws {
    let box = AttributeBox()
    try value.encode(to: AttributeEncoder(box: box))
    self = box.tree
  }

  /// Reads `type` from the tree. Throws `DecodingError` for a tree that does not fit.
  package func decoded<T: Decodable>(as type: T.Type) throws -> T {
    try T(from: AttributeDecoder(tree: self))
  }

  package var text: String {
    switch self {
    case .word(let word): GraphText.isPlainWord(word) ? word : GraphText.quoted(word)
    case .list(let items): "[" + items.map(\.text).joined(separator: ",") + "]"
    case .record(let fields): "{" + Self.text(of: fields) + "}"
    }
  }

  static func text(of fields: [Field]) -> String {
    fields.map { "\($0.name)=\($0.value.text)" }.joined(separator: ", ")
  }
}

extension Operator {
  /// The operator as the text form prints it: `Conv[window={kernel=[3,3]}, groups=1]`. The same in every
  /// process.
  package var text: String {
    guard let tree = try? AttributeTree(of: self), case .record(let fields) = tree, !fields.isEmpty else {
      return Self.name
    }
    return "\(Self.name)[\(AttributeTree.text(of: fields))]"
  }
}

// MARK: - Writing

/// What an encoder has written so far.
private final class AttributeBox {
  private enum Content {
    case empty
    case word(String)
    case list([AttributeBox])
    case record([(String, AttributeBox)])
  }
  private var content = Content.empty

  func becomeRecord() { if case .record = content {} else { content = .record([]) } }
  func becomeList() { if case .list = content {} else { content = .list([]) } }
  func set(_ word: String) { content = .word(word) }

  func field(_ name: String) -> AttributeBox {
    let box = AttributeBox()
    if case .record(var fields) = content {
      fields.append((name, box))
      content = .record(fields)
    }
    return box
  }

  func item() -> AttributeBox {
    let box = AttributeBox()
    if case .list(var items) = content {
      items.append(box)
      content = .list(items)
    }
    return box
  }

  var count: Int {
    if case .list(let items) = content { return items.count }
    return 0
  }

  var tree: AttributeTree {
    switch content {
    case .empty: .record([])
    case .word(let word): .word(word)
    case .list(let items): .list(items.map(\.tree))
    case .record(let fields): .record(fields.map { AttributeTree.Field($0.0, $0.1.tree) })
    }
  }
}

private struct AttributeEncoder: Encoder {
  let box: AttributeBox
  var codingPath: [any CodingKey] { [] }
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    box.becomeRecord()
    return KeyedEncodingContainer(Keyed<Key>(box: box))
  }
  func unkeyedContainer() -> any UnkeyedEncodingContainer {
    box.becomeList()
    return Unkeyed(box: box)
  }
  func singleValueContainer() -> any SingleValueEncodingContainer { Single(box: box) }

  static func write(_ value: some Encodable, to box: AttributeBox) throws {
    switch value {
    case let value as Bool: box.set(value ? "true" : "false")
    case let value as String: box.set(value)
    case let value as any FixedWidthInteger: box.set("\(value)")
    case let value as Double: box.set("\(value)")
    case let value as Float: box.set("\(value)")
    default: try value.encode(to: AttributeEncoder(box: box))
    }
  }

  struct Keyed<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let box: AttributeBox
    var codingPath: [any CodingKey] { [] }
    mutating func encodeNil(forKey key: Key) {}
    mutating func encode(_ value: Bool, forKey key: Key) {
      if value { box.field(key.stringValue).set("true") }
    }
    mutating func encode<T: Encodable>(_ value: T, forKey key: Key) throws {
      try AttributeEncoder.write(value, to: box.field(key.stringValue))
    }
    mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key)
      -> KeyedEncodingContainer<Nested>
    { AttributeEncoder(box: box.field(key.stringValue)).container(keyedBy: type) }
    mutating func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
      AttributeEncoder(box: box.field(key.stringValue)).unkeyedContainer()
    }
    mutating func superEncoder() -> any Encoder { AttributeEncoder(box: box.field("super")) }
    mutating func superEncoder(forKey key: Key) -> any Encoder {
      AttributeEncoder(box: box.field(key.stringValue))
    }
  }

  struct Unkeyed: UnkeyedEncodingContainer {
    let box: AttributeBox
    var codingPath: [any CodingKey] { [] }
    var count: Int { box.count }
    mutating func encodeNil() { box.item().set("nil") }
    mutating func encode<T: Encodable>(_ value: T) throws {
      try AttributeEncoder.write(value, to: box.item())
    }
    mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<
      Nested
    > {
      AttributeEncoder(box: box.item()).container(keyedBy: type)
    }
    mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
      AttributeEncoder(box: box.item()).unkeyedContainer()
    }
    mutating func superEncoder() -> any Encoder { AttributeEncoder(box: box.item()) }
  }

  struct Single: SingleValueEncodingContainer {
    let box: AttributeBox
    var codingPath: [any CodingKey] { [] }
    mutating func encodeNil() { box.set("nil") }
    mutating func encode<T: Encodable>(_ value: T) throws { try AttributeEncoder.write(value, to: box) }
  }
}

// MARK: - Reading

private struct AttributeDecoder: Decoder {
  let tree: AttributeTree
  var codingPath: [any CodingKey] { [] }
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  static func mismatch(_ what: String) -> DecodingError {
    .dataCorrupted(.init(codingPath: [], debugDescription: what))
  }

  func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    guard case .record(let fields) = tree else { throw Self.mismatch("expected {…}, found \(tree.text)") }
    return KeyedDecodingContainer(Keyed<Key>(fields: fields))
  }
  func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
    guard case .list(let items) = tree else { throw Self.mismatch("expected […], found \(tree.text)") }
    return Unkeyed(items: items)
  }
  func singleValueContainer() -> any SingleValueDecodingContainer { Single(tree: tree) }

  static func read<T: Decodable>(_ type: T.Type, from tree: AttributeTree) throws -> T {
    func word<V>(_ convert: (String) -> V?) throws -> T {
      guard case .word(let text) = tree, let value = convert(text) as? T else {
        throw mismatch("expected \(type), found \(tree.text)")
      }
      return value
    }
    switch type {
    case is Bool.Type: return try word { $0 == "true" ? true : $0 == "false" ? false : nil }
    case is String.Type: return try word { $0 }
    case is Double.Type: return try word { Double($0) }
    case is Float.Type: return try word { Float($0) }
    case let integer as any FixedWidthInteger.Type:
      func parsed<I: FixedWidthInteger>(_: I.Type) throws -> T { try word { I($0) } }
      return try parsed(integer)
    default: return try T(from: AttributeDecoder(tree: tree))
    }
  }

  struct Keyed<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let fields: [AttributeTree.Field]
    var codingPath: [any CodingKey] { [] }
    var allKeys: [Key] { fields.compactMap { Key(stringValue: $0.name) } }
    private func find(_ key: Key) throws -> AttributeTree {
      guard let field = fields.first(where: { $0.name == key.stringValue }) else {
        throw AttributeDecoder.mismatch("\(key.stringValue) is missing")
      }
      return field.value
    }
    func contains(_ key: Key) -> Bool { fields.contains { $0.name == key.stringValue } }
    func decodeNil(forKey key: Key) throws -> Bool { !contains(key) }
    func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool {
      contains(key) ? try AttributeDecoder.read(type, from: find(key)) : false
    }
    func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
      try AttributeDecoder.read(type, from: find(key))
    }
    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key) throws
      -> KeyedDecodingContainer<Nested>
    { try AttributeDecoder(tree: find(key)).container(keyedBy: type) }
    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
      try AttributeDecoder(tree: find(key)).unkeyedContainer()
    }
    func superDecoder() -> any Decoder { AttributeDecoder(tree: .record(fields)) }
    func superDecoder(forKey key: Key) throws -> any Decoder { AttributeDecoder(tree: try find(key)) }
  }

  struct Unkeyed: UnkeyedDecodingContainer {
    let items: [AttributeTree]
    var currentIndex = 0
    init(items: [AttributeTree]) { self.items = items }
    var codingPath: [any CodingKey] { [] }
    var count: Int? { items.count }
    var isAtEnd: Bool { currentIndex >= items.count }
    private mutating func next() throws -> AttributeTree {
      if isAtEnd { throw AttributeDecoder.mismatch("the list ends early") }
      currentIndex += 1
      return items[currentIndex - 1]
    }
    mutating func decodeNil() throws -> Bool {
      if !isAtEnd, case .word("nil") = items[currentIndex] {
        currentIndex += 1
        return true
      }
      return false
    }
    mutating func decode<T: Decodable>(_ type: T.Type) throws -> T {
      try AttributeDecoder.read(type, from: next())
    }
    mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) throws
      -> KeyedDecodingContainer<Nested>
    { try AttributeDecoder(tree: next()).container(keyedBy: type) }
    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
      try AttributeDecoder(tree: next()).unkeyedContainer()
    }
    mutating func superDecoder() throws -> any Decoder { AttributeDecoder(tree: try next()) }
  }

  struct Single: SingleValueDecodingContainer {
    let tree: AttributeTree
    var codingPath: [any CodingKey] { [] }
    func decodeNil() -> Bool { tree == .word("nil") }
    func decode<T: Decodable>(_ type: T.Type) throws -> T { try AttributeDecoder.read(type, from: tree) }
  }
}
