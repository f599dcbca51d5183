import Operators
import Tensors
import Testing

@Suite struct WindowInferenceTests {
  static let cases: [Case] = [
    Case(
      Convolution(window: Window(kernel: [3, 3], padsBegin: [1, 1], padsEnd: [1, 1])), "float32[N,3,H,W]",
      "float32[16,3,3,3]", "float32[16]", gives: "float32[N,16,H,W]"),
    Case(
      Convolution(window: Window(kernel: [7, 7], strides: [2, 2], padsBegin: [3, 3], padsEnd: [3, 3])),
      "float32[1,3,224,224]", "float32[64,3,7,7]", gives: "float32[1,64,112,112]"),
    // ⌊(H + 2 − 3) ÷ 2⌋ + 1 = ⌊(H + 1) ÷ 2⌋, the same formula as SAME padding.
    Case(
      Convolution(window: Window(kernel: [3], strides: [2], padsBegin: [1], padsEnd: [1])), "float32[N,3,H]",
      "float32[8,3,3]", gives: "float32[N,8,floor(1+H/2)]"),
    Case(
      Convolution(window: Window(kernel: [3], strides: [2], autoPad: .sameUpper)), "float32[N,3,H]",
      "float32[8,3,3]", gives: "float32[N,8,floor(1+H/2)]"),
    Case(
      Convolution(window: Window(kernel: [3], autoPad: .valid)), "float32[N,3,H]", "float32[8,3,3]",
      gives: "float32[N,8,-2+H]"),
    Case(
      Convolution(window: Window(kernel: [3, 3], dilations: [2, 2]), groups: 4), "float16[1,8,9,9]",
      "float16[12,2,3,3]", gives: "float16[1,12,5,5]"),
    Case(
      Convolution(window: Window(kernel: [3, 3])), "float32[?]", "float32[8,3,3,3]",
      gives: "float32[n#0,8,-2+n#2,-2+n#3]"),
    Case(Convolution(window: Window(kernel: [1])), "float32[N,C,H]", "float32[?]", gives: "float32[N,n#1,H]"),
    Case(
      Convolution(window: Window(kernel: [1])), "float32[0,2,5]", "float32[3,2,1]", gives: "float32[0,3,5]"),
    Case(
      ConvTranspose(
        window: Window(kernel: [3, 3], strides: [2, 2], padsBegin: [1, 1], padsEnd: [1, 1]),
        outputPadding: [1, 1]),
      "float32[N,8,H,W]", "float32[8,4,3,3]", "float32[4]", gives: "float32[N,4,2*H,2*W]"),
    Case(
      ConvTranspose(window: Window(kernel: [3, 3], strides: [3, 2]), outputShape: [10, 8]),
      "float32[1,1,3,3]",
      "float32[1,2,3,3]", gives: "float32[1,2,10,8]"),
    Case(
      ConvTranspose(window: Window(kernel: [3], strides: [2], autoPad: .sameUpper), groups: 2),
      "float32[1,4,H]",
      "float32[4,3,3]", gives: "float32[1,6,2*H]"),
    Case(
      MaxPool(window: Window(kernel: [2, 2], strides: [2, 2])), "float32[N,C,H,W]",
      gives: "float32[N,C,floor(H/2),floor(W/2)]", "int64[N,C,floor(H/2),floor(W/2)]"),
    Case(
      MaxPool(window: Window(kernel: [3], strides: [2]), ceilMode: true), "float32[1,1,32]",
      gives: "float32[1,1,16]"),
    // The third window would start in the padding.
    Case(
      MaxPool(window: Window(kernel: [1, 1], strides: [2, 2]), ceilMode: true), "float32[1,1,2,2]",
      gives: "float32[1,1,1,1]"),
    Case(
      AveragePool(window: Window(kernel: [3], strides: [2], padsBegin: [1], padsEnd: [1]), ceilMode: true),
      "float32[1,1,H]", gives: "float32[1,1,1+floor(H/2)]"),
    Case(MaxPool(window: Window(kernel: [2])), "uint8[1,2,5]", gives: "uint8[1,2,4]"),
    Case(GlobalAveragePool(), "float32[N,64,7,7]", gives: "float32[N,64,1,1]"),
    Case(GlobalMaxPool(), "float32[N,64,7]", gives: "float32[N,64,1]"),
    Case(GlobalMaxPool(), "float32[?]", gives: "float32[?]"),
  ]

  @Test(arguments: cases) func types(_ row: Case) throws { try row.check() }

  static let x = "float32[1,4,8,8]"
  static let w = "float32[8,4,3,3]"
  static func convolution(_ window: Window, groups: Int = 1) -> Convolution {
    Convolution(window: window, groups: groups)
  }

  static let refusals: [Refusal] = [
    Refusal(convolution(Window(kernel: [3, 3], strides: [0, 1])), x, w, says: "strides is 0"),
    Refusal(convolution(Window(kernel: [3, 3], dilations: [1, 0])), x, w, says: "dilations is 0"),
    Refusal(convolution(Window(kernel: [0, 3])), x, w, says: "kernel_shape is 0"),
    Refusal(convolution(Window(kernel: [3, 3], strides: [1])), x, w, says: "strides is [1]"),
    Refusal(convolution(Window(kernel: [3, 3], padsBegin: [1])), x, w, says: "pads is [1]"),
    Refusal(convolution(Window(kernel: [3, 3], padsEnd: [-1, 0])), x, w, says: "pads is -1"),
    Refusal(convolution(Window(kernel: [3, 3], padsEnd: [.max, 0])), x, w, says: "pads is"),
    Refusal(convolution(Window(kernel: [.max, 3])), x, w, says: "kernel_shape is"),
    Refusal(convolution(Window(kernel: [3, 3], dilations: [1 << 40, 1])), x, w, says: "does not fit"),
    Refusal(convolution(Window(kernel: [9, 9])), x, "float32[8,4,9,9]", says: "kernel_shape is 9"),
    Refusal(convolution(Window(kernel: [3, 3]), groups: 0), x, w, says: "group is 0"),
    Refusal(convolution(Window(kernel: [3, 3]), groups: -1), x, w, says: "group is -1"),
    Refusal(convolution(Window(kernel: [3, 3]), groups: 3), x, w, says: "group is 3"),
    Refusal(convolution(Window(kernel: [3, 3]), groups: .max), x, w, says: "group is"),
    Refusal(
      convolution(Window(kernel: [3, 3])), "float32[1,2,8,8]", "float32[8,3,3,3]",
      says: "operand 0 has size 2 on axis 1, expected 3"),
    Refusal(convolution(Window(kernel: [3, 3])), x, "float32[8,4,3,3,3]", says: "operand 1 has rank 5"),
    Refusal(
      convolution(Window(kernel: [3, 3])), x, "float32[8,4,5,3]", says: "operand 1 has size 5 on axis 2"),
    Refusal(convolution(Window(kernel: [3, 3])), x, w, "float32[7]", says: "operand 2 has size 7"),
    Refusal(convolution(Window(kernel: [3, 3])), x, w, "float32[0]", says: "operand 2 has size 0"),
    Refusal(convolution(Window(kernel: [3, 3])), x, "float32[0,4,3,3]", says: "group"),
    Refusal(convolution(Window(kernel: [3, 3])), "float32[1,4]", w, says: "rank 2"),
    Refusal(convolution(Window(kernel: [3, 3])), "float32[1,4,8]", w, says: "kernel_shape"),
    Refusal(convolution(Window(kernel: [3, 3])), x, says: "operands, found 1"),
    Refusal(convolution(Window(kernel: [3, 3])), x, "-", says: "operand 1 is missing"),
    Refusal(convolution(Window(kernel: [3, 3])), x, "float16[8,4,3,3]", says: "operand 1 is float16"),
    Refusal(convolution(Window(kernel: [3, 3])), "int64[1,4,8,8]", w, says: "operand 0 is int64"),
    Refusal(convolution(Window(kernel: [])), "float32[1,4]", "float32[8,4]", says: "rank"),
    Refusal(
      ConvTranspose(window: Window(kernel: [3, 3]), outputPadding: [-1, 0]), x, "float32[4,4,3,3]",
      says: "output_padding is -1"),
    Refusal(
      ConvTranspose(window: Window(kernel: [3, 3]), outputPadding: [0]), x, "float32[4,4,3,3]",
      says: "output_padding"),
    Refusal(
      ConvTranspose(window: Window(kernel: [3, 3]), outputShape: [4]), x, "float32[4,4,3,3]",
      says: "output_shape"),
    Refusal(
      ConvTranspose(window: Window(kernel: [1, 1], padsBegin: [9, 9])), x, "float32[4,4,1,1]", says: "pads"),
    Refusal(
      ConvTranspose(window: Window(kernel: [3, 3])), x, "float32[5,4,3,3]",
      says: "operand 0 has size 4 on axis 1"),
    Refusal(MaxPool(window: Window(kernel: [2, 2], strides: [0, 0])), x, says: "strides is 0"),
    Refusal(MaxPool(window: Window(kernel: [2])), x, says: "kernel_shape is [2]"),
    Refusal(MaxPool(window: Window(kernel: [2, 2])), "string[1,4,8,8]", says: "operand 0 is string"),
    Refusal(MaxPool(window: Window(kernel: [2, 2])), x, results: 3, says: "results"),
    Refusal(AveragePool(window: Window(kernel: [9, 9])), x, says: "kernel_shape is 9"),
    Refusal(GlobalAveragePool(), "float32[3]", says: "rank 1"),
  ]

  @Test(arguments: refusals) func refuses(_ row: Refusal) { row.check() }

  @Test(
    "SAME splits the padding; the odd element goes to one side",
    arguments: [
      (AutoPad.sameUpper, 0, 1), (.sameLower, 1, 0),
    ])
  func sames(_ pad: AutoPad, _ begin: Int, _ end: Int) throws {
    let window = try Window(kernel: [2, 3], autoPad: pad).resolved(for: [5, 5])
    #expect(window.autoPad == .explicit)
    #expect(window.padsBegin == [begin, 1] && window.padsEnd == [end, 1])
    #expect(try window.outputSizes(for: [5, 5]) == [5, 5])
    let strided = try Window(kernel: [3], strides: [2], autoPad: pad).resolved(for: [6])
    #expect(strided.padsBegin == [begin] && strided.padsEnd == [end])
    #expect(try strided.outputSizes(for: [6]) == [3])
    let narrow = try Window(kernel: [1], strides: [3], autoPad: pad).resolved(for: [7])
    #expect(narrow.padsBegin == [0] && narrow.padsEnd == [0])
  }

  @Test("Resolved windows make as many positions as symbolic inference says")
  func resolvedAgrees() throws {
    var random = SystemRandomNumberGenerator()
    let seed = UInt64.random(in: 0..<1 << 32, using: &random)
    var generator = SplitMix(seed)
    for _ in 0..<500 {
      let kernel = Int.random(in: 1...5, using: &generator)
      let window = Window(
        kernel: [kernel], strides: [Int.random(in: 1...4, using: &generator)],
        dilations: [Int.random(in: 1...3, using: &generator)],
        padsBegin: [Int.random(in: 0..<kernel, using: &generator)],
        padsEnd: [Int.random(in: 0..<kernel, using: &generator)],
        autoPad: [.explicit, .sameUpper, .sameLower, .valid].randomElement(using: &generator) ?? .explicit)
      let size = Int.random(in: 13...40, using: &generator)
      let ceil = Bool.random(using: &generator) && window.autoPad == .explicit
      let numbers = try window.outputSizes(for: [size], ceilMode: ceil)
      let formula = try window.outputShape(for: [Dimension(Symbol("H"))], ceilMode: ceil)[0]
      #expect(try formula.bound([Symbol("H"): size]).fixed == numbers[0], "seed \(seed): \(window), \(size)")
      let explicit = try window.resolved(for: [size]).outputSizes(for: [size], ceilMode: ceil)
      #expect(explicit == numbers, "seed \(seed): \(window), \(size)")
    }
  }

  @Test func transposedPadding() throws {
    let given = ConvTranspose(window: Window(kernel: [3, 3], strides: [3, 2]), outputShape: [10, 8])
    let resolved = try given.resolved(for: [3, 3])
    #expect(resolved.outputSizes == [10, 8])
    #expect(resolved.window.padsBegin == [0, 0] && resolved.window.padsEnd == [0, 0])
    let same = ConvTranspose(window: Window(kernel: [3], strides: [2], autoPad: .sameUpper))
    #expect(try same.resolved(for: [3]).window.padsEnd == [1])
    #expect(try same.resolved(for: [3]).outputSizes == [6])
  }
}

struct SplitMix: RandomNumberGenerator {
  private var state: UInt64
  init(_ seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
