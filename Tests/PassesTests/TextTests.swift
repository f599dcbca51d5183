import IR
import Operators
import Passes
import Tensors
import Testing

@Suite struct TextTests {
  @Test func namesThatAreNoWordsAreQuoted() throws {
    var graph = Graph(name: "two words")
    let x = graph.addInput("in:0", .tensor(.float32, [Dimension(Symbol("batch size")), 4]))
    let y = try #require(try graph.addNode(Unary(.relu), [x], outputs: ["a \"b\"\n"], named: "")[0])
    let z = try #require(try graph.addNode(Unary(.relu), [y], outputs: ["in:0"], named: "n")[0])
    graph.addOutput("out", z)
    graph.addOutput("in:0", x)
    let text = graph.text()
    #expect(try parsed(text).text() == text)
    #expect(try parsed(text).inputs[0].name == "in:0")
    #expect(try parsed(text)[parsed(text).inputs[0].value].type == graph[x].type)
  }

  @Test func everyAttributeOfEveryOperatorReadsBack() throws {
    let window = Window(
      kernel: [3, 2], strides: [2, 1], dilations: [1, 2], padsBegin: [1, 0], padsEnd: [0, 1])
    let operators: [any Operator] = [
      Convolution(window: window, groups: 2), Convolution(window: Window(kernel: [1], autoPad: .sameLower)),
      ConvTranspose(window: window, outputPadding: [1, 0], outputShape: [5, 6]),
      Gemm(transA: true, transB: false, alpha: 0.1, beta: -0.0), Unary(.leakyRelu(0.01)),
      Unary(.selu(alpha: 1.5, gamma: 2)),
      Unary(.isInf(detectNegative: true, detectPositive: false)),
      Clip(lower: Real(-Double.infinity), upper: nil),
      Clip(lower: Real(Double.nan)), Slice(starts: [0], ends: [Int.max], axes: nil, steps: [-1]),
      Pad(mode: .reflect, pads: [1, 2], axes: [0], value: Real(-Double.infinity)),
      Resize(mode: .cubic, coordinates: .alignCorners, scales: [1, 1, 2.5]), Split(axis: -1, sizes: []),
      ConstantOfShape(dataType: .float32, fill: .real(0), target: [2]),
      ConstantOfShape(dataType: .int64, fill: .integer(-3)), Loop(carried: 2), Group(form: .bands),
      Reorder(to: .channelsLast(.float32, rank: 4)), Cast(to: .bfloat16, saturate: false), If(),
    ]
    for op in operators {
      func readBack<T: Operator>(_ op: T) throws -> T { try AttributeTree(of: op).decoded(as: T.self) }
      #expect(AnyOperator(try readBack(op)) == AnyOperator(op), "\(op.text)")
    }
  }

  @Test(arguments: [
    "", "graph", "graph(", "graph(%x: float32[N]) -> (%y) {", "graph() -> (%y) { }",
    "graph(%x: float32[floor(N/0)]) -> (%x) { }", "graph(%x: float99[2]) -> (%x) { }",
    "graph(%x: float32[N]) -> (%y) { %y = Nothing(%x) }", "graph(%x: float32[N]) -> (%y) { %y = Conv(%x) }",
    "graph(%x: float32[N]) -> (%y) { %y = Unary[function=what](%x) }",
    "graph(%x: float32[N]) -> (%x) { %x = Identity(%x) }",
    "graph(%x: float32[N]) -> (%y) { %y = Identity(%z) }",
    "graph() -> (@c) { @c = constant float32[2] [1] }", "graph() -> (@c) { @c = constant float32[N] id 1 }",
    "graph() -> (@c) { @c = constant float32[9223372036854775807,4] id 1 }",
    "graph() -> (@c) { @c = constant float32[2] id xyz }",
    "graph(%x: float32[2]) -> (%y) { %y = Unary[function=relu](%x) {add #9} }",
    "graph(%x: float32[2]) -> (%y) { %y = Unary[function=relu](%x) {add #0} with (_) }",
    "graph(%x: float32[2]) -> (%y) { %y = Unary[function=relu](%x) : float32[3] }",
    "graph(%x: float32[2]) -> (%y) { %y = Transpose[permutation=[0,0,7]](%x) }",
  ])
  func badTextIsRefused(text: String) { #expect(throws: GraphError.self) { try parsed(text) } }

  /// No text traps, and what parses prints and parses again.
  @Test func mutatedTextsParseOrThrow() throws {
    var generator = Seeded(state: 11)
    var parsedCount = 0
    for golden in Golden.all {
      let bytes = Array(golden.before.utf8)
      for _ in 0..<60 {
        var mutant = bytes
        for _ in 0..<Int.random(in: 1...3, using: &generator) {
          let i = Int.random(in: 0..<mutant.count, using: &generator)
          switch Int.random(in: 0..<4, using: &generator) {
          case 0: mutant.remove(at: i)
          case 1: mutant.insert(bytes[Int.random(in: 0..<bytes.count, using: &generator)], at: i)
          case 2: mutant[i] = UInt8.random(in: 32..<127, using: &generator)
          default: mutant[i] = Array("0123456789[](),-9".utf8)[Int.random(in: 0..<17, using: &generator)]
          }
          if mutant.isEmpty { mutant = bytes }
        }
        guard let graph = try? parsed(String(decoding: mutant, as: UTF8.self)) else { continue }
        parsedCount += 1
        let text = graph.text()
        #expect(try parsed(text).text() == text)
        var optimized = graph
        _ = PassCatalog.portable.run(on: &optimized, in: Evaluator.context, options: .init(verifies: true))
      }
    }
    #expect(parsedCount > 0)
  }

  @Test func deepNestingIsRefused() {
    let open = String(repeating: "sequence(", count: 10_000)
    #expect(throws: GraphError.self) { try parsed("graph(%x: \(open)") }
    let floors = String(repeating: "floor(", count: 10_000)
    #expect(throws: GraphError.self) { try parsed("graph(%x: float32[\(floors)") }
    let lists = String(repeating: "[", count: 10_000)
    #expect(throws: GraphError.self) {
      try parsed("graph(%x: float32[2]) -> (%y) { %y = Concat[axis=\(lists)")
    }
  }
}
