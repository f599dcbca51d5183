import IR
import Operators
import Tensors

extension ImportRules {
  static let control: [ImportRule] = [
    ImportRule("If", inputs: 1...1, outputs: 1...Int.max) { n throws(Unsupported.Reason) in
      let branches = [
        Region(proto: try n.graph("then_branch"), label: "then"),
        Region(proto: try n.graph("else_branch"), label: "else"),
      ]
      for branch in branches where branch.proto.outputs.count != n.proto.outputs.count {
        throw .outputCount(
          expected: branch.proto.outputs.count...branch.proto.outputs.count, found: n.proto.outputs.count)
      }
      let taken = n.operand(0)?.knownFlag.map { $0 ? 0 : 1 }
      let (regions, captured) = try n.regions(branches, formals: [], taken: taken)
      try n.add(If(), n.inputs + captured, regions: regions)
    },
    ImportRule("Loop", inputs: 0...Int.max, outputs: 1...Int.max) { n throws(Unsupported.Reason) in
      let body = try n.graph("body")
      let carried = body.inputs.count - 2
      guard carried >= 0, n.proto.inputs.count == carried + 2 || (carried == 0 && n.inputs.count <= 2) else {
        throw .inputCount(expected: max(carried, 0) + 2...max(carried, 0) + 2, found: n.proto.inputs.count)
      }
      guard body.outputs.count > carried, body.outputs.count - 1 == n.proto.outputs.count else {
        throw .outputCount(
          expected: body.outputs.count - 1...body.outputs.count - 1, found: n.proto.outputs.count)
      }
      let inputs = n.inputs + [ValueID?](repeating: nil, count: max(0, carried + 2 - n.inputs.count))
      if inputs.dropFirst(2).contains(nil) { throw .form("a carried value is left empty") }
      var formals: [ValueType] = [.tensor(.int64, []), .tensor(.bool, [])]
      for i in 0..<carried { formals.append(n.carriedType(2 + i)) }
      let (regions, captured) = try n.regions([Region(proto: body, label: "body")], formals: formals)
      try n.add(Loop(carried: carried), inputs + captured, regions: regions)
    },
  ]

  /// A graph attribute and its name in paths.
  struct Region {
    var proto: GraphProto
    var label: String
  }
}

extension NodeContext {
  /// The type of a value that a loop carries: its sizes may change from turn to turn.
  func carriedType(_ index: Int) -> ValueType {
    operand(index)?.type.withoutShape ?? .unknown
  }

  /// Closed graphs for the regions, and the values of this graph that they take: all regions take the same ones.
  ///
  /// Constants are copied in with their identity instead. Where it is known which region is taken, another one whose
  /// types do not fit gives way to a copy of that.
  func regions(
    _ regions: [ImportRules.Region], formals: [ValueType], taken: Int? = nil
  ) throws(Unsupported.Reason) -> ([Graph], [ValueID?]) {
    if builder.nesting >= ImportSession.nestingLimit {
      throw .form("regions are nested deeper than \(ImportSession.nestingLimit)")
    }
    var captured: [(name: String, id: ValueID)] = []
    var seen: Set<String> = []
    try builder.session.spendRegions(regions.count)
    for region in regions {
      for free in GraphOrder.freeNames(of: region.proto) where seen.insert(free).inserted {
        guard let id = builder.value(named: free) else {
          throw .form("a region reads '\(free)', which nothing makes")
        }
        captured.append((free, id))
      }
    }
    var graphs: [Graph] = []
    var misfits: [Int] = []
    for (i, region) in regions.enumerated() {
      let inner = GraphBuilder(
        builder.session, name: region.proto.name, path: "\(name)/\(region.label)/",
        nesting: builder.nesting + 1, within: builder.place)
      do throws(StructureError) {
        let captures = captured.map { ($0.name, builder.graph[$0.id].operand, builder.isPoisoned($0.id)) }
        func build() throws(StructureError) {
          try inner.build(region.proto, formals: formals, captures: captures)
        }
        if let taken, i != taken {
          if try builder.session.forgetsTypes(of: build) { misfits.append(i) }
        } else {
          try build()
        }
      } catch {
        throw .form("region \(region.label): \(error)")
      }
      graphs.append(inner.graph)
    }
    if let taken { for i in misfits { graphs[i] = graphs[taken] } }
    return (graphs, captured.filter { builder.graph[$0.id].constant == nil }.map { $0.id })
  }
}
