import Tensors

extension Graph {
  /// Removes an input of a region, whose value nobody reads; later ones move up.
  package mutating func removeInput(at index: Int) {
    let port = inputs.remove(at: index)
    precondition(users[Int(port.value.index)].isEmpty, "the input is read")
    values[Int(port.value.index)] = nil
    for i in index..<inputs.count { values[Int(inputs[i].value.index)]?.source = .input(i) }
  }
}

extension Patch {
  /// Adds the nodes of a closed region, its inputs replaced by `operands`. Returns its outputs; nil where an
  /// output is an input without an operand.
  package mutating func inline(
    _ region: borrowing Graph, _ operands: [ValueID?], in graph: borrowing Graph
  ) throws(GraphError) -> [ValueID?] {
    var map = [ValueID?](repeating: nil, count: region.values.count)
    for (port, operand) in zip(region.inputs, operands) { map[Int(port.value.index)] = operand }
    for id in region.valueIDs {
      if let constant = region[id].constant {
        map[Int(id.index)] = self.constant(constant, named: region[id].name)
      }
    }
    for id in try region.order() {
      let node = region[id]
      var epilogueInputs: [ValueID] = []
      for input in node.epilogueInputs {
        guard let mapped = map[Int(input.index)] else {
          throw GraphError(.malformed("a region reads a value that it is not given"), node: node.name)
        }
        epilogueInputs.append(mapped)
      }
      let results = try insert(
        any: node.op, node.inputs.map { $0.flatMap { map[Int($0.index)] } }, epilogue: node.epilogue,
        with: epilogueInputs, regions: node.regions, wanted: node.outputs.map { $0 != nil }, named: node.name,
        in: graph)
      for (output, result) in zip(node.outputs, results) {
        if let output { map[Int(output.index)] = result }
      }
    }
    return region.outputs.map { map[Int($0.value.index)] }
  }
}
