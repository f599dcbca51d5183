import Foundation
import IR
import Kernels
import Operators
import Tensors
import TestSupport

extension OperatorSuite {
  static let losses: [OperatorCase] = all([likelihoods, norms])

  private static let lossShapes: [[Int]] = [[3, 4], [2, 3, 2], [2, 3, 2, 2]]

  private static let likelihoods: [OperatorCase] =
    lossShapes.flatMap { (sizes: [Int]) -> [OperatorCase] in
      let x = counting(sizes).map { -(($0 * 7).truncatingRemainder(dividingBy: 16)) / 4 }
      let spatial = [sizes[0]] + sizes[2...]
      let labels = Grid(spatial) { Double($0.reduce(1) { $0 * 3 + $1 } % sizes[1]) }
      let weights = Grid([sizes[1]]) { Double($0[0] + 1) / 4 }
      return [NegativeLogLikelihoodLoss.Reduction.none, .sum, .mean].flatMap {
        (reduction) -> [OperatorCase] in
        [(false, nil), (true, nil), (false, 1), (true, 2)].map {
          (weighted: Bool, ignored: Int?) -> OperatorCase in
          func weight(_ i: [Int]) -> Double {
            let label = Int(labels.at(i))
            return label == ignored ? 0 : weighted ? weights.at([label]) : 1
          }
          let each = Grid(spatial) { (i: [Int]) -> Double in
            -x.at([i[0], Int(labels.at(i))] + i[1...]) * weight(i)
          }
          let sum = each.values.reduce(0, +)
          let total = Grid(spatial) { weight($0) }.values.reduce(0, +)
          let y =
            switch reduction {
            case .none: each
            case .sum: Grid([], [sum])
            case .mean: Grid([], [sum / total])
            }
          return OperatorCase(
            "NegativeLogLikelihoodLoss/\(sizes)/\(reduction)/\(weighted)/\(ignored ?? -1)",
            NegativeLogLikelihoodLoss(reduction: reduction, ignoredClass: ignored),
            [x.value(), labels.value(.int64), weighted ? weights.value() : nil], gives: [y.value()], .float32)
        }
      }
    } + [
      OperatorCase(
        "NegativeLogLikelihoodLoss/bad class", NegativeLogLikelihoodLoss(),
        [counting([1, 2]).value(), vector([2])],
        gives: [Grid([], [0]).value()], fault: .indexOutOfRange(operand: 1)),
      OperatorCase(
        "NegativeLogLikelihoodLoss/ignored class outside",
        NegativeLogLikelihoodLoss(reduction: .sum, ignoredClass: -1),
        [counting([2, 2]).value(), vector([-1, 1], .int32)], gives: [Grid([], [-3]).value()]),
    ]

  private static let norms: [OperatorCase] = [([2, 3], 0), ([2, 3], -1), ([2, 2, 3], 1), ([2, 0], 1)].flatMap
  {
    (sizes: [Int], axis: Int) -> [OperatorCase] in
    let at = axis < 0 ? axis + sizes.count : axis
    // The first row along every axis but one is zero.
    let x = Grid(sizes) { (i: [Int]) -> Double in
      i.enumerated().allSatisfy { $0 == at || $1 == 0 } ? 0 : Double(i.reduce(1) { $0 * 5 + $1 } % 7) - 3
    }
    return [1, 2].map { (p: Int) -> OperatorCase in
      let y = Grid(sizes) { (i: [Int]) -> Double in
        var norm = 0.0
        for k in 0..<sizes[at] {
          var other = i
          other[at] = k
          norm += p == 1 ? abs(x.at(other)) : x.at(other) * x.at(other)
        }
        norm = p == 1 ? norm : norm.squareRoot()
        return norm == 0 ? 0 : x.at(i) / norm
      }
      return OperatorCase(
        "LpNormalization/\(sizes)/\(axis)/\(p)", LpNormalization(axis: axis, p: p), [x.value()],
        gives: [y.value()],
        .float32)
    }
  }

  // MARK: - Pooling by norms, and the other way

  static let unpooling: [OperatorCase] = all([powers, unpooled, overlapping])

  private static let powers: [OperatorCase] = [1.0, 2, 3].flatMap { (p: Double) -> [OperatorCase] in
    let x = counting([1, 2, 5]).map { $0 - 4 }
    return [(2, 1, 1, 0), (3, 2, 1, 1), (2, 1, 2, 0)].map { (kernel, stride, dilation, pad) -> OperatorCase in
      let count = (5 + 2 * pad - (kernel - 1) * dilation - 1) / stride + 1
      let y = Grid([1, 2, count]) { (i: [Int]) -> Double in
        var sum = 0.0
        for k in 0..<kernel { sum += pow(abs(x.at([i[0], i[1], i[2] * stride - pad + k * dilation])), p) }
        return pow(sum, 1 / p)
      }
      return OperatorCase(
        "LpPool/\(p)/\(kernel)/\(stride)/\(dilation)/\(pad)",
        LpPool(
          window: Window(
            kernel: [kernel], strides: [stride], dilations: [dilation], padsBegin: [pad], padsEnd: [pad]),
          p: Real(p)), [x.value()], gives: [y.value()], .float32)
    }
  }

  private static let unpooled: [OperatorCase] = [
    OperatorCase(
      "MaxUnpool/plain", MaxUnpool(window: Window(kernel: [2, 2], strides: [2, 2])),
      [Grid([1, 1, 2, 1], [5, 6]).value(), Grid([1, 1, 2, 1], [1, 6]).value(.int64)],
      gives: [Grid([1, 1, 4, 2], [0, 5, 0, 0, 0, 0, 6, 0]).value()]),
    OperatorCase(
      "MaxUnpool/larger", MaxUnpool(window: Window(kernel: [2], strides: [2])),
      [Grid([1, 2, 1], [5, 6]).value(), Grid([1, 2, 1], [1, 2]).value(.int64), vector([1, 2, 3])],
      gives: [Grid([1, 2, 3], [0, 5, 0, 6, 0, 0]).value()]),
    OperatorCase(
      "MaxUnpool/padded", MaxUnpool(window: Window(kernel: [3], strides: [2], padsBegin: [1], padsEnd: [0])),
      [Grid([1, 1, 2], [5, 6]).value(), Grid([1, 1, 2], [0, 3]).value(.int64)],
      gives: [Grid([1, 1, 4], [5, 0, 0, 6]).value()]),
    OperatorCase(
      "MaxUnpool/bad", MaxUnpool(window: Window(kernel: [2], strides: [2])),
      [Grid([1, 1, 1], [5]).value(), Grid([1, 1, 1], [2]).value(.int64)],
      gives: [Grid([1, 1, 2], [0, 0]).value()],
      fault: .indexOutOfRange(operand: 1)),
  ]

  private static func overlap(
    _ label: String, image: [Int], block: [Int], strides: [Int], dilations: [Int], pads: [Int]
  ) -> [OperatorCase] {
    let axes = image.count
    let positions = image.indices.map { (a: Int) -> Int in
      (image[a] + pads[a] + pads[axes + a] - (block[a] - 1) * dilations[a] - 1) / strides[a] + 1
    }
    let (taps, places) = (block.reduce(1, *), positions.reduce(1, *))
    let x = counting([2, 2 * taps, places]).map { $0.truncatingRemainder(dividingBy: 7) }
    let y = Grid([2, 2] + image) { (i: [Int]) -> Double in
      var total = 0.0
      for tap in 0..<taps {
        for place in 0..<places {
          var (k, p, isHit) = (tap, place, true)
          for a in image.indices.reversed() {
            let at = p % positions[a] * strides[a] - pads[a] + k % block[a] * dilations[a]
            isHit = isHit && at == i[2 + a]
            (k, p) = (k / block[a], p / positions[a])
          }
          if isHit { total += x.at([i[0], i[1] * taps + tap, place]) }
        }
      }
      return total
    }
    return [DataType.float32, .int32].map { (type: DataType) -> OperatorCase in
      OperatorCase(
        "Col2Im/\(label)/\(type.rawValue)", Col2Im(strides: strides, dilations: dilations, pads: pads),
        [x.value(type), vector(image), vector(block)], gives: [y.value(type)])
    }
  }

  private static let overlapping: [OperatorCase] = all([
    overlap(
      "plain", image: [4, 3], block: [2, 2], strides: [1, 1], dilations: [1, 1], pads: [0, 0, 0, 0]),
    overlap(
      "padded", image: [3, 4], block: [3, 2], strides: [2, 1], dilations: [1, 2], pads: [1, 0, 1, 1]),
    overlap("line", image: [5], block: [2], strides: [2], dilations: [1], pads: [0, 1]),
    overlap(
      "box", image: [2, 3, 2], block: [1, 2, 2], strides: [1, 1, 1], dilations: [1, 1, 1],
      pads: [0, 0, 0, 0, 0, 0]),
  ])
}
