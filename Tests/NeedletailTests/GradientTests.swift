import Needletail
import TestSupport
import Testing

/// Derivatives that `Gradient` stands for, against differences of the function itself, in double precision.
@Suite struct GradientTests {
  private struct Case: CustomTestStringConvertible, Sendable {
    var name: String
    /// Nodes that make `y` of `a`, `b`, …, as (operator, inputs, outputs, attributes).
    var nodes: [(String, [String], [String], [(String, Attribute)])]
    /// Sizes of `a`, `b`, ….
    var sizes: [[Int]]
    var integers: [String: [Int]] = [:]
    var lower = -1.5
    var upper = 1.5
    var testDescription: String { name }
    var variables: [String] { zip(["a", "b", "c"], sizes).map(\.0) }

    init(
      _ name: String, _ inputs: [String] = ["a"], sizes: [[Int]] = [[2, 3]],
      _ attributes: [(String, Attribute)] = [], integers: [String: [Int]] = [:],
      in range: ClosedRange<Double> = -1.5...1.5
    ) {
      self.init(chain: [(name, inputs, ["y"], attributes)], sizes: sizes, integers: integers, in: range)
      self.name = "\(name)\(sizes)\(attributes.map { "\($0.0)=\($0.1)" })"
    }

    /// A function of `a`.
    init(
      _ name: String, sizes: [[Int]] = [[2, 3]], _ attributes: [(String, Attribute)],
      in range: ClosedRange<Double> = -1.5...1.5
    ) {
      self.init(name, ["a"], sizes: sizes, attributes, in: range)
    }

    init(
      chain: [(String, [String], [String], [(String, Attribute)])], sizes: [[Int]],
      integers: [String: [Int]] = [:],
      in range: ClosedRange<Double> = -1.5...1.5
    ) {
      name = chain.map(\.0).joined(separator: "-")
      nodes = chain
      self.sizes = sizes
      self.integers = integers
      (lower, upper) = (range.lowerBound, range.upperBound)
    }
  }

  private enum Attribute: Sendable, CustomStringConvertible {
    case int(Int), ints([Int]), float(Float), text(String), texts([String])
    var description: String {
      switch self {
      case .int(let i): "\(i)"
      case .ints(let i): "\(i)"
      case .float(let f): "\(f)"
      case .text(let t): t
      case .texts(let t): "\(t)"
      }
    }
  }

  // MARK: - Cases

  private static let functions: [Case] =
    [
      "Relu", "Sigmoid", "Tanh", "Softplus", "Softsign", "Mish", "HardSwish", "Exp", "Abs", "Neg", "Floor",
      "Ceil", "Round", "Sign", "Erf", "Sin", "Cos", "Tan", "Atan", "Sinh", "Cosh", "Asinh", "Gelu",
      "LeakyRelu", "Elu",
      "Celu", "Selu", "HardSigmoid", "Identity", "Dropout", "Swish",
    ].map { Case($0) }
    + ["Log", "Sqrt", "Reciprocal"].map { Case($0, in: 0.3...3) }
    + ["Asin", "Acos", "Atanh"].map { Case($0, in: -0.8...0.8) }
    + [
      Case("Acosh", in: 1.3...3), Case("Gelu", [("approximate", .text("tanh"))]),
      Case("HardSwish", in: -4...4),
      Case("HardSigmoid", in: -4...4), Case("Swish", [("alpha", .float(1.7))]),
      Case("Celu", [("alpha", .float(0.7))]),
      Case("Elu", [("alpha", .float(0.7))]), Case("ThresholdedRelu", [("alpha", .float(0.4))]),
      Case("Shrink", [("lambd", .float(0.4)), ("bias", .float(0.1))]),
    ]

  private static let pairs: [Case] =
    ["Add", "Sub", "Mul", "Max", "Min", "PRelu", "Sum", "Mean"].flatMap { name in
      [[[2, 3], [2, 3]], [[2, 3], [3]], [[2, 3], [2, 1]], [[2, 3], []]].map {
        Case(name, ["a", "b"], sizes: $0)
      }
    } + [
      Case("Div", ["a", "b"], sizes: [[2, 3], [3]], in: 0.4...2),
      Case("Div", ["a", "b"], sizes: [[], [2, 1]], in: 0.4...2),
      Case("Pow", ["a", "b"], sizes: [[2, 3], [3]], in: 0.4...2),
      Case("Pow", ["a", "two"], integers: ["two": [2]]),
      Case("Pow", ["a", "none"], integers: ["none": [0]]), Case("Mul", ["a", "a"]),
      Case("Sum", ["a", "b", "c"], sizes: [[2, 3], [1, 3], [2, 1]]),
      Case("Max", ["a", "b", "c"], sizes: [[2, 3], [3], [2, 1]]),
    ]

  private static let products: [Case] =
    [
      [[2, 3], [3, 4]], [[5, 2, 3], [3, 4]], [[2, 3], [5, 3, 4]], [[5, 2, 3], [5, 3, 4]],
      [[5, 1, 2, 3], [2, 3, 1]],
      [[3], [3, 4]], [[2, 3], [3]], [[3], [3]], [[3], [5, 3, 4]], [[5, 2, 3], [3]],
    ].map { Case("MatMul", ["a", "b"], sizes: $0) }
    + [
      ([[2, 3], [3, 4], [2, 4]], 0, 0), ([[3, 2], [3, 4], [4]], 1, 0), ([[2, 3], [4, 3], [2, 1]], 0, 1),
      ([[3, 2], [4, 3], []], 1, 1),
    ].map { sizes, a, b in
      Case(
        "Gemm", ["a", "b", "c"], sizes: sizes,
        [("transA", .int(a)), ("transB", .int(b)), ("alpha", .float(0.5)), ("beta", .float(1.5))])
    }

  private static let reductions: [Case] = [
    "ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2", "ReduceLogSum",
    "ReduceLogSumExp",
    "ReduceSumSquare",
  ].flatMap { name in
    [
      Case(name, sizes: [[2, 3, 4]], in: 0.3...2),
      Case(name, sizes: [[2, 3]], [("keepdims", .int(0))], in: 0.3...2),
      Case(
        name, ["a", "axes"], sizes: [[2, 3, 4]], [("keepdims", .int(0))], integers: ["axes": [-1, 0]],
        in: 0.3...2),
      Case(name, ["a", "axes"], sizes: [[2, 3]], integers: ["axes": [1]], in: 0.3...2),
      Case(name, ["a", "axes"], [("noop_with_empty_axes", .int(1))], integers: ["axes": []], in: 0.3...2),
    ]
  }

  private static let others: [Case] = [
    Case("Softmax"), Case("Softmax", [("axis", .int(0))]), Case("LogSoftmax"),
    Case("LogSoftmax", [("axis", .int(0))]),
    Case("Clip", ["a", "low", "high"], integers: ["low": [-1], "high": [1]]),
    Case("Cast", [("to", .int(11))]),
    Case("Transpose", sizes: [[2, 3, 4]]),
    Case("Transpose", sizes: [[2, 3, 4]], [("perm", .ints([2, 0, 1]))]),
    Case("Reshape", ["a", "shape"], integers: ["shape": [3, -1]]), Case("Flatten", sizes: [[2, 3, 2]]),
    Case("Squeeze", sizes: [[2, 1, 3]]), Case("Unsqueeze", ["a", "axes"], integers: ["axes": [0, 2]]),
    Case("Expand", ["a", "shape"], sizes: [[2, 1]], integers: ["shape": [3, 2, 4]]),
    Case("Concat", ["a", "b", "c"], sizes: [[2, 3], [2, 1], [2, 2]], [("axis", .int(-1))]),
    Case("GlobalAveragePool", sizes: [[1, 2, 3, 2]]),
    // One part alone, and all of them.
    Case(
      chain: [("Split", ["a"], ["y", "q"], [("axis", .int(1)), ("num_outputs", .int(2))])], sizes: [[2, 4]]),
    Case(
      chain: [
        ("Split", ["a"], ["p", "q"], [("axis", .int(0)), ("num_outputs", .int(2))]),
        ("Mul", ["p", "q"], ["y"], []),
      ], sizes: [[4, 3]]),
    Case(
      chain: [
        ("Less", ["a", "b"], ["l"], []), ("Where", ["l", "a", "s"], ["y"], []),
        ("Mul", ["b", "b"], ["s"], []),
      ],
      sizes: [[2, 3], [3]]),
    // A value of several users, and a layer.
    Case(
      chain: [
        ("Add", ["a", "b"], ["s"], []), ("Mul", ["s", "a"], ["t"], []), ("Sub", ["t", "s"], ["y"], []),
      ],
      sizes: [[2, 3], [3]]),
    Case(
      chain: [
        ("Gemm", ["a", "b", "c"], ["h"], []), ("Tanh", ["h"], ["t"], []), ("Softmax", ["t"], ["s"], []),
        ("Log", ["s"], ["y"], []),
      ], sizes: [[2, 3], [3, 4], [4]]),
    // The derivative of a derivative.
    Case(
      chain: [
        ("Sin", ["a"], ["s"], []), ("Mul", ["s", "a"], ["t"], []),
        ("Gradient", ["a"], ["y"], [("xs", .texts(["a"])), ("y", .text("t"))]),
      ], sizes: [[2, 3]]),
  ]

  // MARK: - The check

  @Test(arguments: functions + pairs + products + reductions + others)
  private func agreesWithDifferences(_ test: Case) throws {
    var generator = SeededGenerator(seed: 5)
    func values(_ sizes: [Int]) -> [Double] {
      (0..<sizes.reduce(1, *)).map { _ in Double.random(in: test.lower...test.upper, using: &generator) }
    }
    let elsewhere = test.sizes.map(values)
    let request = try Self.model(test).compile().makeRequest(backend: .naive, threads: 1)
    // The gradient at the values of the graph, and at others that are operands of the node alone.
    for points in [test.sizes.map(values), elsewhere] {
      let isElsewhere = points == elsewhere
      func run(_ x: [[Double]], at p: [[Double]]) throws -> [String: Tensor] {
        var inputs: [String: Tensor] = [:]
        for (i, name) in test.variables.enumerated() {
          inputs[name] = try Tensor(x[i], sizes: test.sizes[i])
          inputs["p\(name)"] = try Tensor(p[i], sizes: test.sizes[i])
        }
        return try request.run(inputs)
      }
      func sum(_ x: [[Double]]) throws -> Double {
        let z = try #require(run(x, at: elsewhere)["z"])
        return try z.elements(of: Double.self).reduce(0, +)
      }
      let found = try run(points, at: elsewhere)
      let step = 1e-5
      for (i, name) in test.variables.enumerated() {
        let gradient = try #require(found[isElsewhere ? "dp\(name)" : "d\(name)"])
        #expect(gradient.sizes == test.sizes[i])
        for (k, slope) in try gradient.elements(of: Double.self).enumerated() {
          var (up, down) = (points, points)
          up[i][k] += step
          down[i][k] -= step
          let expected = try (sum(up) - sum(down)) / (2 * step)
          #expect(abs(slope - expected) <= 2e-7 * max(1, abs(expected)), "d\(name)[\(k)]")
        }
      }
    }
  }

  @Test func whatHasNoRuleIsRefusedByName() throws {
    for (chain, expected) in [
      ([("Mod", ["a", "b"], ["y"], [("fmod", Attribute.int(1))])], "Binary[function=fmod]"),
      ([("CumSum", ["a", "axis"], ["y"], [])], "Cumulative"),
    ] {
      let test = Case(chain: chain, sizes: [[2, 3], [3]], integers: ["axis": [0]])
      let error = try #require(throws: EngineError.self) { _ = try Self.model(test) }
      #expect("\(error)".contains(expected) && "\(error)".contains("differentiation"), "\(error)")
    }
  }

  @Test func hiddenVariablesAreRefused() throws {
    let test = Case(chain: [("Add", ["a", "b"], ["y"], [])], sizes: [[2], [2]])
    let error = try #require(throws: EngineError.self) { _ = try Self.model(test, naming: ["a"]) }
    #expect("\(error)".contains("'b'"), "\(error)")
  }

  @Test func constantsNeedNoName() throws {
    let test = Case(chain: [("Mul", ["a", "two"], ["y"], [])], sizes: [[1]], integers: ["two": [2]])
    let request = try Self.model(test, integersAreReal: true).compile().makeRequest(
      backend: .naive, threads: 1)
    let found = try request.run(["a": Tensor([0.0], sizes: [1]), "pa": Tensor([0.0], sizes: [1])])
    #expect(try found["da"]?.elements(of: Double.self) == [4])
  }
}

// MARK: - Files

extension GradientTests {
  /// z = y · weights, and its gradients at the values of the graph and at those of inputs of their own.
  private static func model(
    _ test: Case, naming named: [String]? = nil, integersAreReal: Bool = false
  ) throws -> Model {
    let variables = named ?? test.variables
    let bytes = ProtoBytes.message { model in
      model.add(1, 10)
      model.add(
        7,
        ProtoBytes.message { graph in
          for (name, inputs, outputs, attributes) in test.nodes {
            graph.add(1, node(name, inputs, outputs, attributes))
          }
          // Elements that count differently, without knowing the shape.
          graph.add(1, node("Sin", ["y"], ["sine"], []))
          graph.add(1, node("Add", ["sine", "y"], ["z"], []))
          for prefix in ["", "p"] {
            graph.add(
              1,
              node(
                "Gradient", variables.map { prefix + $0 }, variables.map { "d\(prefix)\($0)" },
                [("xs", .texts(variables)), ("y", .text("z"))]))
          }
          graph.add(2, "gradient")
          for (name, values) in test.integers {
            let isReal = integersAreReal || name == "low" || name == "high"
            graph.add(5, constant(name, values, isReal: isReal))
          }
          for (name, sizes) in zip(test.variables, test.sizes) {
            for prefix in ["", "p"] { graph.add(11, port(prefix + name, sizes)) }
          }
          for name in ["z"] + variables.flatMap({ ["d\($0)", "dp\($0)"] }) { graph.add(12, port(name, nil)) }
        })
      for (domain, version) in [("", 24), ("ai.onnx.preview.training", 1)] {
        model.add(
          8,
          ProtoBytes.message { set in
            set.add(1, domain)
            set.add(2, version)
          })
      }
    }
    let folder = TemporaryFolder()
    folder.write("model.onnx", bytes)
    return try Model(contentsOf: folder.path + "/model.onnx")
  }

  private static func node(
    _ name: String, _ inputs: [String], _ outputs: [String], _ attributes: [(String, Attribute)]
  ) -> [UInt8] {
    ProtoBytes.message { node in
      for input in inputs { node.add(1, input) }
      for output in outputs { node.add(2, output) }
      node.add(4, name)
      for (key, value) in attributes { node.add(5, attribute(key, value)) }
      if name == "Gradient" { node.add(7, "ai.onnx.preview.training") }
    }
  }

  private static func attribute(_ name: String, _ value: Attribute) -> [UInt8] {
    ProtoBytes.message { attribute in
      attribute.add(1, name)
      switch value {
      case .int(let number):
        attribute.add(3, number)
        attribute.add(20, 2)
      case .ints(let numbers):
        for number in numbers { attribute.add(8, number) }
        attribute.add(20, 7)
      case .float(let number):
        attribute.add(2, fixed32: number.bitPattern)
        attribute.add(20, 1)
      case .text(let text):
        attribute.add(4, text)
        attribute.add(20, 3)
      case .texts(let texts):
        for text in texts { attribute.add(9, text) }
        attribute.add(20, 8)
      }
    }
  }

  /// Axes and shapes are vectors; bounds and powers are scalars.
  private static func constant(_ name: String, _ values: [Int], isReal: Bool) -> [UInt8] {
    let isScalar = ["two", "none", "low", "high", "axis"].contains(name)
    return ProtoBytes.message { tensor in
      if !isScalar { tensor.add(1, values.count) }
      tensor.add(2, isReal ? 11 : 7)
      tensor.add(8, name)
      let words = values.map { isReal ? Double($0).bitPattern : UInt64(bitPattern: Int64($0)) }
      tensor.add(9, words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } })
    }
  }

  private static func port(_ name: String, _ sizes: [Int]?) -> [UInt8] {
    let shape = sizes.map { sizes in
      ProtoBytes.message { shape in
        for size in sizes { shape.add(1, ProtoBytes.message { $0.add(1, size) }) }
      }
    }
    let tensor = ProtoBytes.message { tensor in
      tensor.add(1, 11)
      if let shape { tensor.add(2, shape) }
    }
    return ProtoBytes.message { port in
      port.add(1, name)
      port.add(2, ProtoBytes.message { $0.add(1, tensor) })
    }
  }
}
