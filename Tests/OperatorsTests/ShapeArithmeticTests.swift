import IR
import Operators
import Tensors
import Testing

@Suite struct ShapeArithmeticTests {
  static let cases: [Case] = [
    Case(Binary(.mul), "int64[1]{N}", "int64[1]{2}", gives: "int64[1]{2*N}"),
    Case(Binary(.sub), "int64[2]{N,7}", "int64[]{3}", gives: "int64[2]{-3+N,4}"),
    Case(Binary(.div), "int64[]{12*N}", "int64[]{4}", gives: "int64[]{3*N}"),
    Case(Binary(.div), "int64[2]{-7,7}", "int64[]{2}", gives: "int64[2]{-3,3}"),
    Case(Binary(.div), "int64[]{7}", "int64[]{0}", gives: "int64[]"),
    Case(Binary(.div), "int64[]{-9223372036854775808}", "int64[]{-1}", gives: "int64[]"),
    Case(Binary(.div), "float32[]{7}", "float32[]{2}", gives: "float32[]"),
    Case(Binary(.div), "float32[]{8}", "float32[]{2}", gives: "float32[]{4}"),
    Case(Binary(.div), "float32[]{N}", "float32[]{2}", gives: "float32[]"),
    Case(Binary(.mod), "int64[2]{-7,7}", "int64[]{3}", gives: "int64[2]{2,1}"),
    Case(Binary(.fmod), "int64[2]{-7,7}", "int64[]{3}", gives: "int64[2]{-1,1}"),
    Case(Binary(.mod), "int64[]{7}", "int64[]{0}", gives: "int64[]"),
    Case(Binary(.max), "int64[]{N}", "int64[]{0}", gives: "int64[]{N}"),
    Case(Binary(.min), "int64[]{N}", "int64[]{5}", gives: "int64[]{min(5,N)}"),
    Case(Binary(.equal), "int64[3]{N,3,-1}", "int64[]{-1}", gives: "bool[3]{0,0,1}"),
    Case(Binary(.equal), "int64[]{N}", "int64[]{3}", gives: "bool[]"),
    Case(Binary(.less), "int64[]{N}", "int64[]{0}", gives: "bool[]{0}"),
    Case(Binary(.greater), "int64[]{2*N}", "int64[]{-1}", gives: "bool[]{1}"),
    Case(Binary(.lessOrEqual), "int64[]{N}", "int64[]{N}", gives: "bool[]{1}"),
    Case(Binary(.and), "bool[2]{1,0}", "bool[]{1}", gives: "bool[2]{1,0}"),
    Case(Binary(.mul), "int32[]{2000000000}", "int32[]{2}", gives: "int32[]"),
    Case(Binary(.mul), "int64[]{9223372036854775807}", "int64[]{2}", gives: "int64[]"),
    Case(Binary(.add), "int64[2]{1,2}", "int64[3]{1,2,3}".replacing("[3]", with: "[2]"), gives: "int64[2]"),
    Case(Unary(.floor), "float32[]{N}", gives: "float32[]{N}"),
    Case(Unary(.not), "bool[]{0}", gives: "bool[]{1}"),
    Case(Where(), "bool[2]{1,0}", "int64[2]{1,1}", "int64[2]{N,5}", gives: "int64[2]{1,5}"),
    Case(Cast(to: .float32), "int64[1]{N}", gives: "float32[1]{N}"),
    Case(Cast(to: .int8), "int64[1]{300}", gives: "int8[1]"),
    Case(Cast(to: .bool), "int64[2]{0,5}", gives: "bool[2]{0,1}"),
    Case(Reduce(.max, axes: [0]), "int64[3]{N,0,2}", gives: "int64[1]{max(2,N)}"),
    Case(Reduce(.sum, axes: nil, keepDims: false), "int64[0]{}", gives: "int64[]{0}"),
    Case(Reduce(.mean, axes: nil, keepDims: false), "int64[2]{1,3}", gives: "int64[]"),
    Case(Tile(repeats: [2]), "int64[2]{N,1}", gives: "int64[4]{N,1,N,1}"),
    Case(Tile(repeats: [1 << 40]), "int64[1]{1}", gives: "int64[1099511627776]"),
    Case(Squeeze(axes: [0]), "int64[1]{N}", gives: "int64[]{N}"),
    Case(Unsqueeze(axes: [0]), "int64[2]{N,1}", gives: "int64[1,2]"),
  ]

  @Test(arguments: cases) func contents(_ row: Case) throws { try row.check() }

  /// Shape → Gather → Mul → Unsqueeze → Concat → Reshape, as exporters write it, on a symbolic batch.
  @Test func shapesStayKnown() throws {
    var graph = Graph()
    let batch = Dimension(Symbol("N"))
    let x = graph.addInput("x", .tensor(.float32, [batch, 12, 64]))
    func number(_ name: String, _ value: Int64, _ sizes: [Int] = []) throws -> ValueID {
      graph.addConstant(name, Constant(id: ConstantID(of: name), try Tensor([value], sizes: sizes)))
    }
    func add(_ op: any Operator, _ inputs: [ValueID?], _ name: String) throws -> ValueID {
      try #require(try graph.addNode(op, inputs, outputs: [name], named: name)[0])
    }
    let shape = try add(Shape(), [x], "shape")
    let size = try add(Gather(), [shape, try number("zero", 0)], "size")
    let doubled = try add(Binary(.mul), [size, try number("two", 2)], "doubled")
    let row = try add(Unsqueeze(axes: [0]), [doubled], "row")
    let target = try add(Concat(axis: 0), [row, try number("rest", -1, [1])], "target")
    let y = try add(Reshape(), [x, target], "y")
    graph.addOutput("y", y)
    #expect("\(graph[y].type)" == "float32[2*N,384]")
    #expect(try graph.bound([Symbol("N"): 5])[y].type.tensor?.sizes == [10, 384])
    try graph.verify()
  }

  /// What PyTorch writes for `expand(-1, …)`: −1 stands for the operand's own size.
  @Test func expandWithMinusOne() throws {
    let minusOnes = try infer(ConstantOfShape(dataType: .int64, fill: .integer(-1)), ["int64[1]{2}"])[0]
    #expect(minusOnes.contents == [-1, -1])
    let isMinusOne = try infer(Binary(.equal), ["int64[2]{N,-1}", "int64[2]{-1,-1}"])[0]
    #expect(isMinusOne.contents == [0, 1])
    let target = try infer(Where(), ["bool[2]{0,1}", "int64[2]{1,1}", "int64[2]{N,-1}"])[0]
    #expect(target.contents == [Dimension(Symbol("N")), 1])
  }
}
