import IR

/// Removes what nobody reads: nodes, constants, and the inputs of regions that no region uses.
package struct DeadCode: Pass {
  package let name = "dead-code"
  package init() {}

  package func run(on graph: inout Graph, in context: PassContext, log: inout PassLog) throws(GraphError)
    -> Int
  {
    var changes = try graph.rewriteRegions { (region) throws(GraphError) in
      try run(on: &region, in: context, log: &log)
    }
    changes += try dropCaptures(of: &graph, log: &log)
    changes += try dropResults(of: &graph, log: &log)
    let removed = graph.removeDeadNodes()
    if removed > 0 { log.hit(name, count: removed) }
    return changes + removed
  }
}
