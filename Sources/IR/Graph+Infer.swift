import Synchronization
import Tensors

extension Graph {
  /// Types and contents of a node's results. Throws with the node's name.
  package func inferResults(
    of op: any Operator, operands: [Operand?], epilogue: Epilogue, epilogueOperands: [Operand],
    regions: [Graph],
    wanted: [Bool], name: String
  ) throws(GraphError) -> [Operand] {
    try inferResults(
      of: op, operands: operands, epilogue: epilogue, epilogueOperands: epilogueOperands, regions: regions,
      wanted: wanted, name: name, budget: regions.isEmpty ? nil : InferenceBudget())
  }

  private func inferResults(
    of op: any Operator, operands: [Operand?], epilogue: Epilogue, epilogueOperands: [Operand],
    regions: [Graph],
    wanted: [Bool], name: String, budget: InferenceBudget?
  ) throws(GraphError) -> [Operand] {
    let context = InferenceContext(
      operands: operands, wanted: wanted,
      fresh: { Dimension(Symbol("\(name)#\($0)")) },
      region: { (index, operands) throws(GraphError) -> [Operand] in
        guard index < regions.count else { throw GraphError(.malformed("has \(regions.count) regions")) }
        let region = regions[index]
        if operands.count != region.inputs.count {
          throw GraphError(
            .malformed("region \(index) takes \(region.inputs.count) values, \(operands.count) are given"))
        }
        let inferred = try region.inferred(operands, budget: budget)
        return inferred.outputs.map { inferred[$0.value].operand }
      })
    do throws(GraphError) {
      for (i, operand) in operands.enumerated() {
        if let size = operand?.type.negativeSize {
          throw GraphError(.malformed("operand \(i) has the size \(size)"))
        }
      }
      var types = try op.inferTypes(context)
      if types.count < wanted.count {
        throw GraphError(.resultCount(expected: types.count...types.count, found: wanted.count))
      }
      for (i, type) in types.enumerated() {
        if let size = type.negativeSize {
          throw GraphError(.malformed("result \(i) would have the size \(size)"))
        }
      }
      if !epilogue.isEmpty, case .tensor(let type)? = types.first {
        types[0] = .tensor(try epilogue.resultType(type, epilogueOperands))
      }
      let contents = epilogue.isEmpty ? try (op as? any ShapeArithmetic)?.contents(context) ?? [] : []
      return types.enumerated().map { i, type in
        Operand(type, contents: i < contents.count ? contents[i].flatMap { Self.plausible($0, type) } : nil)
      }
    } catch {
      throw error.at(name)
    }
  }

  /// Contents that fit a value of this type, and are few.
  private static func plausible(_ contents: [Dimension], _ type: ValueType) -> [Dimension]? {
    guard contents.count <= Constant.contentsLimit, let type = type.tensor, let shape = type.shape,
      shape.count <= 1
    else { return nil }
    // Numbers that the type does not hold exactly would wrap or be rounded.
    let limit = type.dataType == .int32 ? Int(Int32.max) : type.dataType == .float32 ? 1 << 24 : Int.max
    if contents.contains(where: { ($0.fixed ?? 0) > limit || ($0.fixed ?? 0) < -limit }) { return nil }
    if let count = shape.isEmpty ? 1 : shape[0].fixed, count != contents.count { return nil }
    return contents
  }

  /// Types of the outputs when the inputs have the types of `operands`, absent ones keeping what was
  /// declared.
  package func infer(_ operands: [Operand?]) throws(GraphError) -> [Operand] {
    let inferred = try inferred(operands)
    return inferred.outputs.map { inferred[$0.value].operand }
  }

  /// This graph with its inputs' types replaced and everything that follows inferred again.
  package func inferred(_ operands: [Operand?]) throws(GraphError) -> Graph {
    try inferred(operands, budget: nil)
  }

  private func inferred(_ operands: [Operand?], budget: InferenceBudget?) throws(GraphError) -> Graph {
    var graph = self
    for (port, operand) in zip(inputs, operands) {
      guard let operand else { continue }
      graph.values[Int(port.value.index)]?.type = operand.type
      graph.values[Int(port.value.index)]?.contents = operand.contents
    }
    try graph.inferAll(budget)
    return graph
  }

  /// Infers every result again, in order.
  package mutating func inferAll() throws(GraphError) { try inferAll(nil) }

  private mutating func inferAll(_ budget: InferenceBudget?) throws(GraphError) {
    for id in try order() {
      let node = self[id]
      try budget?.spend()
      let results = try inferResults(
        of: node.op, operands: node.inputs.map { $0.map { self[$0].operand } }, epilogue: node.epilogue,
        epilogueOperands: node.epilogueInputs.map { self[$0].operand }, regions: node.regions,
        wanted: node.outputs.map { $0 != nil }, name: node.name,
        budget: budget ?? (node.regions.isEmpty ? nil : InferenceBudget()))
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
        type.shape = try Self.bound(shape, sizes)
        operand.type = .tensor(type)
      }
      if let known = contents[i] {
        operand.contents = known
      } else if let known = operand.contents {
        operand.contents = try Self.bound(known, sizes)
      }
      operands.append(operand)
    }
    return try inferred(operands)
  }

  private static func bound(_ dimensions: [Dimension], _ sizes: [Symbol: Int]) throws(GraphError)
    -> [Dimension]
  {
    var result: [Dimension] = []
    for dimension in dimensions {
      result.append(try sized { () throws(SizeOverflow) in try dimension.bound(sizes) })
    }
    return result
  }
}

extension ValueType {
  /// A size that no tensor has: operators need not expect one.
  fileprivate var negativeSize: Dimension? { tensor?.shape?.first { ($0.fixed ?? 0) < 0 } }
}

/// How many nodes within regions one inference may visit: a loop infers its body more than once, and loops
/// nest.
private final class InferenceBudget: Sendable {
  private let left = Atomic<Int>(200_000)

  func spend() throws(GraphError) {
    if left.wrappingSubtract(1, ordering: .relaxed).newValue < 0 {
      throw GraphError(.budget("inference of nested regions"))
    }
  }
}
