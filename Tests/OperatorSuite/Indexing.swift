import IR
import Kernels
import Operators
import Tensors
import TestSupport

extension OperatorSuite {
  static let indexing: [OperatorCase] = all([
    gatheredElements, gatheredParts, scatteredElements, scatteredParts, oneHots, compressed, reversed,
    centered,
  ])

  // MARK: - Gathering

  private static let elementGathers: [([Int], [Int], [Int], Int)] = [
    ([2, 3], [2, 2], [0, 2, -1, 1], 1), ([3, 3], [2, 3], [1, -3, 0, 2, 0, -1], 0),
    ([5], [3], [4, -5, 0], -1),
    ([2, 3, 2], [1, 2, 2], [2, 0, -1, 1], 1), ([4, 2], [0, 2], [], 0),
  ]

  private static let gatheredElements: [OperatorCase] =
    elementGathers.flatMap { (sizes, shape, indices, axis) -> [OperatorCase] in
      let x = counting(sizes)
      let at = axis < 0 ? axis + sizes.count : axis
      let positions = Grid(shape, indices.map { Double($0) })
      let y = Grid(shape) { (index: [Int]) -> Double in
        var source = index
        let given = Int(positions.at(index))
        source[at] = given < 0 ? given + sizes[at] : given
        return x.at(source)
      }
      return [DataType.int64, .int32].flatMap { (type: DataType) -> [OperatorCase] in
        moved(
          "GatherElements/\(sizes)\(indices)/axis\(axis)/\(type.rawValue)", GatherElements(axis: axis), x,
          [positions.value(type)], gives: y)
      }
    } + [
      OperatorCase(
        "GatherElements/bad", GatherElements(axis: 0), [counting([3]).value(), vector([3])],
        gives: [counting([1]).value()], fault: .indexOutOfRange(operand: 1))
    ]

  private static func parts(
    _ label: String, _ x: [Int], _ shape: [Int], _ indices: [Int], batch: Int = 0, to y: Grid
  ) -> [OperatorCase] {
    moved(
      "GatherND/\(label)", GatherND(batchRank: batch), counting(x),
      [Grid(shape, indices.map { Double($0) }).value(.int64)], gives: y)
  }

  private static let gatheredParts: [OperatorCase] = all([
    parts("elements", [2, 2], [2, 2], [0, 0, 1, -1], to: Grid([2], [0, 3])),
    parts("rows", [2, 2], [2, 1], [1, 0], to: Grid([2, 2], [2, 3, 0, 1])),
    parts("nested", [2, 2, 2], [2, 1, 2], [0, 1, 1, 0], to: Grid([2, 1, 2], [2, 3, 4, 5])),
    parts("batch", [2, 2, 2], [2, 1], [1, 0], batch: 1, to: Grid([2, 2], [2, 3, 4, 5])),
    parts("batch elements", [2, 3], [2, 2, 1], [2, 0, -1, 1], batch: 1, to: Grid([2, 2], [2, 0, 5, 4])),
    parts("none", [2, 3], [0, 1], [], to: Grid([0, 3], [])),
    [
      OperatorCase(
        "GatherND/bad", GatherND(), [counting([2, 2]).value(), Grid([1, 1], [-3]).value(.int64)],
        gives: [counting([1, 2]).value()], fault: .indexOutOfRange(operand: 1))
    ],
  ])

  // MARK: - Scattering

  private static let reductions: [(ScatterReduction, @Sendable (Double, Double) -> Double)] = [
    (.replace, { $1 }), (.add, { $0 + $1 }), (.mul, { $0 * $1 }), (.max, { max($0, $1) }),
    (.min, { min($0, $1) }),
  ]

  private static let scatteredElements: [OperatorCase] =
    reductions.flatMap {
      (reduction, combine) -> [OperatorCase] in
      let x = counting([3, 3]).map { $0 - 3 }
      let indices = Grid([2, 3], [0, -1, 1, 0, 2, 1])
      let updates = Grid([2, 3], [2, -3, 1, 5, 0, 2])
      return [0, 1].flatMap { (axis: Int) -> [OperatorCase] in
        // Updates come one after the other, so that of equal indices each counts.
        var values = x.values
        Grid.forEachIndex([2, 3]) { index in
          var target = index
          let given = Int(indices.at(index))
          target[axis] = given < 0 ? given + 3 : given
          let position = target[0] * 3 + target[1]
          values[position] = combine(values[position], updates.at(index))
        }
        return [DataType.float32, .int32, .float16, .float64].map { (type: DataType) -> OperatorCase in
          OperatorCase(
            "ScatterElements/\(reduction)/axis\(axis)/\(type.rawValue)",
            ScatterElements(axis: axis, reduction: reduction),
            [x.value(type), indices.value(.int64), updates.value(type)],
            gives: [Grid([3, 3], values).value(type)])
        }
      }
    } + [
      OperatorCase(
        "ScatterElements/strings", ScatterElements(),
        [strings(["a", "b", "c"]), vector([2, 0], .int32), strings(["x", "y"])],
        gives: [strings(["y", "b", "x"])]),
      OperatorCase(
        "ScatterElements/flags", ScatterElements(reduction: .add),
        [Grid([3], [0, 1, 0]).value(.bool), vector([0, 1]), Grid([2], [1, 1]).value(.bool)],
        gives: [Grid([3], [1, 1, 0]).value(.bool)]),
      OperatorCase(
        "ScatterElements/empty", ScatterElements(),
        [counting([0, 2]).value(), Grid([0, 2], []).value(.int64), counting([0, 2]).value()],
        gives: [counting([0, 2]).value()]),
      OperatorCase(
        "ScatterElements/bad", ScatterElements(),
        [counting([3]).value(), vector([-4]), counting([1]).value()],
        gives: [counting([3]).value()], fault: .indexOutOfRange(operand: 1)),
    ]

  private static let scatteredParts: [OperatorCase] =
    reductions.flatMap {
      (reduction, combine) -> [OperatorCase] in
      let x = counting([3, 2])
      var values = x.values
      for (update, row) in [2, 0, 2].enumerated() {
        for column in 0..<2 {
          values[row * 2 + column] = combine(values[row * 2 + column], Double(update * 2 + column) - 1)
        }
      }
      return [DataType.float32, .int64, .bfloat16].map { (type: DataType) -> OperatorCase in
        OperatorCase(
          "ScatterND/\(reduction)/\(type.rawValue)", ScatterND(reduction: reduction),
          [
            x.value(type), Grid([3, 1], [-1, 0, 2]).value(.int64),
            counting([3, 2]).map { $0 - 1 }.value(type),
          ],
          gives: [Grid([3, 2], values).value(type)])
      }
    } + [
      OperatorCase(
        "ScatterND/elements", ScatterND(),
        [
          counting([2, 3]).value(.int4), Grid([2, 2], [0, 2, 1, 0]).value(.int64),
          Grid([2], [7, 6]).value(.int4),
        ],
        gives: [Grid([2, 3], [0, 1, 7, 6, 4, 5]).value(.int4)]),
      OperatorCase(
        "ScatterND/bad", ScatterND(),
        [counting([2]).value(), Grid([1, 1], [2]).value(.int64), counting([1]).value()],
        gives: [counting([2]).value()], fault: .indexOutOfRange(operand: 1)),
    ]

  // MARK: - Others

  private static let hot: [([Int], [Int], Int, Int)] = [
    ([3], [0, 2, -1], 3, -1), ([2, 2], [1, 5, -4, 0], 3, 0), ([2, 2], [1, 0, 2, -3], 3, 1), ([], [1], 2, 0),
    ([2], [0, 1], 0, -1), ([0], [], 3, 0),
  ]

  private static let oneHots: [OperatorCase] = hot.flatMap {
    (sizes, indices, depth, axis) -> [OperatorCase] in
    let at = axis < 0 ? axis + sizes.count + 1 : axis
    let x = Grid(sizes, indices.map { Double($0) })
    var shape = sizes
    shape.insert(depth, at: at)
    let y = Grid(shape) { (index: [Int]) -> Double in
      var source = index
      let place = source.remove(at: at)
      let given = Int(x.at(source))
      return place == given || place == given + depth ? 5 : 2
    }
    return [(DataType.int64, DataType.float32), (.float32, .int32), (.int32, .float16), (.int8, .bool)].map {
      (type, result) -> OperatorCase in
      func fit(_ grid: Grid) -> RuntimeValue {
        grid.map { result == .bool ? $0 - ($0 == 5 ? 4 : 2) : $0 }.value(result)
      }
      return OperatorCase(
        "OneHot/\(sizes)\(indices)/\(depth)/axis\(axis)/\(type.rawValue)/\(result.rawValue)",
        OneHot(axis: axis),
        [x.value(type), Grid([], [Double(depth)]).value(type), fit(Grid([2], [2, 5]))], gives: [fit(y)])
    }
  }

  private static let compressed: [OperatorCase] = all([
    moved(
      "Compress/rows", Compress(axis: 0), counting([3, 2]), [Grid([3], [0, 1, 1]).value(.bool)],
      gives: Grid([2, 2], [2, 3, 4, 5])),
    moved(
      "Compress/columns", Compress(axis: -1), counting([3, 2]), [Grid([2], [0, 1]).value(.bool)],
      gives: Grid([3, 1], [1, 3, 5])),
    moved(
      "Compress/flat", Compress(), counting([3, 2]), [Grid([5], [0, 1, 0, 0, 1]).value(.bool)],
      gives: Grid([2], [1, 4])),
    moved(
      "Compress/none", Compress(axis: 1), counting([2, 2]), [Grid([2], [0, 0]).value(.bool)],
      gives: Grid([2, 0], [])),
    [
      OperatorCase(
        "Compress/bad", Compress(axis: 0), [counting([2]).value(), Grid([3], [0, 0, 1]).value(.bool)],
        gives: [counting([1]).value()], fault: .indexOutOfRange(operand: 1))
    ],
  ])

  private static let reversed: [OperatorCase] =
    [(0, 1), (1, 0)].flatMap { (time, batch) -> [OperatorCase] in
      let sizes = time == 0 ? [4, 3, 2] : [3, 4, 2]
      let lengths = [4, 1, 3]
      let x = counting(sizes)
      let y = Grid(sizes) { (index: [Int]) -> Double in
        var source = index
        let length = lengths[index[batch]]
        if index[time] < length { source[time] = length - 1 - index[time] }
        return x.at(source)
      }
      return moved(
        "ReverseSequence/time\(time)", ReverseSequence(timeAxis: time, batchAxis: batch), x,
        [vector(lengths)],
        gives: y)
    } + [
      OperatorCase(
        "ReverseSequence/bad", ReverseSequence(), [counting([2, 1]).value(), vector([3])],
        gives: [counting([2, 1]).value()], fault: .indexOutOfRange(operand: 1))
    ]

  private static let centers: [([Int], [Int], [Int]?)] = [
    ([5], [3], nil), ([5], [2], nil), ([3], [6], nil), ([4, 3], [7, 2], nil), ([2, 3, 4], [5, 1], [2, 0]),
    ([2, 3], [2], [-1]), ([3], [0], nil), ([0, 2], [2, 2], nil),
  ]

  private static let centered: [OperatorCase] =
    centers.flatMap { (sizes, target, axes) -> [OperatorCase] in
      let x = counting(sizes).map { $0 + 1 }
      var result = sizes
      for (i, axis) in (axes ?? Array(sizes.indices)).enumerated() {
        result[axis < 0 ? axis + sizes.count : axis] = target[i]
      }
      let y = Grid(result) { (index: [Int]) -> Double in
        x.at(
          index.indices.map { (axis: Int) -> Int in
            let (from, to) = (sizes[axis], result[axis])
            return to < from ? index[axis] + (from - to) / 2 : index[axis] - (to - from) / 2
          })
      }
      return [DataType.float32, .int64, .float16, .int4].map { (type: DataType) -> OperatorCase in
        func fit(_ grid: Grid) -> RuntimeValue {
          grid.map { type == .int4 ? $0.truncatingRemainder(dividingBy: 8) : $0 }.value(type)
        }
        return OperatorCase(
          "CenterCropPad/\(sizes)\(target)\(axes ?? [])/\(type.rawValue)", CenterCropPad(axes: axes),
          [fit(x), vector(target)], gives: [fit(y)])
      }
    } + [
      OperatorCase(
        "CenterCropPad/bomb", CenterCropPad(), [counting([1, 1]).value(), vector([1 << 31, 1 << 31])],
        gives: [counting([1, 1]).value()], fault: .budget)
    ]
}
