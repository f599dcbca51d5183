import IR
import Operators
import Tensors

extension ImportRules {
  /// A scan is a loop that gathers an item of each scanned operand in every turn.
  static let scans: [ImportRule] = [
    ImportRule("Scan", 8...8, inputs: 0...Int.max, outputs: 1...Int.max) { n throws(Unsupported.Reason) in
      try n.batchedScan()
    },
    ImportRule("Scan", since: 9, inputs: 1...Int.max, outputs: 1...Int.max) { n throws(Unsupported.Reason) in
      try n.scan()
    },
  ]
}

extension NodeContext {
  private struct Scan {
    let body: GraphProto
    let states: [ValueID]
    let items: [ValueID]
    /// Results that are stacked.
    var stackedCount: Int { body.outputs.count - states.count }
  }

  private func operands(_ given: [ValueID?]) throws(Unsupported.Reason) -> Scan {
    let body = try graph("body")
    let count = try int("num_scan_inputs")
    let ids = given.compactMap { $0 }
    guard count >= 1, count <= given.count, ids.count == given.count else {
      throw .attribute(name: "num_scan_inputs", expected: "1...\(given.count)", found: "\(count)")
    }
    let scan = Scan(body: body, states: Array(ids.dropLast(count)), items: Array(ids.suffix(count)))
    guard body.inputs.count == given.count else {
      throw .inputCount(expected: body.inputs.count...body.inputs.count, found: given.count)
    }
    guard body.outputs.count >= scan.states.count, proto.outputs.count <= body.outputs.count else {
      throw .outputCount(expected: 1...body.outputs.count, found: proto.outputs.count)
    }
    return scan
  }

  private func flags(_ name: String, _ count: Int) throws(Unsupported.Reason) -> [Bool] {
    let values = try ints(name) ?? [Int](repeating: 0, count: count)
    guard values.count == count, values.allSatisfy({ $0 == 0 || $0 == 1 }) else {
      throw .attribute(name: name, expected: "\(count) times 0 or 1", found: "\(values)")
    }
    return values.map { $0 == 1 }
  }

  private func axes(_ name: String, _ count: Int) throws(Unsupported.Reason) -> [Int] {
    let values = version >= 9 ? try ints(name) ?? [Int](repeating: 0, count: count) : []
    if values.count != count { throw .attribute(name: name, expected: "\(count) axes", found: "\(values)") }
    return values
  }

  /// The value read backward along an axis.
  private func reversed(_ id: ValueID?, axis: Int, suffix: String) -> ValueID? {
    guard let id else { return nil }
    return insert(
      Slice(starts: [-1], ends: [-(1 << 40)], axes: [axis], steps: [-1]), [id], suffix: "\(suffix)_reversed")
  }

  /// How many items there are: the longest operand counts, so that a shorter one is found out.
  private func length(_ items: [ValueID?], axes: [Int]) -> ValueID? {
    var lengths: [ValueID?] = []
    var known: Set<Dimension> = []
    for (i, id) in items.enumerated() {
      let axis = axes[i]
      if let id, let shape = builder.graph[id].type.tensor?.shape {
        let position = axis < 0 ? axis + shape.count : axis
        if shape.indices.contains(position), !known.insert(shape[position]).inserted { continue }
      }
      lengths.append(
        insert(Shape(start: axis, end: axis == -1 ? nil : axis + 1), [id], suffix: "length_\(i)"))
    }
    return lengths.count == 1 ? lengths[0] : insert(Variadic(.max), lengths, suffix: "length")
  }

  /// The body of a loop over the items named, whose states are those of the scan.
  private static func loop(
    _ prefix: LoopBody, _ scan: Scan, items: [String], axes: [Int]
  ) -> LoopBody {
    var loop = prefix
    let count = scan.states.count
    loop.graph.inputs += scan.body.inputs.prefix(count).map { .named($0.name) }
    for (i, input) in scan.body.inputs.dropFirst(count).enumerated() {
      loop.graph.nodes.append(
        .of("Gather", [items[i], loop.turn], [input.name], [("axis", .int(Int64(axes[i])))]))
    }
    loop.append(scan.body)
    loop.graph.outputs += scan.body.outputs
    return loop
  }

  fileprivate func scan() throws(Unsupported.Reason) {
    let scan = try operands(inputs)
    let axes = try axes("scan_input_axes", scan.items.count)
    let backward = try flags("scan_input_directions", scan.items.count)
    let outputAxes = try self.axes("scan_output_axes", scan.stackedCount)
    let outputBackward = try flags("scan_output_directions", scan.stackedCount)
    let prefix = LoopBody(of: self)
    var items: [ValueID?] = []
    var names: [String] = []
    for (i, id) in scan.items.enumerated() {
      items.append(backward[i] ? reversed(id, axis: axes[i], suffix: "in_\(i)") : id)
      names.append(items[i].map { prefix.bind($0, "in_\(i)", in: builder) } ?? "")
    }
    let body = Self.loop(prefix, scan, items: names, axes: axes)
    let (regions, captured) = try regions(
      [ImportRules.Region(proto: body.graph, label: "body")],
      formals: [.tensor(.int64, []), .tensor(.bool, [])]
        + scan.states.map { builder.graph[$0].type.withoutShape })
    let length = length(items, axes: axes)
    var results = insertAll(
      Loop(carried: scan.states.count), [length, nil] + scan.states + captured, regions: regions,
      count: scan.body.outputs.count, suffix: "loop")
    for i in 0..<scan.stackedCount {
      let place = scan.states.count + i
      if outputBackward[i] { results[place] = reversed(results[place], axis: 0, suffix: "out_\(i)") }
      if outputAxes[i] == 0 { continue }
      guard let id = results[place] else { continue }
      guard let rank = builder.graph[id].type.tensor?.shape?.count else {
        throw .form("needs the rank of scan output \(i) to be known")
      }
      let axis = outputAxes[i] < 0 ? outputAxes[i] + rank : outputAxes[i]
      guard 0..<rank ~= axis else {
        throw .attribute(
          name: "scan_output_axes", expected: "axes of rank \(rank)", found: "\(outputAxes[i])")
      }
      var order = Array(1..<rank)
      order.insert(0, at: axis)
      results[place] = insert(Transpose(permutation: order), [id], suffix: "out_\(i)")
    }
    try finish(Array(results.prefix(proto.outputs.count)))
  }

  /// Opset 8: operands have a batch in front, each item of which is scanned on its own.
  fileprivate func batchedScan() throws(Unsupported.Reason) {
    if inputs.count < 2 { throw .inputCount(expected: 2...Int.max, found: inputs.count) }
    if inputs[0] != nil { throw .form("sequence_lens is not supported") }
    let scan = try operands(Array(inputs.dropFirst()))
    let backward = try flags("directions", scan.items.count)
    let outer = LoopBody(of: self)
    var body = outer
    var items: [ValueID?] = []
    var names: [String] = []
    for (i, id) in scan.items.enumerated() {
      items.append(backward[i] ? reversed(id, axis: 1, suffix: "in_\(i)") : id)
      let source = items[i].map { outer.bind($0, "in_\(i)", in: builder) } ?? ""
      names.append("\(outer.prefix)item_\(i)")
      body.graph.nodes.append(.of("Gather", [source, outer.turn], [names[i]]))
    }
    var states: [String] = []
    for (i, id) in scan.states.enumerated() {
      let source = outer.bind(id, "state_\(i)", in: builder)
      states.append("\(outer.prefix)start_\(i)")
      body.graph.nodes.append(.of("Gather", [source, outer.turn], [states[i]]))
    }
    guard let length = length(items, axes: items.map { _ in 1 }) else { return try finish([]) }
    let turns = outer.bind(length, "length", in: builder)
    // The inner loop has names of its own for turn and condition.
    let inner = Self.loop(
      LoopBody(prefix: outer.prefix + "item/"), scan, items: names, axes: items.map { _ in 0 })
    let made = scan.body.outputs.indices.map { "\(outer.prefix)made_\($0)" }
    body.graph.nodes.append(.of("Loop", [turns, ""] + states, made, [("body", .graph(inner.graph))]))
    body.graph.outputs += made.map { .named($0) }
    let (regions, captured) = try regions(
      [ImportRules.Region(proto: body.graph, label: "body")],
      formals: [.tensor(.int64, []), .tensor(.bool, [])])
    let first = scan.states.first ?? scan.items[0]
    let batch = insert(Shape(start: 0, end: 1), [first], suffix: "batch")
    try add(Loop(carried: 0), [batch, nil] + captured, regions: regions)
  }
}
