import IR
import Operators
import Passes
import Tensors
import Testing

@Suite struct EngineTests {
  /// f(…f(x)…), every node with something for some pass to do.
  static func chain(_ count: Int) throws -> Graph {
    var graph = Graph(name: "chain")
    var value = graph.addInput("x", .tensor(.float32, [Dimension(Symbol("N")), 8]))
    let two = graph.addConstant(
      "two", Constant(id: ConstantID(high: 0, low: 2), try Tensor(scalar: Float(2))))
    for i in 0..<count {
      let op: any Operator
      var inputs: [ValueID?] = [value]
      switch i % 5 {
      case 0: op = Identity()
      case 1: op = Transpose(permutation: [1, 0])
      case 2:
        op = Binary(.mul)
        inputs.append(two)
      case 3: op = Transpose(permutation: [1, 0])
      default: op = Unary(i % 2 == 0 ? .relu : .tanh)
      }
      value = try #require(try graph.addNode(op, inputs, outputs: ["v\(i)"], named: "n\(i)")[0])
    }
    graph.addOutput("y", value)
    return graph
  }

  /// Counted in changes, which do not depend on the machine; the time is printed.
  @Test func aLongChainTakesChangesInProportion() throws {
    for count in [1_000, 4_000] {
      var graph = try Self.chain(count)
      var reports: [PassReport] = []
      let time = ContinuousClock().measure {
        reports = PassCatalog.portable.run(on: &graph, in: Evaluator.context, options: .init(verifies: false))
      }
      print("portable pipeline: \(count) nodes → \(graph.nodeCount) in \(time)")
      #expect(reports.flatMap(\.log.failures).isEmpty)
      #expect(reports.reduce(0) { $0 + $1.changes } <= 3 * count)
      #expect(graph.nodeCount <= count / 5 * 2)
    }
  }

  private static func graph() throws -> Graph {
    try parsed(
      """
      graph(%x: float32[4], %z: float32[4]) -> (%y) {
        %a = Unary[function=exp](%x)
        %y = Binary[function=add](%z, %a)
      }
      """)
  }

  private func run(_ rules: [Rewrite], on graph: inout Graph, verifies: Bool = true) -> PassReport {
    Pipeline([Stage("test", [RewritePass("test", rules)])]).run(
      on: &graph, in: Evaluator.context, options: .init(verifies: verifies))[0]
  }

  @Test func aRuleThatThrowsIsReportedAndSkipped() throws {
    var graph = try Self.graph()
    let before = graph.text()
    let find = Find(Unary.self)
    let bad = Rewrite("bad", at: find) { (_, _, _) throws(GraphError) in
      throw GraphError(.malformed("no luck"))
    }
    let report = run([bad], on: &graph)
    #expect(report.log.failures == [.init(rule: "bad", node: "a", reason: "no luck")])
    #expect(graph.text() == before)
  }

  @Test func aReplacementOfAnotherTypeIsRefused() throws {
    var graph = try Self.graph()
    let before = graph.text()
    let find = Find(Unary.self)
    let bad = Rewrite("bad", at: find) { (graph, match, patch) throws(GraphError) in
      try patch.replace(match[find], by: Shape(), [match[find]], named: "s", in: graph)
      return .changed
    }
    let report = run([bad], on: &graph)
    #expect(report.log.failures.count == 1)
    #expect(graph.text() == before)
  }

  @Test func rulesThatUndoEachOtherAreStopped() throws {
    var graph = try Self.graph()
    let before = graph.text()
    let find = Find(Unary.self)
    let flip = Rewrite("flip", at: find) { (graph, match, patch) throws(GraphError) in
      let node = graph[match.node(find)]
      let function: UnaryFunction = match.op(find, in: graph).function == .exp ? .log : .exp
      let new = try patch.insert(Unary(function), node.inputs, named: node.name, in: graph)
      patch.replace(match[find], with: new[0])
      return .changed
    }
    let report = run([flip], on: &graph)
    #expect(report.log.failures.count == 1)
    #expect(graph.text() == before, "a pass that does not end is taken back")
  }

  @Test func patternsSeeBothOrdersAndNoEpilogueUnlessAsked() throws {
    let graph = try parsed(
      """
      graph(%x: float32[4], %z: float32[4]) -> (%y, %w) {
        %a = Unary[function=exp](%x)
        %y = Binary[function=add](%z, %a)
        %b = Unary[function=exp](%x) {relu}
        %w = Binary[function=sub](%z, %b)
      }
      """)
    let node = { (name: String) in try #require(graph.liveNodes.first { $0.name == name }).id }
    let z = Anything()
    let exp = Find(Unary.self, usedOnce: true)
    #expect(Match(Find(Binary.self, exp, z), at: try node("y"), in: graph)?[z] == graph.inputs[1].value)
    #expect(Match(Find(Binary.self, z, exp), at: try node("y"), in: graph) != nil)
    #expect(
      Match(Find(Binary.self, exp, z), at: try node("w"), in: graph) == nil, "a difference has one order")
    #expect(Match(Find(Binary.self, z, exp), at: try node("w"), in: graph) == nil, "there is an epilogue")
    let any = Find(Unary.self, anyEpilogue: true)
    #expect(Match(Find(Binary.self, z, any), at: try node("w"), in: graph) != nil)
    #expect(Match(Find(Binary.self, z, z), at: try node("y"), in: graph) == nil, "one place, one value")
  }

  @Test func aPassCanBeLeftOutOrBeTheLast() throws {
    var graph = try Self.chain(10)
    let count = graph.nodeCount
    let all = PassCatalog.portable.passNames
    _ = PassCatalog.portable.run(on: &graph, in: Evaluator.context, options: .init(disabled: all))
    #expect(graph.nodeCount == count)
    let reports = PassCatalog.portable.run(
      on: &graph, in: Evaluator.context, options: .init(stopsAfter: "no-operations"))
    #expect(reports.allSatisfy { $0.stage == "simplify" })
    #expect(graph.nodeCount < count)
  }

  /// Constants that build on each other twice at every step are made once each, and chains of any length end.
  @Test func derivedConstantsAreMadeOnce() throws {
    final class Counter: @unchecked Sendable { var count = 0 }  // one thread
    let counter = Counter()
    let size = 2048
    var constant = Constant(
      id: ConstantID(high: 1, low: 1), try Tensor([Float](repeating: 1, count: size), sizes: [size]))
    for _ in 0..<40 {
      constant = try Constant.derived("double", from: [constant, constant], type: constant.type) {
        (tensors) throws(GraphError) in
        counter.count += 1
        return tensors[0]
      }
    }
    _ = try constant.tensor()
    #expect(counter.count == 40)
    for _ in 0..<5000 {
      constant = try Constant.derived("next", from: [constant], type: constant.type) {
        (tensors) throws(GraphError) in
        tensors[0]
      }
    }
    #expect(constant.depth <= Constant.depthLimit)
    #expect(try constant.tensor().elementCount == size)
  }
}
