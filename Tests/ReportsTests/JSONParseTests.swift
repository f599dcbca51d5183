import Reports
import Testing

@Suite struct JSONParseTests {
  @Test func whatIsWrittenIsRead() throws {
    let json = JSON.object([
      ("name", .string("tab\t quote\" \u{7} ünï 🪡 </script>")), ("count", .integer(-3)),
      ("ratio", .number(1e-7)),
      ("flag", .bool(true)), ("none", .null),
      ("rows", .array([.object([("a", .integer(1))]), .array([]), .object([])])),
    ])
    let read = try JSON.parse(json.text)
    #expect(read == json)
    #expect(read["name"]?.string == "tab\t quote\" \u{7} ünï 🪡 </script>")
    #expect(read["rows"]?.array?.first?["a"]?.double == 1)
    #expect(read["flag"]?.bool == true && read["flag"]?.double == nil)
    #expect(read["none"]?.isNull == true && read["nothing"] == nil)
    #expect(read["count"]?.integer == -3)
    #expect(try JSON.parse(read.text) == read)
  }

  @Test func intervalsAreTwoNumbersInOrder() throws {
    #expect(try JSON.parse("[1, 2.5]").interval == 1...2.5)
    for text in ["[2, 1]", "[1]", "[1, 2, 3]", "[null, 1]", "3"] {
      #expect(try JSON.parse(text).interval == nil)
    }
  }

  @Test(arguments: ["", "{", "{\"a\": }", "[1, 2", "nul", "{\"a\": 1} x", "\"\u{1}\""])
  func badTextIsRefused(text: String) throws {
    let error = try #require(throws: JSONError.self) { try JSON.parse(text) }
    #expect(error.description.hasPrefix("no JSON: "), "\(error)")
  }

  @Test func deepNestingIsRefused() {
    let text = String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000)
    #expect(throws: JSONError.self) { try JSON.parse(text) }
  }
}
