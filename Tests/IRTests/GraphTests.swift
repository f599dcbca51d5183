import IR
import Operators
import Tensors
import Testing

@Suite struct GraphTests {
  @Test("Long chains are ordered without running out of stack")
  func longChain() throws {
    var chain = Chain()
    var last = chain.x
    for i in 0..<100_000 { last = try chain.add(Unary(.relu), [last], "n\(i)") }
    chain.graph.addOutput("y", last)
    let order = try chain.graph.order()
    #expect(order.count == 100_000)
    #expect(order.first == NodeID(0) && order.last == NodeID(99_999))
  }

  @Test("Patches cost the same in a large graph as in a small one")
  func patchesAreCheap() throws {
    func nanosecondsPerPatch(nodes: Int, shared: Bool) throws -> Double {
      var chain = Chain([4])
      let one = try chain.constant("one")
      var outputs: [ValueID] = []
      var last = chain.x
      for i in 0..<nodes {
        last = try chain.add(Binary(.add), [shared ? chain.x : last, one], "n\(i)")
        outputs.append(last)
      }
      for output in outputs { chain.graph.addOutput("o", output) }
      let start = ContinuousClock.now
      for i in 0..<500 {
        var patch = Patch(for: chain.graph)
        let new = try patch.insert(Unary(.relu), [chain.x], named: "r", in: chain.graph)[0]
        patch.replace(outputs[i * (nodes / 500)], with: new)
        try chain.graph.apply(patch)
      }
      let elapsed = ContinuousClock.now - start
      return Double(elapsed.components.attoseconds) / 1e9 / 500 + Double(elapsed.components.seconds) * 1e9
        / 500
    }
    for shared in [false, true] {
      // The best of three: other work on the machine only adds.
      let small = try (0..<3).map { _ in try nanosecondsPerPatch(nodes: 500, shared: shared) }.min() ?? 0
      let large = try (0..<3).map { _ in try nanosecondsPerPatch(nodes: 10_000, shared: shared) }.min() ?? 0
      print("patch: \(Int(small)) ns in 500 nodes, \(Int(large)) ns in 10000, shared operand: \(shared)")
      #expect(large < small * 10)
    }
  }

  @Test("Removing many readers of one value is linear")
  func removingReaders() throws {
    var chain = Chain([4])
    for i in 0..<100_000 { _ = try chain.add(Unary(.relu), [chain.x], "n\(i)") }
    let start = ContinuousClock.now
    #expect(chain.graph.removeDeadNodes() == 100_000)
    #expect(chain.graph.uses(of: chain.x).isEmpty)
    #expect(ContinuousClock.now - start < .seconds(10))
  }

  @Test("Binding replaces symbols and infers again")
  func binding() throws {
    var chain = Chain([Dimension(Symbol("N")), Dimension(Symbol("M"))])
    let y = try chain.add(Flatten(axis: 0), [chain.x], "y")
    chain.graph.addOutput("y", y)
    #expect(chain.graph.symbols == [Symbol("N"), Symbol("M")])
    let part = try chain.graph.bound([Symbol("N"): 3])
    #expect("\(part[y].type)" == "float32[1,3*M]")
    let whole = try part.bound([Symbol("M"): 5])
    #expect(whole[y].type.tensor?.sizes == [1, 15])
    #expect("\(chain.graph[y].type)" == "float32[1,M*N]")
    #expect(throws: GraphError.self) { try chain.graph.bound([Symbol("N"): .max, Symbol("M"): 2]) }
  }

  @Test("Contents of inputs decide shapes when bound")
  func boundContents() throws {
    var graph = Graph()
    let x = graph.addInput("x", .tensor(.float32, [Dimension(Symbol("N")), 4]))
    let shape = graph.addInput("shape", .tensor(.int64, [2]))
    let y = try #require(try graph.addNode(Reshape(), [x, shape], outputs: ["y"], named: "y")[0])
    graph.addOutput("y", y)
    #expect("\(graph[y].type)" == "float32[y#0,y#1]")
    let bound = try graph.bound([Symbol("N"): 3], contents: [1: [2, -1]])
    #expect(bound[y].type.tensor?.sizes == [2, 6])
    try bound.verify()
  }

  @Test("An operator's error names the node")
  func errorsNameNodes() throws {
    var chain = Chain()
    do {
      _ = try chain.add(Transpose(permutation: [0]), [chain.x], "turn")
      Issue.record("accepted")
    } catch let error as GraphError {
      #expect("\(error)" == "turn: perm is [0], expected 2 axes")
    }
    #expect(chain.graph.nodeCount == 0)
  }

  @Test func epilogues() throws {
    var chain = Chain([Dimension(Symbol("N")), 4])
    let bias = try chain.constant("bias")
    let ids = try chain.graph.addNode(
      Unary(.relu), [chain.x], epilogue: Epilogue([.binary(.add, 0, swapped: false), .convert(.float16)]),
      with: [bias],
      outputs: ["y"], named: "y")
    let y = try #require(ids[0])
    chain.graph.addOutput("y", y)
    #expect("\(chain.graph[y].type)" == "float16[N,4]")
    #expect(chain.graph.uses(of: bias) == [.epilogue(NodeID(0), 0)])
    try chain.graph.verify()
    let wide = chain.graph.addInput("wide", .tensor(.float32, [7, 1, 4]))
    for (steps, inputs) in [
      ([Epilogue.Step.binary(.add, 0, swapped: false)], [wide]), ([.binary(.add, 1, swapped: false)], [bias]),
      ([.convert(.float16), .unary(.relu)], []), ([.binary(.add, -1, swapped: false)], [bias]),
      ([.binary(.add, .max, swapped: false)], [bias]),
    ] {
      #expect(throws: GraphError.self) {
        try chain.graph.addNode(
          Unary(.relu), [chain.x], epilogue: Epilogue(steps), with: inputs, outputs: ["z"], named: "z")
      }
    }
    #expect(throws: Never.self) {
      try chain.graph.addNode(
        Shape(), [chain.x], epilogue: Epilogue([.unary(.relu)]), outputs: ["s"], named: "s")
    }
    // Shape accepts no epilogue.
    #expect(throws: GraphError.self) { try chain.graph.verify() }
  }

  @Test func originsAreSets() {
    let a = Origins([3, 1, 3])
    #expect(a.indices == [1, 3])
    #expect(a.union(Origins([2, 3])).indices == [1, 2, 3])
    #expect(Origins().union(a) == a && a.union(Origins()) == a && a.union(a) == a)
  }

  @Test func constantIdentitiesAreStable() {
    #expect(ConstantID(of: "w") == ConstantID(of: "w"))
    #expect(ConstantID(of: "w") != ConstantID(of: "v"))
    #expect(
      ConstantID(of: "add", [ConstantID(of: "a"), ConstantID(of: "b")])
        != ConstantID(of: "add", [ConstantID(of: "b"), ConstantID(of: "a")]))
    #expect(ConstantID(of: "w").text.count == 32)
  }

  @Test func smallContents() throws {
    func contents(_ tensor: Tensor) -> [Dimension]? {
      Constant(id: ConstantID(of: "c"), tensor).smallContents
    }
    #expect(contents(try Tensor([1, -1] as [Int64], sizes: [2])) == [1, -1])
    #expect(contents(try Tensor([3] as [Int32], sizes: [])) == [3])
    #expect(contents(try Tensor([true, false], sizes: [2])) == [1, 0])
    #expect(contents(try Tensor([2, 4] as [Float], sizes: [2])) == [2, 4])
    #expect(contents(try Tensor([0.5] as [Float], sizes: [1])) == nil)
    #expect(contents(try Tensor([-0.0] as [Float], sizes: [1])) == nil)
    #expect(contents(try Tensor([Float.nan], sizes: [1])) == nil)
    #expect(contents(try Tensor([1, 2] as [Int64], sizes: [2, 1])) == nil)
    #expect(contents(try Tensor([Int64](repeating: 1, count: 65), sizes: [65])) == nil)
  }
}
