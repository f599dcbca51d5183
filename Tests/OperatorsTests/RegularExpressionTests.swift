import Testing

@testable import Operators

@Suite struct RegularExpressionTests {
  @Test(arguments: [
    "(", ")", "a)", "(?<n", "[a", "[b-a]", "*a", "a**", "a{2}{3}", "\\p{Greek}", "\\1", "\\", "a{1001}",
    "a{3,2}",
    "(?=a)", "[[:none:]]", "\\x{110000}", "((((a{100}){100}){100}){100})", String(repeating: "(", count: 300),
    "((((){1000}){1000}){1000}){1000}",
  ])
  func whatIsRefused(pattern: String) {
    #expect(throws: RegularExpression.SyntaxError.self) { _ = try RegularExpression(pattern) }
  }

  /// Patterns whose tree would be as deep, or as large, as they are long.
  @Test(arguments: ["a|", "|", "(a)", "a?", "\\Qabc\\E", "^", "[a]|"])
  func lengthIsBounded(part: String) {
    let pattern = String(repeating: part, count: 150_000) + "a"
    #expect(throws: RegularExpression.SyntaxError.self) { _ = try RegularExpression(pattern) }
  }

  @Test func alternatives() throws {
    let words = (0..<3000).map { "w\($0)" }
    let expression = try RegularExpression(words.joined(separator: "|"))
    for word in ["w0", "w17", "w2999"] { #expect(expression.matches(Array(word.unicodeScalars))) }
    for word in ["", "w", "w3000", "w17|"] { #expect(!expression.matches(Array(word.unicodeScalars))) }
    let empty = try RegularExpression("a||(b|)c")
    for (word, isMatch) in [("", true), ("a", true), ("c", true), ("bc", true), ("b", false)] {
      #expect(empty.matches(Array(word.unicodeScalars)) == isMatch, "\(word)")
    }
  }

  /// Patterns that make other matchers go back again and again.
  @Test(arguments: ["(a*)*b", "(a|a)*b", "(a|aa)+$b", "(.*)(.*)(.*)(.*)(.*)b", "(a?){50}a{50}b"])
  func timeIsBounded(pattern: String) throws {
    let expression = try RegularExpression(pattern)
    let text = [Unicode.Scalar](repeating: "a", count: 2000)
    #expect(!expression.matches(text))
  }
}
