import IR
import Operators
import Tensors
import Testing

@Suite struct GenerationInferenceTests {
  static let cases: [Case] = [
    Case(Shape(), "float32[N,3,H]", gives: "int64[3]{N,3,H}"),
    Case(Shape(start: 1), "float32[N,3,H]", gives: "int64[2]{3,H}"),
    Case(Shape(start: -1, end: 9), "float32[N,3,H]", gives: "int64[1]{H}"),
    Case(Shape(start: 2, end: 1), "float32[N,3,H]", gives: "int64[0]{}"),
    Case(Shape(), "float32[?]", gives: "int64[n#0]"),
    Case(Shape(), "float32[]", gives: "int64[0]{}"),
    Case(Size(), "float32[N,3,4]", gives: "int64[]{12*N}"),
    Case(Operators.Range(), "int64[]{0}", "int64[]{N}", "int64[]{1}", gives: "int64[N]"),
    Case(Operators.Range(), "int64[]{2}", "int64[]{9}", "int64[]{3}", gives: "int64[3]{2,5,8}"),
    Case(Operators.Range(), "int64[]{5}", "int64[]{0}", "int64[]{-2}", gives: "int64[3]{5,3,1}"),
    Case(Operators.Range(), "int64[]{5}", "int64[]{0}", "int64[]{1}", gives: "int64[0]{}"),
    Case(Operators.Range(), "int64[]", "int64[]", "int64[]", gives: "int64[n#0]"),
    Case(ConstantOfShape(dataType: .float32, fill: .real(0)), "int64[2]{N,3}", gives: "float32[N,3]"),
    Case(ConstantOfShape(dataType: .int64, fill: .integer(-1)), "int64[1]{2}", gives: "int64[2]{-1,-1}"),
    Case(ConstantOfShape(dataType: .int64, fill: .integer(7), target: []), gives: "int64[]{7}"),
    Case(ConstantOfShape(dataType: .float32, fill: .real(0)), "int64[3]", gives: "float32[n#0,n#1,n#2]"),
    Case(ConstantOfShape(dataType: .float32, fill: .real(0)), "int64[K]", gives: "float32[?]"),
    Case(
      ConstantOfShape(dataType: .float32, fill: .real(0), target: [1 << 40]), gives: "float32[1099511627776]"),
    Case(Resize(scales: [1, 1, 2, 2]), "float32[N,3,H,W]", gives: "float32[N,3,2*H,2*W]"),
    Case(
      Resize(scales: [1, 1, 0.5, 1.5]), "float32[N,3,H,W]", gives: "float32[N,3,floor(H/2),floor(3*W/2)]"),
    Case(Resize(scales: [1, 0.6]), "float32[1,4]", gives: "float32[1,2]"),
    Case(Resize(scales: [0.7]), "float32[10]", gives: "float32[7]"),
    Case(Resize(scales: [1, 1.2345]), "float32[N,W]", gives: "float32[N,n#1]"),
    Case(Resize(axes: [-1], sizes: [7]), "float32[N,3,W]", gives: "float32[N,3,7]"),
    Case(Resize(), "float32[N,3]", "-", "-", "int64[2]{N,6}", gives: "float32[N,6]"),
    Case(Resize(), "float32[N,3]", "float32[0]", "float32[2]", gives: "float32[n#0,n#1]"),
    Case(Resize(), "float32[N,3]", "-", "float32[2]{1,2}", gives: "float32[N,6]"),
    Case(Resize(), "float32[?]", "-", "float32[4]", gives: "float32[n#0,n#1,n#2,n#3]"),
    Case(
      Resize(aspectPolicy: .notLarger, axes: [0, 1], sizes: [7, 8]), "float32[2,4]", gives: "float32[4,8]"),
    Case(
      Resize(aspectPolicy: .notSmaller, axes: [0, 1], sizes: [7, 8]), "float32[2,4]", gives: "float32[7,14]"),
  ]

  @Test(arguments: cases) func types(_ row: Case) throws { try row.check() }

  static let refusals: [Refusal] = [
    Refusal(Operators.Range(), "int64[]{0}", "int64[]{4}", "int64[]{0}", says: "delta is 0"),
    Refusal(Operators.Range(), "int64[2]", "int64[]", "int64[]", says: "operand 0 has size 2"),
    Refusal(Operators.Range(), "int64[]", "int32[]", "int64[]", says: "operand 1 is int32"),
    Refusal(ConstantOfShape(dataType: .float32, fill: .real(0)), "int64[1]{-3}", says: "shape is -3"),
    Refusal(
      ConstantOfShape(dataType: .float32, fill: .real(0)), "int64[1000000000]", says: "rank 1000000000"),
    Refusal(ConstantOfShape(dataType: .float32, fill: .real(0)), says: "operands"),
    Refusal(Resize(scales: [1, 2]), "float32[N,3,4]", says: "scales"),
    Refusal(Resize(scales: [0]), "float32[3]", says: "scales is 0"),
    Refusal(Resize(scales: [-1]), "float32[N]", says: "scales is -1"),
    Refusal(Resize(scales: [Real(Double.nan)]), "float32[N]", says: "scales is nan"),
    Refusal(Resize(scales: [1e30]), "float32[5]", says: "scales is 1e+30"),
    Refusal(Resize(sizes: [-1]), "float32[5]", says: "sizes"),
    Refusal(Resize(axes: [1], sizes: [3]), "float32[5]", says: "axes is 1"),
    Refusal(Resize(axes: [0, 0], sizes: [3, 3]), "float32[5]", says: "axes that differ"),
  ]

  @Test(arguments: refusals) func refuses(_ row: Refusal) { row.check() }

  @Test func constantsDecide() throws {
    let scales = try Tensor([1, 2] as [Float], sizes: [2])
    #expect(
      try infer(Resize(), ["float32[N,3]", "-", "float32[2]"], constants: [2: scales])[0].text
        == "float32[N,6]")
    let ends = try [0, 1, 0.25].map { try Tensor(scalar: Float($0)) }
    let range = try infer(
      Operators.Range(), ["float32[]", "float32[]", "float32[]"],
      constants: [0: ends[0], 1: ends[1], 2: ends[2]])
    #expect(range[0].text == "float32[4]")
    #expect(throws: (any Error).self) {
      try infer(
        Operators.Range(), ["float32[]", "float32[]", "float32[]"],
        constants: [0: ends[0], 1: Tensor(scalar: Float.infinity), 2: ends[2]])
    }
  }

  @Test("Every operator of the catalogue survives operands of any number, kind and rank")
  func nothingTraps() throws {
    let seed = UInt64.random(in: 0..<1 << 32)
    var generator = SplitMix(seed)
    let types = ["float32", "int64", "bool", "string", "uint8", "complex64"]
    let sizes = [
      "[?]", "[]", "[0]", "[1]", "[N]", "[2,3]", "[N,4,H]", "[1,8,5,5]", "[N,8,H,W]",
      "[9223372036854775807,3]", "[64]", "[-3]", "[2,-1]",
    ]
    let contents = [
      "", "{N}", "{-1}", "{0,-1}", "{9223372036854775807}", "{1,2,3}", "{-9223372036854775808,N}",
    ]
    for round in 0..<6000 {
      let op = samples[round % samples.count]
      let operands = (0..<Int.random(in: 0...5, using: &generator)).map { _ in
        Bool.random(using: &generator) && Bool.random(using: &generator)
          ? "-"
          : (types.randomElement(using: &generator) ?? "") + (sizes.randomElement(using: &generator) ?? "")
            + (contents.randomElement(using: &generator) ?? "")
      }
      let results = Int.random(in: 0...3, using: &generator)
      _ = try? infer(op, operands, results: results)
    }
  }
}

/// Instances of every operator, some with attributes that no exporter writes.
private let samples: [any Operator] = {
  let wild = Window(kernel: [3, 3], strides: [2, 1], padsBegin: [1, 1], padsEnd: [0, 2])
  return [
    Convolution(window: wild), Convolution(window: Window(kernel: [3], autoPad: .sameLower), groups: 4),
    Convolution(window: Window(kernel: [.max], strides: [.min], dilations: [.max]), groups: .min),
    ConvTranspose(window: wild), ConvTranspose(window: Window(kernel: [3]), outputShape: [.max]),
    ConvTranspose(window: Window(kernel: [3, 3], autoPad: .sameUpper), outputPadding: [.max, 1]),
    Gemm(), Gemm(transA: true), MatMul(), MaxPool(window: wild, ceilMode: true),
    MaxPool(window: Window(kernel: [])),
    AveragePool(window: Window(kernel: [2, 2])), GlobalAveragePool(), GlobalMaxPool(),
    BatchNormalization(epsilon: 0), ScaleShift(axis: .min), InstanceNormalization(epsilon: 0),
    LayerNormalization(axis: -1, epsilon: 0), LRN(size: .max, alpha: 0, beta: 0, bias: 0), Unary(.neg),
    Unary(.abs),
    Binary(.add), Binary(.sub), Binary(.mul), Binary(.div), Binary(.mod), Binary(.less), Binary(.equal),
    Binary(.prelu),
    Variadic(.max), Variadic(.sum), Clip(), Where(), Cast(to: .int64), Cast(to: .bool), Identity(), Dropout(),
    Softmax(axis: 1), LogSoftmax(axis: -1), Reduce(.prod, axes: nil), Reduce(.sum, axes: [.min]),
    ArgReduce(.max, axis: 0), Reshape(), Reshape(target: [.min, -1]), Flatten(axis: .max), Squeeze(),
    Squeeze(axes: [.max]), Unsqueeze(), Unsqueeze(axes: [.min]), Transpose(),
    Transpose(permutation: [-1, 0]), Expand(),
    Expand(target: [.max, .max]), Tile(), Tile(repeats: [.max]), DepthToSpace(blockSize: .min),
    SpaceToDepth(blockSize: 1 << 20), Concat(axis: 0), Concat(axis: .min), Split(axis: 0),
    Split(axis: -1, sizes: [.min, .max]),
    Slice(), Slice(starts: [.min], ends: [.max], steps: [.min]), Pad(), Pad(pads: [.min, .max]),
    Gather(axis: 0), NonZero(),
    Resize(), Resize(aspectPolicy: .notSmaller, sizes: [.max]), Resize(scales: [Real(Double.infinity), -1]),
    Shape(start: .min, end: .max),
    Size(), Operators.Range(), ConstantOfShape(dataType: .int64, fill: .real(Real(1e300))),
    ConstantOfShape(dataType: .float32, fill: .integer(.min), target: [.max, .min]), If(), Loop(carried: 1),
    Loop(carried: .min),
    Loop(carried: .max), SequenceConstruct(), SequenceAt(), SequenceLength(),
    Reorder(to: .channelsLast(.float32, rank: 4)),
    Group(form: .bands),
  ]
}()
