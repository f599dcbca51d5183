import IR
import Operators
import Tensors

/// Nodes whose operands are all constants become constants:
///
///     Concat[axis=0](@a, @b)  →  @c
///
/// A small result is computed now, a larger one is a recipe that runs when somebody asks for it. Operators
/// that keep their operand compressed stay, and so does what would be larger than the budget, or take long to
/// compute.
package struct FoldConstants: Pass {
  package let name = "fold-constants"
  /// Multiplications and moves of one run, above which nothing more is folded: a small file can ask for any
  /// number.
  package static let workLimit = 1 << 28
  package init() {}

  package func run(on graph: inout Graph, in context: PassContext, log: inout PassLog) throws(GraphError)
    -> Int
  {
    var changes = try graph.rewriteRegions { (region) throws(GraphError) in
      try run(on: &region, in: context, log: &log)
    }
    var work = 0
    var room = Self.room(in: graph)
    for id in try graph.order() {
      guard let node = graph.node(id), let operands = Self.constants(of: node, in: graph) else { continue }
      let cost = Self.work(of: node, operands, in: graph)
      if cost > Self.workLimit - work {
        log.decline(name, at: node.name, "it would take \(cost) steps")
        continue
      }
      var patch = Patch(for: graph)
      do throws(GraphError) {
        switch try Self.fold(node, operands, in: graph, context, room, &patch) {
        case .changed(let byteCount):
          try graph.apply(patch)
          room -= byteCount
          log.hit(name)
          changes += 1
          work += cost
        case .declined(let reason): log.decline(name, at: node.name, reason)
        case .ignored: break
        }
      } catch {
        log.fail(name, at: node.name, error)
      }
    }
    return changes
  }

  private enum Folding {
    case changed(byteCount: Int)
    case declined(String)
    case ignored
  }

  /// Bytes that results of all folded nodes may take beside those of the file's constants.
  private static let totalByteLimit = 256 << 20

  /// Bytes that more results may take: all of them together at most as many as the file's constants, and some more.
  private static func room(in graph: borrowing Graph) -> Int {
    var room = totalByteLimit
    var seen: Set<ConstantID> = []
    for value in graph.values {
      guard let constant = value?.constant, seen.insert(constant.id).inserted, let bytes = constant.byteCount
      else { continue }
      room += constant.stored == nil ? -bytes : bytes
    }
    return room
  }

  /// The operands of a node; nil when one is not a constant.
  private static func constants(of node: Node, in graph: borrowing Graph) -> [Constant?]? {
    var constants: [Constant?] = []
    for input in node.inputs {
      guard let input else {
        constants.append(nil)
        continue
      }
      guard let constant = graph.constant(input) else { return nil }
      constants.append(constant)
    }
    return constants
  }

  /// Roughly the steps that evaluating a node takes: elements of the result, times the length of each sum.
  private static func work(of node: Node, _ operands: [Constant?], in graph: borrowing Graph) -> Int {
    func count(_ type: TensorType?) -> Int {
      type?.sizes.flatMap { try? Tensor.elementCount(of: $0) } ?? 0
    }
    func product(_ a: Int, _ b: Int) -> Int {
      let (result, overflow) = a.multipliedReportingOverflow(by: b)
      return overflow ? .max : result
    }
    var steps = 0
    for case let operand? in operands { steps = max(steps, count(operand.type)) }
    for case let output? in node.outputs { steps = max(steps, count(graph.tensorType(output))) }
    // At most every element of an operand with every element of the others.
    if node.op is Einsum { return operands.reduce(1) { product($0, count($1?.type)) } }
    guard LinearForm(of: node) != nil, let sizes = operands[1]?.type.sizes, let output = node.outputs.first,
      let output
    else { return steps }
    // Weights are outputs × (inputs × window), whatever their order: the sum is at most as long as the rest
    // of them.
    let longest = sizes.min().map { count(operands[1]?.type) / max($0, 1) } ?? 1
    return max(steps, product(count(graph.tensorType(output)), longest))
  }

  private static func fold(
    _ node: Node, _ operands: [Constant?], in graph: borrowing Graph, _ context: PassContext,
    _ room: Int, _ patch: inout Patch
  ) throws(GraphError) -> Folding {
    let traits = node.op.traits
    guard traits.contains(.pure) else { return .declined("it is not pure") }
    if !node.epilogue.isEmpty { return .ignored }
    if traits.contains(.keepCompressed) || (context.keepsQuantized && node.op is DequantizeLinear) {
      return .declined("its operand stays compressed")
    }
    if traits.contains(.dataDependent) || !node.regions.isEmpty {
      return .declined("its sizes depend on data")
    }
    let sources = operands.compactMap { $0 }
    var byteCount = 0
    for case let output? in node.outputs {
      guard let type = graph.tensorType(output), let sizes = type.sizes,
        let count = try? Tensor.elementCount(of: sizes),
        let bytes = type.dataType.byteCount(of: count)
      else { return .declined("its result has no fixed size") }
      byteCount = max(byteCount, bytes)
    }
    if byteCount > context.foldBudgetBytes {
      return .declined("\(byteCount) bytes are beyond the budget of \(context.foldBudgetBytes)")
    }
    if byteCount > room { return .declined("constants that were folded take all the bytes that they may") }
    let absent = operands.map { $0 == nil }
    for (i, output) in node.outputs.enumerated() {
      guard let output, let type = graph.tensorType(output) else { continue }
      let evaluate = context.evaluate
      let text = "\(node.op.text)\(absent.contains(true) ? " absent \(absent)" : "") result \(i)"
      let constant = try Constant.derived(text, from: sources, type: type) { (tensors) throws(GraphError) in
        var rest = tensors[...]
        let inputs = absent.map { $0 ? nil : rest.popFirst().map { RuntimeValue.tensor($0) } }
        let results = try evaluate(node, inputs)
        guard i < results.count, let tensor = results[i]?.tensor else {
          throw GraphError(.malformed("no result \(i)"), node: node.name)
        }
        if tensor.type != type {
          throw GraphError(
            .replacedType(expected: .tensor(type), found: .tensor(tensor.type)), node: node.name)
        }
        return tensor
      }
      patch.replace(output, with: patch.constant(constant, named: graph[output].name))
    }
    return .changed(byteCount: byteCount)
  }
}

/// Small integer tensors whose elements inference knows become constants, whatever computes them:
///
///     Gather(Shape(x: float32[N,64]), @1)  →  @64
package struct FoldShapes: Pass {
  package let name = "fold-shapes"
  package init() {}

  package func run(on graph: inout Graph, in context: PassContext, log: inout PassLog) throws(GraphError)
    -> Int
  {
    var changes = try graph.rewriteRegions { (region) throws(GraphError) in
      try run(on: &region, in: context, log: &log)
    }
    for id in try graph.order() {
      guard let node = graph.node(id), node.op.traits.contains(.pure) else { continue }
      var patch = Patch(for: graph)
      for case let output? in node.outputs where !graph.uses(of: output).isEmpty {
        guard let numbers = graph.numbers(output), let type = graph.tensorType(output),
          let tensor = Self.tensor(numbers, type)
        else { continue }
        let constant = Constant(id: ConstantID(of: "\(type) \(numbers)"), tensor)
        patch.replace(output, with: patch.constant(constant, named: graph[output].name))
      }
      if patch.isEmpty { continue }
      try graph.apply(patch)
      log.hit(name)
      changes += 1
    }
    return changes
  }

  private static func tensor(_ numbers: [Int], _ type: TensorType) -> Tensor? {
    guard let sizes = type.sizes, type.dataType == .int64 || type.dataType == .int32 else { return nil }
    return try? Tensor.fromInt64s(numbers.map { Int64($0) }, dataType: type.dataType, sizes: sizes)
  }
}
