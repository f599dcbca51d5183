import IR
import Operators
import Tensors

/// Ensembles of trees of `ai.onnx.ml`, in the form of nodes with names and in that of version 5.
extension ImportRules {
  static let trees: [ImportRule] = [
    ImportRule("TreeEnsembleRegressor", domain: "ai.onnx.ml", since: 1, inputs: 1...1) {
      n throws(Unsupported.Reason) in
      let targets = try n.positive("n_targets", default: 1)
      let aggregate = try n.word(
        "aggregate_function", default: "SUM",
        ["SUM": TreeEnsemble.Aggregate.sum, "AVERAGE": .average, "MIN": .min, "MAX": .max])
      let transform = try n.transform()
      if targets == 1, transform != .none {
        throw .attribute(
          name: "post_transform", expected: "NONE for one target, where engines differ", found: "others")
      }
      let tables = try n.namedTrees("target", ids: "target_ids")
      let op = TreeEnsemble(targets: targets, aggregate: aggregate)
      let sums = n.insert(op, try n.operands(tables, targets: targets), suffix: "sums")
      try n.add(TransformScores(transform), [sums])
    },
    ImportRule("TreeEnsembleClassifier", domain: "ai.onnx.ml", since: 1, inputs: 1...1, outputs: 1...2) {
      n throws(Unsupported.Reason) in
      guard let labels = try n.labels("classlabels_int64s", "classlabels_strings") else {
        throw .missingAttribute("classlabels_int64s")
      }
      var tables = try n.namedTrees("class", ids: "class_ids")
      let count = labels.elementCount
      // Weights of one of two classes tell of the other too.
      let isPair = count == 2 && Set(tables.targets).count == 1
      if isPair {
        if tables.targets.first == 1 {
          throw .form("weights of the second class alone: engines differ on the first")
        }
        tables.targets = [Int64](repeating: 0, count: tables.targets.count)
      }
      let columns = isPair ? 1 : count
      let isProbability = tables.weights.allSatisfy { $0 >= 0 }
      let scores = n.insert(
        TreeEnsemble(targets: columns), try n.operands(tables, targets: columns), suffix: "scores")
      try n.classify(
        scores, columns: columns, labels, isProbability: isProbability, threshold: isProbability ? 0.5 : 0)
    },
    ImportRule("TreeEnsemble", domain: "ai.onnx.ml", since: 5, inputs: 1...1) {
      n throws(Unsupported.Reason) in
      try n.trees()
    },
  ]
}

/// The tables that a TreeEnsemble reads, as it reads them.
private struct TreeTables {
  /// Five numbers for each node.
  var nodes: [Int64] = []
  var splits: [Double] = []
  var roots: [Int64] = []
  var leafStarts: [Int64] = [0]
  var targets: [Int64] = []
  var weights: [Double] = []
  var setStarts: [Int64]?
  var members: [Double] = []
  /// Of splits and weights.
  var dataType = DataType.float32

  static func leaf(_ index: Int) -> Int64 { -1 - Int64(index) }
}

extension NodeContext {
  /// Numbers as a list of floats, or as a tensor of a wider type.
  private func numbers(_ name: String) throws(Unsupported.Reason) -> (values: [Double], type: DataType)? {
    if version >= 3, let tensor = try tensor("\(name)_as_tensor")?.tensor, let values = try? tensor.doubles()
    {
      return (values, tensor.dataType)
    }
    return try reals(name).map { ($0.map(\.value), .float32) }
  }

  private func list(_ name: String, _ count: Int) throws(Unsupported.Reason) -> [Int] {
    guard let values = try ints(name) else { throw .missingAttribute(name) }
    if values.count != count {
      throw .attribute(name: name, expected: "\(count) numbers", found: "\(values.count)")
    }
    return values
  }

  private static let comparisons: [String: TreeEnsemble.Comparison] = [
    "BRANCH_LEQ": .lessOrEqual, "BRANCH_LT": .less, "BRANCH_GTE": .greaterOrEqual, "BRANCH_GT": .greater,
    "BRANCH_EQ": .equal, "BRANCH_NEQ": .notEqual,
  ]

  private struct NodeName: Hashable {
    var tree: Int
    var node: Int
  }

  /// Nodes that name their tree and themselves; `prefix` is that of the weights' attributes.
  fileprivate func namedTrees(_ prefix: String, ids: String) throws(Unsupported.Reason) -> TreeTables {
    ignore("nodes_hitrates", "nodes_hitrates_as_tensor")
    guard let trees = try ints("nodes_treeids") else { throw .missingAttribute("nodes_treeids") }
    guard let modes = try texts("nodes_modes") else { throw .missingAttribute("nodes_modes") }
    let count = trees.count
    let names = try list("nodes_nodeids", count)
    let features = try list("nodes_featureids", count)
    let (whenTrue, whenFalse) = (try list("nodes_truenodeids", count), try list("nodes_falsenodeids", count))
    let missing = try ints("nodes_missing_value_tracks_true") ?? []
    guard let splits = try numbers("nodes_values"), splits.values.count == count, modes.count == count,
      missing.isEmpty || missing.count == count
    else { throw .attribute(name: "nodes_values", expected: "\(count) numbers and modes", found: "others") }
    var tables = TreeTables()
    tables.dataType = splits.type

    // Inner nodes and leaves are counted apart.
    var places: [NodeName: Int64] = [:]
    var leaves: [NodeName] = []
    var inner: [Int] = []
    for i in 0..<count {
      let name = NodeName(tree: trees[i], node: names[i])
      let place: Int64
      if modes[i] == "LEAF" {
        place = TreeTables.leaf(leaves.count)
        leaves.append(name)
      } else {
        place = Int64(inner.count)
        inner.append(i)
      }
      if places.updateValue(place, forKey: name) != nil {
        throw .attribute(name: "nodes_nodeids", expected: "one node of each name", found: "two")
      }
    }
    var children: Set<NodeName> = []
    for i in inner {
      guard let comparison = Self.comparisons[modes[i]] else {
        throw .attribute(name: "nodes_modes", expected: "names of comparisons", found: modes[i])
      }
      tables.nodes += [Int64(features[i]), comparison.rawValue]
      for node in [whenTrue[i], whenFalse[i]] {
        let name = NodeName(tree: trees[i], node: node)
        guard let place = places[name] else {
          throw .attribute(name: "nodes_truenodeids", expected: "nodes of the tree", found: "\(node)")
        }
        children.insert(name)
        tables.nodes.append(place)
      }
      tables.nodes.append(missing.isEmpty || missing[i] == 0 ? 0 : 1)
      tables.splits.append(splits.values[i])
    }
    var rooted: Set<Int> = []
    for i in 0..<count {
      let name = NodeName(tree: trees[i], node: names[i])
      if children.contains(name) { continue }
      if !rooted.insert(trees[i]).inserted { throw .form("tree \(trees[i]) has two roots") }
      if let place = places[name] { tables.roots.append(place) }
    }
    if rooted.count != Set(trees).count { throw .form("a tree has no root") }

    guard let targets = try ints(ids), let weights = try numbers("\(prefix)_weights") else {
      throw .missingAttribute("\(prefix)_weights")
    }
    let (weightTrees, weightNodes) = (
      try list("\(prefix)_treeids", targets.count), try list("\(prefix)_nodeids", targets.count)
    )
    guard weights.values.count == targets.count else {
      throw .attribute(
        name: "\(prefix)_weights", expected: "\(targets.count) numbers", found: "\(weights.values.count)")
    }
    var byLeaf: [NodeName: [Int]] = [:]
    for i in targets.indices {
      byLeaf[NodeName(tree: weightTrees[i], node: weightNodes[i]), default: []].append(i)
    }
    for leaf in leaves {
      for i in byLeaf[leaf] ?? [] {
        tables.targets.append(Int64(targets[i]))
        tables.weights.append(weights.values[i])
      }
      tables.leafStarts.append(Int64(tables.targets.count))
    }
    if tables.targets.count != targets.count { throw .form("weights are given to nodes that are no leaves") }
    return tables
  }

  /// The operands of a TreeEnsemble.
  fileprivate func operands(_ tables: TreeTables, targets: Int) throws(Unsupported.Reason) -> [ValueID?] {
    if let wrong = tables.targets.first(where: { $0 < 0 || $0 >= Int64(targets) }) {
      throw .form("a leaf weighs target \(wrong) of \(targets)")
    }
    func integers(_ values: [Int64], _ sizes: [Int]? = nil, _ suffix: String) throws(Unsupported.Reason)
      -> ValueID
    {
      guard let tensor = try? Tensor(values, sizes: sizes ?? [values.count]) else {
        throw .form("no \(suffix)")
      }
      return constant(tensor, suffix: suffix)
    }
    func reals(_ values: [Double], _ suffix: String) throws(Unsupported.Reason) -> ValueID {
      guard let tensor = try? Tensor.fromDoubles(values, dataType: tables.dataType, sizes: [values.count])
      else {
        throw .form("no \(suffix)")
      }
      return constant(tensor, suffix: suffix)
    }
    var operands: [ValueID?] = [
      inputs[0], try integers(tables.nodes, [tables.nodes.count / 5, 5], "nodes"),
      try reals(tables.splits, "splits"),
      try integers(tables.roots, nil, "roots"), try integers(tables.leafStarts, nil, "leaves"),
      try integers(tables.targets, nil, "targets"), try reals(tables.weights, "weights"),
    ]
    if proto.operatorName != "TreeEnsemble", let base = try numbers("base_values")?.values, !base.isEmpty {
      if base.count != targets {
        throw .attribute(name: "base_values", expected: "\(targets) numbers", found: "\(base.count)")
      }
      operands.append(try reals(base, "base"))
    }
    if let starts = tables.setStarts {
      operands += [ValueID?](repeating: nil, count: 8 - operands.count)
      operands += [try integers(starts, nil, "sets"), try reals(tables.members, "members")]
    }
    return operands
  }

  /// Version 5: nodes and leaves by position.
  fileprivate func trees() throws(Unsupported.Reason) {
    ignore("nodes_hitrates")
    func doubles(_ name: String) throws(Unsupported.Reason) -> (values: [Double], type: DataType)? {
      guard let tensor = try tensor(name)?.tensor, let values = try? tensor.doubles() else { return nil }
      return (values, tensor.dataType)
    }
    guard let features = try ints("nodes_featureids") else { throw .missingAttribute("nodes_featureids") }
    let count = features.count
    guard let modes = try doubles("nodes_modes")?.values, modes.count == count,
      let splits = try doubles("nodes_splits"), splits.values.count == count
    else { throw .attribute(name: "nodes_splits", expected: "\(count) numbers and modes", found: "others") }
    let sides = [
      (try list("nodes_truenodeids", count), try list("nodes_trueleafs", count)),
      (try list("nodes_falsenodeids", count), try list("nodes_falseleafs", count)),
    ]
    let missing = try ints("nodes_missing_value_tracks_true") ?? []
    guard missing.isEmpty || missing.count == count else {
      throw .attribute(
        name: "nodes_missing_value_tracks_true", expected: "\(count) numbers", found: "\(missing.count)")
    }
    guard let weights = try doubles("leaf_weights") else { throw .missingAttribute("leaf_weights") }
    let leafTargets = try list("leaf_targetids", weights.values.count)
    var tables = TreeTables()
    tables.dataType = splits.type
    tables.splits = splits.values
    tables.weights = weights.values
    tables.targets = leafTargets.map { Int64($0) }
    tables.leafStarts = (0...leafTargets.count).map { Int64($0) }
    for i in 0..<count {
      guard let comparison = TreeEnsemble.Comparison(rawValue: Int64(modes[i])) else {
        throw .attribute(name: "nodes_modes", expected: "0...6", found: "\(modes[i])")
      }
      tables.nodes += [Int64(features[i]), comparison.rawValue]
      for (ids, areLeaves) in sides {
        let limit = areLeaves[i] == 0 ? count : leafTargets.count
        guard 0..<limit ~= ids[i] else {
          throw .attribute(name: "nodes_truenodeids", expected: "0..<\(limit)", found: "\(ids[i])")
        }
        tables.nodes.append(areLeaves[i] == 0 ? Int64(ids[i]) : TreeTables.leaf(ids[i]))
      }
      tables.nodes.append(missing.isEmpty || missing[i] == 0 ? 0 : 1)
    }
    guard let roots = try ints("tree_roots"), roots.allSatisfy({ 0..<count ~= $0 }) else {
      throw .attribute(name: "tree_roots", expected: "nodes", found: "others")
    }
    tables.roots = roots.map { Int64($0) }
    try addSets(modes, to: &tables, try doubles("membership_values")?.values)
    let aggregates: [TreeEnsemble.Aggregate] = [.average, .sum, .min, .max]
    let aggregate = try int("aggregate_function", default: 1)
    let transforms: [ScoreTransform] = [.none, .softmax, .logistic, .softmaxZero]
    let transform = try int("post_transform", default: 0)
    guard aggregates.indices.contains(aggregate), transforms.indices.contains(transform) else {
      throw .attribute(name: "post_transform", expected: "0...3", found: "\(transform)")
    }
    let targets = try positive("n_targets")
    let op = TreeEnsemble(targets: targets, aggregate: aggregates[aggregate], to: splits.type)
    let operands = try operands(tables, targets: targets)
    if transform == 0 { return try add(op, operands) }
    try add(TransformScores(transforms[transform]), [insert(op, operands, suffix: "sums")])
  }

  /// Sets in the order of the nodes that ask for membership, each behind the other with NaN at its end.
  private func addSets(
    _ modes: [Double], to tables: inout TreeTables, _ values: [Double]?
  ) throws(Unsupported.Reason) {
    guard modes.contains(6) else { return }
    guard let values else { throw .missingAttribute("membership_values") }
    var rest = values[...]
    var starts: [Int64] = [0]
    for mode in modes {
      if mode == 6 {
        let set = rest.prefix { !$0.isNaN }
        tables.members += set
        rest = rest[set.endIndex...].dropFirst()
      }
      starts.append(Int64(tables.members.count))
    }
    if !rest.isEmpty { throw .form("membership_values has more sets than nodes ask for") }
    tables.setStarts = starts
  }
}
