import IR
import Kernels
import Operators
import Tensors
import TestSupport

extension OperatorSuite {
  static let ordering: [OperatorCase] = all([tops, uniques, hardmaxima, cumulated])

  // MARK: - TopK

  private static let searched: [([Int], Int, Int, Bool)] = [
    ([7], 3, 0, true), ([7], 3, 0, false), ([3, 5], 2, -1, true), ([5, 3], 2, 0, false),
    ([2, 4, 3], 4, 1, true),
    ([4], 0, 0, true), ([0, 3], 2, 1, true), ([2, 100], 80, 1, true), ([3, 100], 7, -1, false),
  ]

  private static let tops: [OperatorCase] =
    searched.flatMap { (sizes, k, axis, largest) -> [OperatorCase] in
      let at = axis < 0 ? axis + sizes.count : axis
      // Every value comes several times.
      let x = Grid(sizes) { (i: [Int]) -> Double in Double(i.reduce(3) { $0 * 31 + $1 * 17 } % 11) }
      var shape = sizes
      shape[at] = k
      func place(_ index: [Int]) -> Int {
        let row = (0..<sizes[at]).map { (i: Int) -> Double in
          var source = index
          source[at] = i
          return x.at(source)
        }
        let order = row.indices.sorted { row[$0] == row[$1] ? $0 < $1 : (row[$0] > row[$1]) == largest }
        return order[index[at]]
      }
      let indices = Grid(shape) { Double(place($0)) }
      let values = Grid(shape) { (index: [Int]) -> Double in
        var source = index
        source[at] = place(index)
        return x.at(source)
      }
      return [DataType.float32, .int64, .float16, .uint8].map { (type: DataType) -> OperatorCase in
        OperatorCase(
          "TopK/\(sizes)/\(k)/axis\(axis)/\(largest)/\(type.rawValue)", TopK(axis: axis, largest: largest),
          [x.value(type), vector([k])], gives: [values.value(type), indices.value(.int64)])
      }
    } + [
      OperatorCase(
        "TopK/nan", TopK(), [Grid([4], [1, .nan, .infinity, 0]).value(), vector([2])],
        gives: [Grid([2], [.nan, .infinity]).value(), vector([1, 2])]),
      OperatorCase(
        "TopK/values only", TopK(largest: false), [Grid([3], [2, 0, 1]).value(), vector([2])],
        gives: [Grid([2], [0, 1]).value(), nil]),
      OperatorCase(
        "TopK/too many", TopK(), [counting([3]).value(), vector([4])], gives: [counting([4]).value()],
        fault: .notRepresentable),
    ]

  // MARK: - Unique

  private static func unique(
    _ label: String, _ op: Unique, _ x: Grid, gives y: Grid, _ first: [Int], _ inverse: [Int],
    _ counts: [Int],
    _ types: [DataType] = [.float32, .int64, .uint8, .float16, .int4]
  ) -> [OperatorCase] {
    types.map { (type: DataType) -> OperatorCase in
      OperatorCase(
        "Unique/\(label)/\(type.rawValue)", op, [x.value(type)],
        gives: [y.value(type), vector(first), vector(inverse), vector(counts)])
    }
  }

  private static let uniques: [OperatorCase] = all([
    unique(
      "sorted", Unique(), Grid([6], [2, 1, 1, 3, 4, 3]), gives: Grid([4], [1, 2, 3, 4]), [1, 0, 3, 4],
      [1, 0, 0, 2, 3, 2], [2, 1, 2, 1]),
    unique(
      "unsorted", Unique(sorted: false), Grid([2, 3], [2, 1, 1, 3, 4, 3]), gives: Grid([4], [2, 1, 3, 4]),
      [0, 1, 3, 4], [0, 1, 1, 2, 3, 2], [1, 2, 2, 1]),
    unique(
      "rows", Unique(axis: 0), Grid([3, 2], [1, 0, 1, 0, 0, 7]), gives: Grid([2, 2], [0, 7, 1, 0]), [2, 0],
      [1, 1, 0], [1, 2]),
    unique(
      "columns", Unique(axis: -1), Grid([2, 3], [1, 0, 1, 2, 3, 2]), gives: Grid([2, 2], [0, 1, 3, 2]),
      [1, 0],
      [1, 0, 1], [1, 2]),
    unique("none", Unique(), Grid([0], []), gives: Grid([0], []), [], [], []),
    unique(
      "nan", Unique(), Grid([4], [.nan, 0, .nan, -1]), gives: Grid([3], [-1, 0, .nan]), [3, 1, 0],
      [2, 1, 2, 0],
      [1, 1, 2], [.float32, .float64]),
    [
      OperatorCase(
        "Unique/strings", Unique(), [strings(["b", "a", "b"])],
        gives: [strings(["a", "b"]), vector([1, 0]), nil, vector([1, 2])])
    ],
  ])

  // MARK: - Hardmax, running sums

  private static let hardmaxima: [OperatorCase] = [
    ([2, 3, 4], 1, false), ([2, 3, 4], -1, false), ([2, 3, 4], 1, true), ([5], 0, false), ([2, 0], 1, false),
  ].map { (sizes: [Int], axis: Int, flattens: Bool) -> OperatorCase in
    let at = axis < 0 ? axis + sizes.count : axis
    let x = Grid(sizes) { (i: [Int]) -> Double in Double(i.reduce(2) { $0 * 7 + $1 * 5 } % 6) }
    func row(_ index: [Int]) -> [[Int]] {
      var all: [[Int]] = []
      Grid.forEachIndex(sizes) { other in
        let isSame = sizes.indices.allSatisfy {
          (flattens ? $0 >= at : $0 == at) || other[$0] == index[$0]
        }
        if isSame { all.append(other) }
      }
      return all
    }
    let y = Grid(sizes) { (index: [Int]) -> Double in
      let members = row(index)
      let highest = members.map { x.at($0) }.max() ?? 0
      return members.first { x.at($0) == highest } == index ? 1 : 0
    }
    return OperatorCase(
      "Hardmax/\(sizes)/\(axis)/\(flattens)", Hardmax(axis: axis, flattens: flattens), [x.value()],
      gives: [y.value()])
  }

  private static let cumulated: [OperatorCase] = [
    ([5], 0), ([2, 3], 0), ([2, 3], -1), ([2, 3, 2], 1), ([0, 2], 0),
  ].flatMap { (sizes: [Int], axis: Int) -> [OperatorCase] in
    let at = axis < 0 ? axis + sizes.count : axis
    let x = counting(sizes).map { $0.truncatingRemainder(dividingBy: 3) + 1 }
    return [Cumulative.Function.sum, .prod].flatMap { (function) -> [OperatorCase] in
      [(false, false), (true, false), (false, true), (true, true)].flatMap {
        (exclusive, reverse) -> [OperatorCase] in
        let y = Grid(sizes) { (index: [Int]) -> Double in
          let i = index[at]
          let members =
            reverse
            ? Array((exclusive ? i + 1 : i)..<max(sizes[at], i + 1)) : Array(0..<(exclusive ? i : i + 1))
          return members.reduce(function == .sum ? 0 : 1) { (total: Double, m: Int) -> Double in
            var source = index
            source[at] = m
            return function == .sum ? total + x.at(source) : total * x.at(source)
          }
        }
        return [DataType.float32, .int32, .float16].map { (type: DataType) -> OperatorCase in
          OperatorCase(
            "Cumulative/\(function)/\(sizes)/axis\(axis)/\(exclusive)/\(reverse)/\(type.rawValue)",
            Cumulative(function, exclusive: exclusive, reverse: reverse),
            [x.value(type), Grid([], [Double(axis)]).value(.int64)], gives: [y.value(type)])
        }
      }
    }
  }
}
