import Foundation
import Reports
import Testing

@Suite struct OutputTests {
  private struct Record: Decodable, Equatable {
    var name: String
    var count: Int
    var ratio: Double?
    var flags: [Bool]
    var rows: [[String: Int]]
    var empty: [Int]
  }

  @Test func jsonIsReadBack() throws {
    let name = "tab\t quote\" back\\ line\n bell\u{7} ünï 🪡"
    let json = JSON.object([
      ("name", .string(name)), ("count", .integer(-3)), ("ratio", .number(1e-7)),
      ("flags", .array([.bool(true), .bool(false)])),
      ("rows", .array([.object([("a", .integer(1))]), .object([])])), ("empty", .array([])),
    ])
    let record = try JSONDecoder().decode(Record.self, from: Data(json.text.utf8))
    #expect(
      record
        == Record(
          name: name, count: -3, ratio: 1e-7, flags: [true, false], rows: [["a": 1], [:]], empty: []))
  }

  @Test func whatJSONLacksIsNull() {
    #expect(JSON.array([.number(.nan), .number(.infinity), .null]).text == "[null, null, null]\n")
  }

  @Test func columnsAreAligned() {
    var table = TextTable(["name", ">ms"])
    table.add(["a", "12.5"])
    table.add(["long name", "1"])
    #expect(table.lines == ["name         ms", "a          12.5", "long name     1"])
  }

  @Test func numbersHaveNoMoreDigitsThanAreKnown() {
    #expect(measured(41.2037, uncertainty: 0.18) == "41.20")
    #expect(measured(41.2037, uncertainty: 4) == "41")
    #expect(measured(0.0081234, uncertainty: 0.00005) == "0.00812")
    #expect(significant(1320.4) == "1320")
    #expect(significant(0.0813) == "0.0813")
    #expect(significant(0) == "0")
    #expect(significant(3.1e-6) == "3.10e-06")
    #expect(grouped(1_234_567) == "1,234,567")
    #expect(grouped(999) == "999")
    #expect(mebibytes(14_680_064) == "14.0")
    #expect(counted(1, "node") == "1 node")
    #expect(counted(2, "node") == "2 nodes")
  }
}
