import IR
import Operators
import Tensors
import TestSupport

extension OperatorSuite {
  private static func integerRange(_ type: DataType) -> ClosedRange<Double> {
    let count = Double(1 << (type.bitWidth ?? 8))
    return type.isSignedInteger ? -count / 2...count / 2 - 1 : 0...count - 1
  }

  private static func saturated(_ x: Double, _ type: DataType) -> Double {
    min(max(x.rounded(.toNearestOrEven), integerRange(type).lowerBound), integerRange(type).upperBound)
  }

  /// `parameters`: the sizes of scale and zero point, and which of them an element has.
  private static func quantizations(
    _ label: String, _ sizes: [Int], axis: Int = 1, block: Int = 0, type: DataType, parameters: [Int],
    zeroPoint: Bool = true, _ parameter: @escaping ([Int]) -> [Int]
  ) -> [OperatorCase] {
    var generator = SeededGenerator(label)
    // Powers of two keep quotients and products exact.
    let powers = Grid.integers(parameters, bound: 2, &generator)
    let scale = powers.map { $0 < 0 ? 0.5 : $0 == 0 ? 1 : $0 == 1 ? 2 : 4 }
    let range = integerRange(type)
    let zero = Grid.integers(parameters, bound: 1, &generator).map {
      min(max($0, range.lowerBound), range.upperBound)
    }
    let x = Grid.integers(sizes, bound: 600, &generator).map { $0 / 4 }
    let y = Grid(sizes) { (i: [Int]) -> Double in
      let p = parameter(i)
      let q = (x.at(i) / scale.at(p)).rounded(.toNearestOrEven) + (zeroPoint ? zero.at(p) : 0)
      return saturated(q, type)
    }
    let back = Grid(sizes) { (i: [Int]) -> Double in
      let p = parameter(i)
      return (y.at(i) - (zeroPoint ? zero.at(p) : 0)) * scale.at(p)
    }
    let others: [RuntimeValue?] = [scale.value()] + (zeroPoint ? [zero.value(type)] : [])
    return [
      OperatorCase(
        "QuantizeLinear/\(label)", QuantizeLinear(axis: axis, blockSize: block, to: zeroPoint ? nil : type),
        [x.value()] + others, gives: [y.value(type)]),
      OperatorCase(
        "DequantizeLinear/\(label)", DequantizeLinear(axis: axis, blockSize: block), [y.value(type)] + others,
        gives: [back.value()]),
    ]
  }

  private static let quantizing: [OperatorCase] = all([
    quantizations("tensor/uint8", [3, 5], type: .uint8, parameters: []) { _ in [] },
    quantizations("tensor/int8", [3, 5], type: .int8, parameters: [1]) { _ in [0] },
    quantizations("tensor/int4", [3, 3], type: .int4, parameters: []) { _ in [] },
    quantizations("tensor/uint2", [7], axis: 0, type: .uint2, parameters: [1]) { _ in [0] },
    quantizations("axis/uint8", [2, 3, 4], type: .uint8, parameters: [3]) { [$0[1]] },
    quantizations("axis/int16", [2, 3, 4], axis: -1, type: .int16, parameters: [4]) { [$0[2]] },
    quantizations("axis/none", [2, 3], axis: 0, type: .int8, parameters: [2], zeroPoint: false) { [$0[0]] },
    quantizations("blocks/uint8", [2, 5, 3], block: 2, type: .uint8, parameters: [2, 3, 3]) {
      [$0[0], $0[1] / 2, $0[2]]
    },
    quantizations("blocks/int4", [4, 3], axis: 0, block: 2, type: .int4, parameters: [2, 3]) {
      [$0[0] / 2, $0[1]]
    },
    quantizations("empty", [2, 0, 3], type: .uint8, parameters: [0]) { [$0[1]] },
    [
      OperatorCase(
        "QuantizeLinear/ties", QuantizeLinear(),
        [Grid([6], [-5, -3, -1, 1, 3, 5]).value(), Grid([], [2]).value(), Grid([], [0]).value(.int8)],
        gives: [Grid([6], [-2, -2, 0, 0, 2, 2]).value(.int8)]),
      OperatorCase(
        "QuantizeLinear/float8", QuantizeLinear(),
        [Grid([4], [0, 2, 200_000, -3]).value(), Grid([], [2]).value(), Grid([], [0]).value(.float8E4M3FN)],
        gives: [Grid([4], [0, 1, 448, -1.5]).value(.float8E4M3FN)]),
      OperatorCase(
        "QuantizeLinear/int32", QuantizeLinear(),
        [Grid([3], [-300, 7, 40]).value(.int32), Grid([], [4]).value(), Grid([], [10]).value(.uint8)],
        gives: [Grid([3], [0, 12, 20]).value(.uint8)]),
      OperatorCase(
        "DequantizeLinear/float16", DequantizeLinear(),
        [Grid([3], [-7, 0, 3]).value(.int8), Grid([], [0.5]).value(.float16)],
        gives: [Grid([3], [-3.5, 0, 1.5]).value(.float16)]),
      OperatorCase(
        "DynamicQuantizeLinear/both", DynamicQuantizeLinear(), [Grid([4], [-51, 0, 102, 204]).value()],
        gives: [
          Grid([4], [0, 51, 153, 255]).value(.uint8), Grid([], [1]).value(), Grid([], [51]).value(.uint8),
        ]),
      OperatorCase(
        "DynamicQuantizeLinear/positive", DynamicQuantizeLinear(), [Grid([2], [51, 510]).value()],
        gives: [Grid([2], [26, 255]).value(.uint8), Grid([], [2]).value(), Grid([], [0]).value(.uint8)]),
      OperatorCase(
        "DynamicQuantizeLinear/empty", DynamicQuantizeLinear(), [Grid([0], []).value()],
        gives: [Grid([0], []).value(.uint8), Grid([], [1]).value(), Grid([], [0]).value(.uint8)]),
    ],
  ])

  /// An integer grid within a type, and the grid of its zero points.
  private static func bytes(
    _ sizes: [Int], _ zeros: [Int], _ type: DataType, _ generator: inout SeededGenerator
  ) -> (x: Grid, zero: Grid) {
    let x = Grid.integers(sizes, bound: 100, &generator)
    let zero = Grid.integers(zeros, bound: 9, &generator)
    return type.isSignedInteger ? (x, zero) : (x.map { $0 + 100 }, zero.map { $0 + 90 })
  }

  private static func productCases(
    _ label: String, _ a: [Int], _ b: [Int], aZeros: [Int] = [], bZeros: [Int] = [],
    _ types: (DataType, DataType)
  ) -> [OperatorCase] {
    var generator = SeededGenerator(label)
    let (x, xZero) = bytes(a, aZeros, types.0, &generator)
    let (w, wZero) = bytes(b, bZeros, types.1, &generator)
    let batch = Grid.broadcastSizes([Array(a.dropLast(2)), Array(b.dropLast(2))])
    func zero(_ grid: Grid, _ i: Int) -> Double { grid.values[grid.count == 1 ? 0 : i] }
    let y = Grid(batch + [a[a.count - 2], b[b.count - 1]]) { (index: [Int]) -> Double in
      let (outer, m, n) = (Array(index.dropLast(2)), index[index.count - 2], index[index.count - 1])
      var sum = 0.0
      for k in 0..<a[a.count - 1] {
        let left = x.at(Array(outer.suffix(a.count - 2)) + [m, k]) - zero(xZero, m)
        let right = w.at(Array(outer.suffix(b.count - 2)) + [k, n]) - zero(wZero, n)
        sum += left * right
      }
      return sum
    }
    // 0.5 · 1 ÷ 64 for each element.
    let scaled = y.map { saturated(($0 / 128).rounded(.toNearestOrEven) + 3, .int8) }
    let half = xZero.map { _ in 0.5 }
    let one = wZero.map { _ in 1 }
    return [
      OperatorCase(
        "MatMulInteger/\(label)", MatMulInteger(),
        [x.value(types.0), w.value(types.1), xZero.value(types.0), wZero.value(types.1)],
        gives: [y.value(.int32)]),
      OperatorCase(
        "QLinearMatMul/\(label)", QLinearMatMul(),
        [
          x.value(types.0), half.value(), xZero.value(types.0), w.value(types.1), one.value(),
          wZero.value(types.1),
          Grid([], [64]).value(), Grid([], [3]).value(.int8),
        ], gives: [scaled.value(.int8)]),
    ]
  }

  private static func convCases(
    _ label: String, _ x: [Int], _ w: [Int], groups: Int = 1, pad: Int = 0, wZeros: [Int] = []
  ) -> [OperatorCase] {
    var generator = SeededGenerator(label)
    let (image, zero) = bytes(x, [], .uint8, &generator)
    let (weights, wZero) = bytes(w, wZeros, .int8, &generator)
    let bias = Grid.integers([w[0]], bound: 50, &generator)
    let window = Window(kernel: Array(w.dropFirst(2)), padsBegin: [pad, pad], padsEnd: [pad, pad])
    let sizes = [x[0], w[0], x[2] + 2 * pad - w[2] + 1, x[3] + 2 * pad - w[3] + 1]
    let y = Grid(sizes) { (i: [Int]) -> Double in
      var sum = 0.0
      for c in 0..<w[1] {
        for p in 0..<w[2] {
          for q in 0..<w[3] {
            let channel = i[1] / (w[0] / groups) * w[1] + c
            let source = [i[0], channel, i[2] + p - pad, i[3] + q - pad]
            let offset = wZero.count == 1 ? wZero.values[0] : wZero.at([i[1]])
            sum +=
              (image.at(source, outside: zero.values[0]) - zero.values[0])
              * (weights.at([i[1], c, p, q]) - offset)
          }
        }
      }
      return sum
    }
    let requantized = Grid(sizes) { (i: [Int]) -> Double in
      saturated(((y.at(i) + bias.at([i[1]])) / 256).rounded(.toNearestOrEven) + 100, .uint8)
    }
    let wScale = wZero.map { _ in 0.25 }
    return [
      OperatorCase(
        "ConvInteger/\(label)", ConvInteger(window: window, groups: groups),
        [image.value(.uint8), weights.value(.int8), zero.value(.uint8), wZero.value(.int8)],
        gives: [y.value(.int32)]),
      OperatorCase(
        "QLinearConv/\(label)", QLinearConv(window: window, groups: groups),
        [
          image.value(.uint8), Grid([], [0.5]).value(), zero.value(.uint8), weights.value(.int8),
          wScale.value(),
          wZero.value(.int8), Grid([], [32]).value(), Grid([], [100]).value(.uint8), bias.value(.int32),
        ], gives: [requantized.value(.uint8)]),
    ]
  }

  static let quantization: [OperatorCase] = all([
    quantizing,
    productCases("2x3x4", [2, 3], [3, 4], (.uint8, .uint8)),
    productCases("signed", [5, 7], [7, 3], (.int8, .int8)),
    productCases("rows/columns", [3, 4], [4, 5], aZeros: [3], bZeros: [5], (.uint8, .int8)),
    productCases("batch", [2, 3, 4], [2, 4, 5], (.uint8, .int8)),
    productCases("rows0", [0, 4], [4, 2], (.uint8, .int8)),
    productCases("inner0", [2, 0], [0, 2], (.uint8, .int8)),
    convCases("3x3", [1, 2, 5, 5], [3, 2, 3, 3], pad: 1),
    convCases("channels", [2, 2, 4, 3], [2, 2, 2, 2], wZeros: [2]),
    convCases("groups", [1, 4, 3, 3], [4, 2, 1, 1], groups: 2, wZeros: [4]),
    convCases("batch0", [0, 2, 4, 4], [3, 2, 3, 3]),
  ])
}
