import TestSupport

/// Graphs of many nodes, operands, users and branches.
let graphCases: [HostileCase] = [
  HostileCase(
    "Concat of 40,000",
    single(
      "Concat", Array(repeating: "x", count: 40_000), ["axis": .int(0)], inputs: [M.port("x", .float, [1])])),
  HostileCase(
    "Split into 40,000",
    M.model(
      [
        M.node("Split", ["x"], (0..<40_000).map { "y\($0)" }, ["axis": .int(0), "num_outputs": .int(40_000)])
      ],
      [M.port("x", .float, [40_000])], [M.port("y0", .float)])),
  HostileCase(
    "Max of 70,000", single("Max", Array(repeating: "x", count: 70_000), inputs: [M.port("x", .float, [1])])),
  HostileCase(
    "10,000 unread inputs",
    single(
      "Relu", ["x"],
      inputs: [M.port("x", .float, [4])] + (0..<10_000).map { M.port("x\($0)", .float, [1]) }), codes: [0]),
  HostileCase(
    "A fan of 30,000 nodes",
    M.model(
      (0..<15_000).map { M.node("Relu", ["x"], ["v\($0)"]) }
        + (0..<15_000).map { M.node("Add", ["v\($0)", "x"], ["w\($0)"]) }
        + [M.node("Sum", (0..<15_000).map { "w\($0)" }, ["y"])],
      [M.port("x", .float, [4])], [M.port("y", .float)]), codes: [0]),
  HostileCase(
    "30,000 slices of one value",
    M.model(
      (0..<30_000).map { M.node("Slice", ["x", "a", "b"], ["v\($0)"]) } + [
        M.node("Max", (0..<30_000).map { "v\($0)" }, ["y"])
      ],
      [M.port("x", .float, [4])], [M.port("y", .float)], [M.integers("a", [1]), M.integers("b", [3])]),
    codes: [0]),
  HostileCase(
    "A chain of 40,000 transposes",
    M.model(
      (0..<40_000).map { M.node("Transpose", ["v\($0)"], ["v\($0 + 1)"], ["perm": .ints([1, 0])]) }
        + [M.node("Identity", ["v40000"], ["y"])],
      [M.port("v0", .float, [4, 4])], [M.port("y", .float, [4, 4])]), codes: [0]),
  HostileCase(
    "A chain of 30,000 additions",
    M.model(
      (0..<30_000).map { M.node("Add", ["v\($0)", "v0"], ["v\($0 + 1)"]) } + [
        M.node("Identity", ["v30000"], ["y"])
      ],
      [M.port("v0", .float, [4])], [M.port("y", .float, [4])]), codes: [0]),
  HostileCase(
    "Branches 13 deep",
    M.model(
      [
        M.node("If", ["c"], ["y"], ["then_branch": .graph(branches(13)), "else_branch": .graph(branches(0))])
      ],
      [M.port("x", .float, [4]), M.port("c", .bool, [])], [M.port("y", .float)])),
  HostileCase(
    "A Loop of new shapes",
    M.model(
      [
        M.node(
          "Loop", ["m", "", "x"], ["z", "y"],
          [
            "body": .graph(
              body(
                [
                  M.node("Concat", ["v", "r"], ["w"], ["axis": .int(0)]),
                  M.node("Unsqueeze", ["w", "a1"], ["w4"]),
                  M.node("Conv", ["w4", "k"], ["s"], ["pads": .ints([1, 1, 1, 1])]),
                  M.node("ReduceMax", ["s", "a"], ["u"], ["keepdims": .int(0)]),
                ], scanned: [M.port("u", .float, [])],
                constants: [
                  M.floats("r", Array(repeating: 1, count: 16), sizes: [1, 16]),
                  M.floats("k", Array(repeating: 0.5, count: 144), sizes: [16, 1, 3, 3]),
                  M.integers("a", [0, 1, 2, 3]),
                  M.integers("a1", [0, 1]),
                ], sizes: nil))
          ])
      ], [M.port("x", .float, [1, 16])], [M.port("y", .float)], [M.integers("m", [400], sizes: [])])),
]

private func branches(_ depth: Int) -> [UInt8] {
  let result = [M.port("o\(depth)", .float, [4])]
  if depth == 0 { return M.graph([M.node("Relu", ["x"], ["o0"])], [], result) }
  let inner = branches(depth - 1)
  return M.graph(
    [M.node("If", ["c"], ["o\(depth)"], ["then_branch": .graph(inner), "else_branch": .graph(inner)])], [],
    result)
}
