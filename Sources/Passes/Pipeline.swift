import IR

/// Passes that are run in turn until none of them changes anything.
package struct Stage: Sendable {
  package var name: String
  package var passes: [any Pass]
  package var roundLimit: Int

  package init(_ name: String, _ passes: [any Pass], roundLimit: Int = 12) {
    self.name = name
    self.passes = passes
    self.roundLimit = roundLimit
  }
}

/// What one pass of a pipeline did, in all its rounds.
package struct PassReport: Sendable {
  package var stage: String
  package var pass: String
  package var log = PassLog()
  package var rounds = 0
  package var changes = 0
  package var nodesBefore: Int
  package var nodesAfter: Int
}

/// Named stages, one after the other.
package struct Pipeline: Sendable {
  package struct Options: Sendable {
    /// Checks the graph after each pass, and takes back a pass that broke it.
    package var verifies: Bool
    /// Stops after the first round of this pass.
    package var stopsAfter: String?
    /// Passes that are left out.
    package var disabled: [String]

    package init(
      verifies: Bool = _isDebugAssertConfiguration(), stopsAfter: String? = nil, disabled: [String] = []
    ) {
      self.verifies = verifies
      self.stopsAfter = stopsAfter
      self.disabled = disabled
    }
  }

  package var stages: [Stage]

  package init(_ stages: [Stage]) { self.stages = stages }

  /// Names of all passes, in order.
  package var passNames: [String] { stages.flatMap { $0.passes.map(\.name) } }

  /// Runs every stage to its fixpoint. A pass that throws, or breaks the graph, is taken back and reported;
  /// the rest goes on. `observe` sees the graph after every pass that changed it.
  package func run(
    on graph: inout Graph, in context: PassContext, options: Options = Options(),
    observe: (_ pass: String, _ graph: borrowing Graph) -> Void = { _, _ in }
  ) -> [PassReport] {
    var reports: [PassReport] = []
    for stage in stages {
      let passes = stage.passes.filter { !options.disabled.contains($0.name) }
      let first = reports.count
      let count = graph.nodeCount
      reports += passes.map {
        PassReport(stage: stage.name, pass: $0.name, nodesBefore: count, nodesAfter: count)
      }
      // The state of the graph, as a count of changing passes, that each pass last left as it was.
      var settled = [Int](repeating: -1, count: passes.count)
      var state = 0
      for _ in 0..<stage.roundLimit {
        let before = state
        for (i, pass) in passes.enumerated() where settled[i] != state {
          let changes = Self.run(pass, on: &graph, in: context, options: options, report: &reports[first + i])
          if changes > 0 {
            state += 1
            observe(pass.name, graph)
          }
          settled[i] = state
          if pass.name == options.stopsAfter { return reports }
        }
        if state == before { break }
      }
    }
    return reports
  }

  private static func run(
    _ pass: any Pass, on graph: inout Graph, in context: PassContext, options: Options,
    report: inout PassReport
  ) -> Int {
    let snapshot = graph
    var log = PassLog()
    if report.rounds == 0 { report.nodesBefore = graph.nodeCount }
    var changes = 0
    do throws(GraphError) {
      changes = try pass.run(on: &graph, in: context, log: &log)
      if options.verifies, changes > 0 { try graph.verify() }
    } catch {
      graph = snapshot
      changes = 0
      log.fail(pass.name, at: error.node ?? graph.name, error)
    }
    report.log.merge(log)
    report.rounds += 1
    report.changes += changes
    report.nodesAfter = graph.nodeCount
    return changes
  }
}
