import Host
import Needletail
import Reports
import Terminal

/// What files beside recorded data say of it.
///
/// `tolerances.json`, in the folder of a case or in one around it, holds for names of cases the relative and the
/// absolute tolerance: `{"test_abs": [0.001, 1e-07]}`, as the backend suite of ONNX has it. `carry.json`, beside the
/// model, says which input of a set is an output of the set before: `{"stateN": "state"}`.
struct TestFiles {
  private var tables: [String: JSON?] = [:]

  private static func parsed(_ path: String) throws -> JSON? {
    guard let bytes = try? readFile(path) else { return nil }
    do throws(JSONError) { return try JSON.parse(String(decoding: bytes, as: UTF8.self)) } catch {
      throw ToolError("\(path): \(error)")
    }
  }

  static func carried(_ folder: String) throws -> [String: String] {
    let path = folder + "/carry.json"
    guard let json = try parsed(path) else { return [:] }
    guard case .object(let members) = json else {
      throw ToolError("\(path): expected {\"output\": \"input\"}")
    }
    var carried: [String: String] = [:]
    for (output, value) in members {
      guard case .string(let input) = value else { throw ToolError("\(path): expected the name of an input") }
      carried[output] = input
    }
    return carried
  }

  /// The tolerance of a case by the name of its folder; nil: no file says one.
  mutating func tolerance(_ folder: String, scaled: Double) throws -> Tolerance? {
    let name = folder.split(separator: "/").last.map(String.init) ?? folder
    var place = folder
    for _ in 0..<4 {
      let path = place + "/tolerances.json"
      if tables[path] == nil { tables[path] = .some(try Self.parsed(path)) }
      if case .object(let members)?? = tables[path], let entry = members.first(where: { $0.0 == name })?.1 {
        guard case .array(let pair) = entry, pair.count == 2, let relative = pair[0].double,
          let absolute = pair[1].double
        else { throw ToolError("\(path): expected two numbers for \(name)") }
        return Tolerance(relative: relative, absolute: absolute, scaled: scaled)
      }
      place = parentFolder(of: place)
    }
    return nil
  }
}

extension JSON {
  fileprivate var double: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }
}

/// How the cases of each operator went.
struct OperatorSummary {
  struct Row {
    var name: String
    var passed = 0
    var failed = 0
    var refused = 0
  }
  private(set) var rows: [Row]

  /// `outcomes`: of each case the operators that its model has, of a refused one those that are missing.
  init(_ outcomes: [(result: ModelTestResult, operators: [String])]) {
    var byName: [String: Row] = [:]
    for (result, operators) in outcomes {
      for name in Set(operators) {
        switch result {
        case .passed: byName[name, default: Row(name: name)].passed += 1
        case .failed: byName[name, default: Row(name: name)].failed += 1
        case .refused: byName[name, default: Row(name: name)].refused += 1
        }
      }
    }
    rows = byName.values.sorted { ($1.failed, $1.refused, $0.name) < ($0.failed, $0.refused, $1.name) }
  }

  /// Those that some case stumbled over.
  var troubled: [Row] { rows.filter { $0.failed + $0.refused > 0 } }
}
