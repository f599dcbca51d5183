import IR
import Operators
import Tensors

extension ImportRules {
  static let signal: [ImportRule] = [
    ImportRule("DFT", 17...19, inputs: 1...2) { n throws(Unsupported.Reason) in
      try n.add(try transform(n, axis: try n.int("axis", default: 1)))
    },
    ImportRule("DFT", since: 20, inputs: 1...3) { n throws(Unsupported.Reason) in
      try n.add(try transform(n, axis: nil))
    },
    ImportRule("STFT", since: 17, inputs: 2...4) { n throws(Unsupported.Reason) in
      try n.add(STFT(onesided: try n.flag("onesided", default: true)))
    },
    window("HannWindow", .hann), window("HammingWindow", .hamming), window("BlackmanWindow", .blackman),
    ImportRule("MelWeightMatrix", since: 17, inputs: 5...5) { n throws(Unsupported.Reason) in
      try n.add(MelWeightMatrix(dataType: try n.dataType("output_datatype") ?? .float32))
    },
  ]

  private static func transform(_ node: NodeContext, axis: Int?) throws(Unsupported.Reason) -> DFT {
    DFT(
      axis: axis, inverse: try node.flag("inverse", default: false),
      onesided: try node.flag("onesided", default: false))
  }

  private static func window(_ name: String, _ kind: CosineWindow.Kind) -> ImportRule {
    ImportRule(name, since: 17, inputs: 1...1) { n throws(Unsupported.Reason) in
      try n.add(
        CosineWindow(
          kind, periodic: try n.flag("periodic", default: true),
          dataType: try n.dataType("output_datatype") ?? .float32))
    }
  }

  // MARK: - Random numbers

  static let random: [ImportRule] = [
    ImportRule("RandomUniform", inputs: 0...0) { n throws(Unsupported.Reason) in
      try n.add(try draw(n, try uniform(n), .float32, sizes: try sizes(n)))
    },
    ImportRule("RandomNormal", inputs: 0...0) { n throws(Unsupported.Reason) in
      try n.add(try draw(n, try normal(n), .float32, sizes: try sizes(n)))
    },
    ImportRule("RandomUniformLike", inputs: 1...1) { n throws(Unsupported.Reason) in
      try n.add(try draw(n, try uniform(n), n.operand(0)?.tensor?.dataType))
    },
    ImportRule("RandomNormalLike", inputs: 1...1) { n throws(Unsupported.Reason) in
      try n.add(try draw(n, try normal(n), n.operand(0)?.tensor?.dataType))
    },
    ImportRule("Bernoulli", since: 15, inputs: 1...1) { n throws(Unsupported.Reason) in
      let seed = try seed(n)
      guard let type = try n.dataType("dtype") ?? n.operand(0)?.tensor?.dataType else {
        throw .form("needs dtype, or an operand of known element type")
      }
      try n.add(Bernoulli(dataType: type, seed: seed))
    },
    ImportRule("Multinomial", since: 7, inputs: 1...1) { n throws(Unsupported.Reason) in
      let type = try n.dataType("dtype") ?? .int32
      guard type == .int32 || type == .int64 else {
        throw .attribute(name: "dtype", expected: "INT32 or INT64", found: type.rawValue)
      }
      try n.add(
        Multinomial(count: try n.positive("sample_size", default: 1), dataType: type, seed: try seed(n)))
    },
  ]

  private static func uniform(_ node: NodeContext) throws(Unsupported.Reason) -> RandomTensor.Distribution {
    .uniform(low: try node.real("low", default: 0), high: try node.real("high", default: 1))
  }

  private static func normal(_ node: NodeContext) throws(Unsupported.Reason) -> RandomTensor.Distribution {
    .normal(mean: try node.real("mean", default: 0), deviation: try node.real("scale", default: 1))
  }

  private static func sizes(_ node: NodeContext) throws(Unsupported.Reason) -> [Int] {
    guard let sizes = try node.ints("shape") else { throw .missingAttribute("shape") }
    try node.check("shape", sizes, count: sizes.count, minimum: 0)
    return sizes
  }

  /// Seeds are written as floats; what they stand for are whole numbers.
  private static func seed(_ node: NodeContext) throws(Unsupported.Reason) -> Int? {
    guard let seed = try node.optionalReal("seed") else { return nil }
    guard abs(seed.value) < 0x1p53 else {
      throw .attribute(name: "seed", expected: "a number", found: seed.text)
    }
    return Int(seed.value)
  }

  private static func draw(
    _ node: NodeContext, _ distribution: RandomTensor.Distribution, _ fallback: DataType?, sizes: [Int]? = nil
  ) throws(Unsupported.Reason) -> RandomTensor {
    guard let type = try node.dataType("dtype") ?? fallback else {
      throw .form("needs dtype, or an operand of known element type")
    }
    guard [.float32, .float64, .float16, .bfloat16].contains(type) else {
      throw .attribute(name: "dtype", expected: "a floating-point type", found: type.rawValue)
    }
    return RandomTensor(distribution, dataType: type, seed: try seed(node), sizes: sizes)
  }
}
