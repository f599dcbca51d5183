import IR
import Operators
import Runtime
import Tensors

/// A large batch as several smaller ones: where a graph does with each item what it does with any other, a plan for a
/// few items that runs several times keeps what passes between its steps in the cache, and needs their memory only.
///
/// Which graphs these are is shown value by value: one is either the same for all items or holds them along its first
/// axis. A node that no rule covers keeps the graph whole.
struct BatchSplit {
  /// Between two steps, of the values of all items. About a quarter of a last-level cache; what is smaller gains
  /// nothing, and large products of few rows lose.
  static let cachedByteCount = 8 << 20

  /// More turns are not taken: items without elements may be any number.
  private static let turnLimit = 1 << 20

  /// Items of the whole batch, and of one turn.
  let batch: Int
  let group: Int
  private let whole: Graph
  private let batched: Set<ValueID>

  /// nil where the batch fits, and where the graph cannot be split.
  init?(_ graph: Graph) {
    guard let batch = graph.inputs.lazy.compactMap({ graph.sizes(of: $0.value)?.first }).first, batch > 1,
      let order = try? graph.order(), let batched = Self.batchedValues(graph, order, batch)
    else { return nil }
    // Sizes that no memory holds are refused later: here their product must not overflow.
    var most = 0.0
    for id in order {
      let node = graph[id]
      let values = Set((node.inputs + node.epilogueInputs + node.outputs).compactMap { $0 }).intersection(
        batched)
      most = max(most, values.reduce(0) { $0 + graph.byteCount(of: $1) })
    }
    guard most > Double(Self.cachedByteCount) else { return nil }
    let fitting = max(1, Int(Double(Self.cachedByteCount) / (most / Double(batch))))
    // From the largest that fits: a batch may be a number that no memory holds.
    let candidates = stride(from: min(fitting, batch - 1), through: 1, by: -1)
    guard let group = candidates.first(where: { batch % $0 == 0 }), batch / group <= Self.turnLimit else {
      return nil
    }
    self.batch = batch
    self.group = group
    self.batched = batched
    whole = graph
  }

  /// The binding of one turn.
  func inputs(_ keys: [InputKey]) -> [InputKey] {
    zip(keys, whole.inputs).map { key, port in
      guard case .tensor(let dataType, var sizes, let contents) = key, batched.contains(port.value) else {
        return key
      }
      sizes[0] = group
      return .tensor(dataType, sizes: sizes, contents: contents)
    }
  }

  /// The plan of one turn as one of the whole.
  func plan(_ turn: ExecutionPlan) -> ExecutionPlan {
    turn.repeated(
      batch / group, inputs: whole.inputs.map { batched.contains($0.value) },
      outputs: whole.outputs.map { batched.contains($0.value) })
  }

  /// Whether the graph of one turn has node for node the same operators on the same constants; only the first axis of
  /// batched values is shorter.
  func agrees(_ part: Graph) -> Bool {
    guard let order = try? whole.order(), let others = try? part.order(), order.count == others.count,
      whole.inputs.count == part.inputs.count, whole.outputs.count == part.outputs.count
    else { return false }
    func same(_ a: ValueID?, _ b: ValueID?, comparesConstants: Bool = true) -> Bool {
      guard let a, let b else { return a == nil && b == nil }
      if let constant = whole[a].constant {
        return !comparesConstants || constant.id == part[b].constant?.id
      }
      guard var sizes = whole.sizes(of: a) else { return false }
      if batched.contains(a) { sizes[0] = group }
      return sizes == part.sizes(of: b)
    }
    for (a, b) in zip(order, others) {
      let (one, other) = (whole[a], part[b])
      // The target of a Reshape counts the items.
      let isReshape = one.op is Reshape
      guard one.op.name == other.op.name, isReshape || "\(one.op)" == "\(other.op)",
        one.epilogue == other.epilogue,
        one.inputs.count == other.inputs.count, one.epilogueInputs.count == other.epilogueInputs.count,
        one.outputs.count == other.outputs.count,
        zip(one.inputs, other.inputs).enumerated().allSatisfy({
          same($1.0, $1.1, comparesConstants: !isReshape || $0 == 0)
        }),
        zip(one.epilogueInputs, other.epilogueInputs).allSatisfy({ same($0, $1) }),
        zip(one.outputs, other.outputs).allSatisfy({ same($0, $1) })
      else { return false }
    }
    return zip(whole.inputs + whole.outputs, part.inputs + part.outputs).allSatisfy {
      $0.name == $1.name && same($0.value, $1.value)
    }
  }

  // MARK: What holds the items

  /// The values that hold the items along their first axis; nil when a node mixes items, or may.
  private static func batchedValues(_ graph: Graph, _ order: [NodeID], _ batch: Int) -> Set<ValueID>? {
    var batched: Set<ValueID> = []
    for port in graph.inputs where graph.sizes(of: port.value)?.first == batch { batched.insert(port.value) }
    for id in order {
      let node = graph[id]
      let operands = (node.inputs + node.epilogueInputs).compactMap { $0 }
      guard node.op.traits.contains(.pure) else { return nil }
      guard operands.contains(where: { batched.contains($0) }) else { continue }
      let rule = Rule(graph: graph, node: node, batched: batched)
      guard rule.keepsItemsApart else { return nil }
      for output in node.outputs.compactMap({ $0 }) {
        guard graph.sizes(of: output)?.first == batch else { return nil }
        batched.insert(output)
      }
    }
    return graph.outputs.allSatisfy { batched.contains($0.value) } ? batched : nil
  }
}

/// Whether a node computes each item of its result from the same item of its operands.
private struct Rule {
  let graph: Graph
  let node: Node
  let batched: Set<ValueID>

  private func isBatched(_ i: Int) -> Bool {
    i < node.inputs.count && node.inputs[i].map { batched.contains($0) } ?? false
  }

  /// The first operand holds the items, the others are the same for all.
  private var isFirstOnly: Bool {
    isBatched(0) && node.inputs.indices.dropFirst().allSatisfy { !isBatched($0) }
  }

  private var rank: Int { node.inputs.first.flatMap { $0 }.flatMap { graph.sizes(of: $0)?.count } ?? 0 }
  private var outputRank: Int {
    node.outputs.first.flatMap { $0 }.flatMap { graph.sizes(of: $0)?.count } ?? 0
  }

  /// Operands that are broadcast against the result meet its first axis with the items, with one element, or not.
  private func broadcasts(_ operands: [ValueID?]) -> Bool {
    operands.compactMap { $0 }.allSatisfy { id in
      guard let sizes = graph.sizes(of: id) else { return false }
      if batched.contains(id) { return sizes.count == outputRank }
      return sizes.count < outputRank || sizes.first == 1
    }
  }

  private func isAbsent(_ i: Int) -> Bool { i >= node.inputs.count || node.inputs[i] == nil }

  private var isSharedMask: Bool {
    guard let mask = node.inputs[3] else { return true }
    return graph.sizes(of: mask).map { $0.count < 4 || $0[0] == 1 } ?? false
  }

  /// `axis`, which may count from the end, is not the first.
  private func isInner(_ axis: Int) -> Bool { axis > 0 || axis < 0 && axis + rank > 0 }

  var keepsItemsApart: Bool {
    guard outputRank > 0, broadcasts(node.epilogueInputs) else { return false }
    switch node.op {
    case is Unary, is Cast, is Identity, is Clip: return isFirstOnly
    case is Binary, is Variadic, is Where: return broadcasts(node.inputs)
    case is Convolution, is ConvTranspose, is AveragePool, is GlobalAveragePool, is GlobalMaxPool,
      is BatchNormalization:
      return isFirstOnly && rank >= 2
    // Indices count from the first item on.
    case is MaxPool: return isFirstOnly && node.outputs.count == 1
    case let op as ScaleShift: return isFirstOnly && isInner(op.axis)
    case let op as LayerNormalization: return isFirstOnly && isInner(op.axis)
    case let op as Softmax: return isFirstOnly && isInner(op.axis)
    case let op as LogSoftmax: return isFirstOnly && isInner(op.axis)
    case let op as Reduce:
      return isFirstOnly && (op.axes?.allSatisfy(isInner) ?? false) && op.axes?.isEmpty == false
    case let op as Gemm: return isFirstOnly && !op.transA && broadcasts(Array(node.inputs.dropFirst(2)))
    case is MatMul:
      let other = node.inputs.count > 1 ? node.inputs[1].flatMap { graph.sizes(of: $0) } : nil
      guard rank >= 2, rank == outputRank, isBatched(0), let other else { return false }
      return isBatched(1)
        ? rank > 2 && other.count == rank : other.count < rank || other.count == 2 || other.first == 1
    // A mask may meet the first axis with one item for all.
    case is Attention:
      return rank == outputRank
        && node.inputs.indices.allSatisfy {
          $0 == 3 && !isBatched(3) ? isSharedMask : isBatched($0) || isAbsent($0)
        }
    // The order of elements stays, and the first axis of the result is checked by the caller.
    case is Reshape, is Flatten, is Squeeze, is Unsqueeze: return isFirstOnly
    case let op as Transpose: return isFirstOnly && op.permutation?.first == 0
    case let op as Concat: return isInner(op.axis) && node.inputs.indices.allSatisfy(isBatched)
    case let op as Gather:
      if isFirstOnly { return isInner(op.axis) }
      return op.axis == 0 && !isBatched(0) && isBatched(1)
    default: return false
    }
  }
}

extension Graph {
  fileprivate func sizes(of id: ValueID) -> [Int]? { self[id].type.tensor?.sizes }

  fileprivate func byteCount(of id: ValueID) -> Double {
    guard let type = self[id].type.tensor, let sizes = type.sizes else { return 0 }
    return sizes.reduce(Double(type.dataType.bitWidth ?? 8) / 8) { $0 * Double($1) }
  }
}
