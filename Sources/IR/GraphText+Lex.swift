import Tensors

// Words, names, numbers and types of the text form.
extension GraphParser {
  func error(_ what: String) -> GraphError {
    let line = 1 + bytes[..<min(position, bytes.count)].count { $0 == UInt8(ascii: "\n") }
    return GraphError(.malformed("line \(line): \(what)"))
  }

  /// Passes over white space and comments.
  mutating func skipSpace() {
    while position < bytes.count {
      switch bytes[position] {
      case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\t"), UInt8(ascii: "\r"): position += 1
      case UInt8(ascii: "/") where position + 1 < bytes.count && bytes[position + 1] == UInt8(ascii: "/"):
        while position < bytes.count, bytes[position] != UInt8(ascii: "\n") { position += 1 }
      default: return
      }
    }
  }

  mutating func peek() -> UInt8? {
    skipSpace()
    return position < bytes.count ? bytes[position] : nil
  }

  mutating func take(_ character: Character) -> Bool {
    guard let next = peek(), next == character.asciiValue else { return false }
    position += 1
    return true
  }

  mutating func expect(_ character: Character) throws(GraphError) {
    if !take(character) { throw error("expected \(character), found \(found)") }
  }

  mutating func expect(arrow: Void) throws(GraphError) {
    try expect("-")
    try expect(">")
  }

  mutating func expectEnd() throws(GraphError) {
    if peek() != nil { throw error("expected the end, found \(found)") }
  }

  private var found: String {
    position < bytes.count
      ? String(decoding: bytes[position..<min(position + 12, bytes.count)], as: UTF8.self) : "the end"
  }

  /// Takes exactly this word, which ends where no name goes on.
  mutating func takeWord(_ word: String) -> Bool {
    skipSpace()
    let end = position + word.utf8.count
    guard end <= bytes.count, bytes[position..<end].elementsEqual(word.utf8),
      end == bytes.count || !GraphText.isNameByte(bytes[end])
    else { return false }
    position = end
    return true
  }

  mutating func expect(word: String) throws(GraphError) {
    if !takeWord(word) { throw error("expected \(word), found \(found)") }
  }

  mutating func word() throws(GraphError) -> String {
    skipSpace()
    let start = position
    while position < bytes.count, GraphText.isWordByte(bytes[position]) { position += 1 }
    if position == start { throw error("expected a word, found \(found)") }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  /// A name, in quotes if it holds other bytes than names do.
  mutating func name() throws(GraphError) -> String {
    if peek() == UInt8(ascii: "\"") { return try quoted() }
    let start = position
    while position < bytes.count, GraphText.isNameByte(bytes[position]) { position += 1 }
    if position == start { throw error("expected a name, found \(found)") }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  mutating func valueName() throws(GraphError) -> String {
    if !take("%") && !take("@") { throw error("expected % or @, found \(found)") }
    guard position < bytes.count else { throw error("expected a name") }
    if bytes[position] == UInt8(ascii: "\"") { return try quoted() }
    let start = position
    while position < bytes.count, GraphText.isNameByte(bytes[position]) { position += 1 }
    if position == start { throw error("expected a name, found \(found)") }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  mutating func quoted() throws(GraphError) -> String {
    try expect("\"")
    var text: [UInt8] = []
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      if byte == UInt8(ascii: "\"") { return String(decoding: text, as: UTF8.self) }
      guard byte == UInt8(ascii: "\\") else {
        text.append(byte)
        continue
      }
      guard position < bytes.count else { break }
      let escaped = bytes[position]
      position += 1
      guard escaped == UInt8(ascii: "u") else {
        text.append(escaped)
        continue
      }
      guard position < bytes.count, bytes[position] == UInt8(ascii: "{"),
        let close = bytes[position...].firstIndex(of: UInt8(ascii: "}")),
        let code = UInt32(String(decoding: bytes[(position + 1)..<close], as: UTF8.self), radix: 16),
        let scalar = Unicode.Scalar(code)
      else { throw error("expected \\u{…}") }
      text.append(contentsOf: String(Character(scalar)).utf8)
      position = close + 1
    }
    throw error("a quoted name does not end")
  }

  mutating func integer() throws(GraphError) -> Int {
    let text = try word()
    guard let value = Int(text) else { throw error("expected an integer, found \(text)") }
    return value
  }

  mutating func real() throws(GraphError) -> Real {
    let text = try word()
    guard let value = Double(text) else { throw error("expected a number, found \(text)") }
    return Real(value)
  }

  mutating func dataType() throws(GraphError) -> DataType {
    let text = try word()
    guard let type = DataType(rawValue: text) else { throw error("no element type \(text)") }
    return type
  }

  mutating func valueType(depth: Int) throws(GraphError) -> ValueType {
    if depth > Self.depthLimit { throw error("types nest too deeply") }
    if take("?") { return .unknown }
    for (word, make) in [("sequence", ValueType.sequence), ("optional", ValueType.optional)]
    where takeWord(word) {
      try expect("(")
      let element = try valueType(depth: depth + 1)
      try expect(")")
      return make(element)
    }
    let dataType = try dataType()
    try expect("[")
    if take("?") {
      try expect("]")
      return .tensor(dataType, nil)
    }
    var shape: [Dimension] = []
    while !take("]") {
      shape.append(try dimension(depth: 0))
      if !take(","), peek() != UInt8(ascii: "]") { throw error("expected , or ]") }
    }
    return .tensor(dataType, shape)
  }

  /// A sum of products of numbers, symbols and calls.
  mutating func dimension(depth: Int) throws(GraphError) -> Dimension {
    if depth > Self.depthLimit { throw error("sizes nest too deeply") }
    var sum = Dimension(0)
    repeat {
      var product = Dimension(1)
      repeat {
        let factor = try dimensionFactor(depth: depth)
        product = try sized { () throws(SizeOverflow) in try product * factor }
      } while take("*")
      sum = try sized { () throws(SizeOverflow) in try sum + product }
    } while take("+")
    return sum
  }

  private mutating func dimensionFactor(depth: Int) throws(GraphError) -> Dimension {
    if peek() == UInt8(ascii: "\"") { return Dimension(Symbol(try quoted())) }
    let start = position
    if position < bytes.count, bytes[position] == UInt8(ascii: "-") { position += 1 }
    while position < bytes.count, GraphText.isSymbolByte(bytes[position]) { position += 1 }
    let word = String(decoding: bytes[start..<position], as: UTF8.self)
    if word.isEmpty { throw error("expected a size") }
    if let number = Int(word) { return Dimension(number) }
    if word.hasPrefix("-") { throw error("expected a size, found \(word)") }
    guard position < bytes.count, bytes[position] == UInt8(ascii: "(") else { return Dimension(Symbol(word)) }
    try expect("(")
    let a = try dimension(depth: depth + 1)
    try expect(word == "floor" ? "/" : ",")
    let b = try dimension(depth: depth + 1)
    try expect(")")
    switch word {
    case "floor": return try sized { () throws(SizeOverflow) in try Dimension.floor(a, b) }
    case "broadcast": return try sized { () throws(SizeOverflow) in try Dimension.broadcast(a, b) }
    case "max": return try sized { () throws(SizeOverflow) in try Dimension.maximum(a, b) }
    case "min": return try sized { () throws(SizeOverflow) in try Dimension.minimum(a, b) }
    default: throw error("no function \(word) of sizes")
    }
  }

  /// `float32:rowMajor`, `float32:channelsLast`, `float32:permuted(0,2,1)`, `float32:blocked(1,16)`.
  mutating func format(rank: Int?) throws(GraphError) -> Format {
    let storage = try dataType()
    try expect(":")
    let text = try call()
    if text == "rowMajor" { return Format(storage: storage) }
    if text == "channelsLast" {
      guard let rank, (3...64).contains(rank) else { throw error("channelsLast needs a rank of at least 3") }
      return .channelsLast(storage, rank: rank)
    }
    let parts = text.split(whereSeparator: { "(,)".contains($0) })
    let numbers = parts.dropFirst().compactMap { UInt8($0) }
    if parts.first == "permuted", !numbers.isEmpty, numbers.count == parts.count - 1,
      numbers.sorted() == Array(0..<UInt8(numbers.count)), numbers != numbers.sorted(),
      rank == nil || rank == numbers.count
    {
      return Format(storage: storage, layout: .permuted(numbers))
    }
    if parts.first == "blocked", numbers.count == 2, parts.count == 3, numbers[1] > 0 {
      return Format(storage: storage, layout: .blocked(axis: numbers[0], size: numbers[1]))
    }
    throw error("no layout \(text)")
  }
}
