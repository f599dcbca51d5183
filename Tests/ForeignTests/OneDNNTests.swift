import IR
import Kernels
@testable import OneDNNKernels
import Operators
import Tensors
import Testing

/// Nil on a machine without the library: the tests then have nothing to say.
private let backend: OneDNNBackend? = try? OneDNNBackend.load()

@Suite(.enabled(if: backend != nil, "oneDNN is not installed")) struct OneDNNTests {
  private var oneDNN: OneDNNBackend { get throws { try #require(backend) } }

  @Test(arguments: 1...40) func convolution(_ seed: Int) throws {
    let node = try convolutionCase(UInt64(seed))
    do {
      try check(node, oneDNN, tolerance: 5e-5, "seed \(seed)")
    } catch let declined as Declined {
      // Few channels per group are beyond the library's fast code.
      #expect(declined.reason.contains("reference implementation"), "seed \(seed): \(declined.reason)")
    }
  }

  @Test(arguments: [1, 2, 16, 67]) func largeConvolutionIsCut(_ channels: Int) throws {
    var random = Generator(UInt64(channels))
    let node = NodeCase(
      op: Convolution(
        window: Window(kernel: [3, 3], strides: [2, 1], padsBegin: [1, 1], padsEnd: [1, 1])),
      inputs: [
        try random.floats([channels == 2 ? 3 : 1, 16, 41, 33]), try random.floats([channels, 16, 3, 3]),
        try random.floats([channels]),
      ],
      constants: [1, 2], epilogue: Epilogue([.clamp(lower: 0, upper: 6)]),
      output: [channels == 2 ? 3 : 1, channels, 21, 33])
    let fused = try check(node, oneDNN, tolerance: 2e-5, "\(channels) channels")
    // With SSE4.1 alone only the library's product of gathered patches takes some channels, and steps are not fused.
    let isPlain = try oneDNN.identity.hasSuffix("sse41")
    #expect(isPlain || fused.allSatisfy { $0 == 1 })
  }

  @Test(arguments: 1...20) func deconvolution(_ seed: Int) throws {
    var random = Generator(UInt64(seed))
    let groups = random.pick([1, 1, 2])
    let inputs = groups * random.int(1...9)
    let outputs = random.int(1...9)
    let kernel = [random.int(1...4), random.int(1...4)]
    let window = Window(
      kernel: kernel, strides: [random.int(1...3), random.int(1...2)], padsBegin: [kernel[0] / 2, 0],
      padsEnd: [0, kernel[1] / 2])
    let extra = [random.int(0...window.strides[0] - 1), 0]
    let x = [random.int(1...2), inputs, random.int(2...9), random.int(2...9)]
    let sizes = (0..<2).map { axis -> Int in
      let full = (x[axis + 2] - 1) * window.strides[axis] + kernel[axis] + extra[axis]
      return full - window.padsBegin[axis] - window.padsEnd[axis]
    }
    let node = NodeCase(
      op: ConvTranspose(window: window, groups: groups, outputPadding: extra),
      inputs: [
        try random.floats(x), try random.floats([inputs, outputs] + kernel),
        try random.floats([outputs * groups]),
      ],
      constants: [1], epilogue: Epilogue([.unary(.relu)]), output: [x[0], outputs * groups] + sizes)
    do {
      try check(node, oneDNN, tolerance: 1e-5, "seed \(seed)")
    } catch let declined as Declined {
      #expect(declined.reason.contains("oneDNN"), "seed \(seed): \(declined.reason)")
    }
  }

  @Test(arguments: 1...30) func pooling(_ seed: Int) throws {
    var random = Generator(UInt64(seed))
    let kernel = [random.int(1...4), random.int(1...4)]
    let window = Window(
      kernel: kernel, strides: [random.int(1...3), random.int(1...3)],
      padsBegin: kernel.map { $0 / 2 }, padsEnd: kernel.map { ($0 - 1) / 2 })
    let x = [random.int(1...3), random.pick([1, 3, 16, 20]), random.int(5...30), random.int(5...30)]
    let y = Array(x[..<2]) + (try window.outputSizes(for: Array(x[2...])))
    let ops: [any Operator] = [
      MaxPool(window: window), AveragePool(window: window),
      AveragePool(window: window, countIncludePad: true),
    ]
    for op in ops {
      let node = NodeCase(
        op: op, inputs: [try random.floats(x)], epilogue: Epilogue([.unary(.relu)]), output: y)
      try check(node, oneDNN, tolerance: 1e-6, "seed \(seed), \(op)")
    }
    for op in [GlobalAveragePool() as any Operator, GlobalMaxPool()] {
      let node = NodeCase(op: op, inputs: [try random.floats(x)], output: [x[0], x[1], 1, 1])
      try check(node, oneDNN, tolerance: 2e-6, "seed \(seed), \(op)")
    }
  }

  @Test(arguments: 1...40) func product(_ seed: Int) throws {
    let node = try productCase(UInt64(seed))
    do {
      try check(node, oneDNN, tolerance: 3e-5, "seed \(seed)")
    } catch let declined as Declined {
      #expect(
        declined.reason.contains("reference") || declined.reason.contains("summand"),
        "\(seed): \(declined.reason)")
    }
  }

  @Test func functions() throws {
    var random = Generator(7)
    let functions: [UnaryFunction] = [
      .relu, .sigmoid, .tanh, .abs, .gelu, .geluTanh, .silu, .hardSwish, .mish, .round, .neg,
      .leakyRelu(0.1), .elu(0.5), .swish(1.5),
    ]
    let x = try random.floats([1, 5, 30, 23], from: -8)
    for function in functions {
      let node = NodeCase(op: Unary(function), inputs: [x], output: x.sizes)
      try check(node, oneDNN, tolerance: 1e-5, "\(function)")
    }
    let root = NodeCase(op: Unary(.sqrt), inputs: [try random.floats([40_001], from: 0.1)], output: [40_001])
    try check(root, oneDNN, tolerance: 5e-6, "sqrt")
    try check(
      NodeCase(op: Clip(lower: -1, upper: 2), inputs: [x], output: x.sizes), oneDNN, tolerance: 0, "clip")
    try check(NodeCase(op: Clip(upper: 2), inputs: [x], output: x.sizes), oneDNN, tolerance: 0, "clip above")
  }

  @Test func specialValues() throws {
    let values: [Float] = [
      .nan, .infinity, -.infinity, -0.0, 0, .leastNonzeroMagnitude, 1e30, -1e30, 88, -88, 100, -100,
    ]
    let x = try Tensor(values, sizes: [values.count])
    for function in [UnaryFunction.relu, .sigmoid, .tanh, .abs, .neg, .hardSwish, .silu, .gelu] {
      let node = NodeCase(op: Unary(function), inputs: [x], output: x.sizes)
      let (kernel, offers) = try accepting(node, oneDNN)
      let found = try run(node, kernel, offers[0], threads: 1)
      let reference = try expected(node, steps: 0)
      for (i, (a, b)) in zip(found, reference).enumerated() where !(function == .relu && values[i].isNaN) {
        #expect(
          a == b || a.isNaN && b.isNaN || abs(a - b) <= 1e-5 * max(1, abs(b)),
          "\(function) of \(values[i]): \(a), \(b)")
      }
    }
  }

  @Test func poolingOfSpecialValues() throws {
    for value in [Float.infinity, -.greatestFiniteMagnitude] {
      let x = try Tensor([Float](repeating: value, count: 2 * 16 * 36), sizes: [2, 16, 6, 6])
      let window = Window(kernel: [2, 2], strides: [2, 2], padsBegin: [1, 1], padsEnd: [1, 1])
      try check(
        NodeCase(op: MaxPool(window: window), inputs: [x], output: [2, 16, 4, 4]), oneDNN, tolerance: 0,
        "\(value)")
    }
  }

  @Test func combinations() throws {
    var random = Generator(11)
    let x = [2, 19, 40, 33]
    for function in [BinaryFunction.add, .sub, .mul, .div, .max, .min] {
      for other in [x, [1], [19, 1, 1], [1, 19, 1, 1], [40, 33], [33]] {
        let a = try random.floats(x)
        let b = try random.floats(other, from: 0.25)
        try check(
          NodeCase(op: Binary(function), inputs: [a, b], output: x), oneDNN, tolerance: 0,
          "\(function) \(other)")
        if function.isCommutative {
          try check(
            NodeCase(op: Binary(function), inputs: [b, a], output: x), oneDNN, tolerance: 0,
            "\(other) \(function)")
        }
      }
    }
  }

  @Test func rows() throws {
    var random = Generator(13)
    for sizes in [[3, 10], [1, 1000], [2, 12, 64, 65], [700, 33]] {
      let x = try random.floats(sizes, from: -20)
      let last = sizes.count - 1
      for op in [
        Softmax(axis: last) as any Operator, Softmax(axis: 1, flattens: true), LogSoftmax(axis: last),
      ] {
        try check(NodeCase(op: op, inputs: [x], output: sizes), oneDNN, tolerance: 1e-5, "\(op) \(sizes)")
      }
      let width = sizes[last]
      for hasShift in [true, false] {
        let node = NodeCase(
          op: LayerNormalization(axis: last, epsilon: 1e-5),
          inputs: [x, try random.floats([width]), hasShift ? try random.floats([width]) : nil], output: sizes)
        try check(node, oneDNN, tolerance: 2e-5, "layer normalization \(sizes) \(hasShift)")
      }
    }
  }

  @Test func reorder() throws {
    var random = Generator(17)
    for sizes in [[1, 3, 40, 50], [2, 17, 33, 31], [2, 5, 7]] {
      let nhwc = Format.channelsLast(.float32, rank: sizes.count)
      for (from, to) in [(Format.rowMajor(.float32), nhwc), (nhwc, .rowMajor(.float32))] {
        let x = try random.floats(sizes)
        var node = NodeCase(op: Reorder(to: to), inputs: [x], output: sizes)
        node.inputFormat = from
        let (kernel, offers) = try accepting(node, oneDNN)
        for threads in [1, 2] {
          let found = try run(node, kernel, offers[0], threads: threads)
          #expect(try found == x.elements(of: Float.self), "\(sizes) \(from) \(to)")
        }
      }
    }
  }

  @Test func missingLibrary() {
    #expect {
      _ = try OneDNNBackend.load(names: ["libdnnl-that-is-not-there.so.2"])
    } throws: { error in
      let reason = (error as? BackendUnavailable)?.reason ?? ""
      return reason.contains("libdnnl-that-is-not-there.so.2") && reason.contains("libdnnl-dev")
    }
  }

  @Test func runsOfManyThreadsShareOnePrimitive() throws {
    var random = Generator(19)
    let node = NodeCase(
      op: Convolution(window: Window(kernel: [3, 3], padsBegin: [1, 1], padsEnd: [1, 1])),
      inputs: [try random.floats([4, 16, 20, 20]), try random.floats([24, 16, 3, 3])], constants: [1],
      output: [4, 24, 20, 20])
    let (kernel, offers) = try accepting(node, oneDNN)
    let alone = try run(node, kernel, offers[0], threads: 1)
    for _ in 0..<5 {
      #expect(worst(try run(node, kernel, offers[0], threads: 4), alone) <= 2e-5)
    }
  }
}
