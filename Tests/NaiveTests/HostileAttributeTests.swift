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
    Binary(.and), Cast(to: .complex64), GatherElements(axis: 9), GatherND(batchRank: -1),
    ScatterElements(axis: -9),
    ScatterND(), OneHot(axis: 9), Compress(axis: 9), ReverseSequence(timeAxis: 7, batchAxis: huge),
    CenterCropPad(axes: [9]), TopK(axis: -5), TopK(), Hardmax(axis: 9), Cumulative(.sum), Trilu(),
    Einsum(equation: "ij->ji"), Einsum(equation: "...->-"), Einsum(equation: "é"), BitCast(to: .float64),
    GridSample(), AffineGrid(), RoiAlign(height: 0), RoiAlign(samplingRatio: -1),
    MaxRoiPool(height: huge, width: 0),
    DeformConv(window: Window(kernel: [huge, huge]), groups: huge, offsetGroups: huge),
    NegativeLogLikelihoodLoss(), LpPool(window: Window(kernel: [0, huge]), p: 0), LpNormalization(axis: 9),
    LpNormalization(axis: 0, p: 3), MaxUnpool(window: Window(kernel: [huge])),
    Col2Im(strides: [0], dilations: [huge], pads: [.min]), DFT(axis: 3), DFT(axis: .min), STFT(),
    CosineWindow(.hann, dataType: .string), MelWeightMatrix(), TrainingDropout(),
    RandomTensor(.uniform(low: 0, high: 1), dataType: .float32, sizes: [huge, huge]),
    RandomTensor(.uniform(low: 0, high: 1), dataType: .float32, sizes: [-1]),
    Multinomial(count: -1, dataType: .int32),
  ]

  @Test func shapes() {
    for op in Self.shapings {
      #expect(throws: KernelFault.self, "\(op)") {
        _ = try evaluate(op, [Self.x, Self.x, Self.x], wanted: [true])
      }
    }
  }

  /// A tensor of a few bytes in a file may have axes of any length, if one of them is empty.
  @Test(.timeLimit(.minutes(1))) func emptyTensorsOfLongAxes() throws {
    let long = 1 << 40
    func empty(_ sizes: [Int], _ type: DataType = .float32) throws -> RuntimeValue {
      .tensor(try Tensor(uninitialized: type, sizes: sizes))
    }
    let x = try empty([long, 0, 3])
    let one = Grid([1], [1]).value(.int64)
    let calls: [(any Operator, [RuntimeValue?])] = [
      (Gather(axis: 1), [x, try empty([0], .int64)]), (Compress(axis: 1), [x, try empty([0], .bool)]),
      (TopK(axis: 0), [x, one]), (TopK(axis: 2), [x, one]), (Unique(axis: 1), [x]), (Hardmax(axis: 2), [x]),
      (Cumulative(.sum), [x, one]), (LpNormalization(axis: 0), [x]), (Trilu(), [x]),
      (Trilu(), [try empty([0, long, 8])]),
      (ReverseSequence(), [try empty([long, 0]), try empty([0], .int64)]),
      (ReverseSequence(), [try empty([long, 1, 0]), one]),
      (NonMaxSuppression(), [try empty([long, 0, 4]), try empty([long, 1, 0]), one]),
      (CenterCropPad(axes: [1]), [x, Grid([1], [0]).value(.int64)]),
      (DFT(axis: 0), [try empty([0, long, 2])]),
      (GridSample(), [try empty([long, 1, 0]), try empty([long, 0, 1])]),
      (Einsum(equation: "abc->a"), [try empty([0, long, 3])]), (EyeLike(), [try empty([long, 0])]),
    ]
    for (op, operands) in calls { _ = try? evaluate(op, operands, wanted: [true]) }
    #expect(throws: KernelFault.budget) {
      _ = try evaluate(
        CenterCropPad(), [Grid([1], [1]).value(.uint8), Grid([1], [0x1p33]).value(.int64)], wanted: [true])
    }
    #expect(throws: KernelFault.self) {
      _ = try evaluate(
        Col2Im(),
        [
          try empty([0, 1, 1]), Grid([3], [0x1p30, 0x1p30, 0x1p30]).value(.int64),
          Grid([3], [1, 1, 1]).value(.int64),
        ],
        wanted: [true])
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
