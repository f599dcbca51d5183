import IR
import Kernels
import NaiveKernels
import OperatorSuite
import Operators
import Tensors
import TestSupport
import Testing

/// Attributes that no inference would let through must end in a fault, never in a trap.
@Suite struct HostileAttributeTests {
  private static let x = Grid([1, 2, 3, 3]) { Double($0[3]) }.value()
  private static let w = Grid([2, 2, 3, 3]) { _ in 1 }.value()
  private static let huge = Int.max

  private static let convolutions: [(Window, Int)] = [
    (Window(kernel: [3, 3], strides: [0, 1]), 1), (Window(kernel: [3, 3], strides: [-1, 1]), 1),
    (Window(kernel: [3, 3], dilations: [0, 0]), 1), (Window(kernel: [3, 3], dilations: [huge, huge]), 1),
    (Window(kernel: [3, 3], padsBegin: [huge, huge]), 1), (Window(kernel: [3, 3], padsBegin: [.min, 0]), 1),
    (Window(kernel: [3, 3], strides: [1]), 1), (Window(kernel: [3, 3], padsBegin: [-2, -2]), 1),
    (Window(kernel: [3, 3]), 0), (Window(kernel: [3, 3]), -1), (Window(kernel: [3, 3]), 3),
    (Window(kernel: [3, 3], dilations: [2, 2]), 1),
  ]

  @Test func windows() {
    for (window, groups) in Self.convolutions {
      #expect(throws: KernelFault.self, "\(window) \(groups)") {
        _ = try evaluate(Convolution(window: window, groups: groups), [Self.x, Self.w], wanted: [true])
      }
    }
    let pools = [
      Window(kernel: [0, 2]), Window(kernel: [-1, 2]), Window(kernel: [4, 4]), Window(kernel: [2]),
      Window(kernel: [Self.huge, 1]), Window(kernel: [1 << 30, 1 << 30], padsBegin: [1 << 30, 1 << 30]),
    ]
    for window in pools {
      for op in [MaxPool(window: window), AveragePool(window: window)] as [any Operator] {
        #expect(throws: KernelFault.self, "\(window)") { _ = try evaluate(op, [Self.x], wanted: [true]) }
      }
    }
  }

  private static let shapings: [any Operator] = [
    Reshape(target: [-1, -1]), Reshape(target: [-2]), Reshape(target: [5]), Reshape(target: [huge, huge]),
    Reshape(target: [0, 0, 0, 0, 0]), Flatten(axis: 9), Squeeze(axes: [1]), Squeeze(axes: [7]),
    Unsqueeze(axes: [0, 0]), Unsqueeze(axes: [99]), Transpose(permutation: [0, 0, 1, 2]),
    Transpose(permutation: [0]),
    Expand(target: [5]), Expand(target: [-1]), Expand(target: [huge, 1, 1, 1, 1]), Tile(repeats: [1]),
    Tile(repeats: [-1, 1, 1, 1]), Tile(repeats: [huge, huge, 1, 1]), DepthToSpace(blockSize: 0),
    DepthToSpace(blockSize: huge), SpaceToDepth(blockSize: -1), SpaceToDepth(blockSize: 2), Concat(axis: 4),
    Split(axis: 0, sizes: [2]), Split(axis: 0, sizes: [-1]), Slice(starts: [0], ends: [1], axes: [9]),
    Slice(starts: [0], ends: [1], axes: [0], steps: [0]), Slice(starts: [0, 0], ends: [1]),
    Slice(starts: [0, 0], ends: [1, 1], axes: [0, 0]), Pad(pads: [1]), Pad(pads: [-9, 0, 0, 0, 0, 0, 0, 0]),
    Pad(pads: [huge, 0, 0, 0, huge, 0, 0, 0]), Gather(axis: 5), Softmax(axis: 4), Reduce(.sum, axes: [4]),
    ArgReduce(.max, axis: -5), LayerNormalization(axis: 4, epsilon: 0),
    LRN(size: 0, alpha: 1, beta: 1, bias: 1),
    Resize(scales: [1, 1, 0, 1]), Resize(scales: [1, 1, -1, 1]), Resize(scales: [1]),
    Resize(sizes: [1, 1, -1, 1]),
    Resize(sizes: [huge, 1, 1, 1]), Resize(sizes: [1 << 39, 1 << 39, 1, 1]), Resize(axes: [9], sizes: [1]),
    ConstantOfShape(dataType: .float32, fill: .real(0), target: [-1]),
    ConstantOfShape(dataType: .string, fill: .real(0), target: [1]), ScaleShift(axis: 4), Unary(.not),
    Binary(.and), Cast(to: .complex64),
  ]

  @Test func shapes() {
    for op in Self.shapings {
      #expect(throws: KernelFault.self, "\(op)") {
        _ = try evaluate(op, [Self.x, Self.x, Self.x], wanted: [true])
      }
    }
  }

  /// Every operator without operands, and with one of a kind it does not expect.
  @Test(arguments: Catalog.operators.map { $0.name })
  func operands(operatorName: String) {
    let odd: [[RuntimeValue?]] = [
      [], [nil], [.absent], [.sequence([])], [Grid([], [1]).value(.int4)], [Grid([0], []).value()],
      [Grid([], [1]).value(), Grid([0, 0], []).value(.bool), nil, .sequence([.absent])],
    ]
    for test in OperatorSuite.cases(of: operatorName).prefix(40) {
      for operands in odd {
        // Some operators take these, such as a sequence of nothing: only a trap would be wrong.
        _ = try? evaluate(test.op, operands, wanted: test.wanted)
      }
    }
  }
}
