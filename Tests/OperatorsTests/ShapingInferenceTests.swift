import Operators
import Tensors
import Testing

@Suite struct ShapingInferenceTests {
  static let cases: [Case] = [
    Case(Reshape(target: [2, -1]), "float32[4,6]", gives: "float32[2,12]"),
    Case(Reshape(target: [0, -1]), "float32[N,12,64]", gives: "float32[N,768]"),
    Case(Reshape(), "float32[N,12,64]", "int64[2]{2*N,-1}", gives: "float32[2*N,384]"),
    Case(Reshape(target: [-1, 4]), "float32[N]", gives: "float32[floor(N/4),4]"),
    Case(Reshape(target: []), "float32[1,1]", gives: "float32[]"),
    Case(Reshape(target: [0, 3], allowZero: true), "float32[0,7]", gives: "float32[0,3]"),
    Case(Reshape(), "float32[N]", "int64[3]", gives: "float32[n#0,n#1,n#2]"),
    Case(Reshape(), "float32[N]", "int64[?]", gives: "float32[?]"),
    Case(Reshape(target: [0, 8, -1]), "float32[?]", gives: "float32[n#0,8,n#2]"),
    Case(Reshape(), "int64[1]{N}", "int64[0]{}", gives: "int64[]{N}"),
    Case(Flatten(), "float32[N,3,4,5]", gives: "float32[N,60]"),
    Case(Flatten(axis: 0), "float32[N,3]", gives: "float32[1,3*N]"),
    Case(Flatten(axis: -1), "float32[2,3,4]", gives: "float32[6,4]"),
    Case(Flatten(axis: 3), "float32[2,3,4]", gives: "float32[24,1]"),
    Case(Flatten(axis: 1), "float32[?]", gives: "float32[n#0,n#1]"),
    Case(Squeeze(), "float32[1,3,1]", gives: "float32[3]"),
    Case(Squeeze(), "float32[1,N,1]", gives: "float32[?]"),
    Case(Squeeze(axes: [-1, 0]), "float32[1,N,1]", gives: "float32[N]"),
    Case(Squeeze(), "float32[1,N,1]", "int64[1]{0}", gives: "float32[N,1]"),
    Case(Squeeze(), "float32[1,N,1]", "int64[1]", gives: "float32[n#0,n#1]"),
    Case(Squeeze(axes: [0]), "float32[N,3]", gives: "float32[3]"),
    Case(Unsqueeze(axes: [0, -1]), "float32[N]", gives: "float32[1,N,1]"),
    Case(Unsqueeze(), "int64[]{N}", "int64[1]{0}", gives: "int64[1]{N}"),
    Case(Unsqueeze(), "float32[N]", "int64[2]", gives: "float32[n#0,n#1,n#2]"),
    Case(Transpose(), "float32[N,3,H]", gives: "float32[H,3,N]"),
    Case(Transpose(permutation: [0, 2, 3, 1]), "float32[N,3,H,W]", gives: "float32[N,H,W,3]"),
    Case(Transpose(permutation: [1, 0]), "float32[?]", gives: "float32[n#0,n#1]"),
    Case(Expand(target: [2, 1, 6]), "float32[3,1]", gives: "float32[2,3,6]"),
    Case(Expand(), "float32[1,3]", "int64[2]{N,3}", gives: "float32[N,3]"),
    Case(Expand(), "int64[1]{N}", "int64[1]{3}", gives: "int64[3]{N,N,N}"),
    Case(Tile(repeats: [2, 0]), "float32[N,3]", gives: "float32[2*N,0]"),
    Case(Tile(), "float32[N,3]", "int64[2]", gives: "float32[n#0,n#1]"),
    Case(DepthToSpace(blockSize: 2), "float32[N,8,H,W]", gives: "float32[N,2,2*H,2*W]"),
    Case(SpaceToDepth(blockSize: 2), "float32[N,2,H,4]", gives: "float32[N,8,floor(H/2),2]"),
    Case(Concat(axis: 1), "float32[N,3]", "float32[N,M]", "float32[N,1]", gives: "float32[N,4+M]"),
    Case(Concat(axis: -1), "float32[2,N]", "float32[M,3]", gives: "float32[2,3+N]"),
    Case(Concat(axis: 0), "float32[2,3]", "float32[?]", gives: "float32[n#0,3]"),
    Case(Concat(axis: 0), "int64[1]{N}", "int64[2]{3,-1}", gives: "int64[3]{N,3,-1}"),
    Case(Split(axis: 1, sizes: [1, 2]), "float32[N,3]", gives: "float32[N,1]", "float32[N,2]"),
    Case(Split(axis: 0), "float32[7]", gives: "float32[3]", "float32[3]", "float32[1]"),
    Case(Split(axis: -1), "float32[2,N]", gives: "float32[2,floor(1+N/2)]", "float32[2,N+-1*floor(1+N/2)]"),
    Case(Split(axis: 0), "float32[4,3]", "int64[2]", gives: "float32[n#0,3]", "float32[n#1,3]"),
    Case(Split(axis: 0), "int64[4]{1,N,3,4}", gives: "int64[2]{1,N}", "int64[2]{3,4}"),
    Case(Gather(axis: 1), "float32[N,3,4]", "int64[2,M]", gives: "float32[N,2,M,4]"),
    Case(Gather(axis: 0), "int64[3]{N,3,5}", "int64[]{-3}", gives: "int64[]{N}"),
    Case(Gather(axis: 0), "int64[3]{N,3,5}", "int64[2]{0,7}", gives: "int64[2]"),
    Case(Gather(axis: -1), "float32[2,3]", "int64[]", gives: "float32[2]"),
    Case(NonZero(), "bool[N,3]", gives: "int64[2,n#0]"),
    Case(NonZero(), "bool[]", gives: "int64[1,n#0]"),
    Case(Pad(pads: [0, 1, 2, 3]), "float32[N,5]", gives: "float32[2+N,9]"),
    Case(Pad(pads: [-1, 1], axes: [-1]), "float32[N,5]", gives: "float32[N,5]"),
    Case(Pad(), "float32[N,5]", "int64[4]{0,0,1,1}", gives: "float32[1+N,6]"),
    Case(Pad(), "float32[N,5]", "int64[4]", gives: "float32[n#0,n#1]"),
  ]

  @Test(arguments: cases) func types(_ row: Case) throws { try row.check() }

  static let refusals: [Refusal] = [
    Refusal(Reshape(target: [-1, -1]), "float32[4]", says: "shape is [-1, -1]"),
    Refusal(Reshape(target: [-2, 2]), "float32[4]", says: "shape is [-2, 2]"),
    Refusal(Reshape(target: [3, -1]), "float32[4]", says: "shape is [3, -1]"),
    Refusal(Reshape(target: [5]), "float32[4]", says: "shape is [5]"),
    Refusal(Reshape(target: [4, 0]), "float32[4]", says: "shape is [4, 0]"),
    Refusal(Reshape(target: [0, -1]), "float32[0,4]", says: "one -1 that can be found"),
    Refusal(Reshape(target: [0, -1], allowZero: true), "float32[0]", says: "one -1 that can be found"),
    Refusal(Reshape(target: [1 << 40, 1 << 40]), "float32[4]", says: "does not fit"),
    Refusal(Reshape(), "float32[4]", "float32[1]", says: "operand 1 is float32"),
    Refusal(Reshape(), "float32[4]", "int64[2,2]", says: "operand 1 has rank 2"),
    Refusal(Reshape(), "float32[4]", says: "operands"),
    Refusal(Reshape(), "float32[4]", "int64[9999999]", says: "rank 9999999"),
    Refusal(Flatten(axis: 4), "float32[2,3]", says: "axis is 4"),
    Refusal(Flatten(axis: .min), "float32[2,3]", says: "axis is"),
    Refusal(Squeeze(axes: [1]), "float32[1,3]", says: "operand 0 has size 3 on axis 1, expected 1"),
    Refusal(Squeeze(axes: [0, -2]), "float32[1,3]", says: "axes that differ"),
    Refusal(Squeeze(axes: [7]), "float32[1,3]", says: "axes is 7"),
    Refusal(Unsqueeze(axes: [5]), "float32[3]", says: "axes is 5"),
    Refusal(Unsqueeze(axes: [1, 1]), "float32[3]", says: "axes that differ"),
    Refusal(Unsqueeze(), "float32[3]", says: "operands"),
    Refusal(Transpose(permutation: [0]), "float32[2,3]", says: "perm is [0]"),
    Refusal(Transpose(permutation: [0, 0]), "float32[2,3]", says: "axes that differ"),
    Refusal(Transpose(permutation: [0, 2]), "float32[2,3]", says: "perm is 2"),
    Refusal(Transpose(permutation: [0, 0]), "float32[?]", says: "axes that differ"),
    Refusal(Expand(target: [4]), "float32[3]", says: "operand 1 has size 4 on axis 0, expected 3"),
    Refusal(Expand(target: [-1]), "float32[3]", says: "shape is -1"),
    Refusal(Tile(repeats: [2]), "float32[2,3]", says: "repeats"),
    Refusal(Tile(repeats: [2, -1]), "float32[2,3]", says: "repeats"),
    Refusal(Tile(repeats: [.max, .max]), "float32[2,3]", says: "does not fit"),
    Refusal(DepthToSpace(blockSize: 0), "float32[1,4,2,2]", says: "blocksize is 0"),
    Refusal(DepthToSpace(blockSize: 3), "float32[1,4,2,2]", says: "blocksize is 3"),
    Refusal(DepthToSpace(blockSize: .max), "float32[1,4,2,2]", says: "blocksize is"),
    Refusal(DepthToSpace(blockSize: 1 << 39), "float32[1,4,2,2]", says: "does not fit"),
    Refusal(SpaceToDepth(blockSize: 2), "float32[1,4,3,2]", says: "blocksize is 2"),
    Refusal(SpaceToDepth(blockSize: 2), "float32[1,4,2]", says: "rank 3"),
    Refusal(Concat(axis: 2), "float32[2,3]", "float32[2,3]", says: "axis is 2"),
    Refusal(Concat(axis: 0), "float32[2,3]", "float32[2]", says: "operand 1 has rank 1"),
    Refusal(Concat(axis: 0), "float32[2,3]", "float32[2,4]", says: "operand 1 has size 4 on axis 1"),
    Refusal(Concat(axis: 0), "float32[2]", "int64[2]", says: "operand 1 is int64"),
    Refusal(Concat(axis: 0), says: "operands"),
    Refusal(Concat(axis: 0), "float32[2]", "-", says: "operand 1 is missing"),
    Refusal(Concat(axis: 0), "float32[9223372036854775807]", "float32[1]", says: "does not fit"),
    Refusal(Split(axis: 0, sizes: [1, 1]), "float32[3]", results: 2, says: "add up to 3"),
    Refusal(Split(axis: 0, sizes: [1, 2]), "float32[3]", results: 3, says: "3 sizes"),
    Refusal(Split(axis: 0, sizes: [-1, 4]), "float32[3]", results: 2, says: "split is [-1, 4]"),
    Refusal(Split(axis: 0, sizes: [.max, .max]), "float32[3]", results: 2, says: "does not fit"),
    Refusal(Split(axis: 0), "float32[5]", results: 4, says: "split is 4"),
    Refusal(Split(axis: 1), "float32[5]", results: 2, says: "axis is 1"),
    Refusal(Gather(axis: 2), "float32[2,3]", "int64[1]", says: "axis is 2"),
    Refusal(Gather(axis: 0), "float32[2,3]", "float32[1]", says: "operand 1 is float32"),
    Refusal(Pad(pads: [1]), "float32[2]", says: "pads"),
    Refusal(Pad(pads: [-2, -1]), "float32[2]", says: "pads"),
    Refusal(Pad(pads: [.max, .max]), "float32[2]", says: "does not fit"),
    Refusal(Pad(pads: [1, 1], axes: [3]), "float32[2]", says: "axes is 3"),
    Refusal(Pad(mode: .reflect, pads: [1, 1]), "float32[0]", says: "pads"),
    Refusal(Pad(pads: [1, 1]), "float32[2]", "-", "int64[]", says: "operand 2 is int64"),
    Refusal(NonZero(), says: "operands"),
  ]

  @Test(arguments: refusals) func refuses(_ row: Refusal) { row.check() }

  @Test("Static forms are numbers")
  func resolved() throws {
    #expect(try Reshape(target: [0, -1]).resolvedTarget(sizes: [2, 3, 4]) == [2, 12])
    #expect(try Flatten(axis: 2).resolvedSizes([2, 3, 4]) == [6, 4])
    #expect(try Squeeze().resolvedAxes(sizes: [1, 2, 1]) == [0, 2])
    #expect(try Unsqueeze(axes: [-1, 0]).resolvedAxes(rank: 1) == [2, 0])
    #expect(try Transpose().resolvedPermutation(rank: 3) == [2, 1, 0])
    #expect(try Expand(target: [2, 1]).resolvedSizes([3]) == [2, 3])
    #expect(try Tile(repeats: [2, 3]).resolvedSizes([1, 2]) == [2, 6])
    #expect(try Split(axis: 0).resolvedSizes(size: 7, parts: 3) == [3, 3, 1])
    #expect(try Split(axis: 0, sizes: [0, 7]).resolvedSizes(size: 7, parts: 2) == [0, 7])
    let pad = try Pad(pads: [1, -1, 2, 0], axes: [2, 0]).resolved(rank: 3)
    #expect(pad.begins == [-1, 0, 1] && pad.ends == [0, 0, 2])
    #expect(try Pad(pads: [1, 2]).resolvedSizes([3]) == [6])
    #expect(throws: (any Error).self) { try Reshape().resolvedTarget(sizes: [1]) }
  }
}
