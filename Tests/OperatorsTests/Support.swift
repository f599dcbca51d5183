import IR
import Operators
import Tensors
import Testing

/// An operand from text: `float32[N,3]`, `int64[2]{N,64}` with contents, `float32[?]`; `-` is an absent one.
func operand(_ text: String) throws -> Operand? {
  if text == "-" { return nil }
  let open = try #require(text.firstIndex(of: "["), "\(text)")
  let close = try #require(text.firstIndex(of: "]"), "\(text)")
  let type = try #require(DataType(rawValue: String(text[..<open])), "\(text)")
  let sizes = text[text.index(after: open)..<close]
  let rest = text[text.index(after: close)...]
  return Operand(
    .tensor(type, sizes == "?" ? nil : try dimensions(sizes)),
    contents: rest.isEmpty ? nil : try dimensions(rest.dropFirst().dropLast()))
}

/// Sizes from text: numbers, symbols, and multiples of symbols such as `2*N`.
func dimensions(_ text: Substring) throws -> [Dimension] {
  try text.split(separator: ",").map { part in
    let factors = part.split(separator: "*")
    if factors.count == 2, let n = Int(factors[0]) {
      return try Dimension(n) * Dimension(Symbol(String(factors[1])))
    }
    return Int(part).map { Dimension($0) } ?? Dimension(Symbol(String(part)))
  }
}

extension Operand {
  var text: String {
    "\(type)" + (contents.map { "{" + $0.map(\.text).joined(separator: ",") + "}" } ?? "")
  }
}

func infer(
  _ op: any Operator, _ operands: [String], results: Int = 1, regions: [Graph] = [],
  constants: [Int: Tensor] = [:]
) throws -> [Operand] {
  var known = try operands.map { try operand($0) }
  for i in known.indices {
    guard let tensor = constants[i] else { continue }
    let constant = Constant(id: ConstantID(of: "\(i)"), tensor)
    known[i] = Operand(.tensor(constant.type), constant: constant, contents: constant.smallContents)
  }
  return try Graph().inferResults(
    of: op, operands: known, epilogue: Epilogue(), epilogueOperands: [], regions: regions,
    wanted: [Bool](repeating: true, count: results), name: "n")
}

/// One row of a table: what an operator makes of operands.
struct Case: Sendable, CustomTestStringConvertible {
  var op: any Operator
  var operands: [String]
  var expected: [String]

  init(_ op: any Operator, _ operands: String..., gives expected: String...) {
    self.op = op
    self.operands = operands
    self.expected = expected
  }

  var testDescription: String { "\(op)(\(operands.joined(separator: ", ")))" }

  func check() throws {
    let found = try infer(op, operands, results: expected.count).map(\.text)
    #expect(Array(found.prefix(expected.count)) == expected, "\(testDescription)")
  }
}

/// One row of a table: operands, or attributes, that an operator refuses, and a part of the message.
struct Refusal: Sendable, CustomTestStringConvertible {
  var op: any Operator
  var operands: [String]
  var results: Int
  var message: String

  init(_ op: any Operator, _ operands: String..., results: Int = 1, says message: String) {
    self.op = op
    self.operands = operands
    self.results = results
    self.message = message
  }

  var testDescription: String { "\(op)(\(operands.joined(separator: ", ")))" }

  func check() {
    do {
      let found = try infer(op, operands, results: results)
      Issue.record("\(testDescription) gave \(found.map(\.text))")
    } catch let error as GraphError {
      #expect(error.description.contains(message), "\(testDescription): \(error)")
    } catch {
      Issue.record("\(testDescription): \(error)")
    }
  }
}
