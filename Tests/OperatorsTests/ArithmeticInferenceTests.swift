import Operators
import Tensors
import Testing

@Suite struct ArithmeticInferenceTests {
  static let cases: [Case] = [
    Case(Gemm(), "float32[N,128]", "float32[128,10]", "float32[10]", gives: "float32[N,10]"),
    Case(Gemm(transA: true, transB: true), "float32[K,M]", "float32[N,K]", gives: "float32[M,N]"),
    Case(Gemm(), "float32[?]", "float32[128,10]", gives: "float32[n#0,10]"),
    Case(MatMul(), "float32[B,H,S,64]", "float32[B,H,64,S]", gives: "float32[B,H,S,S]"),
    Case(MatMul(), "float32[3]", "float32[3]", gives: "float32[]"),
    Case(MatMul(), "float32[3]", "float32[B,3,5]", gives: "float32[B,5]"),
    Case(MatMul(), "float32[B,2,3]", "float32[3]", gives: "float32[B,2]"),
    Case(MatMul(), "float32[1,4,2,3]", "float32[B,1,3,5]", gives: "float32[B,4,2,5]"),
    Case(MatMul(), "float32[?]", "float32[3,5]", gives: "float32[?]"),
    Case(MatMul(), "int32[2,0]", "int32[0,3]", gives: "int32[2,3]"),
    Case(
      BatchNormalization(epsilon: 1e-5), "float32[N,8,H]", "float32[8]", "float32[8]", "float32[8]",
      "float32[8]", gives: "float32[N,8,H]"),
    Case(
      BatchNormalization(epsilon: 1e-5), "float32[?]", "float32[8]", "float32[8]", "float32[8]", "float32[8]",
      gives: "float32[?]"),
    Case(ScaleShift(axis: -1), "float32[N,8]", "float32[8]", "float32[8]", gives: "float32[N,8]"),
    Case(
      InstanceNormalization(epsilon: 1e-5), "float32[N,C,H]", "float32[C]", "float32[C]",
      gives: "float32[N,C,H]"),
    Case(
      LayerNormalization(axis: -1, epsilon: 1e-5), "float32[N,S,64]", "float32[64]", gives: "float32[N,S,64]",
      "float32[N,S,1]", "float32[N,S,1]"),
    Case(LRN(size: 5, alpha: 1e-4, beta: 0.75, bias: 1), "float32[N,64,H,W]", gives: "float32[N,64,H,W]"),
    Case(Unary(.relu), "float32[N,?]", gives: "float32[N,?]"),
    Case(Unary(.isNaN), "float16[N]", gives: "bool[N]"),
    Case(Unary(.neg), "int64[2]{N,3}", gives: "int64[2]{-1*N,-3}"),
    Case(Binary(.add), "float32[N,1,5]", "float32[3,1]", gives: "float32[N,3,5]"),
    Case(Binary(.add), "float32[N]", "float32[M]", gives: "float32[broadcast(M,N)]"),
    Case(Binary(.add), "float32[N]", "float32[5]", gives: "float32[5]"),
    Case(Binary(.add), "float32[?]", "float32[5]", gives: "float32[?]"),
    Case(Binary(.less), "float32[N]", "float32[]", gives: "bool[N]"),
    Case(Binary(.pow), "float32[N]", "int64[]", gives: "float32[N]"),
    Case(Binary(.prelu), "float32[N,8,H]", "float32[8,1]", gives: "float32[N,8,H]"),
    Case(Binary(.and), "bool[N]", "bool[1]", gives: "bool[N]"),
    Case(Variadic(.sum), "float32[N,1]", "float32[3]", "float32[]", gives: "float32[N,3]"),
    Case(Variadic(.max), "int64[1]{N}", "int64[1]{1}", gives: "int64[1]{max(1,N)}"),
    Case(Clip(), "float32[N]", "-", "float32[]", gives: "float32[N]"),
    Case(Where(), "bool[N,1]", "int64[3]", "int64[]", gives: "int64[N,3]"),
    Case(Cast(to: .float16), "int64[N]", gives: "float16[N]"),
    Case(Cast(to: .int64), "float32[?]", gives: "int64[?]"),
    Case(Identity(), "string[N]", gives: "string[N]"),
    Case(Dropout(), "float32[N]", gives: "float32[N]", "bool[N]"),
    Case(Softmax(axis: -1), "float32[N,10]", gives: "float32[N,10]"),
    Case(LogSoftmax(axis: 1, flattens: true), "float32[N,10]", gives: "float32[N,10]"),
    Case(Reduce(.mean, axes: [-1]), "float32[N,10]", gives: "float32[N,1]"),
    Case(Reduce(.mean, axes: [2, 3], keepDims: false), "float32[N,C,H,W]", gives: "float32[N,C]"),
    Case(Reduce(.sum, axes: nil, keepDims: false), "float32[N,C]", gives: "float32[]"),
    Case(Reduce(.sum, axes: [], noopWithEmptyAxes: true), "float32[N,C]", gives: "float32[N,C]"),
    Case(Reduce(.sum, axes: nil), "float32[N,C]", "int64[1]{1}", gives: "float32[N,1]"),
    Case(Reduce(.sum, axes: nil), "float32[N,C]", "int64[0]", gives: "float32[1,1]"),
    Case(Reduce(.sum, axes: nil), "float32[N,C]", "int64[1]", gives: "float32[n#0,n#1]"),
    Case(Reduce(.sum, axes: nil, keepDims: false), "float32[N,C]", "int64[1]", gives: "float32[n#0]"),
    Case(Reduce(.sum, axes: nil, keepDims: false), "float32[N,C]", "int64[K]", gives: "float32[?]"),
    Case(Reduce(.prod, axes: [0], keepDims: false), "int64[3]{N,3,5}", gives: "int64[]{15*N}"),
    Case(ArgReduce(.max, axis: 1), "float32[N,10]", gives: "int64[N,1]"),
    Case(ArgReduce(.min, axis: -1, keepDims: false), "float32[N,10]", gives: "int64[N]"),
    Case(
      Attention(queryHeads: 12, keyHeads: 12), "float32[N,S,384]", "float32[N,T,384]", "float32[N,T,384]",
      gives: "float32[N,S,384]", "float32[N,12,T,32]", "float32[N,12,T,32]", "float32[N,12,S,T]"),
    Case(
      Attention(), "float32[N,8,S,64]", "float32[N,2,T,64]", "float32[N,2,T,32]", "-", "float32[N,2,P,64]",
      "float32[N,2,P,32]", gives: "float32[N,8,S,32]", "float32[N,2,P+T,64]", "float32[N,2,P+T,32]",
      "float32[N,8,S,P+T]"),
    Case(Reorder(to: .channelsLast(.float32, rank: 4)), "float32[N,3,H,W]", gives: "float32[N,3,H,W]"),
  ]

  @Test(arguments: cases) func types(_ row: Case) throws { try row.check() }

  static let refusals: [Refusal] = [
    Refusal(Gemm(), "float32[2,3]", "float32[4,5]", says: "operand 1 has size 4 on axis 0, expected 3"),
    Refusal(Gemm(), "float32[2,3,4]", "float32[4,5]", says: "operand 0 has rank 3"),
    Refusal(Gemm(), "float32[2,3]", "float32[3,5]", "float32[4]", says: "operand 2 has size 4"),
    Refusal(Gemm(), "float32[2,3]", "float32[3,5]", "float32[1,2,5]", says: "operand 2 has rank 3"),
    Refusal(Gemm(), "float32[2,3]", "float64[3,5]", says: "operand 1 is float64"),
    Refusal(MatMul(), "float32[2,3]", "float32[2,3]", says: "operand 1 has size 2 on axis 0, expected 3"),
    Refusal(MatMul(), "float32[]", "float32[3]", says: "operand 0 has rank 0"),
    Refusal(MatMul(), "float32[2,2,3]", "float32[3,3,2]", says: "operand 1 has size 3 on axis 0"),
    Refusal(MatMul(), "float32[2,3]", says: "operands"),
    Refusal(
      Attention(), "float32[2,4,24]", "float32[2,4,24]", "float32[2,4,24]", says: "q_num_heads is nothing"),
    Refusal(
      Attention(queryHeads: 5, keyHeads: 5), "float32[2,4,24]", "float32[2,4,24]", "float32[2,4,24]",
      says: "a divisor of 24"),
    Refusal(
      Attention(), "float32[2,3,4,8]", "float32[2,2,4,8]", "float32[2,2,4,8]",
      says: "3 heads of queries cannot share 2"),
    Refusal(
      Attention(), "float32[2,3,4,8]", "float32[2,3,6,8]", "float32[2,3,6,8]", "float32[4,7]",
      says: "operand 3 has size 7 on axis 1"),
    Refusal(
      Attention(), "float32[2,3,4,8]", "float32[2,3,6,8]", "float32[2,3,6,8]", "-", "float32[2,3,6,8]",
      says: "operand 5 is missing"),
    Refusal(
      BatchNormalization(epsilon: 0), "float32[N,8]", "float32[8]", "float32[7]", "float32[8]", "float32[8]",
      says: "operand 2 has size 7"),
    Refusal(
      BatchNormalization(epsilon: 0), "float32[]", "float32[8]", "float32[7]", "float32[8]", "float32[8]",
      says: "rank 0"),
    Refusal(BatchNormalization(epsilon: 0), "float32[N,8]", "float32[8]", says: "operands"),
    Refusal(ScaleShift(axis: 2), "float32[N,8]", "float32[8]", "float32[8]", says: "axis is 2"),
    Refusal(InstanceNormalization(epsilon: 0), "float32[N,8]", "float32[8]", "float32[8]", says: "rank 2"),
    Refusal(LayerNormalization(axis: 2, epsilon: 0), "float32[N,8]", "float32[8]", says: "axis is 2"),
    Refusal(
      LayerNormalization(axis: 1, epsilon: 0), "float32[N,8]", "float32[7]", says: "operand 1 has size 7"),
    Refusal(LRN(size: 0, alpha: 0, beta: 0, bias: 0), "float32[N,8]", says: "size is 0"),
    Refusal(Unary(.not), "float32[N]", says: "operand 0 is float32, expected bool"),
    Refusal(Unary(.exp), "int64[N]", says: "operand 0 is int64"),
    Refusal(Unary(.bitwiseNot), "float32[N]", says: "operand 0 is float32"),
    Refusal(Binary(.add), "float32[3]", "float32[4]", says: "operand 1 has size 4 on axis 0, expected 3"),
    Refusal(Binary(.add), "float32[3]", "float16[3]", says: "operand 1 is float16"),
    Refusal(Binary(.add), "string[3]", "string[3]", says: "operand 0 is string"),
    Refusal(Binary(.and), "int64[3]", "int64[3]", says: "expected bool"),
    Refusal(Binary(.shiftLeft), "float32[3]", "float32[3]", says: "operand 0 is float32"),
    Refusal(Binary(.prelu), "float32[N,8]", "float32[9]", says: "operand 1 has size 9"),
    Refusal(Binary(.prelu), "float32[8]", "float32[8,1]", says: "operand 1 has rank 2"),
    Refusal(Variadic(.sum), says: "operands"),
    Refusal(Variadic(.sum), "float32[3]", "-", says: "operand 1 is missing"),
    Refusal(Variadic(.sum), "float32[3]", "float32[2]", says: "operand 1 has size 2"),
    Refusal(Clip(), "float32[3]", "float32[2]", says: "operand 1 has size 2"),
    Refusal(Clip(), "float32[3]", "int32[]", says: "operand 1 is int32"),
    Refusal(Where(), "float32[3]", "float32[3]", "float32[3]", says: "expected bool"),
    Refusal(Where(), "bool[3]", "float32[3]", "float32[2]", says: "operand 2 has size 2"),
    Refusal(Cast(to: .complex64), "float32[3]", says: "operand 0 is float32"),
    Refusal(Softmax(axis: 2), "float32[N,3]", says: "axis is 2"),
    Refusal(Softmax(axis: 0), "float32[]", says: "axis is 0"),
    Refusal(Reduce(.sum, axes: [2]), "float32[2,3]", says: "axes is 2"),
    Refusal(Reduce(.sum, axes: [0, -2]), "float32[2,3]", says: "axes that differ"),
    Refusal(Reduce(.sum, axes: nil), "bool[2,3]", says: "operand 0 is bool"),
    Refusal(ArgReduce(.max, axis: 1), "float32[2,0]", says: "operand 0 has size 0"),
    Refusal(ArgReduce(.max, axis: .min), "float32[2,3]", says: "axis is"),
    Refusal(Reorder(to: .channelsLast(.float32, rank: 4)), "float32[2,3]", says: "format"),
    Refusal(Identity(), "-", says: "operand 0 is missing"),
    Refusal(Dropout(), "float32[2]", results: 3, says: "results"),
  ]

  @Test(arguments: refusals) func refuses(_ row: Refusal) { row.check() }

  @Test func resolved() throws {
    #expect(try Reduce(.sum, axes: [-1, 0]).resolvedAxes(rank: 3) == [0, 2])
    #expect(try Reduce(.sum, axes: nil).resolvedAxes(rank: 2) == [0, 1])
    #expect(try Reduce(.sum, axes: [1], keepDims: false).resolvedSizes([2, 3, 4]) == [2, 4])
    #expect(try MatMul().resultSizes([2, 1, 3, 4], [5, 4, 6]) == [2, 5, 3, 6])
    #expect(try broadcastSizes([[2, 1], [], [1, 3]]) == [2, 3])
    #expect(throws: (any Error).self) { try broadcastSizes([[2], [3]]) }
  }
}
