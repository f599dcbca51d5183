/// A regular expression of RE2's syntax, matched in time proportional to pattern times text.
///
/// All alternatives are followed at once, character by character: no pattern makes it go back. Classes of Unicode
/// properties (`\p{…}`) are refused.
package struct RegularExpression: Sendable {
  package struct SyntaxError: Error, Sendable {
    package let reason: String
  }

  /// A step of the program; targets are positions in it.
  fileprivate enum Step: Sendable {
    case one(of: CharacterSet)
    case either(Int, Int)
    case assert(Assertion)
    case end
  }

  fileprivate enum Assertion: Sendable {
    case textStart, textEnd, lineStart, lineEnd, wordBoundary, noWordBoundary
  }

  /// Programs grow with counted repetitions, which nest.
  private static let stepLimit = 20_000
  fileprivate static let partLimit = 4 * stepLimit

  private var steps: [Step]
  /// Parts of the pattern written out so far: repetitions of nothing are bounded too.
  private var written = 0

  package init(_ pattern: String) throws(SyntaxError) {
    var parser = Parser(Array(pattern.unicodeScalars))
    let tree = try parser.parse()
    steps = []
    try emit(tree)
    steps.append(.end)
  }

  private mutating func append(_ step: Step) throws(SyntaxError) {
    if steps.count >= Self.stepLimit { throw SyntaxError(reason: "the pattern is too long") }
    steps.append(step)
  }

  private mutating func emit(_ tree: Tree) throws(SyntaxError) {
    written += 1
    if written > Self.partLimit { throw SyntaxError(reason: "the pattern is too long") }
    switch tree {
    case .set(let set): try append(.one(of: set))
    case .assert(let assertion): try append(.assert(assertion))
    case .sequence(let parts): for part in parts { try emit(part) }
    case .choice(let alternatives):
      var jumps: [Int] = []
      for part in alternatives.dropLast() {
        let fork = steps.count
        try append(.either(0, 0))
        try emit(part)
        jumps.append(steps.count)
        try append(.either(0, 0))
        steps[fork] = .either(fork + 1, steps.count)
      }
      if let last = alternatives.last { try emit(last) }
      for jump in jumps { steps[jump] = .either(steps.count, steps.count) }
    case .repetition(let part, let least, let most):
      for _ in 0..<least { try emit(part) }
      guard let most else {
        let fork = steps.count
        try append(.either(0, 0))
        try emit(part)
        try append(.either(fork, fork))
        steps[fork] = .either(fork + 1, steps.count)
        return
      }
      var forks: [Int] = []
      for _ in least..<most {
        forks.append(steps.count)
        try append(.either(0, 0))
        try emit(part)
      }
      for fork in forks { steps[fork] = .either(fork + 1, steps.count) }
    }
  }

  /// Steps that one character of a text takes at most: ranges are looked through one by one, and letters that match in
  /// either case are mapped.
  package var weight: Int {
    steps.reduce(0) { sum, step in
      guard case .one(let set) = step else { return sum + 1 }
      return sum + 1 + set.ranges.count * (set.ignoresCase ? 3 : 1) + (set.ignoresCase ? 50 : 0)
    }
  }

  /// Whether the pattern matches all of the text.
  package func matches(_ text: [Unicode.Scalar]) -> Bool {
    var current = ActiveSteps(count: steps.count)
    var next = ActiveSteps(count: steps.count)
    follow(0, at: 0, text, &current)
    for (i, scalar) in text.enumerated() {
      if current.list.isEmpty { return false }
      for position in current.list {
        if case .one(let set) = steps[position], set.contains(scalar) {
          follow(position + 1, at: i + 1, text, &next)
        }
      }
      swap(&current, &next)
      next.clear()
    }
    return current.isThere[steps.count - 1]
  }

  /// Adds a step, and those that are reached from it without a character.
  private func follow(_ start: Int, at index: Int, _ text: [Unicode.Scalar], _ active: inout ActiveSteps) {
    var pending = [start]
    while let position = pending.popLast() {
      if !active.insert(position) { continue }
      switch steps[position] {
      case .one, .end: break
      case .either(let a, let b): pending += [b, a]
      case .assert(let assertion): if assertion.holds(at: index, text) { pending.append(position + 1) }
      }
    }
  }

  private struct ActiveSteps {
    var list: [Int] = []
    var isThere: [Bool]

    init(count: Int) { isThere = [Bool](repeating: false, count: count) }

    mutating func insert(_ position: Int) -> Bool {
      if isThere[position] { return false }
      isThere[position] = true
      list.append(position)
      return true
    }

    mutating func clear() {
      for position in list { isThere[position] = false }
      list.removeAll(keepingCapacity: true)
    }
  }
}

extension RegularExpression.Assertion {
  fileprivate func holds(at index: Int, _ text: [Unicode.Scalar]) -> Bool {
    func isWord(_ i: Int) -> Bool { text.indices.contains(i) && CharacterSet.word.contains(text[i]) }
    switch self {
    case .textStart: return index == 0
    case .textEnd: return index == text.count
    case .lineStart: return index == 0 || text[index - 1] == "\n"
    case .lineEnd: return index == text.count || text[index] == "\n"
    case .wordBoundary: return isWord(index - 1) != isWord(index)
    case .noWordBoundary: return isWord(index - 1) == isWord(index)
    }
  }
}

/// Characters by ranges of their numbers.
private struct CharacterSet: Sendable {
  var ranges: [ClosedRange<UInt32>] = []
  var isNegated = false
  var ignoresCase = false

  static let digit = CharacterSet(ranges: [48...57])
  static let word = CharacterSet(ranges: [48...57, 65...90, 95...95, 97...122])
  static let space = CharacterSet(ranges: [9...10, 12...13, 32...32])

  init(ranges: [ClosedRange<UInt32>] = [], isNegated: Bool = false) {
    self.ranges = ranges
    self.isNegated = isNegated
  }

  init(_ scalar: Unicode.Scalar) { ranges = [scalar.value...scalar.value] }

  func contains(_ scalar: Unicode.Scalar) -> Bool {
    var isIn = has(scalar.value)
    if !isIn, ignoresCase {
      let properties = scalar.properties
      for mapping in [properties.lowercaseMapping, properties.uppercaseMapping] where !isIn {
        if mapping.unicodeScalars.count == 1, let other = mapping.unicodeScalars.first {
          isIn = has(other.value)
        }
      }
    }
    return isIn != isNegated
  }

  private func has(_ value: UInt32) -> Bool { ranges.contains { $0.contains(value) } }

  /// Adds a set, which may be negated.
  mutating func formUnion(_ other: CharacterSet) {
    ranges += other.isNegated ? other.complement : other.ranges
  }

  private var complement: [ClosedRange<UInt32>] {
    var result: [ClosedRange<UInt32>] = []
    var next: UInt32 = 0
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if range.lowerBound > next { result.append(next...range.lowerBound - 1) }
      next = max(next, range.upperBound + 1)
    }
    if next <= 0x10FFFF { result.append(next...0x10FFFF) }
    return result
  }
}

private indirect enum Tree {
  case set(CharacterSet)
  case assert(RegularExpression.Assertion)
  case sequence([Tree])
  case choice([Tree])
  case repetition(Tree, Int, Int?)
}

/// Recursive descent over the characters of a pattern.
private struct Parser {
  typealias SyntaxError = RegularExpression.SyntaxError

  private struct Flags {
    var ignoresCase = false
    var dotMatchesNewline = false
    var isMultiline = false
  }

  private let text: [Unicode.Scalar]
  private var position = 0
  private var flags = Flags()
  private var depth = 0

  /// Parts of the tree so far: a pattern is refused before its tree is larger than any program may be.
  private var partCount = 0

  private static let depthLimit = 100
  private static let repetitionLimit = 1000

  init(_ text: [Unicode.Scalar]) { self.text = text }

  private var peek: Unicode.Scalar? { position < text.count ? text[position] : nil }

  private mutating func take() throws(SyntaxError) -> Unicode.Scalar {
    guard let scalar = peek else { throw SyntaxError(reason: "the pattern ends early") }
    position += 1
    return scalar
  }

  private mutating func countPart() throws(SyntaxError) {
    partCount += 1
    if partCount > RegularExpression.partLimit { throw SyntaxError(reason: "the pattern is too long") }
  }

  private mutating func takes(_ word: String) -> Bool {
    let scalars = Array(word.unicodeScalars)
    guard text.count - position >= scalars.count, Array(text[position..<position + scalars.count]) == scalars
    else {
      return false
    }
    position += scalars.count
    return true
  }

  mutating func parse() throws(SyntaxError) -> Tree {
    let tree = try choice()
    if position < text.count { throw SyntaxError(reason: "an unexpected )") }
    return tree
  }

  private mutating func choice() throws(SyntaxError) -> Tree {
    depth += 1
    defer { depth -= 1 }
    if depth > Self.depthLimit { throw SyntaxError(reason: "groups are nested too deep") }
    var alternatives = [try sequence()]
    while takes("|") { alternatives.append(try sequence()) }
    return alternatives.count == 1 ? alternatives[0] : .choice(alternatives)
  }

  private mutating func sequence() throws(SyntaxError) -> Tree {
    try countPart()
    var parts: [Tree] = []
    while let next = peek, next != "|", next != ")" {
      try countPart()
      if let part = try atom() { parts.append(try repeated(part)) }
    }
    return .sequence(parts)
  }

  private mutating func repeated(_ part: Tree) throws(SyntaxError) -> Tree {
    var tree = part
    var isRepeated = false
    while let (least, most) = try repetition() {
      if isRepeated { throw SyntaxError(reason: "a repetition of a repetition") }
      isRepeated = true
      // Which match is preferred does not matter where all of the text must match.
      _ = takes("?")
      tree = .repetition(tree, least, most)
    }
    return tree
  }

  private mutating func repetition() throws(SyntaxError) -> (Int, Int?)? {
    if takes("*") { return (0, nil) }
    if takes("+") { return (1, nil) }
    if takes("?") { return (0, 1) }
    guard peek == "{" else { return nil }
    let start = position
    position += 1
    let least = number()
    var most = least
    if takes(",") { most = number() }
    let isOpen = text[position - 1] == ","
    guard let least, takes("}") else {
      // Braces that count nothing are characters.
      position = start
      return nil
    }
    if least > Self.repetitionLimit || (most ?? 0) > Self.repetitionLimit {
      throw SyntaxError(reason: "a repetition of more than \(Self.repetitionLimit)")
    }
    if !isOpen, let most, most < least { throw SyntaxError(reason: "a repetition of \(least) to \(most)") }
    return (least, isOpen ? nil : most)
  }

  private mutating func number() -> Int? {
    let start = position
    while let digit = peek, CharacterSet.digit.contains(digit), position - start < 8 { position += 1 }
    return Int(String(String.UnicodeScalarView(text[start..<position])))
  }

  /// One character, class, group or assertion; nil where flags change only.
  private mutating func atom() throws(SyntaxError) -> Tree? {
    let scalar = try take()
    switch scalar {
    case "(": return try group()
    case "[": return .set(cased(try bracket()))
    case ".": return .set(CharacterSet(ranges: flags.dotMatchesNewline ? [] : [10...10], isNegated: true))
    case "^": return .assert(flags.isMultiline ? .lineStart : .textStart)
    case "$": return .assert(flags.isMultiline ? .lineEnd : .textEnd)
    case "*", "+", "?": throw SyntaxError(reason: "nothing to repeat")
    case "\\": return try escape()
    case "{":
      position -= 1
      if try repetition() != nil { throw SyntaxError(reason: "nothing to repeat") }
      position += 1
      return .set(CharacterSet(scalar))
    default: return .set(cased(CharacterSet(scalar)))
    }
  }

  private func cased(_ set: CharacterSet) -> CharacterSet {
    var set = set
    set.ignoresCase = flags.ignoresCase
    return set
  }

  private mutating func group() throws(SyntaxError) -> Tree? {
    let outer = flags
    if takes("?") {
      if takes("P<") || takes("<") {
        while try take() != ">" {}
      } else {
        var isOn = true
        flagList: while true {
          switch try take() {
          case "i": flags.ignoresCase = isOn
          case "s": flags.dotMatchesNewline = isOn
          case "m": flags.isMultiline = isOn
          case "U": break
          case "-": isOn = false
          case ":": break flagList
          case ")": return nil
          case let other: throw SyntaxError(reason: "(?\(other) is not supported")
          }
        }
      }
    }
    let tree = try choice()
    flags = outer
    if !takes(")") { throw SyntaxError(reason: "a group that does not end") }
    return tree
  }

  private mutating func escape() throws(SyntaxError) -> Tree {
    switch try take() {
    case "A": return .assert(.textStart)
    case "z": return .assert(.textEnd)
    case "b": return .assert(.wordBoundary)
    case "B": return .assert(.noWordBoundary)
    case "Q":
      var parts: [Tree] = []
      while position < text.count, !takes("\\E") {
        try countPart()
        parts.append(.set(cased(CharacterSet(try take()))))
      }
      return .sequence(parts)
    case let scalar: return .set(cased(try escaped(scalar)))
    }
  }

  /// What a backslash makes of a character, within brackets too.
  private mutating func escaped(_ scalar: Unicode.Scalar) throws(SyntaxError) -> CharacterSet {
    switch scalar {
    case "d": return .digit
    case "D": return CharacterSet(ranges: CharacterSet.digit.ranges, isNegated: true)
    case "w": return .word
    case "W": return CharacterSet(ranges: CharacterSet.word.ranges, isNegated: true)
    case "s": return .space
    case "S": return CharacterSet(ranges: CharacterSet.space.ranges, isNegated: true)
    case "t": return CharacterSet("\t")
    case "n": return CharacterSet("\n")
    case "r": return CharacterSet("\r")
    case "f": return CharacterSet("\u{C}")
    case "v": return CharacterSet("\u{B}")
    case "a": return CharacterSet("\u{7}")
    case "x": return CharacterSet(try hexadecimal())
    default:
      if scalar.isASCII, !CharacterSet.word.contains(scalar) || scalar == "_" { return CharacterSet(scalar) }
      throw SyntaxError(reason: "\\\(scalar) is not supported")
    }
  }

  private mutating func hexadecimal() throws(SyntaxError) -> Unicode.Scalar {
    var digits = ""
    if takes("{") {
      while peek != "}", digits.count < 8 { digits.unicodeScalars.append(try take()) }
      if !takes("}") { throw SyntaxError(reason: "\\x{ does not end") }
    } else {
      for _ in 0..<2 { digits.unicodeScalars.append(try take()) }
    }
    guard let value = UInt32(digits, radix: 16), let scalar = Unicode.Scalar(value) else {
      throw SyntaxError(reason: "\\x\(digits) is no character")
    }
    return scalar
  }

  // swift-format-ignore
  private static let classes: [String: [ClosedRange<UInt32>]] = [
    "alnum": [48...57, 65...90, 97...122], "alpha": [65...90, 97...122], "ascii": [0...127], "blank": [9...9, 32...32],
    "cntrl": [0...31, 127...127],          "digit": [48...57],           "graph": [33...126], "lower": [97...122],
    "print": [32...126], "punct": [33...47, 58...64, 91...96, 123...126], "space": [9...13, 32...32],
    "upper": [65...90],  "word": [48...57, 65...90, 95...95, 97...122],   "xdigit": [48...57, 65...70, 97...102],
  ]

  private mutating func bracket() throws(SyntaxError) -> CharacterSet {
    var set = CharacterSet(isNegated: takes("^"))
    var isFirst = true
    while isFirst || peek != "]" {
      isFirst = false
      if takes("[:") {
        let isNegated = takes("^")
        var name = ""
        while peek != ":" { name.unicodeScalars.append(try take()) }
        guard let ranges = Self.classes[name], takes(":]") else {
          throw SyntaxError(reason: "[:\(name): is no class")
        }
        set.formUnion(CharacterSet(ranges: ranges, isNegated: isNegated))
        continue
      }
      let low = try member()
      guard let first = low.single, position + 1 < text.count, peek == "-", text[position + 1] != "]" else {
        set.formUnion(low)
        continue
      }
      position += 1
      guard let last = try member().single, first <= last else {
        throw SyntaxError(reason: "a range that is none")
      }
      set.ranges.append(first...last)
    }
    position += 1
    return set
  }

  private mutating func member() throws(SyntaxError) -> CharacterSet {
    let scalar = try take()
    return scalar == "\\" ? try escaped(try take()) : CharacterSet(scalar)
  }
}

extension CharacterSet {
  /// The only character, when there is one.
  fileprivate var single: UInt32? {
    guard !isNegated, ranges.count == 1, ranges[0].lowerBound == ranges[0].upperBound else { return nil }
    return ranges[0].lowerBound
  }
}
