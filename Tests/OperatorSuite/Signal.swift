import Foundation
import IR
import Kernels
import Operators
import Tensors
import TestSupport

extension OperatorSuite {
  static let signals: [OperatorCase] = all([transforms, frames, windows, bands])

  private static let tolerance = OperatorCase.Tolerance.close(relative: 1e-5, absolute: 2e-5)

  /// One element of the sum that a transform of `length` is, of what `part` gives.
  private static func sum(_ k: Int, _ length: Int, inverse: Bool, _ part: (Int) -> (Double, Double)) -> (
    Double, Double
  ) {
    var total = (0.0, 0.0)
    for n in 0..<length {
      let angle = (inverse ? 2 : -2) * Double.pi * Double(k * n % length) / Double(length)
      let (r, i) = part(n)
      total.0 += r * cos(angle) - i * sin(angle)
      total.1 += r * sin(angle) + i * cos(angle)
    }
    return inverse ? (total.0 / Double(length), total.1 / Double(length)) : total
  }

  private static let transformed: [([Int], Int, Int?)] = [
    ([1, 8, 2], 1, nil), ([2, 7, 1], 1, nil), ([6, 3, 2], 0, nil), ([2, 12, 2, 2], -3, nil),
    ([1, 5, 2], -2, 9),
    ([1, 9, 1], 1, 6), ([1, 1, 2], 1, nil), ([1, 30, 1], 1, nil), ([0, 4, 2], 1, nil),
  ]

  private static let transforms: [OperatorCase] =
    transformed.flatMap { (sizes, axis, length) -> [OperatorCase] in
      let at = axis < 0 ? axis + sizes.count : axis
      let x = Grid(sizes) { Double($0.reduce(1) { $0 * 7 + $1 * 3 } % 11) - 5 }
      let parts = sizes[sizes.count - 1]
      let full = length ?? sizes[at]
      return [(false, false), (true, false), (false, true)].compactMap {
        (inverse, onesided) -> OperatorCase? in
        if onesided && parts == 2 { return nil }
        var shape = sizes
        shape[at] = onesided ? full / 2 + 1 : full
        shape[sizes.count - 1] = 2
        let y = Grid(shape) { (i: [Int]) -> Double in
          let value = sum(i[at], full, inverse: inverse) { n in
            var source = i
            source[at] = n
            source[sizes.count - 1] = 0
            let real = x.at(source)
            source[sizes.count - 1] = 1
            return (real, parts == 2 ? x.at(source) : 0)
          }
          return i[sizes.count - 1] == 0 ? value.0 : value.1
        }
        return OperatorCase(
          "DFT/\(sizes)/\(axis)/\(length ?? -1)/\(inverse)/\(onesided)",
          DFT(inverse: inverse, onesided: onesided),
          [x.value(), length.map { vector([$0]) }, Grid([], [Double(axis)]).value(.int64)],
          gives: [y.value()],
          tolerance)
      }
    }
    + [5, 6].map { (length: Int) -> OperatorCase in
      // From the half spectrum of a real signal back to it.
      let signal = (0..<length).map { Double($0 * $0 % 7) - 2 }
      let half = Grid([1, length / 2 + 1, 2]) { (i: [Int]) -> Double in
        let value = sum(i[1], length, inverse: false) { (signal[$0], 0) }
        return i[2] == 0 ? value.0 : value.1
      }
      return OperatorCase(
        "DFT/real/\(length)", DFT(axis: 1, inverse: true, onesided: true), [half.value(), vector([length])],
        gives: [Grid([1, length, 1], signal).value()], tolerance)
    } + [
      OperatorCase(
        "DFT/huge", DFT(axis: 0), [Grid([1, 1], [1]).value(), vector([1 << 40])],
        gives: [Grid([1, 2], [1, 0]).value()],
        fault: .budget)
    ]

  private static let frames: [OperatorCase] = [(1, false, true), (2, true, true), (1, true, false)].map {
    (parts: Int, windowed: Bool, onesided: Bool) -> OperatorCase in
    let (length, frame, step) = (11, 4, 3)
    let x = Grid([2, length, parts]) { Double($0.reduce(1) { $0 * 5 + $1 * 3 } % 9) - 4 }
    let window = Grid([frame], [0.25, 1, 0.5, 2])
    let (count, bins) = ((length - frame) / step + 1, onesided ? frame / 2 + 1 : frame)
    let y = Grid([2, count, bins, 2]) { (i: [Int]) -> Double in
      let value = sum(i[2], frame, inverse: false) { n in
        let factor = windowed ? window.at([n]) : 1
        let at = i[1] * step + n
        return (x.at([i[0], at, 0]) * factor, parts == 2 ? x.at([i[0], at, 1]) * factor : 0)
      }
      return i[3] == 0 ? value.0 : value.1
    }
    return OperatorCase(
      "STFT/\(parts)/\(windowed)/\(onesided)", STFT(onesided: onesided),
      [
        x.value(), Grid([], [Double(step)]).value(.int64), windowed ? window.value() : nil,
        windowed ? nil : vector([frame]),
      ],
      gives: [y.value()], tolerance)
  }

  private static let windows: [OperatorCase] =
    [CosineWindow.Kind.hann, .hamming, .blackman].flatMap {
      (kind) -> [OperatorCase] in
      let terms: [Double] =
        switch kind {
        case .hann: [0.5, -0.5, 0]
        case .hamming: [25.0 / 46, -21.0 / 46, 0]
        case .blackman: [0.42, -0.5, 0.08]
        }
      return [(8, true), (7, false), (0, true)].map { (size: Int, periodic: Bool) -> OperatorCase in
        let y = Grid([size]) { (i: [Int]) -> Double in
          let turn = 2 * Double.pi * Double(i[0]) / Double(periodic ? size : size - 1)
          return terms[0] + terms[1] * cos(turn) + terms[2] * cos(2 * turn)
        }
        return OperatorCase(
          "CosineWindow/\(kind)/\(size)/\(periodic)", CosineWindow(kind, periodic: periodic),
          [Grid([], [Double(size)]).value(.int32)], gives: [y.value()], .close(relative: 1e-6, absolute: 1e-6)
        )
      }
    } + [
      OperatorCase(
        "CosineWindow/one", CosineWindow(.hann, periodic: false, dataType: .float64), [vector([1])],
        gives: [Grid([1], [1]).value(.float64)])
    ]

  private static func scalar(_ value: Double, _ type: DataType) -> RuntimeValue {
    Grid([], [value]).value(type)
  }

  private static let bands: [OperatorCase] = [
    // Eight bands of a transform of 16 at 8192 Hz; every triangle peaks at 1 and its sides are straight.
    OperatorCase(
      "MelWeightMatrix/8", MelWeightMatrix(),
      [
        scalar(8, .int32), scalar(16, .int32), scalar(8192, .int32), scalar(0, .float32),
        scalar(4096, .float32),
      ],
      gives: [
        Grid(
          [9, 8],
          [
            1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0,
            0, 0, 0,
            0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            0, 0, 0,
          ]
        ).value()
      ]),
    OperatorCase(
      "MelWeightMatrix/beyond", MelWeightMatrix(),
      [
        scalar(2, .int64), scalar(16, .int64), scalar(100, .int64), scalar(0, .float32),
        scalar(4096, .float32),
      ],
      gives: [Grid([9, 2]) { _ in 0 }.value()], fault: .indexOutOfRange(operand: 4)),
  ]

  // MARK: - Random numbers

  static let drawn: [OperatorCase] = [
    // The numbers of the reference implementation of MT19937 for these seeds.
    OperatorCase(
      "RandomTensor/uniform",
      RandomTensor(.uniform(low: 0, high: 1), dataType: .float64, seed: 0, sizes: [3]), [],
      gives: [
        Grid([3], [0.548_813_503_927_324_8, 0.715_189_366_372_419_5, 0.602_763_376_071_643_9]).value(.float64)
      ]),
    OperatorCase(
      "RandomTensor/normal", RandomTensor(.normal(mean: 1, deviation: 2), dataType: .float64, seed: 0),
      [counting([3]).value()],
      gives: [
        Grid(
          [3],
          [1 + 2 * 1.764_052_345_967_664, 1 + 2 * 0.400_157_208_367_223_3, 1 + 2 * 0.978_737_984_105_739_3]
        )
        .value(.float64)
      ], .close(relative: 1e-14, absolute: 0)),
    OperatorCase(
      "RandomTensor/empty", RandomTensor(.uniform(low: 0, high: 1), dataType: .float16, sizes: [2, 0]), [],
      gives: [Grid([2, 0], []).value(.float16)]),
    OperatorCase(
      "Bernoulli/seed", Bernoulli(dataType: .int32, seed: 0), [Grid([5], [0.6, 0.7, 0.6, 0.6, 1]).value()],
      gives: [Grid([5], [1, 0, 0, 1, 1]).value(.int32)]),
    OperatorCase(
      "Bernoulli/sure", Bernoulli(dataType: .bool), [Grid([4], [0, 1, 0, 1]).value()],
      gives: [Grid([4], [0, 1, 0, 1]).value(.bool)]),
    // Two classes of equal weight: the first up to a half.
    OperatorCase(
      "Multinomial/seed", Multinomial(count: 4, dataType: .int64, seed: 0), [Grid([1, 2], [3, 3]).value()],
      gives: [Grid([1, 4], [1, 1, 1, 1]).value(.int64)]),
    OperatorCase(
      "Multinomial/sure", Multinomial(count: 2, dataType: .int32),
      [Grid([2, 3], [-1e9, 0, -1e9, 5, -1e9, -1e9]).value()],
      gives: [Grid([2, 2], [1, 1, 0, 0]).value(.int32)]),
    OperatorCase(
      "TrainingDropout/drops", TrainingDropout(seed: 0),
      [Grid([4], [1, 2, 3, 4]).value(), scalar(0.6, .float32), scalar(1, .bool)],
      gives: [Grid([4], [0, 5, 7.5, 0]).value(), Grid([4], [0, 1, 1, 0]).value(.bool)], .float32),
    OperatorCase(
      "TrainingDropout/infers", TrainingDropout(), [Grid([2], [1, 2]).value(), nil, scalar(0, .bool)],
      gives: [Grid([2], [1, 2]).value(), Grid([2], [1, 1]).value(.bool)]),
  ]
}
