import Glibc
import IR
import Kernels
import Operators
import Tensors
import TestSupport

extension OperatorSuite {
  static let transformer: [OperatorCase] = all([rootMeanSquares, groups, rotations, recurrences, scatters])

  private static let near = OperatorCase.Tolerance.close(relative: 3e-6, absolute: 3e-6)

  private static func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

  private static let rootMeanSquares: [OperatorCase] = [
    ([2, 3, 16], -1, [16]), ([2, 3, 5], 1, [3, 5]), ([4, 7], 0, [7]), ([0, 3], 1, [1]), ([5], 0, []),
  ].map { (sizes: [Int], axis: Int, scale: [Int]) -> OperatorCase in
    let name = "RMSNormalization/\(sizes)/axis\(axis)/scale\(scale)"
    var generator = SeededGenerator(name)
    let first = axis < 0 ? axis + sizes.count : axis
    let x = Grid.reals(sizes, &generator)
    let factors = Grid.reals(scale, &generator)
    let y = Grid(sizes) { (n: [Int]) -> Double in
      var squares: [Double] = []
      Grid.forEachIndex(Array(sizes[first...])) {
        let value = x.at(Array(n.prefix(first)) + $0)
        squares.append(value * value)
      }
      return x.at(n) / sqrt(mean(squares) + 1e-3) * factors.broadcast(at: n)
    }
    return OperatorCase(
      name, RMSNormalization(axis: axis, epsilon: 1e-3), [x.value(), factors.value()], gives: [y.value()],
      near)
  }

  private static let groups: [OperatorCase] = [
    ([2, 6, 3, 2], 3, false), ([1, 4, 5], 1, false), ([2, 4], 4, false), ([2, 6, 4], 2, true),
    ([0, 2, 3], 2, false),
  ].map { (sizes: [Int], count: Int, scalesGroups: Bool) -> OperatorCase in
    let name = "GroupNormalization/\(sizes)/\(count)groups/\(scalesGroups)"
    var generator = SeededGenerator(name)
    let x = Grid.reals(sizes, &generator)
    let parameters = scalesGroups ? count : sizes[1]
    let (scale, bias) = (Grid.reals([parameters], &generator), Grid.reals([parameters], &generator))
    let width = sizes[1] / count
    let y = Grid(sizes) { (n: [Int]) -> Double in
      let group = n[1] / width
      var values: [Double] = []
      Grid.forEachIndex([width] + sizes.dropFirst(2)) {
        values.append(x.at([n[0], group * width + $0[0]] + $0.dropFirst()))
      }
      let average = mean(values)
      let variance = mean(values.map { ($0 - average) * ($0 - average) })
      let parameter = [scalesGroups ? group : n[1]]
      return (x.at(n) - average) / sqrt(variance + 1e-3) * scale.at(parameter) + bias.at(parameter)
    }
    return OperatorCase(
      name, GroupNormalization(groups: count, epsilon: 1e-3, scalesGroups: scalesGroups),
      [x.value(), scale.value(), bias.value()], gives: [y.value()], near)
  }

  private static func rotation(
    _ label: String, merged: Bool = false, turned: Int = 0, interleaved: Bool = false,
    positions: [Double]? = nil
  ) -> OperatorCase {
    let name = "RotaryEmbedding/\(label)"
    var generator = SeededGenerator(name)
    let (batch, heads, rows, size) = (2, 3, 4, 8)
    let half = (turned == 0 ? size : turned) / 2
    let sizes = merged ? [batch, rows, heads * size] : [batch, heads, rows, size]
    let x = Grid.reals(sizes, &generator)
    let angles = Grid.reals(positions == nil ? [batch, rows, half] : [10, half], &generator)
    let (cosines, sines) = (angles.map { cos($0) }, angles.map { sin($0) })
    let y = Grid(sizes) { (n: [Int]) -> Double in
      let (row, d) = merged ? (n[1], n[2] % size) : (n[2], n[3])
      if d >= 2 * half { return x.at(n) }
      let pair = interleaved ? d / 2 : d % half
      let isFirst = interleaved ? d % 2 == 0 : d < half
      var other = n
      other[n.count - 1] += (isFirst ? 1 : -1) * (interleaved ? 1 : half)
      let place = positions.map { [Int($0[n[0] * rows + row]), pair] } ?? [n[0], row, pair]
      return cosines.at(place) * x.at(n) + (isFirst ? -1 : 1) * sines.at(place) * x.at(other)
    }
    return OperatorCase(
      name, RotaryEmbedding(heads: merged ? heads : nil, size: turned, interleaved: interleaved),
      [x.value(), cosines.value(), sines.value()]
        + (positions.map { [Grid([batch, rows], $0).value(.int64)] } ?? []), gives: [y.value()], near)
  }

  private static let rotations: [OperatorCase] = [
    rotation("plain"), rotation("merged", merged: true), rotation("interleaved", interleaved: true),
    rotation("part", turned: 4), rotation("positions", positions: [0, 1, 2, 3, 9, 5, 5, 0]),
    rotation(
      "merged/part/interleaved/positions", merged: true, turned: 6, interleaved: true,
      positions: [3, 2, 1, 0, 4, 5, 6, 7]),
    OperatorCase(
      "RotaryEmbedding/beyond", RotaryEmbedding(),
      [
        Grid([1, 1, 1, 2], [1, 2]).value(), Grid([1, 1], [1]).value(), Grid([1, 1], [0]).value(),
        Grid([1, 1], [1]).value(.int64),
      ], gives: [Grid([1, 1, 1, 2], [1, 2]).value()], fault: .indexOutOfRange(operand: 3)),
  ]

  private static func recurrence(
    _ label: String, _ rule: LinearAttention.Rule, heads: Int = 2, keyHeads: Int = 2, perHead: Bool = false,
    oneRate: Bool = false, past: Bool = false
  ) -> OperatorCase {
    let name = "LinearAttention/\(label)"
    var generator = SeededGenerator(name)
    let (batch, rows, k, v) = (2, 3, 4, 5)
    let q = Grid.reals([batch, rows, heads * k], &generator)
    let keys = Grid.reals([batch, rows, keyHeads * k], in: -1...1, &generator)
    let values = Grid.reals([batch, rows, keyHeads * v], &generator)
    let old = past ? Grid.reals([batch, keyHeads, k, v], &generator) : nil
    let decays =
      rule.decays
      ? Grid.reals([batch, rows, perHead ? keyHeads : keyHeads * k], in: -1...0, &generator) : nil
    let rates =
      rule.corrects ? Grid.reals([batch, rows, oneRate ? 1 : keyHeads], in: 0...1, &generator) : nil
    /// S, where the state after `row` is exp(g) · S + k ⊗ u, as a function of what was before.
    func state(_ b: Int, _ h: Int, after row: Int) -> Grid {
      guard row >= 0 else { return Grid([k, v]) { old?.at([b, h] + $0) ?? 0 } }
      let before = state(b, h, after: row - 1)
      let faded = Grid([k, v]) { (n: [Int]) -> Double in
        guard let decays else { return before.at(n) }
        return before.at(n) * exp(decays.at([b, row, perHead ? h : h * k + n[0]]))
      }
      return Grid([k, v]) { (n: [Int]) -> Double in
        var written = values.at([b, row, h * v + n[1]])
        if let rates {
          for i in 0..<k { written -= faded.at([i, n[1]]) * keys.at([b, row, h * k + i]) }
          written *= rates.at([b, row, oneRate ? 0 : h])
        }
        return faded.at(n) + keys.at([b, row, h * k + n[0]]) * written
      }
    }
    let y = Grid([batch, rows, heads * v]) { (n: [Int]) -> Double in
      let h = n[2] / v
      let read = state(n[0], h * keyHeads / heads, after: n[1])
      return (0..<k).reduce(0) { $0 + q.at([n[0], n[1], h * k + $1]) * read.at([$1, n[2] % v]) } / 2
    }
    let last = Grid([batch, keyHeads, k, v]) { state($0[0], $0[1], after: rows - 1).at([$0[2], $0[3]]) }
    var inputs: [RuntimeValue?] = [
      q.value(), keys.value(), values.value(), old?.value(), decays?.value(), rates?.value(),
    ]
    while let last = inputs.last, last == nil { inputs.removeLast() }
    return OperatorCase(
      name, LinearAttention(queryHeads: heads, keyHeads: keyHeads, rule: rule), inputs,
      gives: [y.value(), last.value()], .close(relative: 1e-5, absolute: 1e-5))
  }

  private static let recurrences: [OperatorCase] = [
    recurrence("linear", .linear), recurrence("gated", .gated),
    recurrence("gated/head", .gated, perHead: true),
    recurrence("delta", .delta, past: true), recurrence("gated-delta", .gatedDelta, past: true),
    recurrence("shared", .gatedDelta, heads: 4, oneRate: true),
  ]

  private static func scatter(
    _ label: String, axis: Int, sizes: [Int], rows: Int, at starts: [Double]?, circular: Bool = false,
    fault: KernelFault? = nil
  ) -> OperatorCase {
    let name = "TensorScatter/\(label)"
    var generator = SeededGenerator(name)
    let first = axis < 0 ? axis + sizes.count : axis
    var updateSizes = sizes
    updateSizes[first] = rows
    let (cache, update) = (Grid.integers(sizes, &generator), Grid.integers(updateSizes, &generator))
    let y = Grid(sizes) { (n: [Int]) -> Double in
      var row = n[first] - Int(starts?[n[0]] ?? 0)
      if circular { row = (row % sizes[first] + sizes[first]) % sizes[first] }
      var index = n
      index[first] = row
      return update.position(index) == nil ? cache.at(n) : update.at(index)
    }
    return OperatorCase(
      name, TensorScatter(axis: axis, circular: circular),
      [cache.value(), update.value()] + (starts.map { [Grid([sizes[0]], $0).value(.int64)] } ?? []),
      gives: [y.value()], fault: fault)
  }

  private static let scatters: [OperatorCase] = [
    scatter("start", axis: -2, sizes: [2, 5, 3], rows: 2, at: nil),
    scatter("indices", axis: 2, sizes: [2, 3, 5, 2], rows: 2, at: [3, 0]),
    scatter("last-axis", axis: -1, sizes: [2, 5], rows: 3, at: [2, 1]),
    scatter("circular", axis: 1, sizes: [3, 4, 2], rows: 3, at: [3, 0, 6], circular: true),
    scatter("nothing", axis: 1, sizes: [2, 4, 2], rows: 0, at: [4, 0]),
    scatter("beyond", axis: 1, sizes: [2, 4], rows: 2, at: [3, 0], fault: .indexOutOfRange(operand: 2)),
  ]
}
