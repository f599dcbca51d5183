import Glibc
import IR
import Operators
import Tensors
import TestSupport

extension OperatorSuite {
  static let normalization: [OperatorCase] = all([batch, scaled, instance, layer, response])

  private static let near = OperatorCase.Tolerance.close(relative: 3e-6, absolute: 3e-6)

  private static func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

  private static func variance(_ values: [Double]) -> Double {
    let average = mean(values)
    return mean(values.map { ($0 - average) * ($0 - average) })
  }

  private static let batch: [OperatorCase] = [
    [2, 3, 4, 5], [1, 17, 3, 3], [2, 5], [1, 2, 7], [0, 3, 2, 2], [1, 2, 2, 3, 2],
  ]
  .flatMap { (sizes: [Int]) -> [OperatorCase] in
    [DataType.float32, .float64].map { (type: DataType) -> OperatorCase in
      let name = "BatchNormalization/\(sizes)/\(type.rawValue)"
      var generator = SeededGenerator(name)
      let x = Grid.reals(sizes, &generator)
      let parameters = (0..<3).map { _ in Grid.reals([sizes[1]], &generator) }
      let spread = Grid.reals([sizes[1]], in: 0.5...2, &generator)
      let y = Grid(sizes) { (index: [Int]) -> Double in
        let c = [index[1]]
        let normal: Double = (x.at(index) - parameters[2].at(c)) / sqrt(spread.at(c) + 0.01)
        return normal * parameters[0].at(c) + parameters[1].at(c)
      }
      return OperatorCase(
        name, BatchNormalization(epsilon: 0.01), ([x] + parameters + [spread]).map { $0.value(type) },
        gives: [y.value(type)], near)
    }
  }

  private static let scaled: [OperatorCase] = [([2, 3, 4, 5], 1), ([2, 3, 5], -1), ([7], 0), ([0, 3], 1)].map
  {
    (sizes: [Int], axis: Int) -> OperatorCase in
    let name = "ScaleShift/\(sizes)/axis\(axis)"
    var generator = SeededGenerator(name)
    let x = Grid.integers(sizes, &generator)
    let axisIndex = axis < 0 ? axis + sizes.count : axis
    let scale = Grid.integers([sizes[axisIndex]], &generator)
    let shift = Grid.integers([sizes[axisIndex]], &generator)
    let y = Grid(sizes) { x.at($0) * scale.at([$0[axisIndex]]) + shift.at([$0[axisIndex]]) }
    return OperatorCase(
      name, ScaleShift(axis: axis), [x.value(), scale.value(), shift.value()], gives: [y.value()])
  }

  private static let instance: [OperatorCase] = [[2, 3, 4, 5], [1, 2, 9], [1, 5, 2, 2, 3], [0, 2, 3, 3]].map {
    (sizes: [Int]) -> OperatorCase in
    let name = "InstanceNormalization/\(sizes)"
    var generator = SeededGenerator(name)
    let x = Grid.reals(sizes, &generator)
    let (scale, bias) = (Grid.reals([sizes[1]], &generator), Grid.reals([sizes[1]], &generator))
    let y = Grid(sizes) { (index: [Int]) -> Double in
      var plane: [Double] = []
      Grid.forEachIndex(Array(sizes.dropFirst(2))) { plane.append(x.at(Array(index.prefix(2)) + $0)) }
      let c = [index[1]]
      let normal: Double = (x.at(index) - mean(plane)) / sqrt(variance(plane) + 1e-3)
      return normal * scale.at(c) + bias.at(c)
    }
    return OperatorCase(
      name, InstanceNormalization(epsilon: 1e-3), [x.value(), scale.value(), bias.value()],
      gives: [y.value()], near)
  }

  private static func layerCase(_ sizes: [Int], axis: Int, bias: Bool, statistics: Bool, scale: [Int]? = nil)
    -> OperatorCase
  {
    var name = "LayerNormalization/\(sizes)/axis\(axis)"
    if bias { name += "/bias" }
    if statistics { name += "/statistics" }
    if let scale { name += "/scale\(scale)" }
    var generator = SeededGenerator(name)
    let first = axis < 0 ? axis + sizes.count : axis
    let x = Grid.reals(sizes, &generator)
    let s = Grid.reals(scale ?? Array(sizes[first...]), &generator)
    let b = bias ? Grid.reals(Array(sizes[first...]), &generator) : nil
    func row(_ index: [Int]) -> [Double] {
      var row: [Double] = []
      Grid.forEachIndex(Array(sizes[first...])) { row.append(x.at(Array(index.prefix(first)) + $0)) }
      return row
    }
    let y = Grid(sizes) { (index: [Int]) -> Double in
      let tail = Array(index[first...])
      let values = row(index)
      let normal: Double = (x.at(index) - mean(values)) / sqrt(variance(values) + 1e-3)
      return normal * s.broadcast(at: tail) + (b?.at(tail) ?? 0)
    }
    let reduced = Array(sizes[..<first]) + [Int](repeating: 1, count: sizes.count - first)
    var expected: [RuntimeValue?] = [y.value()]
    if statistics {
      expected.append(Grid(reduced) { mean(row($0)) }.value())
      expected.append(Grid(reduced) { 1 / sqrt(variance(row($0)) + 1e-3) }.value())
    }
    return OperatorCase(
      name, LayerNormalization(axis: axis, epsilon: 1e-3), operands([x, s, b], .float32),
      gives: expected, near)
  }

  private static let layer: [OperatorCase] = [
    layerCase([2, 3, 16], axis: -1, bias: true, statistics: false),
    layerCase([2, 3, 5], axis: 1, bias: false, statistics: false),
    layerCase([4, 7], axis: 0, bias: true, statistics: false),
    layerCase([2, 3, 5], axis: -1, bias: true, statistics: true),
    layerCase([2, 3, 5], axis: 1, bias: false, statistics: false, scale: [5]),
    layerCase([0, 3], axis: 1, bias: true, statistics: false),
  ]

  private static let response: [OperatorCase] = [
    ([1, 5, 3, 3], 3), ([2, 7, 2, 2], 4), ([1, 3, 2], 1), ([1, 2, 3, 3], 5),
  ].map {
    (sizes: [Int], size: Int) -> OperatorCase in
    let name = "LRN/\(sizes)/size\(size)"
    var generator = SeededGenerator(name)
    let x = Grid.reals(sizes, &generator)
    let before = (size - 1) / 2
    let y = Grid(sizes) { (index: [Int]) -> Double in
      var squares = 0.0
      for d in -before...(size - 1 - before) {
        var neighbour = index
        neighbour[1] += d
        squares += x.at(neighbour) * x.at(neighbour)
      }
      let base: Double = 1.5 + 0.5 / Double(size) * squares
      return x.at(index) / pow(base, 0.75)
    }
    return OperatorCase(
      name, LRN(size: size, alpha: 0.5, beta: 0.75, bias: 1.5), [x.value()], gives: [y.value()], near)
  }
}
