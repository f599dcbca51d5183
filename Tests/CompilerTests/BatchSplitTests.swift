import IR
import Operators
import Runtime
import Tensors
import Testing

@testable import Compiler

@Suite struct BatchSplitTests {
  /// A graph of one node whose first operand holds `batch` items of 64 × 128 numbers.
  private func graph(
    _ op: any Operator, batch: Int = 512, others: [[Int]] = [], batchedOther: [Int]? = nil
  ) throws -> Graph {
    var graph = Graph(name: "test")
    var operands: [ValueID?] = [
      graph.addInput("x", .tensor(TensorType(.float32, sizes: [batch, 64, 128])))
    ]
    if let sizes = batchedOther {
      operands.append(graph.addInput("y", .tensor(TensorType(.float32, sizes: [batch] + sizes))))
    }
    for (i, sizes) in others.enumerated() {
      let tensor = try Tensor([Float](repeating: 1, count: sizes.reduce(1, *)), sizes: sizes)
      operands.append(graph.addConstant("c\(i)", Constant(id: ConstantID(of: "c\(i) \(sizes)"), tensor)))
    }
    let results = try graph.addNode(op, operands, outputs: ["z"], named: "node")
    graph.addOutput("z", try #require(results.first ?? nil))
    return graph
  }

  private static let apart: [(any Operator, [[Int]], [Int]?)] = [
    (Unary(.relu), [], nil), (Binary(.add), [[128]], nil), (Binary(.add), [[1, 64, 1]], nil),
    (Binary(.mul), [], [64, 1]), (MatMul(), [[128, 32]], nil), (MatMul(), [], [128, 16]),
    (Softmax(axis: -1), [], nil), (Reduce(.sum, axes: [1]), [], nil),
    (Transpose(permutation: [0, 2, 1]), [], nil),
    (Flatten(axis: 1), [], nil), (Reshape(target: [512, 128, 64]), [], nil), (Concat(axis: 1), [], [3, 128]),
  ]

  private static let mixed: [(any Operator, [[Int]], [Int]?)] = [
    (Binary(.add), [[512, 1, 1]], nil), (Softmax(axis: 0), [], nil), (Softmax(axis: -3), [], nil),
    (Reduce(.sum, axes: [0]), [], nil), (Reduce(.sum, axes: [-3]), [], nil),
    (Reduce(.sum, axes: nil), [], nil),
    (Transpose(permutation: [1, 0, 2]), [], nil), (Reshape(target: [256, 128, 128]), [], nil),
    (Concat(axis: 0), [], [64, 128]), (Concat(axis: 1), [[512, 3, 128]], nil), (Flatten(axis: 0), [], nil),
  ]

  @Test(arguments: apart.indices)
  func keepsItemsApart(_ i: Int) throws {
    let (op, others, batchedOther) = Self.apart[i]
    let split = try #require(BatchSplit(try graph(op, others: others, batchedOther: batchedOther)), "\(op)")
    #expect(split.batch % split.group == 0 && split.group < split.batch)
    var shorter = op
    if var reshape = op as? Reshape {
      reshape.target?[0] = split.group
      shorter = reshape
    }
    #expect(
      split.agrees(try graph(shorter, batch: split.group, others: others, batchedOther: batchedOther)),
      "\(op)")
  }

  @Test(arguments: mixed.indices)
  func mixesItems(_ i: Int) throws {
    let (op, others, batchedOther) = Self.mixed[i]
    #expect(BatchSplit(try graph(op, others: others, batchedOther: batchedOther)) == nil, "\(op)")
  }

  /// A file may ask for sizes whose product no integer holds: they are refused, later, and must not trap here.
  @Test func sizesBeyondAllMemory() throws {
    var graph = Graph(name: "test")
    let large = 1 << 40
    let x = graph.addInput("x", .tensor(TensorType(.float32, sizes: [2, 1, 1])))
    let y = graph.addInput("y", .tensor(TensorType(.float32, sizes: [1, large, large])))
    let results = try graph.addNode(Binary(.add), [x, y], outputs: ["z"], named: "node")
    graph.addOutput("z", try #require(results.first ?? nil))
    #expect(try #require(BatchSplit(graph)).group == 1)
  }

  @Test func whatFitsIsLeftWhole() throws {
    #expect(BatchSplit(try graph(Unary(.relu), batch: 8)) == nil)
  }

  /// A mean over the batch, folded into a factor, is another one for fewer items.
  @Test func otherConstantsDisagree() throws {
    let split = try #require(BatchSplit(try graph(Binary(.mul), others: [[1]])))
    #expect(!split.agrees(try graph(Binary(.mul), batch: split.group, others: [[1, 1]])))
    #expect(!split.agrees(try graph(Binary(.add), batch: split.group, others: [[1]])))
  }
}
