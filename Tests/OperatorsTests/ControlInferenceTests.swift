import IR
import Operators
import Tensors
import Testing

@Suite struct ControlInferenceTests {
  /// A region of one input and what `body` makes of it.
  static func region(_ type: String, name: String = "r", _ body: (inout Graph, ValueID) throws -> [ValueID])
    throws -> Graph
  {
    var graph = Graph(name: name)
    let x = graph.addInput("x", try #require(try operand(type)).type)
    for (i, output) in try body(&graph, x).enumerated() { graph.addOutput("\(i)", output) }
    return graph
  }

  static func apply(_ op: any Operator, _ type: String = "float32[?]") throws -> Graph {
    try region(type) { graph, x in
      [try #require(try graph.addNode(op, [x], outputs: ["y"], named: "y")[0])]
    }
  }

  @Test("An If joins what its branches make")
  func joins() throws {
    func join(_ first: any Operator, _ second: any Operator, _ condition: String, _ x: String) throws
      -> String
    {
      try infer(If(), [condition, x], regions: [Self.apply(first), Self.apply(second)])[0].text
    }
    #expect(try join(Unary(.relu), Unary(.exp), "bool[]", "float32[N,3]") == "float32[N,3]")
    #expect(try join(Unary(.relu), Transpose(), "bool[]", "float32[2,3]") == "float32[n#0,n#1]")
    #expect(try join(Unary(.relu), Flatten(axis: 0), "bool[]", "float32[2,3,4]") == "float32[?]")
    // Symbols that only the branch knows become symbols of the node.
    #expect(try join(NonZero(), NonZero(), "bool[]", "float32[2,3]") == "int64[2,n#0]")
  }

  @Test("An error counts when its branch is chosen, or when both fail")
  func errors() throws {
    let squeeze = try Self.apply(Squeeze(axes: [0]))
    let keep = try Self.apply(Identity())
    // The untaken branch squeezes [2, 128], which would be an error.
    #expect(
      try infer(If(), ["bool[]", "float32[2,128]"], regions: [squeeze, keep])[0].text == "float32[2,128]")
    #expect(
      try infer(If(), ["bool[]", "float32[2,128]"], regions: [keep, squeeze])[0].text == "float32[2,128]")
    #expect(
      try infer(If(), ["bool[]{0}", "float32[2,128]"], regions: [squeeze, keep])[0].text == "float32[2,128]")
    #expect(throws: GraphError.self) {
      try infer(If(), ["bool[]{1}", "float32[2,128]"], regions: [squeeze, keep])
    }
    #expect(throws: GraphError.self) {
      try infer(If(), ["bool[]", "float32[2,128]"], regions: [squeeze, squeeze])
    }
    let yes = try Tensor(scalar: true)
    #expect(
      try infer(If(), ["bool[]", "float32[1,128]"], regions: [squeeze, keep], constants: [0: yes])[0].text
        == "float32[128]")
  }

  @Test func malformedControl() throws {
    let keep = try Self.apply(Identity())
    #expect(throws: GraphError.self) { try infer(If(), ["bool[]", "float32[2]"], regions: [keep]) }
    #expect(throws: GraphError.self) { try infer(If(), ["bool[]"], regions: [keep, keep]) }
    #expect(throws: GraphError.self) { try infer(If(), ["int64[]", "float32[2]"], regions: [keep, keep]) }
    #expect(throws: GraphError.self) { try infer(If(), ["bool[2]", "float32[2]"], regions: [keep, keep]) }
    #expect(throws: GraphError.self) {
      try infer(If(), ["bool[]", "float32[2]"], results: 2, regions: [keep, keep])
    }
    #expect(throws: GraphError.self) { try infer(Loop(carried: 1), ["-", "-"], regions: [keep]) }
    #expect(throws: GraphError.self) { try infer(Loop(carried: 1), ["-", "-", "float32[2]"], regions: []) }
  }

  /// Inputs: iteration, condition, one state, one captured value. Outputs: condition, state, one scanned
  /// value.
  static func body(_ op: any Operator, stops: Bool = false) throws -> Graph {
    var graph = Graph(name: "body")
    let iteration = graph.addInput("i", .tensor(.int64, []))
    let condition = graph.addInput("go", .tensor(.bool, []))
    let state = graph.addInput("s", .unknown)
    let captured = graph.addInput("c", .unknown)
    let next = try #require(
      try graph.addNode(op, op is Concat ? [state, captured] : [state], outputs: ["t"], named: "t")[0])
    let go =
      try stops
      ? #require(try graph.addNode(Cast(to: .bool), [iteration], outputs: ["g"], named: "g")[0]) : condition
    graph.addOutput("go", go)
    graph.addOutput("next", next)
    graph.addOutput("scan", captured)
    return graph
  }

  @Test("A loop's states become unknown where a turn changes them")
  func loops() throws {
    func loop(_ op: any Operator, _ state: String, trips: String = "int64[]", stops: Bool = false) throws
      -> [String]
    {
      try infer(
        Loop(carried: 1), [trips, "-", state, "float32[2,N]"], results: 2,
        regions: [Self.body(op, stops: stops)]
      ).map(\.text)
    }
    #expect(try loop(Identity(), "float32[N,3]") == ["float32[N,3]", "float32[n#1000,2,N]"])
    #expect(try loop(Identity(), "float32[3]", trips: "int64[]{7}") == ["float32[3]", "float32[7,2,N]"])
    #expect(try loop(Identity(), "float32[3]", trips: "int64[]{M}") == ["float32[3]", "float32[M,2,N]"])
    #expect(try loop(Identity(), "float32[3]", trips: "int64[]{-7}") == ["float32[3]", "float32[0,2,N]"])
    #expect(try loop(Identity(), "float32[3]", trips: "int64[]{7}", stops: true)[1] == "float32[n#1000,2,N]")
    let grown = try loop(Concat(axis: 0), "float32[1,N]")
    #expect(grown[0].hasPrefix("float32[n#") && grown[0].hasSuffix(",N]"))
    #expect(try loop(Unsqueeze(axes: [0]), "float32[3]")[0] == "float32[?]")
    #expect(
      try infer(
        Loop(carried: 1), ["-", "-", "float32[3]", "float32[2]"], results: 2, regions: [Self.body(Identity())]
      )[1].text
        == "float32[n#1000,2]")
  }

  @Test("Loops that nest are inferred within a budget")
  func nestedLoops() throws {
    // Each level changes its state's rank, so that it is inferred three times: 3^24 turns without a budget.
    var inner = try Self.body(Unsqueeze(axes: [0]))
    for level in 0..<24 {
      var outer = Graph(name: "level \(level)")
      _ = outer.addInput("i", .tensor(.int64, []))
      let condition = outer.addInput("go", .tensor(.bool, []))
      let state = outer.addInput("s", .unknown)
      let captured = outer.addInput("c", .unknown)
      do {
        let results = try outer.addNode(
          Loop(carried: 1), [nil, nil, state, captured], regions: [inner], outputs: ["a", "b"],
          named: "loop \(level)")
        outer.addOutput("go", condition)
        outer.addOutput("next", try #require(results[0]))
        outer.addOutput("scan", captured)
      } catch let error as GraphError {
        guard case .budget = error.reason else { throw error }
        return
      }
      inner = outer
    }
    let start = ContinuousClock.now
    do {
      _ = try infer(Loop(carried: 1), ["-", "-", "float32[3]", "float32[2]"], results: 2, regions: [inner])
    } catch let error as GraphError {
      guard case .budget = error.reason else { throw error }
    }
    #expect(ContinuousClock.now - start < .seconds(60))
  }

  @Test func sequences() throws {
    #expect(
      try infer(SequenceConstruct(), ["float32[2,N]", "float32[3,N]"])[0].text == "sequence(float32[n#0,N])")
    #expect(throws: GraphError.self) { try infer(SequenceConstruct(), ["float32[2]", "int64[2]"]) }
    #expect(throws: GraphError.self) { try infer(SequenceConstruct(), []) }
    let sequence = Operand(.sequence(.tensor(.float32, [Dimension(Symbol("s#0")), 4])))
    let index = Operand(.tensor(.int64, []))
    func apply(_ op: any Operator, _ operands: [Operand?]) throws -> String {
      try Graph().inferResults(
        of: op, operands: operands, epilogue: Epilogue(), epilogueOperands: [], regions: [], wanted: [true],
        name: "n"
      )[0].text
    }
    #expect(try apply(SequenceAt(), [sequence, index]) == "float32[n#0,4]")
    #expect(try apply(SequenceLength(), [sequence]) == "int64[]")
    #expect(throws: GraphError.self) { try apply(SequenceAt(), [index, index]) }
    #expect(throws: GraphError.self) { try apply(SequenceLength(), [index]) }
    #expect(throws: GraphError.self) { try apply(Unary(.relu), [sequence]) }
  }

  @Test func groupsAreTheirRegions() throws {
    #expect(
      try infer(Group(form: .bands), ["float32[N,3]"], regions: [Self.apply(Transpose())])[0].text
        == "float32[3,N]")
    #expect(throws: GraphError.self) { try infer(Group(form: .bands), ["float32[N,3]"]) }
  }
}
