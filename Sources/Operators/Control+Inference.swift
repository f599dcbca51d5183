import IR
import Tensors

extension If {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(1...Int.max)
    let condition = try context.tensor(0, of: ElementTypes.bool)
    if let shape = condition?.shape, !shape.isEmpty { try context.expectShape(0, [1]) }
    let captured = Array(context.operands.dropFirst())
    if let isTrue = context.operand(0)?.knownFlag {
      return try Self.checked(try context.region(isTrue ? 0 : 1, captured), context).map(\.type)
    }
    // A branch that does not fit these types may never be taken: only both failing is an error.
    var failure: GraphError?
    var branches: [[Operand]] = []
    for i in 0..<2 {
      do throws(GraphError) {
        branches.append(try Self.checked(try context.region(i, captured), context))
      } catch {
        if error.isStructural { throw error }
        failure = failure ?? error
      }
    }
    guard let first = branches.first else { throw failure ?? GraphError(.malformed("has no branches")) }
    guard let second = branches.dropFirst().first else { return first.map(\.type) }
    var joiner = TypeJoiner(context, seenBy: captured)
    var results: [ValueType] = []
    for (a, b) in zip(first, second) { results.append(try joiner.join(a.type, b.type)) }
    return results
  }

  private static func checked(_ results: [Operand], _ context: InferenceContext) throws(GraphError)
    -> [Operand]
  {
    if results.count < context.wanted.count {
      throw GraphError(.malformed("a branch has \(results.count) results, \(context.wanted.count) are named"))
    }
    return results
  }
}

extension Operand {
  /// The truth of a condition that is known.
  package var knownFlag: Bool? {
    if let number = contents?.first?.fixed { return number != 0 }
    guard let constant, constant.type.dataType == .bool, constant.type.sizes?.allSatisfy({ $0 == 1 }) == true
    else {
      return nil
    }
    return (try? constant.tensor().int64s().first).map { $0 != 0 }
  }
}

extension Loop {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    if carried < 0 || carried > context.operands.count {
      throw GraphError(.attribute("carried", expected: "0...\(context.operands.count)", found: "\(carried)"))
    }
    try context.expect(2 + carried...Int.max)
    _ = try context.optionalTensor(0)?.expect(ElementTypes.indices, operand: 0)
    _ = try context.optionalTensor(1)?.expect(ElementTypes.bool, operand: 1)
    let captured = Array(context.operands.dropFirst(2 + carried))
    var states: [ValueType] = []
    for i in 0..<carried {
      guard let operand = context.operand(2 + i) else { throw GraphError(.missing(operand: 2 + i)) }
      states.append(operand.type)
    }
    var body = try run(states, captured, context)
    var joiner = TypeJoiner(context, seenBy: context.operands)
    let joined = try joiner.join(states, Array(body[1..<1 + carried].map(\.type)))
    if joined != states {
      // What changes from turn to turn is unknown within the body; if that is not enough, so is its rank.
      body = try run(joined, captured, context)
      let next = Array(body[1..<1 + carried].map(\.type))
      if zip(joined, next).allSatisfy({ joiner.covers($0, $1) }) {
        // The last turn's sizes are not those within the body: they get symbols of their own.
        var last = TypeJoiner(context, seenBy: context.operands, firstSymbol: joiner.nextSymbol)
        states = try last.join(joined, next)
      } else {
        states = joined.map(\.withoutShape)
        body = try run(states, captured, context)
      }
    }
    let turns = turnCount(context, body[0])
    var scanned = TypeJoiner(context, seenBy: context.operands, firstSymbol: 1000)
    var results = states
    for operand in body.dropFirst(1 + carried) {
      guard let type = try operand.tensorType(0) else {
        results.append(.unknown)
        continue
      }
      results.append(
        .tensor(type.dataType, scanned.sealed(type.shape).map { [turns ?? scanned.fresh()] + $0 }))
    }
    if results.count < context.wanted.count {
      throw GraphError(.resultCount(expected: results.count...results.count, found: context.wanted.count))
    }
    return results
  }

  private func run(_ states: [ValueType], _ captured: [Operand?], _ context: InferenceContext)
    throws(GraphError)
    -> [Operand]
  {
    // While the body runs, its condition is true.
    let counters = [
      Operand(.tensor(.int64, [])), Operand(.tensor(.bool, []), contents: [1]),
    ]
    let results = try context.region(0, counters + states.map { Operand($0) } + captured)
    if results.count < 1 + carried {
      throw GraphError(.resultCount(expected: 1 + carried...Int.max, found: results.count))
    }
    return results
  }

  /// The number of turns, when nothing can stop the loop early.
  private func turnCount(_ context: InferenceContext, _ condition: Operand) -> Dimension? {
    guard condition.contents?.first?.fixed == 1, let count = context.operand(0)?.contents?.first,
      context.operand(1) == nil || context.operand(1)?.knownFlag == true
    else { return nil }
    return (count.fixed ?? 0) < 0 ? 0 : count
  }
}
