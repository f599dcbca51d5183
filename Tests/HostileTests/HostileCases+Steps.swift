import TestSupport

/// Numbers that are no index, windows that are too wide, and steps without bound.
let stepCases: [HostileCase] = [
  HostileCase(
    "Resize of a region of NaN",
    single(
      "Resize", ["x", "r", "", "k"],
      [
        "axes": .ints([2, 3]), "mode": .string("cubic"),
        "coordinate_transformation_mode": .string("tf_crop_and_resize"),
      ],
      inputs: [M.port("x", .float, [1, 1, 4, 4])],
      constants: [M.floats("r", [.nan, .infinity, -.infinity, 1e38]), M.integers("k", [3, 3])])),
  HostileCase(
    "RoiAlign of a region of infinity",
    single(
      "RoiAlign", ["x", "r", "b"], ["output_height": .int(2), "output_width": .int(2)],
      inputs: [M.port("x", .float, [1, 1, 4, 4])],
      constants: [M.floats("r", [.nan, -.infinity, .infinity, 1e38], sizes: [1, 4]), M.integers("b", [0])])),
  HostileCase(
    "MaxRoiPool of a far image",
    single(
      "MaxRoiPool", ["x", "r"], ["pooled_shape": .ints([1, 1]), "spatial_scale": .float(1e-30)],
      inputs: [M.port("x", .float, [1, 1, 4, 4])],
      constants: [M.floats("r", [3e38, 0, 0, 1, 1], sizes: [1, 5])]),
    codes: [1, 2]),
  HostileCase(
    "GridSample of far points",
    single(
      "GridSample", ["x", "g"], inputs: [M.port("x", .float, [1, 1, 4, 4])],
      constants: [M.floats("g", [.nan, .infinity, -3e38, 3e38], sizes: [1, 1, 2, 2])])),
  HostileCase(
    "Range without end",
    single(
      "Range", ["a", "b", "s"],
      constants: [
        M.floats("a", [0], sizes: []), M.floats("b", [3e38], sizes: []), M.floats("s", [1e-38], sizes: []),
      ]),
    codes: [1, 2]),
  HostileCase(
    "A pattern of 150,000 alternatives",
    single(
      "RegexFullMatch", ["x"], ["pattern": .string(String(repeating: "a|", count: 150_000))],
      constants: [M.strings("x", ["a"])], type: .bool)),
  HostileCase(
    "A pattern of 100,000 groups",
    single(
      "RegexFullMatch", ["x"],
      [
        "pattern": .string(
          String(repeating: "(", count: 100_000) + "a" + String(repeating: ")", count: 100_000))
      ],
      constants: [M.strings("x", ["a"])], type: .bool)),
  HostileCase(
    "DFT of a prime length",
    single(
      "DFT", ["x", "k"], inputs: [M.port("x", .float, [1, 2, 1])],
      constants: [M.integers("k", [16_777_213], sizes: [])],
      opset: 20)),
  HostileCase(
    "NonMaxSuppression of equal boxes",
    M.model(
      [
        M.node("ConstantOfShape", ["k"], ["b"]), M.node("ConstantOfShape", ["l"], ["s"]),
        M.node("NonMaxSuppression", ["b", "s", "m", "t"], ["y"]),
      ], [], [M.port("y", .int64)],
      [
        M.integers("k", [1, 100_000, 4]), M.integers("l", [1, 1, 100_000]), M.integers("m", [large]),
        M.floats("t", [1]),
      ])),
  HostileCase(
    "Ten million trips",
    M.model(
      [
        M.node(
          "Loop", ["m", "", "x"], ["y"],
          ["body": .graph(body([M.node("Identity", ["v"], ["w"])], sizes: [4]))])
      ],
      [M.port("x", .float, [4])], [M.port("y", .float)], [M.integers("m", [10_000_000], sizes: [])])),
  HostileCase(
    "A thousand times a thousand times a thousand trips",
    M.model(
      [
        M.node(
          "Loop", ["m", "", "x"], ["y"],
          [
            "body": .graph(
              body(
                [
                  M.node(
                    "Loop", ["m", "", "v"], ["w"],
                    [
                      "body": .graph(
                        M.graph(
                          [
                            M.node("Identity", ["c2"], ["d2"]),
                            M.node(
                              "Loop", ["m", "", "v2"], ["w2"],
                              [
                                "body": .graph(
                                  M.graph(
                                    [M.node("Identity", ["c3"], ["d3"]), M.node("Neg", ["v3"], ["w3"])],
                                    [
                                      M.port("i3", .int64, []), M.port("c3", .bool, []),
                                      M.port("v3", .float, [4]),
                                    ],
                                    [M.port("d3", .bool, []), M.port("w3", .float, [4])]))
                              ]),
                          ],
                          [M.port("i2", .int64, []), M.port("c2", .bool, []), M.port("v2", .float, [4])],
                          [M.port("d2", .bool, []), M.port("w2", .float, [4])]))
                    ])
                ], sizes: [4]))
          ])
      ],
      [M.port("x", .float, [4])], [M.port("y", .float)], [M.integers("m", [1_000], sizes: [])])),
  HostileCase(
    "Einsum of 52 letters",
    single(
      "Einsum", ["x", "x", "x", "x"],
      ["equation": .string("abcdefghijklm,nopqrstuvwxyz,ABCDEFGHIJKLM,NOPQRSTUVWXYZ->")],
      inputs: [M.port("x", .float, Array(repeating: 2, count: 13))])),
  HostileCase(
    "Einsum of four matrices",
    single(
      "Einsum", ["x", "x", "x", "x"], ["equation": .string("ab,bc,cd,de->ae")],
      inputs: [M.port("x", .float, [96, 96])]),
    codes: [0]),
  HostileCase("AveragePool of a wide window", widePool("AveragePool", 1 << 20)),
  HostileCase("MaxPool of a wide window", widePool("MaxPool", 1 << 20)),
  HostileCase("LpPool of a wide window", widePool("LpPool", 1 << 24)),
  HostileCase(
    "MaxPool of padding alone",
    single(
      "MaxPool", ["x"], ["kernel_shape": .ints([1]), "pads": .ints([1 << 30, 1 << 30])],
      inputs: [M.port("x", .float, [1, 1, 0])]),
    ["--max-memory", "1GB"], codes: [1, 2]),
  HostileCase(
    "Conv with wide pads",
    single(
      "Conv", ["x", "w"],
      ["pads": .ints([1 << 30, 1 << 30, 1 << 30, 1 << 30]), "strides": .ints([1 << 30, 1 << 30])],
      inputs: [M.port("x", .float, [1, 1, 4, 4])],
      constants: [M.floats("w", Array(repeating: 1, count: 9), sizes: [1, 1, 3, 3])])),
  HostileCase(
    "Conv of many channels with tall pads",
    single(
      "Conv", ["x", "w"], ["pads": .ints([1 << 24, 0, 0, 0]), "strides": .ints([1 << 24, 1])],
      inputs: [M.port("x", .float, [1, 16, 4, 4])],
      constants: [M.floats("w", Array(repeating: 1, count: 2304), sizes: [16, 16, 3, 3])])),
  HostileCase(
    "Conv with a far dilation",
    single(
      "Conv", ["x", "w"], ["pads": .ints([1 << 30, 0, 1 << 30, 0]), "dilations": .ints([1 << 30, 1])],
      inputs: [M.port("x", .float, [1, 16, 4, 4])],
      constants: [M.floats("w", Array(repeating: 1, count: 2304), sizes: [16, 16, 3, 3])])),
  HostileCase(
    "ConvTranspose of which little is kept",
    single(
      "ConvTranspose", ["x", "w"],
      ["pads": .ints([3 << 15, 3 << 15, 0, 0]), "strides": .ints([1 << 15, 1 << 15])],
      inputs: [M.port("x", .float, [1, 4, 4, 4])],
      constants: [M.floats("w", Array(repeating: 1, count: 144), sizes: [4, 4, 3, 3])])),
]

private func widePool(_ operatorName: String, _ size: Int) -> [UInt8] {
  single(
    operatorName, ["x"], ["kernel_shape": .ints([size]), "pads": .ints([size / 2, size / 2])],
    inputs: [M.port("x", .float, [1, 1, 2])])
}
