import IR
import Operators
import Tensors

/// The attributes of a `TreeEnsembleRegressor`, one entry for each node of each tree.
private struct TreeLists {
  var trees: [Int64] = []
  var nodes: [Int64] = []
  var features: [Int64] = []
  var modes: [[UInt8]] = []
  var splits: [Double] = []
  var whenTrue: [Int64] = []
  var whenFalse: [Int64] = []
  var missing: [Int64] = []
  var leafTrees: [Int64] = []
  var leafNodes: [Int64] = []
  var targets: [Int64] = []
  var weights: [Double] = []
}

/// The constant operands of a `TreeEnsemble`.
private struct TreeTables {
  var nodes: [Int64]
  var splits: [Double]
  var roots: [Int64]
  var leafStarts: [Int64]
  var targets: [Int64]
  var weights: [Double]
}

extension ExportContext {
  private static let modes: [TreeEnsemble.Comparison: String] = [
    .lessOrEqual: "BRANCH_LEQ", .less: "BRANCH_LT", .greaterOrEqual: "BRANCH_GTE", .greater: "BRANCH_GT",
    .equal: "BRANCH_EQ", .notEqual: "BRANCH_NEQ",
  ]

  private static let aggregates: [TreeEnsemble.Aggregate: String] = [
    .sum: "SUM", .average: "AVERAGE", .min: "MIN", .max: "MAX",
  ]

  func trees(_ op: TreeEnsemble) throws(Unwritable.Reason) {
    if op.to != .float32 || has(8) { return try newTrees(op) }
    let type = try tensor(2).dataType
    let tables = TreeTables(
      nodes: try integers(1), splits: try reals(2), roots: try integers(3), leafStarts: try integers(4),
      targets: try integers(5), weights: try reals(6))
    let lists = try lists(tables)
    func numbers(_ name: String, _ values: [Double]) throws(Unwritable.Reason) -> ExportAttribute {
      if type == .float32 { return ExportAttribute(name: name, value: .floats(values.map { Float($0) })) }
      guard let tensor = try? Tensor.fromDoubles(values, dataType: type, sizes: [values.count]) else {
        throw .form("\(name) of type \(type.rawValue)")
      }
      return ExportAttribute(name: "\(name)_as_tensor", value: .tensor(tensor))
    }
    func list(_ name: String, _ values: [Int64]) -> ExportAttribute {
      ExportAttribute(name: name, value: .ints(values))
    }
    var base: ExportAttribute?
    if has(7) {
      base = try numbers("base_values", try reals(7))
    }
    try emit(
      "TreeEnsembleRegressor", domain: "ai.onnx.ml", [input(0)], since: 3,
      [
        .int("n_targets", op.targets), .text("aggregate_function", Self.aggregates[op.aggregate] ?? ""), base,
        list("nodes_treeids", lists.trees), list("nodes_nodeids", lists.nodes),
        list("nodes_featureids", lists.features),
        ExportAttribute(name: "nodes_modes", value: .strings(lists.modes)),
        try numbers("nodes_values", lists.splits),
        list("nodes_truenodeids", lists.whenTrue), list("nodes_falsenodeids", lists.whenFalse),
        list("nodes_missing_value_tracks_true", lists.missing), list("target_treeids", lists.leafTrees),
        list("target_nodeids", lists.leafNodes), list("target_ids", lists.targets),
        try numbers("target_weights", lists.weights),
      ])
  }

  // MARK: - Version 5

  private static let newAggregates: [TreeEnsemble.Aggregate: Int] = [.average: 0, .sum: 1, .min: 2, .max: 3]

  /// The newer form, whose nodes and leaves are told by position; it has sets and sums of any type, and one weight for
  /// each leaf.
  private func newTrees(_ op: TreeEnsemble) throws(Unwritable.Reason) {
    let type = try self.tensor(2).dataType
    let (nodes, splits, roots) = (try integers(1), try reals(2), try integers(3))
    let (starts, targets, weights) = (try integers(4), try integers(5), try reals(6))
    let count = splits.count
    guard !has(7), starts == (0...Int64(targets.count)).map({ $0 }), weights.count == targets.count,
      nodes.count == count * 5, roots.allSatisfy({ $0 >= 0 && $0 < Int64(count) })
    else { throw .form("trees of this form, with sets or other sums than those of float32, have no form") }
    func tensor(_ name: String, _ values: [Double], _ type: DataType) throws(Unwritable.Reason)
      -> ExportAttribute
    {
      guard let tensor = try? Tensor.fromDoubles(values, dataType: type, sizes: [values.count]) else {
        throw .form("\(name) of type \(type.rawValue)")
      }
      return ExportAttribute(name: name, value: .tensor(tensor))
    }
    func column(_ i: Int) -> [Int64] { (0..<count).map { nodes[$0 * 5 + i] } }
    func list(_ name: String, _ values: [Int64]) -> ExportAttribute {
      ExportAttribute(name: name, value: .ints(values))
    }
    /// A child below 0 is a leaf.
    func places(_ i: Int) -> [Int64] { column(i).map { $0 < 0 ? -1 - $0 : $0 } }
    func leaves(_ i: Int) -> [Int64] { column(i).map { $0 < 0 ? 1 : 0 } }
    var sets: ExportAttribute?
    if has(8) {
      let (starts, members) = (try integers(8), try reals(9))
      guard starts.count == count + 1, zip(starts, starts.dropFirst()).allSatisfy({ 0 <= $0 && $0 <= $1 }),
        starts.last ?? 0 <= Int64(members.count)
      else { throw .form("sets that do not fit their nodes") }
      var values: [Double] = []
      let isMember = column(1).map { $0 == TreeEnsemble.Comparison.member.rawValue }
      for i in 0..<count where isMember[i] {
        values += members[Int(starts[i])..<Int(starts[i + 1])]
        values.append(.nan)
      }
      sets = try tensor("membership_values", values, type)
    }
    try emit(
      "TreeEnsemble", domain: "ai.onnx.ml", [input(0)], since: 5,
      [
        .int("n_targets", op.targets),
        Self.newAggregates[op.aggregate].map { .int("aggregate_function", $0) },
        list("tree_roots", roots), list("nodes_featureids", column(0)),
        try tensor("nodes_modes", column(1).map { Double($0) }, .uint8),
        try tensor("nodes_splits", splits, type),
        list("nodes_truenodeids", places(2)), list("nodes_trueleafs", leaves(2)),
        list("nodes_falsenodeids", places(3)), list("nodes_falseleafs", leaves(3)),
        list("nodes_missing_value_tracks_true", column(4)), list("leaf_targetids", targets),
        try tensor("leaf_weights", weights, type), sets,
      ])
  }

  private func integers(_ index: Int) throws(Unwritable.Reason) -> [Int64] {
    guard let values = try? tensor(index).int64s() else {
      throw .form("operand \(index) is no constant of integers")
    }
    return values
  }

  private func reals(_ index: Int) throws(Unwritable.Reason) -> [Double] {
    guard let values = try? tensor(index).doubles() else {
      throw .form("operand \(index) is no constant of numbers")
    }
    return values
  }

  /// Walks every tree from its root; each node and leaf gets a number of its own in its tree.
  private func lists(_ tables: TreeTables) throws(Unwritable.Reason) -> TreeLists {
    var lists = TreeLists()
    for (tree, root) in tables.roots.enumerated() {
      var numbers: [Int64: Int64] = [:]
      var pending = [root]
      numbers[root] = 0
      while let place = pending.popLast() {
        guard let number = numbers[place] else { continue }
        lists.trees.append(Int64(tree))
        lists.nodes.append(number)
        if place < 0 {
          try addLeaf(Int(-1 - place), Int64(tree), number, tables, &lists)
          continue
        }
        let row = Int(place) * 5
        guard row >= 0, row + 5 <= tables.nodes.count, Int(place) < tables.splits.count,
          let comparison = TreeEnsemble.Comparison(rawValue: tables.nodes[row + 1])
        else { throw .form("a tree whose tables do not fit together") }
        guard let mode = Self.modes[comparison] else { throw .form("membership in a set that is not there") }
        var children: [Int64] = []
        for child in [tables.nodes[row + 2], tables.nodes[row + 3]] {
          if numbers[child] == nil {
            numbers[child] = Int64(numbers.count)
            pending.append(child)
          } else if child == root {
            throw .form("a tree that leads back to its root")
          }
          children.append(numbers[child] ?? 0)
        }
        lists.features.append(tables.nodes[row])
        lists.modes.append(Array(mode.utf8))
        lists.splits.append(tables.splits[Int(place)])
        lists.whenTrue.append(children[0])
        lists.whenFalse.append(children[1])
        lists.missing.append(tables.nodes[row + 4])
      }
    }
    return lists
  }

  private func addLeaf(
    _ leaf: Int, _ tree: Int64, _ number: Int64, _ tables: TreeTables, _ lists: inout TreeLists
  ) throws(Unwritable.Reason) {
    guard leaf >= 0, leaf + 1 < tables.leafStarts.count else { throw .form("a leaf that is not there") }
    let (start, end) = (tables.leafStarts[leaf], tables.leafStarts[leaf + 1])
    guard start >= 0, start <= end, end <= Int64(tables.targets.count), end <= Int64(tables.weights.count)
    else {
      throw .form("leaves whose weights are not there")
    }
    for i in Int(start)..<Int(end) {
      lists.leafTrees.append(tree)
      lists.leafNodes.append(number)
      lists.targets.append(tables.targets[i])
      lists.weights.append(tables.weights[i])
    }
    lists.features.append(0)
    lists.modes.append(Array("LEAF".utf8))
    lists.splits.append(0)
    lists.whenTrue.append(0)
    lists.whenFalse.append(0)
    lists.missing.append(0)
  }
}
