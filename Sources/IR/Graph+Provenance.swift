/// Where the nodes and values of a graph came from: all of it that its text leaves out.
///
/// Lists follow the text: values are inputs, then constants, then the results of the nodes in order.
package struct Provenance: Hashable, Sendable {
  package struct Entry: Hashable, Sendable {
    package var origins: [Int32]
    package var mirrors: Int32?

    package init(origins: [Int32], mirrors: Int32? = nil) {
      self.origins = origins
      self.mirrors = mirrors
    }
  }

  package var originNames: [String]
  package var nodes: [Entry]
  package var values: [Entry]
  /// Of the regions of all nodes, in order.
  package var regions: [Provenance]

  package init(originNames: [String], nodes: [Entry], values: [Entry], regions: [Provenance]) {
    self.originNames = originNames
    self.nodes = nodes
    self.values = values
    self.regions = regions
  }
}

extension Graph {
  private func textOrder() throws(GraphError) -> (nodes: [NodeID], values: [ValueID]) {
    let nodes = try order()
    return (
      nodes,
      inputs.map(\.value) + valueIDs.filter { self[$0].constant != nil }
        + nodes.flatMap { self[$0].outputs.compactMap { $0 } }
    )
  }

  package func provenance() throws(GraphError) -> Provenance {
    let (order, ids) = try textOrder()
    var regions: [Provenance] = []
    for id in order {
      for region in self[id].regions { regions.append(try region.provenance()) }
    }
    return Provenance(
      originNames: originNames, nodes: order.map { Provenance.Entry(origins: self[$0].origins.indices) },
      values: ids.map { Provenance.Entry(origins: self[$0].origins.indices, mirrors: self[$0].mirrors) },
      regions: regions)
  }

  /// Gives a graph that was read from its text the provenance that it had. Throws when that is of another graph.
  package mutating func restore(_ provenance: Provenance) throws(GraphError) {
    let (order, ids) = try textOrder()
    let names = provenance.originNames.count
    func isValid(_ entry: Provenance.Entry) -> Bool {
      entry.origins.allSatisfy { $0 >= 0 && Int($0) < names }
        && entry.mirrors.map { $0 >= 0 && Int($0) < names } ?? true
    }
    guard order.count == provenance.nodes.count, ids.count == provenance.values.count,
      (provenance.nodes + provenance.values).allSatisfy(isValid),
      order.reduce(0, { $0 + self[$1].regions.count }) == provenance.regions.count
    else { throw GraphError(.malformed("names of origin that belong to another graph")) }
    originNames = provenance.originNames
    var next = 0
    for (id, entry) in zip(order, provenance.nodes) {
      nodes[Int(id.index)]?.origins = Origins(entry.origins)
      for i in self[id].regions.indices {
        try nodes[Int(id.index)]?.regions[i].restore(provenance.regions[next])
        next += 1
      }
    }
    for (id, entry) in zip(ids, provenance.values) {
      values[Int(id.index)]?.origins = Origins(entry.origins)
      values[Int(id.index)]?.mirrors = entry.mirrors
    }
  }
}
