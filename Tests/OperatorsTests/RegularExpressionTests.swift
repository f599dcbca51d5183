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

  /// Patterns that make other matchers go back again and again.
  @Test(arguments: ["(a*)*b", "(a|a)*b", "(a|aa)+$b", "(.*)(.*)(.*)(.*)(.*)b", "(a?){50}a{50}b"])
  func timeIsBounded(pattern: String) throws {
    let expression = try RegularExpression(pattern)
    let text = [Unicode.Scalar](repeating: "a", count: 2000)
    #expect(!expression.matches(text))
  }
}
