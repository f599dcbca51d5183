import TestSupport

/// Sizes, strides and counts whose products do not fit, and results without elements.
let sizeCases: [HostileCase] = [
  HostileCase(
    "Tile beyond 64 bits, from data",
    M.model(
      [M.node("Cast", ["r"], ["n"], ["to": .int(7)]), M.node("Tile", ["x", "n"], ["y"])],
      [M.port("x", .float, [1, 1]), M.port("r", .float, [2])], [M.port("y", .float)]),
    ["--input", "r=r.npy"], files: ["r.npy": npy("<f4", [2], floatBytes([1e12, 1e12]))], codes: [1, 2]),
  HostileCase(
    "Expand beyond 64 bits",
    single(
      "Expand", ["x", "k"], inputs: [M.port("x", .float, [1])],
      constants: [M.integers("k", [1 << 40, 1 << 40])]), codes: [1, 2]),
  HostileCase(
    "ConstantOfShape beyond 64 bits",
    single("ConstantOfShape", ["k"], constants: [M.integers("k", [1 << 32, 1 << 32])]),
    codes: [1, 2]),
  HostileCase(
    "Concat of empties",
    single("Concat", ["x", "x"], ["axis": .int(0)], inputs: [M.port("x", .float, ["a", "b", "c"])]),
    ["--input", "x=x.npy"], files: ["x.npy": npy("<f4", [1 << 31, 0, 1 << 31])]),
  HostileCase(
    "Concat of empties along the last axis",
    single(
      "Concat", ["x", "x"], ["axis": .int(2)], constants: [M.tensor("x", .float, [1 << 40, 0, 1 << 40])])),
  HostileCase(
    "Slice of an empty constant",
    single(
      "Slice", ["x", "a", "b"],
      constants: [
        M.tensor("x", .float, [2, 1 << 62 - 1, 0]), M.integers("a", [large, large, 0]),
        M.integers("b", [large, large, 0]),
      ])),
  HostileCase(
    "Slice of an empty constant, backwards",
    single(
      "Slice", ["x", "a", "b", "axes", "steps"],
      constants: [
        M.tensor("x", .float, [1 << 62, 0]), M.integers("a", [large]), M.integers("b", [-large - 1]),
        M.integers("axes", [0]),
        M.integers("steps", [-1]),
      ])),
  HostileCase(
    "GatherND of an empty constant",
    single(
      "GatherND", ["x", "k"],
      constants: [M.tensor("x", .float, [1 << 62, 0]), M.integers("k", [1 << 62 - 1], sizes: [1, 1])])),
  HostileCase(
    "ScatterND into an empty constant",
    single(
      "ScatterND", ["x", "k", "u"],
      constants: [
        M.tensor("x", .float, [1 << 62, 0]), M.integers("k", [1 << 62 - 1], sizes: [1, 1]),
        M.tensor("u", .float, [1, 0]),
      ])),
  HostileCase(
    "Gather of an empty constant",
    single(
      "Gather", ["x", "k"],
      constants: [M.tensor("x", .float, [1 << 62, 0]), M.integers("k", [1 << 62 - 1])])),
  HostileCase(
    "Unique rows without elements",
    single("Unique", ["x"], ["axis": .int(0)], inputs: [M.port("x", .float, ["n", "m"])]),
    ["--input", "x=x.npy"], files: ["x.npy": npy("<f4", [1 << 62, 0])]),
  HostileCase(
    "QuantizeLinear of rows without elements",
    single(
      "QuantizeLinear", ["x", "s", "z"], ["axis": .int(1)],
      constants: [M.tensor("x", .float, [1 << 62, 0]), M.floats("s", []), M.tensor("z", .uint8, [0])],
      type: .uint8)),
  HostileCase(
    "MatMul of batches without elements",
    single(
      "MatMul", ["x", "w"],
      constants: [M.tensor("x", .float, [1 << 62, 0, 1]), M.floats("w", [1], sizes: [1, 1])])),
  HostileCase(
    "MatMul whose sums are empty",
    single(
      "MatMul", ["x", "w"],
      constants: [M.tensor("x", .float, [1 << 40, 0]), M.tensor("w", .float, [0, 1 << 40])]),
    codes: [1, 2]),
  HostileCase(
    "Gemm of rows without elements",
    single(
      "Gemm", ["x", "w"], constants: [M.tensor("x", .float, [1 << 33, 0]), M.tensor("w", .float, [0, 0])])),
  HostileCase(
    "Softmax of rows without elements",
    single("Softmax", ["x"], ["axis": .int(1)], constants: [M.tensor("x", .float, [1 << 62, 0])])
  ),
  HostileCase(
    "LayerNormalization of rows without elements",
    single(
      "LayerNormalization", ["x", "s"], ["axis": .int(1)],
      constants: [M.tensor("x", .float, [1 << 62, 0]), M.floats("s", [])])),
  HostileCase(
    "MeanVarianceNormalization without elements",
    single(
      "MeanVarianceNormalization", ["x"], ["axes": .ints([1])], inputs: [M.port("x", .float, ["n", "m"])]),
    ["--input", "x=x.npy"], files: ["x.npy": npy("<f4", [1 << 62, 0])]),
  HostileCase(
    "GRU of batches without steps",
    single(
      "GRU", ["x", "w", "r"], ["hidden_size": .int(1)],
      constants: [
        M.tensor("x", .float, [0, 1 << 62, 1]), M.floats("w", [1, 1, 1], sizes: [1, 3, 1]),
        M.floats("r", [1, 1, 1], sizes: [1, 3, 1]),
      ])),
  HostileCase(
    "TopK of rows without elements",
    single(
      "TopK", ["x", "k"], ["axis": .int(1)],
      constants: [M.tensor("x", .float, [1 << 62, 0]), M.integers("k", [0])])),
  HostileCase(
    "Transpose of an empty constant",
    single(
      "Transpose", ["x"], ["perm": .ints([2, 1, 0])],
      constants: [M.tensor("x", .float, [1 << 40, 0, 1 << 40])])),
  HostileCase(
    "SplitToSequence of rows without elements",
    M.model(
      [M.node("SplitToSequence", ["x"], ["q"], ["axis": .int(0)]), M.node("SequenceLength", ["q"], ["y"])],
      [M.port("x", .float, ["n", "m"])], [M.port("y", .int64)]),
    ["--input", "x=x.npy"], files: ["x.npy": npy("<f4", [1 << 62, 0])], codes: [1, 2]),
]

func floatBytes(_ elements: [Float]) -> [UInt8] {
  elements.flatMap { x in (0..<4).map { UInt8(truncatingIfNeeded: x.bitPattern >> (8 * $0)) } }
}
