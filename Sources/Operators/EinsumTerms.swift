import IR

/// The parsed equation of an `Einsum`: letters per operand and of the result, with an ellipsis where axes broadcast.
///
/// ```
/// b...ij,jk->...ik      ->  operands ["b", …, "i", "j"], ["j", "k"];  result […, "i", "k"]
/// ii                    ->  no arrow: the letters that come once, in alphabetical order, behind the ellipsis
/// ```
package struct EinsumTerms: Sendable {
  private enum Label: Hashable { case letter(UInt8), ellipsis }

  private let operands: [[Label]]
  private let result: [Label]?

  /// Numbers for the axes that operands and result have, the same number for the same letter.
  package struct Axes: Sendable {
    package let count: Int
    package let operands: [[Int]]
    package let result: [Int]
  }

  package init(_ equation: String, operandCount: Int) throws(GraphError) {
    func refuse(_ expected: String) -> GraphError {
      GraphError(.attribute("equation", expected: expected, found: "'\(equation)'"))
    }
    let text = equation.utf8.filter { $0 != UInt8(ascii: " ") }
    var sides: [[UInt8]] = [[]]
    var i = 0
    while i < text.count {
      if text[i] == UInt8(ascii: "-") {
        guard i + 1 < text.count, text[i + 1] == UInt8(ascii: ">"), sides.count == 1 else {
          throw refuse("one '->' at most")
        }
        sides.append([])
        i += 2
      } else {
        sides[sides.count - 1].append(text[i])
        i += 1
      }
    }
    var terms: [[Label]] = []
    for term in sides[0].split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
      guard let labels = Self.labels(term) else { throw refuse("letters, ',' and one '...' per term") }
      terms.append(labels)
    }
    if terms.count != operandCount { throw refuse("\(operandCount) terms") }
    operands = terms
    guard sides.count == 2 else {
      result = nil
      return
    }
    guard let labels = Self.labels(sides[1][...]) else {
      throw refuse("letters and one '...' behind the arrow")
    }
    let known = Set(terms.joined())
    guard Set(labels).count == labels.count, labels.allSatisfy({ known.contains($0) || $0 == .ellipsis })
    else {
      throw refuse("letters of the operands behind the arrow, each once")
    }
    result = labels
  }

  private static func labels(_ term: ArraySlice<UInt8>) -> [Label]? {
    var labels: [Label] = []
    var rest = term
    while let byte = rest.first {
      if byte == UInt8(ascii: ".") {
        guard rest.count >= 3, rest.prefix(3).allSatisfy({ $0 == byte }), !labels.contains(.ellipsis) else {
          return nil
        }
        labels.append(.ellipsis)
        rest = rest.dropFirst(3)
      } else {
        guard UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte || UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte
        else { return nil }
        labels.append(.letter(byte))
        rest = rest.dropFirst()
      }
    }
    return labels
  }

  /// The axes for operands of these ranks. Axes of ellipses are aligned at their ends, as in broadcasting; without an
  /// ellipsis in the result they are summed over.
  package func axes(ranks: [Int]) throws(GraphError) -> Axes {
    var broadcast = 0
    for (operand, (labels, rank)) in zip(operands, ranks).enumerated() {
      let letters = labels.count { $0 != .ellipsis }
      guard labels.contains(.ellipsis) ? rank >= letters : rank == letters else {
        throw GraphError(.rank(operand: operand, expected: letters, found: rank))
      }
      if labels.contains(.ellipsis) { broadcast = max(broadcast, rank - letters) }
    }
    // The ellipsis takes the first numbers.
    var numbers: [Label: Int] = [:]
    var uses: [Label: Int] = [:]
    for label in operands.joined() where label != .ellipsis {
      if numbers[label] == nil { numbers[label] = broadcast + numbers.count }
      uses[label, default: 0] += 1
    }
    func expand(_ labels: [Label], rank: Int) -> [Int] {
      let own = rank - labels.count { $0 != .ellipsis }
      return labels.flatMap { label -> [Int] in
        label == .ellipsis ? Array(broadcast - own..<broadcast) : numbers[label].map { [$0] } ?? []
      }
    }
    let implied = uses.filter { $0.value == 1 }.compactMap { (label, _) -> UInt8? in
      if case .letter(let letter) = label { letter } else { nil }
    }
    let labels = result ?? [.ellipsis] + implied.sorted().map { .letter($0) }
    let letters = labels.count { $0 != .ellipsis }
    return Axes(
      count: broadcast + numbers.count, operands: zip(operands, ranks).map { expand($0, rank: $1) },
      result: expand(labels, rank: letters + broadcast))
  }
}
