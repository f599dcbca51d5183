import Tensors

extension Graph {
  /// Checks every promise of the structure: sources, uses, acyclicity, epilogues, regions, and that types can
  /// be inferred as they stand. Throws the first that is broken.
  package func verify() throws(GraphError) {
    try verifyUses()
    for id in try order() {
      let node = self[id]
      if !node.epilogue.isEmpty {
        guard node.op.traits.contains(.acceptsEpilogue), node.outputs.count(where: { $0 != nil }) == 1,
          node.outputs.first.flatMap({ $0 }) != nil
        else {
          throw GraphError(
            .malformed("an epilogue needs an operator that accepts it and one result"), node: node.name)
        }
        if node.epilogue.operandCount > node.epilogueInputs.count {
          throw GraphError(
            .arity(
              expected: node.epilogue.operandCount...node.epilogue.operandCount,
              found: node.epilogueInputs.count),
            node: node.name)
        }
      }
      for region in node.regions {
        do { try region.verify() } catch { throw error.at(node.name) }
      }
      let results = try inferResults(
        of: node.op, operands: node.inputs.map { $0.map { self[$0].operand } }, epilogue: node.epilogue,
        epilogueOperands: node.epilogueInputs.map { self[$0].operand }, regions: node.regions,
        wanted: node.outputs.map { $0 != nil }, name: node.name)
      for (output, result) in zip(node.outputs, results) {
        guard let output else { continue }
        if !result.type.isCompatible(with: self[output].type) {
          throw GraphError(.replacedType(expected: self[output].type, found: result.type), node: node.name)
        }
      }
    }
  }

  /// Every place that reads a value is recorded with it, at the recorded position, and nothing else is.
  private func verifyUses() throws(GraphError) {
    var counts = [Int](repeating: 0, count: values.count)
    func note(_ value: ValueID, _ use: Use, _ subject: String) throws(GraphError) {
      guard values.indices.contains(Int(value.index)), let read = values[Int(value.index)] else {
        throw GraphError(.malformed("reads a value that is not there"), node: subject)
      }
      let recorded = users[Int(value.index)]
      let position = position(of: use)
      guard recorded.indices.contains(position), recorded[position] == use else {
        throw GraphError(.malformed("uses of \(read.name) are not those recorded"), node: subject)
      }
      counts[Int(value.index)] += 1
    }
    for (index, node) in nodes.enumerated() {
      guard let node else { continue }
      if node.id.index != index || usePositions[index].count != node.inputs.count + node.epilogueInputs.count
      {
        throw GraphError(.malformed("the node is not where it says"), node: node.name)
      }
      for (i, input) in node.inputs.enumerated() {
        if let input { try note(input, .operand(node.id, i), node.name) }
      }
      for (i, input) in node.epilogueInputs.enumerated() { try note(input, .epilogue(node.id, i), node.name) }
      for (i, output) in node.outputs.enumerated() {
        guard let output else { continue }
        guard values.indices.contains(Int(output.index)),
          case .result(let producer, let index)? = values[Int(output.index)]?.source, producer == node.id,
          index == i
        else { throw GraphError(.malformed("result \(i) has another source"), node: node.name) }
      }
    }
    for (i, port) in outputs.enumerated() { try note(port.value, .result(i), "output \(port.name)") }
    for (i, port) in inputs.enumerated() {
      guard values.indices.contains(Int(port.value.index)),
        case .input(let index)? = values[Int(port.value.index)]?.source, index == i
      else { throw GraphError(.malformed("its value has another source"), node: "input \(port.name)") }
    }
    for i in values.indices {
      guard let value = values[i] else { continue }
      if counts[i] != users[i].count {
        throw GraphError(.malformed("uses of \(value.name) are not those recorded"))
      }
      if case .result(let producer, let index) = value.source {
        guard nodes.indices.contains(Int(producer.index)), let node = nodes[Int(producer.index)],
          node.outputs.indices.contains(index), node.outputs[index] == ValueID(i)
        else { throw GraphError(.malformed("\(value.name) comes from a node that does not make it")) }
      }
    }
  }
}

extension ValueType {
  /// Whether a value of this type may stand where `other` was promised: nothing known of both contradicts.
  package func isCompatible(with other: ValueType) -> Bool {
    switch (self, other) {
    case (.unknown, _), (_, .unknown): return true
    case (.sequence(let a), .sequence(let b)), (.optional(let a), .optional(let b)):
      return a.isCompatible(with: b)
    case (.tensor(let a), .tensor(let b)):
      guard a.dataType == b.dataType else { return false }
      guard let x = a.shape, let y = b.shape else { return true }
      return x.count == y.count
        && zip(x, y).allSatisfy { a, b in
          guard let m = a.fixed, let n = b.fixed else { return true }
          return m == n
        }
    default: return false
    }
  }
}
