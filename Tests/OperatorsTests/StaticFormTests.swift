import IR
import Operators
import Tensors
import Testing

@Suite struct StaticFormTests {
  @Test("Static forms of hostile attributes throw or give sizes; none traps")
  func hostileAttributes() throws {
    let seed = UInt64.random(in: 0..<1 << 32)
    var random = SplitMix(seed)
    func number() -> Int {
      [.min, .min + 1, -(1 << 41), -2, -1, 0, 1, 2, 3, 7, 1 << 20, 1 << 41, .max - 1, .max].randomElement(
        using: &random) ?? 0
    }
    func list() -> [Int] { (0..<Int.random(in: 0...4, using: &random)).map { _ in number() } }
    func optional() -> [Int]? { Bool.random(using: &random) ? list() : nil }
    func sizes() -> [Int] {
      (0..<Int.random(in: 0...4, using: &random)).map { _ in
        [0, 1, 2, 5, 1 << 20, 1 << 40, .max].randomElement(using: &random) ?? 0
      }
    }
    func check(_ body: () throws -> [Int]) {
      guard let result = try? body() else { return }
      #expect(result.allSatisfy { $0 >= 0 }, "seed \(seed)")
    }
    for _ in 0..<4000 {
      let x = sizes()
      check { try Reshape(target: list(), allowZero: number() > 0).resolvedTarget(sizes: x) }
      check { try Flatten(axis: number()).resolvedSizes(x) }
      check { try Squeeze(axes: optional()).resolvedAxes(sizes: x) }
      check { try Unsqueeze(axes: list()).resolvedAxes(rank: x.count) }
      check { try Transpose(permutation: optional()).resolvedPermutation(rank: x.count) }
      check { try Expand(target: list()).resolvedSizes(x) }
      check { try Tile(repeats: list()).resolvedSizes(x) }
      check {
        try Split(axis: 0, sizes: optional()).resolvedSizes(size: x.first ?? 3, parts: max(1, x.count))
      }
      check {
        try Slice(starts: list(), ends: list(), axes: optional(), steps: optional()).resolved(sizes: x).counts
      }
      check { try Pad(pads: list(), axes: optional()).resolvedSizes(x) }
      check { try Reduce(.sum, axes: optional()).resolvedSizes(x) }
      check { try Resize(axes: optional(), sizes: list()).resolved(sizes: x).sizes }
      check {
        try Resize(
          coordinates: .tfCropAndResize, scales: x.map { _ in Real(Double(number())) }
        ).resolved(sizes: x, region: x.map { _ in 0 } + x.map { _ in Double(number()) }).sizes
      }
      check { Array(Shape(start: number(), end: number()).resolvedRange(rank: x.count)) }
      let window = Window(
        kernel: list(), strides: optional(), dilations: optional(), padsBegin: optional(),
        padsEnd: optional(),
        autoPad: [.explicit, .sameUpper, .sameLower, .valid].randomElement(using: &random) ?? .valid)
      check { try window.outputSizes(for: x, ceilMode: number() > 0) }
      check { try window.resolved(for: x).padsBegin }
      check { try ConvTranspose(window: window, outputShape: optional()).resolved(for: x).outputSizes }
      check {
        [try Operators.Range.count(start: Double(number()), limit: Double(number()), delta: Double(number()))]
      }
    }
  }

  @Test("The window of real sizes fits them: every position lies within the padded axis")
  func windowsFit() throws {
    for (size, kernel, stride, dilation) in [
      (5, 3, 1, 1), (6, 3, 2, 1), (7, 2, 3, 2), (1, 1, 1, 1), (13, 5, 4, 3),
    ] {
      for pad in [AutoPad.sameUpper, .sameLower, .valid, .explicit] {
        let window = try Window(kernel: [kernel], strides: [stride], dilations: [dilation], autoPad: pad)
          .resolved(for: [size])
        let count = try window.outputSizes(for: [size])[0]
        let end = (count - 1) * stride + (kernel - 1) * dilation + 1
        #expect(end <= size + window.padsBegin[0] + window.padsEnd[0])
      }
    }
  }
}
