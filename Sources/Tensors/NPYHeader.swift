/// The header of a NumPy `.npy` file, versions 1 to 3: a Python dictionary of element type, order and shape.
struct NPYHeader {
  var dataType: DataType
  var isBigEndian: Bool
  var isFortranOrder: Bool
  var sizes: [Int]

  static let magic: [UInt8] = [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59]
  /// Headers are a few dozen bytes; NumPy itself refuses more than 10,000 characters.
  static let lengthLimit = 65536

  /// Where the header's text lies, from the first 12 bytes of a file or fewer when there are no more.
  static func textRange(in start: [UInt8]) throws(TensorError) -> Swift.Range<Int> {
    guard start.count >= 10, Array(start[0..<6]) == magic else {
      throw .file("not an npy file: its first bytes differ")
    }
    let version = start[6]
    guard (1...3).contains(version) else { throw .file("npy version \(version) is unknown") }
    let width = version == 1 ? 2 : 4
    guard start.count >= 8 + width else { throw .file("the npy file ends within its header") }
    var length = 0
    for i in 0..<width { length |= Int(start[8 + i]) << (8 * i) }
    if length > lengthLimit { throw .file("an npy header of \(length) bytes is too long") }
    return 8 + width..<8 + width + length
  }

  init(text: [UInt8]) throws(TensorError) {
    var parser = NPYHeaderParser(text: text)
    let entries = try parser.entries()
    guard case .text(let descr)? = entries["descr"] else {
      throw .file("the npy header lacks a plain 'descr'; structured arrays are not read")
    }
    guard case .flag(let fortran)? = entries["fortran_order"] else {
      throw .file("the npy header lacks 'fortran_order'")
    }
    guard case .sizes(let sizes)? = entries["shape"] else { throw .file("the npy header lacks 'shape'") }
    guard let order = descr.first, "<>|=".contains(order), let type = Self.types[String(descr.dropFirst())]
    else {
      throw .file("npy elements of type '\(descr)' have no counterpart")
    }
    dataType = type
    isBigEndian = order == ">"
    isFortranOrder = fortran
    self.sizes = sizes
  }

  init(dataType: DataType, isFortranOrder: Bool, sizes: [Int]) {
    self.dataType = dataType
    isBigEndian = false
    self.isFortranOrder = isFortranOrder
    self.sizes = sizes
  }

  /// Layout of the bytes that follow.
  var layout: Layout { isFortranOrder ? .order(Array(sizes.indices.reversed())) : .rowMajor }

  /// Magic, version 1, and the text, padded so that the data is aligned to 64 bytes.
  func encoded() throws(TensorError) -> [UInt8] {
    guard let code = Self.codes[dataType] else {
      throw .file("NumPy has no elements of type \(dataType.rawValue)")
    }
    let order = (dataType.bitWidth ?? 8) > 8 ? "<" : "|"
    let shape =
      sizes.count == 1 ? "(\(sizes[0]),)" : "(" + sizes.map { "\($0)" }.joined(separator: ", ") + ")"
    var text = Array(
      "{'descr': '\(order)\(code)', 'fortran_order': \(isFortranOrder ? "True" : "False"), 'shape': \(shape), }"
        .utf8)
    let unpadded = 10 + text.count + 1
    text += [UInt8](repeating: 0x20, count: (64 - unpadded % 64) % 64) + [0x0A]
    return Self.magic + [1, 0, UInt8(text.count & 0xFF), UInt8(text.count >> 8 & 0xFF)] + text
  }

  // swift-format-ignore
  private static let table: [(code: String, type: DataType)] = [
    ("b1", .bool),
    ("i1", .int8),    ("i2", .int16),   ("i4", .int32),   ("i8", .int64),
    ("u1", .uint8),   ("u2", .uint16),  ("u4", .uint32),  ("u8", .uint64),
    ("f2", .float16), ("f4", .float32), ("f8", .float64),
    ("c8", .complex64), ("c16", .complex128),
  ]
  private static let types = Dictionary(uniqueKeysWithValues: table.map { ($0.code, $0.type) })
  private static let codes = Dictionary(uniqueKeysWithValues: table.map { ($0.type, $0.code) })
}

/// Reads the subset of Python literals that NumPy writes: strings, True and False, tuples of integers.
private struct NPYHeaderParser {
  enum Literal {
    case text(String)
    case flag(Bool)
    case sizes([Int])
    case other
  }

  let text: [UInt8]
  var position = 0

  mutating func entries() throws(TensorError) -> [String: Literal] {
    var found: [String: Literal] = [:]
    try expect("{")
    while !skip("}") {
      guard case .text(let key) = try literal() else { throw malformed() }
      try expect(":")
      found[key] = try literal()
      if !skip(",") {
        try expect("}")
        break
      }
    }
    return found
  }

  private mutating func literal() throws(TensorError) -> Literal {
    skipSpace()
    guard position < text.count else { throw malformed() }
    switch text[position] {
    case UInt8(ascii: "'"), UInt8(ascii: "\""):
      let quote = text[position]
      guard let end = text[(position + 1)...].firstIndex(of: quote) else { throw malformed() }
      let word = String(decoding: text[position + 1..<end], as: UTF8.self)
      position = end + 1
      return .text(word)
    case UInt8(ascii: "("): return .sizes(try tuple())
    case UInt8(ascii: "["):
      // A structured element type: named as such by the caller.
      throw .file("the npy header lacks a plain 'descr'; structured arrays are not read")
    default:
      let word = self.word()
      if word == "True" || word == "False" { return .flag(word == "True") }
      if word.isEmpty { throw malformed() }
      return .other
    }
  }

  private mutating func tuple() throws(TensorError) -> [Int] {
    var sizes: [Int] = []
    try expect("(")
    while !skip(")") {
      // Python 2 wrote long integers with an L.
      var digits = word()
      if digits.last == "L" { digits.removeLast() }
      guard let size = Int(digits), size >= 0 else { throw .file("the npy shape holds '\(digits)'") }
      sizes.append(size)
      if sizes.count > Tensor.rankLimit { throw .rank(sizes.count) }
      if !skip(",") {
        try expect(")")
        break
      }
    }
    return sizes
  }

  private mutating func word() -> String {
    skipSpace()
    let start = position
    while position < text.count, !" ,:(){}[]'\"\n".utf8.contains(text[position]) { position += 1 }
    return String(decoding: text[start..<position], as: UTF8.self)
  }

  private mutating func skipSpace() {
    while position < text.count, [0x20, 0x09, 0x0A, 0x0D].contains(text[position]) { position += 1 }
  }

  private mutating func skip(_ character: Character) -> Bool {
    skipSpace()
    guard position < text.count, text[position] == character.asciiValue else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ character: Character) throws(TensorError) {
    if !skip(character) { throw malformed() }
  }

  private func malformed() -> TensorError { .file("the npy header is malformed at byte \(position)") }
}
