import IR
import Kernels
import Operators
@testable import SIMDKernels
import Tensors
import Testing

/// Convolutions of every kernel of every level against double precision.
@Suite struct ConvolutionTests {
  struct Shape: CustomStringConvertible {
    var batch = 1
    var channels: Int
    var out: Int
    var size: [Int]
    var kernel: [Int]
    var strides: [Int]?
    var dilations: [Int]?
    var begin: [Int]?
    var end: [Int]?
    var groups = 1

    var window: Window {
      Window(kernel: kernel, strides: strides, dilations: dilations, padsBegin: begin, padsEnd: end)
    }
    var description: String {
      "\(batch)×\(channels)→\(out) \(size) kernel \(kernel) strides \(strides ?? []) "
        + "dilations \(dilations ?? []) pads \(begin ?? []) \(end ?? []) groups \(groups)"
    }
  }

  static let shapes: [Shape] = [
    Shape(channels: 1, out: 1, size: [1, 1], kernel: [1, 1]),
    Shape(channels: 7, out: 8, size: [3, 5], kernel: [1, 1]),
    Shape(channels: 16, out: 9, size: [4, 4], kernel: [1, 1]),
    Shape(batch: 3, channels: 19, out: 47, size: [5, 3], kernel: [1, 1]),
    Shape(channels: 8, out: 48, size: [8, 1], kernel: [1, 1]),
    Shape(channels: 5, out: 49, size: [3, 3], kernel: [1, 1]),
    Shape(channels: 6, out: 96, size: [2, 9], kernel: [1, 1]),
    Shape(channels: 33, out: 101, size: [7, 7], kernel: [1, 1]),
    Shape(channels: 200, out: 65, size: [1, 1], kernel: [1, 1]),
    Shape(batch: 2, channels: 12, out: 24, size: [6, 6], kernel: [1, 1], strides: [2, 2]),
    Shape(
      channels: 3, out: 32, size: [11, 13], kernel: [3, 3], strides: [2, 2], begin: [0, 0], end: [1, 1]),
    Shape(
      batch: 2, channels: 3, out: 17, size: [9, 9], kernel: [7, 7], strides: [2, 2], begin: [3, 3],
      end: [3, 3]),
    Shape(channels: 1, out: 6, size: [8, 8], kernel: [5, 5], begin: [2, 2], end: [2, 2]),
    Shape(batch: 2, channels: 10, out: 40, size: [6, 7], kernel: [3, 3], begin: [1, 1], end: [1, 1]),
    Shape(channels: 4, out: 56, size: [6, 6], kernel: [3, 3]),
    Shape(
      channels: 5, out: 12, size: [9, 8], kernel: [3, 2], strides: [1, 2], dilations: [2, 3], begin: [2, 1],
      end: [0, 3]),
    Shape(channels: 12, out: 18, size: [5, 5], kernel: [3, 3], begin: [1, 1], end: [1, 1], groups: 3),
    Shape(channels: 6, out: 12, size: [5, 5], kernel: [3, 3], begin: [1, 1], end: [1, 1], groups: 6),
    Shape(batch: 2, channels: 8, out: 8, size: [4, 4], kernel: [1, 1], groups: 2),
    Shape(channels: 4, out: 7, size: [17], kernel: [3], begin: [1], end: [1]),
    Shape(
      batch: 2, channels: 6, out: 6, size: [23], kernel: [4], strides: [3], dilations: [2], begin: [2],
      end: [0]),
    Shape(channels: 2, out: 3, size: [2, 2], kernel: [3, 3], begin: [2, 2], end: [2, 2]),
    Shape(channels: 3, out: 5, size: [4, 4], kernel: [2, 2], strides: [3, 3]),
    // Few planes
    Shape(batch: 2, channels: 3, out: 64, size: [9, 12], kernel: [3, 3], strides: [2, 2]),
    Shape(batch: 3, channels: 4, out: 10, size: [5, 6], kernel: [1, 1]),
    Shape(
      batch: 2, channels: 4, out: 6, size: [7, 9], kernel: [3, 2], dilations: [2, 2], begin: [1, 2],
      end: [2, 0], groups: 2),
    Shape(batch: 2, channels: 2, out: 12, size: [8, 8], kernel: [3, 1], groups: 2),
    // Depthwise
    Shape(channels: 16, out: 16, size: [14, 14], kernel: [3, 3], begin: [1, 1], end: [1, 1], groups: 16),
    Shape(
      batch: 2, channels: 17, out: 17, size: [7, 15], kernel: [3, 3], begin: [1, 1], end: [1, 1], groups: 17),
    Shape(
      channels: 32, out: 32, size: [15, 15], kernel: [3, 3], strides: [2, 2], begin: [1, 1], end: [1, 1],
      groups: 32),
    Shape(
      channels: 48, out: 48, size: [16, 16], kernel: [3, 3], strides: [2, 2], begin: [0, 0], end: [1, 1],
      groups: 48),
    Shape(channels: 35, out: 35, size: [9, 20], kernel: [5, 5], begin: [2, 2], end: [2, 2], groups: 35),
    Shape(
      channels: 16, out: 16, size: [17, 11], kernel: [5, 5], strides: [2, 2], begin: [2, 2], end: [2, 2],
      groups: 16),
    Shape(channels: 5, out: 5, size: [1, 1], kernel: [3, 3], begin: [1, 1], end: [1, 1], groups: 5),
    Shape(
      channels: 9, out: 9, size: [10, 10], kernel: [3, 3], dilations: [2, 2], begin: [2, 2], end: [2, 2],
      groups: 9),
    Shape(
      channels: 20, out: 20, size: [8, 6], kernel: [3, 1], strides: [1, 2], begin: [1, 0], end: [1, 0],
      groups: 20),
    Shape(channels: 4, out: 4, size: [30], kernel: [3], begin: [1], end: [1], groups: 4),
    Shape(channels: 3, out: 3, size: [9, 9], kernel: [3, 3], groups: 3),
  ]

  static func node(_ shape: Shape, seed: UInt64, bias: Bool, constant: Bool) throws -> (NodeCase, [Double]) {
    var generator = Generator(seed)
    let x = try generator.floats([shape.batch, shape.channels] + shape.size)
    let w = try generator.floats([shape.out, shape.channels / shape.groups] + shape.kernel)
    let b = bias ? try generator.floats([shape.out]) : nil
    let (sizes, values) = try referenceConvolution(x, w, bias: b, shape.window, groups: shape.groups)
    let node = NodeCase(
      op: Convolution(window: shape.window, groups: shape.groups), inputs: [x, w, b],
      constants: constant ? [1] : [],
      output: sizes)
    return (node, values)
  }

  static func tolerance(_ shape: Shape) -> Double {
    let k = shape.channels / shape.groups * shape.kernel.reduce(1, *)
    return 1e-6 * Double(k).squareRoot() * 4 + 1e-6
  }

  @Test(arguments: shapes.indices)
  func matchesReference(_ index: Int) throws {
    let shape = Self.shapes[index]
    for (constant, bias) in [(true, true), (false, false)] {
      let (node, expected) = try Self.node(shape, seed: UInt64(index + 1), bias: bias, constant: constant)
      for backend in levels {
        for found in try results(node, backend) {
          let d = worst(found, expected)
          #expect(d <= Self.tolerance(shape), "\(backend.isa) \(shape) constant \(constant): \(d)")
        }
      }
    }
  }

  @Test(arguments: shapes.indices)
  func fusesEpilogues(_ index: Int) throws {
    let shape = Self.shapes[index]
    for bias in [true, false] {
      var (node, values) = try Self.node(shape, seed: UInt64(100 + index), bias: bias, constant: true)
      var generator = Generator(UInt64(index + 500))
      let ones = shape.size.map { _ in 1 }
      node.epilogueInputs = [
        try generator.floats([shape.out] + ones), try generator.floats(node.output),
        try generator.floats([shape.batch, shape.out] + ones), try generator.floats([1]),
      ]
      node.epilogue = Epilogue([
        .binary(.add, 0, swapped: false), .binary(.add, 1, swapped: false), .clamp(lower: -2, upper: 3),
        .binary(.mul, 2, swapped: false), .unary(.silu), .binary(.sub, 3, swapped: true), .unary(.relu),
      ])
      values = try apply(node.epilogue, node.epilogueInputs, to: values, sizes: node.output)
      for backend in levels {
        for found in try results(node, backend) {
          let d = worst(found, values)
          #expect(d <= Self.tolerance(shape) * 2, "\(backend.isa) \(shape) bias \(bias): \(d)")
        }
      }
    }
  }

  /// Windows that threads share, by two rows at a time and by fewer, have the bits of one thread.
  @Test(arguments: [5, 7, 13, 14, 15, 40])
  func windowsAreSharedByThreads(_ height: Int) throws {
    let shape = Shape(
      channels: 520, out: 520, size: [height, 9], kernel: [3, 3], begin: [1, 1], end: [1, 1], groups: 520)
    var (depthwise, _) = try Self.node(shape, seed: UInt64(height), bias: true, constant: true)
    depthwise.epilogue = Epilogue([.unary(.silu)])
    let nodes =
      [depthwise]
      + [MaxPool(window: shape.window) as any Operator, AveragePool(window: shape.window)].map {
        NodeCase(op: $0, inputs: [depthwise.inputs[0]], output: depthwise.output)
      }
    for var node in nodes {
      for backend in levels {
        node.threads = 1
        let alone = try results(node, backend)
        node.threads = 2
        let shared = try results(node, backend)
        #expect(alone == shared, "\(backend.isa) \(type(of: node.op).name) of \(height) rows")
      }
    }
  }
}
