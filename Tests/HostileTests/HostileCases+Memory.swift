import TestSupport

/// Memory that is taken in many parts, beside results, and by inputs that the tool makes.
let memoryCases: [HostileCase] = [
  HostileCase(
    "A string that doubles",
    M.model(
      (0..<40).map { M.node("StringConcat", ["v\($0)", "v\($0)"], ["v\($0 + 1)"]) } + [
        M.node("Identity", ["v40"], ["y"])
      ],
      [], [M.port("y", .string)], [M.strings("v0", ["ab"])]), codes: [1, 2]),
  HostileCase(
    "One long string split beside empty ones",
    single(
      "StringSplit", ["x"], ["delimiter": .string(",")],
      constants: [
        M.strings("x", [String(repeating: ",", count: 20_000)] + Array(repeating: "", count: 20_000))
      ], type: .string), codes: [1, 2]),
  HostileCase(
    "Strings that broadcast",
    M.model(
      [
        M.node("Expand", ["a", "k"], ["p"]), M.node("Expand", ["a", "l"], ["q"]),
        M.node("StringConcat", ["p", "q"], ["y"]),
      ], [], [M.port("y", .string)],
      [M.strings("a", ["ab"]), M.integers("k", [6_000, 1]), M.integers("l", [1, 6_000])]), codes: [1, 2]),
  HostileCase(
    "Resize beside a limit",
    single(
      "Resize", ["x", "", "", "k"], inputs: [M.port("x", .uint8, [1])],
      constants: [M.integers("k", [1 << 28])], type: .uint8),
    ["--max-memory", "600MB"]),
  HostileCase(
    "CenterCropPad beside a limit",
    single(
      "CenterCropPad", ["x", "k"], inputs: [M.port("x", .uint8, [1])],
      constants: [M.integers("k", [1 << 29])], type: .uint8),
    ["--max-memory", "800MB"]),
  HostileCase(
    "Pad beside a limit",
    single(
      "Pad", ["x", "k"], inputs: [M.port("x", .uint8, [1])], constants: [M.integers("k", [0, 1 << 29])],
      type: .uint8),
    ["--max-memory", "800MB"]),
  HostileCase(
    "A sequence that doubles",
    M.model(
      [
        M.node("SequenceConstruct", ["x"], ["q0"]),
        M.node(
          "Loop", ["m", "", "q0"], ["q1"],
          [
            "body": .graph(
              M.graph(
                [
                  M.node("Identity", ["c"], ["d"]),
                  M.node("ConcatFromSequence", ["q"], ["s"], ["axis": .int(0)]),
                  M.node("SequenceInsert", ["q", "s"], ["r"]),
                ],
                [M.port("i", .int64, []), M.port("c", .bool, []), M.sequencePort("q", .float)],
                [M.port("d", .bool, []), M.sequencePort("r", .float)]))
          ]), M.node("SequenceLength", ["q1"], ["y"]),
      ], [M.port("x", .float, [4])], [M.port("y", .int64)], [M.integers("m", [60], sizes: [])]),
    ["--max-memory", "1GB"], codes: [1, 2]),
  HostileCase(
    "An input of 2^62 elements", single("Relu", ["x"], inputs: [M.port("x", .float, [.fixed(1 << 62)])]),
    codes: [1, 2]),
  HostileCase(
    "An input of 3·10^9 elements", single("Relu", ["x"], inputs: [M.port("x", .float, [3_000_000_000])]),
    ["--max-memory", "1GB"], codes: [1, 2]),
  HostileCase(
    "An input of 10^12 integers",
    single("Neg", ["x"], inputs: [M.port("x", .int64, [1_000_000_000_000])], type: .int64),
    codes: [1, 2]),
  HostileCase("A batch of 10^12", openBatch, ["--batch", "1000000000000"], codes: [1, 2, 64]),
  HostileCase("A size of 10^12", openSize, ["--size", "m=1000000000000"], codes: [1, 2, 64]),
  HostileCase(
    "Batches up to 2^63", openBatch, ["--batch", "4,8,...,9223372036854775807"], command: "compile",
    codes: [1, 2, 64]),
  HostileCase(
    "A list of 10^12 batches", openBatch, ["--batch", "1,2,...,1000000000000", "--runs", "1"],
    command: "bench",
    codes: [1, 2, 64]),
  HostileCase(
    "Twelve ranges of 2 GiB",
    M.model(
      [M.node("Cast", ["a"], ["n"], ["to": .int(7)])]
        + (0..<12).map { M.node("Range", ["z", "n", "o"], ["r\($0)"]) }
        + [
          M.node("Concat", (0..<12).map { "r\($0)" }, ["c"], ["axis": .int(0)]),
          M.node("ReduceSum", ["c"], ["y"]),
        ],
      [M.port("a", .float, [])], [M.port("y", .int64)],
      [M.integers("z", [0], sizes: []), M.integers("o", [1], sizes: [])]),
    ["--input", "a=a.npy", "--max-memory", "1GB"],
    files: ["a.npy": npy("<f4", [], floatBytes([268_435_456]))], codes: [1, 2]),
  HostileCase(
    "A Loop that keeps its results",
    M.model(
      [
        M.node(
          "Loop", ["m", "", "x"], ["w1", "y"],
          [
            "body": .graph(
              body(
                [M.node("Identity", ["v"], ["w"]), M.node("Expand", ["v", "k"], ["s"])],
                scanned: [M.port("s", .float)],
                constants: [M.integers("k", [1_000_000, 4])], sizes: [4]))
          ])
      ], [M.port("x", .float, [4])], [M.port("y", .float)], [M.integers("m", [1000], sizes: [])]),
    ["--max-memory", "1GB"], codes: [1, 2]),
  HostileCase(
    "A Loop that doubles its value",
    M.model(
      [
        M.node(
          "Loop", ["m", "", "x"], ["y"],
          ["body": .graph(body([M.node("Concat", ["v", "v"], ["w"], ["axis": .int(0)])]))])
      ], [M.port("x", .float, [4])], [M.port("y", .float)], [M.integers("m", [64], sizes: [])]),
    ["--max-memory", "1GB"], codes: [1, 2]),
  HostileCase(
    "Sixty constants of 60 MB",
    M.model(
      (0..<60).flatMap {
        [
          M.node("Expand", ["c\($0)", "k"], ["r\($0)"]), M.node("Sin", ["r\($0)"], ["s\($0)"]),
          M.node("Add", ["x", "s\($0)"], ["y\($0)"]),
        ]
      }, [M.port("x", .float, [1])], (0..<60).map { M.port("y\($0)", .float) },
      [M.integers("k", [15_000_000])] + (0..<60).map { M.floats("c\($0)", [Float($0)]) }), command: "compile"),
]

private let openBatch = single("Relu", ["x"], inputs: [M.port("x", .float, ["n", 4])])
private let openSize = single("Relu", ["x"], inputs: [M.port("x", .float, ["n", "m"])])
