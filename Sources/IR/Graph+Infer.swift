import Tensors

extension Graph {
  /// Types and contents of a node's results. Throws with the node's name.
  package func inferResults(
    of op: any Operator, operands: [Operand?], epilogue: Epilogue, epilogueOperands: [Operand], regions: [Graph],
    wanted: [Bool], name: String
  ) throws(GraphError) -> [Operand] {
    let context = InferenceContext(
      operands: operands, wanted: wanted,
      fresh: { Dimension(Symbol("\(name)#\($0)")) },
      region: { (index, operands) throws(GraphError) -> [Operand] in
        guard index < regions.count else { throw GraphError(.arity(expected: index + 1...index + 1, found: regions.count)) }
        return try regions[index].infer(operands)
      })
    do throws(GraphError) {
      var types = try op.inferTypes(context)
      if types.count < wanted.count {
        throw GraphError(.arity(expected: wanted.count...wanted.count, found: types.count))
      }
      if !epilogue.isEmpty, case .tensor(let type) = types[0] {
        types[0] = .tensor(try epilogue.resultType(type, epilogueOperands))
      }
      let contents = try (op as? any ShapeArithmetic)?.contents(operands) ?? []
      return types.enumerated().map { i, type in
        Operand(type, contents: epilogue.isEmpty && i < contents.count ? contents[i].flatMap(Self.small) : nil)
      }
    } catch {
      throw error.at(name)
    }
  }

  private static func small(_ contents: [Dimension]) -> [Dimension]? { contents.count <= 64 ? contents : nil }

  /// Types of the outputs when the inputs have the types of `operands`, absent ones keeping what was declared.
  package func infer(_ operands: [Operand?]) throws(GraphError) -> [Operand] {
    let inferred = try inferred(operands)
    return inferred.outputs.map { inferred[$0.value].operand }
  }

  /// This graph with its inputs' types replaced and everything that follows inferred again.
  package func inferred(_ operands: [Operand?]) throws(GraphError) -> Graph {
    var graph = self
    for (port, operand) in zip(inputs, operands) {
      guard let operand else { continue }
      graph.values[Int(port.value.index)]?.type = operand.type
      graph.values[Int(port.value.index)]?.contents = operand.contents
    }
    try graph.inferAll()
    return graph
  }

  /// Infers every result again, in order.
  package mutating func inferAll() throws(GraphError) {
    for id in try order() {
      let node = self[id]
      let results = try inferResults(
        of: node.op, operands: node.inputs.map { $0.map { self[$0].operand } }, epilogue: node.epilogue,
        epilogueOperands: node.epilogueInputs.map { self[$0].operand }, regions: node.regions,
        wanted: node.outputs.map { $0 != nil }, name: node.name)
      for (output, result) in zip(node.outputs, results) {
        guard let output else { continue }
        values[Int(output.index)]?.type = result.type
        values[Int(output.index)]?.contents = result.contents
      }
    }
  }

  /// The graph for one set of sizes: symbols of the inputs replaced, everything inferred again.
  ///
  /// `contents` gives elements of small integer inputs by input index. Regions are inferred, not rewritten.
  package func bound(_ sizes: [Symbol: Int], contents: [Int: [Dimension]] = [:]) throws(GraphError) -> Graph {
    var operands: [Operand?] = []
    for (i, port) in inputs.enumerated() {
      var operand = self[port.value].operand
      if case .tensor(var type) = operand.type, let shape = type.shape {
        var boundShape: [Dimension] = []
        for dimension in shape { boundShape.append(try sized { () throws(SizeOverflow) in try dimension.bound(sizes) }) }
        type.shape = boundShape
        operand.type = .tensor(type)
      }
      if let known = contents[i] { operand.contents = known }
      operands.append(operand)
    }
    return try inferred(operands)
  }
}
