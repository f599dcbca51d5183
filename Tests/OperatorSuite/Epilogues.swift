import IR
import Operators
import Tensors
import TestSupport

extension OperatorSuite {
  /// Each step is an operator applied to the whole result, so expectations are too.
  static let epilogues: [OperatorCase] = all([convolutionSteps, otherSteps])

  private static func steps(
    _ label: String, _ steps: [Epilogue.Step], _ others: [Grid] = [], to type: DataType = .float32,
    types: [DataType]? = nil, _ tolerance: OperatorCase.Tolerance = .exact,
    _ expected: (Double, [Int]) -> Double
  ) -> OperatorCase {
    var generator = SeededGenerator("epilogue")
    let x = Grid.integers([1, 5, 3, 3], &generator)
    let w = Grid.integers([4, 5, 1, 1], &generator)
    let y = Grid([1, 4, 3, 3]) { (index: [Int]) -> Double in
      var sum = 0.0
      for c in 0..<5 { sum += x.at([0, c, index[2], index[3]]) * w.at([index[1], c, 0, 0]) }
      return sum
    }
    return OperatorCase(
      "Conv/epilogue/\(label)", Convolution(window: Window(kernel: [1, 1])), [x.value(), w.value()],
      epilogue: steps,
      with: others.enumerated().map { $1.tensor(types?[$0] ?? .float32) },
      gives: [Grid(y.sizes) { expected(y.at($0), $0) }.value(type)], tolerance)
  }

  private static let bias = Grid([4, 1, 1], [1, -2, 3, -4])
  private static let residual = Grid([1, 4, 3, 3]) { Double($0[1] * 9 + $0[2] * 3 + $0[3]) - 15 }
  private static let gate = Grid([1, 4, 1, 1], [0.5, 2, -1, 0])

  private static let convolutionSteps: [OperatorCase] = [
    steps("relu", [.unary(.relu)]) { x, _ in max(x, 0) },
    steps("clamp", [.clamp(lower: 0, upper: 6)]) { x, _ in min(max(x, 0), 6) },
    steps("bias", [.binary(.add, 0, swapped: false)], [bias]) { x, i in x + bias.broadcast(at: i) },
    steps("bias/relu", [.binary(.add, 0, swapped: false), .unary(.relu)], [bias]) { x, i in
      max(x + bias.broadcast(at: i), 0)
    },
    steps("residual", [.binary(.add, 0, swapped: false)], [residual]) { x, i in x + residual.at(i) },
    steps(
      "residual/relu/scalar",
      [.binary(.add, 0, swapped: false), .unary(.relu), .binary(.mul, 1, swapped: false)],
      [residual, Grid([], [0.5])]
    ) { x, i in max(x + residual.at(i), 0) * 0.5 },
    steps("gate", [.binary(.mul, 0, swapped: false)], [gate]) { x, i in x * gate.broadcast(at: i) },
    steps("one-minus", [.binary(.sub, 0, swapped: true)], [Grid([], [1])]) { x, _ in 1 - x },
    steps("divided", [.binary(.div, 0, swapped: false)], [Grid([3], [1, 2, 4])]) { x, i in
      x / Double(1 << i[3])
    },
    steps(
      "order",
      [.binary(.add, 0, swapped: false), .binary(.mul, 0, swapped: false), .binary(.sub, 1, swapped: true)],
      [bias, residual]
    ) { x, i in
      residual.at(i) - (x + bias.broadcast(at: i)) * bias.broadcast(at: i)
    },
    steps("leaky", [.unary(.leakyRelu(0.25))]) { x, _ in x < 0 ? x * 0.25 : x },
    steps("sigmoid", [.unary(.hardSigmoid(alpha: 0.25, beta: 0.5))]) { x, _ in min(max(0.25 * x + 0.5, 0), 1)
    },
    steps("crossed-clamp", [.clamp(lower: 3, upper: -3)]) { _, _ in -3 },
    steps("prelu", [.binary(.prelu, 0, swapped: false)], [Grid([4, 1, 1], [0.5, 0.25, -1, 2])]) { x, i in
      x < 0 ? x * [0.5, 0.25, -1, 2][i[1]] : x
    },
    steps("convert/int32", [.unary(.relu), .convert(.int32)], to: .int32) { x, _ in max(x, 0) },
    steps("convert/float16", [.convert(.float16)], to: .float16) { x, _ in x },
    steps("greater", [.binary(.greater, 0, swapped: false)], [Grid([], [3])], to: .bool) { x, _ in
      x > 3 ? 1 : 0
    },
    steps(
      "quantize/uint8", [.quantize(scale: 0, zeroPoint: 1, axis: nil, .uint8)],
      [Grid([], [2]), Grid([], [128])],
      to: .uint8, types: [.float32, .uint8]
    ) { x, _ in min(max((x / 2).rounded(.toNearestOrEven) + 128, 0), 255) },
    steps(
      "quantize/int8/axis", [.quantize(scale: 0, zeroPoint: nil, axis: 1, .int8)],
      [Grid([4], [0.125, 0.25, 2, 8])],
      to: .int8
    ) { x, i in
      min(max((x / [0.125, 0.25, 2, 8][i[1]]).rounded(.toNearestOrEven), -128), 127)
    },
  ]

  private static let rows = Grid([3, 5]) { Double($0[0] * 5 + $0[1]) - 7 }

  private static let otherSteps: [OperatorCase] = [
    OperatorCase(
      "Gemm/epilogue/relu", Gemm(), [rows.value(), Grid([5, 2]) { _ in 1 }.value()],
      epilogue: [.unary(.relu)],
      gives: [Grid([3, 2], [0, 0, 0, 0, 25, 25]).value()]),
    OperatorCase(
      "MatMul/epilogue/bias", MatMul(), [rows.value(), Grid([5, 2]) { _ in 1 }.value()],
      epilogue: [.binary(.add, 0, swapped: false)], with: [Grid([2], [1, -1]).tensor()],
      gives: [Grid([3, 2], [-24, -26, 1, -1, 26, 24]).value()]),
    OperatorCase(
      "Binary/epilogue/mul-relu", Binary(.add), [rows.value(), Grid([5], [1, 2, 3, 4, 5]).value()],
      epilogue: [.binary(.mul, 0, swapped: false), .unary(.relu)],
      with: [Grid([3, 1], [1, -1, 2]).tensor()],
      gives: [Grid([3, 5]) { max((rows.at($0) + Double($0[1] + 1)) * [1, -1, 2][$0[0]], 0) }.value()]),
    OperatorCase(
      "Binary/epilogue/float16", Binary(.mul),
      [Grid([2], [1 + 0x1p-10, 3]).value(.float16), Grid([], [1 + 0x1p-10]).value(.float16)],
      epilogue: [.binary(.sub, 0, swapped: false)], with: [Grid([], [1]).tensor(.float16)],
      // The product is rounded to float16 before the subtraction.
      gives: [Grid([2], [0x1p-9, Double(Float16(3 * (1 + 0x1p-10))) - 1]).value(.float16)]),
    OperatorCase(
      "MaxPool/epilogue/relu", MaxPool(window: Window(kernel: [2])),
      [Grid([1, 1, 4], [-3, -2, 1, 0]).value()],
      epilogue: [.unary(.relu)], gives: [Grid([1, 1, 3], [0, 1, 1]).value()]),
    OperatorCase(
      "GlobalAveragePool/epilogue/clamp", GlobalAveragePool(), [counting([1, 3, 2, 2]).value()],
      epilogue: [.clamp(lower: 2, upper: 6)], gives: [Grid([1, 3, 1, 1], [2, 5.5, 6]).value()]),
    OperatorCase(
      "Softmax/epilogue/mul", Softmax(axis: 1), [Grid([1, 4]) { _ in 0 }.value()],
      epilogue: [.binary(.mul, 0, swapped: false)], with: [Grid([4], [4, 8, 12, 16]).tensor()],
      gives: [Grid([1, 4], [1, 2, 3, 4]).value()]),
    OperatorCase(
      "Reduce/epilogue/add", Reduce(.sum, axes: [1], keepDims: false), [rows.value()],
      epilogue: [.binary(.add, 0, swapped: false)], with: [Grid([], [10]).tensor()],
      gives: [Grid([3], [-15, 10, 35]).value()]),
    OperatorCase(
      "Unary/epilogue/chain", Unary(.relu), [rows.value()],
      epilogue: [.binary(.mul, 0, swapped: false), .unary(.neg)],
      with: [Grid([5], [1, 2, 3, 4, 5]).tensor()],
      gives: [Grid([3, 5]) { -(max(rows.at($0), 0) * Double($0[1] + 1)) }.value()]),
  ]
}
