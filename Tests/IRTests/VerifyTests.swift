import Operators
import Tensors
import Testing

@testable import IR

@Suite struct VerifyTests {
  /// x → a → b, with a constant, and `c` as an output.
  static func graph() throws -> Graph {
    var chain = Chain([Dimension(Symbol("N")), 4])
    let bias = try chain.constant("bias")
    let a = try chain.add(Unary(.relu), [chain.x], "a")
    let b = try chain.add(Binary(.add), [a, bias], "b")
    chain.graph.addOutput("c", b)
    return chain.graph
  }

  static let faults: [(String, @Sendable (inout Graph) -> Void)] = [
    ("a use is missing", { $0.users[0] = [] }),
    ("a use too many", { $0.users[1].append(.operand(NodeID(0), 0)) }),
    ("another position", { $0.usePositions[1][0] = 7 }),
    ("an operand that is another's", { $0.nodes[1]?.inputs[0] = ValueID(0) }),
    ("an operand that is not there", { $0.nodes[1]?.inputs[0] = ValueID(99) }),
    ("an operand that was removed", { $0.values[1] = nil }),
    ("a result of another node", { $0.values[2]?.source = .result(of: NodeID(1), index: 0) }),
    ("a result that nobody makes", { $0.values[2]?.source = .result(of: NodeID(9), index: 0) }),
    ("a node that is gone", { $0.nodes[0] = nil }),
    ("an input with another source", { $0.values[0]?.source = .input(3) }),
    ("a type that cannot be", { $0.values[3]?.type = .tensor(.float16, nil) }),
    ("a rank that cannot be", { $0.values[3]?.type = .tensor(.float32, [4]) }),
    ("a size that cannot be", { $0.values[3]?.type = .tensor(.float32, [1, 5]) }),
    (
      "an epilogue without operands", { $0.nodes[1]?.epilogue = Epilogue([.binary(.add, 0, swapped: false)]) }
    ),
    ("an operand too few", { $0.nodes[1]?.op = Where() }),
    (
      "a cycle",
      { graph in
        let (x, b) = (ValueID(0), ValueID(3))
        graph.removeUse(.operand(NodeID(0), 0), of: x)
        graph.nodes[0]?.inputs[0] = b
        graph.addUse(.operand(NodeID(0), 0), of: b)
      }
    ),
  ]

  @Test("A sound graph passes, a planted fault is found", arguments: faults.indices)
  func plantedFault(_ index: Int) throws {
    var graph = try Self.graph()
    try graph.verify()
    Self.faults[index].1(&graph)
    #expect(throws: GraphError.self, "\(Self.faults[index].0)") { try graph.verify() }
  }

  @Test("Faults of regions are found, and named by the node that holds them")
  func regions() throws {
    var graph = Graph()
    let x = graph.addInput("x", .tensor(.float32, [4, 4]))
    let condition = graph.addInput("go", .tensor(.bool, []))
    var branch = Graph()
    let inner = branch.addInput("x", .tensor(.float32, [4, 4]))
    let y = try #require(try branch.addNode(Unary(.relu), [inner], outputs: ["y"], named: "y")[0])
    branch.addOutput("y", y)
    let z = try #require(
      try graph.addNode(If(), [condition, x], regions: [branch, branch], outputs: ["z"], named: "choice")[0])
    graph.addOutput("z", z)
    try graph.verify()
    branch.users[0] = []
    graph.nodes[0]?.regions[1] = branch
    #expect(throws: GraphError.self) { try graph.verify() }
  }

  @Test func compatibility() {
    func check(_ a: ValueType, _ b: ValueType) -> Bool { a.isCompatible(with: b) }
    let n = Dimension(Symbol("N"))
    #expect(check(.tensor(.float32, [n, 3]), .tensor(.float32, [2, 3])))
    #expect(check(.tensor(.float32, nil), .tensor(.float32, [2, 3])))
    #expect(!check(.tensor(.float32, [2]), .tensor(.float32, [2, 3])))
    #expect(!check(.tensor(.float32, [2]), .tensor(.float16, [2])))
    #expect(!check(.tensor(.float32, [2]), .sequence(.unknown)))
    #expect(check(.sequence(.unknown), .sequence(.tensor(.float32, nil))))
    #expect(check(.unknown, .optional(.unknown)))
  }
}
