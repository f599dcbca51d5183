import Glibc
import IR
import Kernels
import Operators
import Tensors
import TestSupport

extension OperatorSuite {
  static let reduction: [OperatorCase] = all([reductions, emptyReductions, nothings, positions, noPositions])

  private static func meaning(_ function: Reduce.Function) -> ([Double]) -> Double {
    switch function {
    case .sum: { $0.reduce(0, +) }
    case .mean: { $0.reduce(0, +) / Double($0.count) }
    case .max: { $0.max() ?? -.infinity }
    case .min: { $0.min() ?? .infinity }
    case .prod: { $0.reduce(1, *) }
    case .l1: { $0.reduce(0) { $0 + abs($1) } }
    case .l2: { sqrt($0.reduce(0) { $0 + $1 * $1 }) }
    case .logSum: { log($0.reduce(0, +)) }
    case .logSumExp: { log($0.reduce(0) { $0 + exp($1) }) }
    case .sumSquare: { $0.reduce(0) { $0 + $1 * $1 } }
    }
  }

  /// Indices of the result without the reduced axes kept, and of the elements that each takes.
  private static func reduced(_ x: Grid, _ axes: [Int], keepDims: Bool, _ body: ([Double]) -> Double) -> Grid
  {
    let axes = axes.map { $0 < 0 ? $0 + x.rank : $0 }
    let kept = Grid(x.sizes.indices.map { axes.contains($0) ? 1 : x.sizes[$0] }) { index in
      var values: [Double] = []
      Grid.forEachIndex(x.sizes.indices.map { axes.contains($0) ? x.sizes[$0] : 1 }) { inner in
        values.append(x.at(zip(index, inner).map { $0 + $1 }))
      }
      return body(values)
    }
    return keepDims
      ? kept : Grid(x.sizes.indices.filter { !axes.contains($0) }.map { x.sizes[$0] }, kept.values)
  }

  private static func reduceCase(
    _ function: Reduce.Function, _ sizes: [Int], _ axes: [Int]?, keepDims: Bool = true, noop: Bool = false,
    operand: [Int]? = nil, type: DataType = .float32
  ) -> OperatorCase {
    var name = "Reduce/\(function)/\(sizes)/"
    if let axes {
      name += "\(axes)"
    } else if let operand {
      name += "operand\(operand)"
    } else {
      name += "all"
    }
    if !keepDims { name += "/dropped" }
    if noop { name += "/noop" }
    name += "/\(type.rawValue)"
    var generator = SeededGenerator(name)
    let x = Grid(sizes) { _ in Double(Int.random(in: 1...4, using: &generator)) }
    var effective = axes ?? operand ?? []
    if effective.isEmpty && !noop { effective = Array(sizes.indices) }
    let y = reduced(x, effective, keepDims: keepDims, meaning(function))
    let whole = type.isInteger ? y.map { $0.rounded(.towardZero) } : y
    var inputs: [RuntimeValue?] = [x.value(type)]
    if let operand { inputs.append(Grid([operand.count], operand.map { Double($0) }).value(.int64)) }
    return OperatorCase(
      name, Reduce(function, axes: axes, keepDims: keepDims, noopWithEmptyAxes: noop), inputs,
      gives: [whole.value(type)],
      type == .float16 ? .close(relative: 1e-3, absolute: 0) : .float32)
  }

  private static let reductions: [OperatorCase] = Reduce.Function.allCases.flatMap {
    (function) -> [OperatorCase] in
    let hasIntegers = function != .l2 && function != .logSum && function != .logSumExp
    let integers = [DataType.int32, .int64].map { reduceCase(function, [3, 4], [0], type: $0) }
    return (hasIntegers ? integers : []) + [
      reduceCase(function, [2, 3, 5], [1]), reduceCase(function, [2, 3, 5], [-1], keepDims: false),
      reduceCase(function, [2, 3, 5], [0, 2]), reduceCase(function, [2, 3, 5], nil),
      reduceCase(function, [2, 3, 5], nil, keepDims: false), reduceCase(function, [2, 17, 4, 4], [2, 3]),
      reduceCase(function, [7], [0]), reduceCase(function, [], nil),
      reduceCase(function, [3, 5], [], noop: true), reduceCase(function, [3, 5], nil, operand: [0]),
      reduceCase(function, [0, 3], [1]), reduceCase(function, [3, 4], [1], type: .float64),
      reduceCase(function, [3, 4], [1], type: .float16),
    ]
  }

  /// Over no elements: the neutral element.
  private static let neutral: [(Reduce.Function, Double)] = [
    (.sum, 0), (.prod, 1), (.max, -.infinity), (.min, .infinity), (.l1, 0), (.l2, 0), (.sumSquare, 0),
    (.mean, .nan), (.logSum, -.infinity), (.logSumExp, -.infinity),
  ]

  private static let emptyReductions: [OperatorCase] = neutral.map { (function, value) -> OperatorCase in
    OperatorCase(
      "Reduce/\(function)/nothing", Reduce(function, axes: [1]), [Grid([2, 0], []).value()],
      gives: [Grid([2, 1], [value, value]).value()])
  }

  private static let nothings: [OperatorCase] = [
    OperatorCase(
      "Reduce/max/int32/nothing", Reduce(.max, axes: [0]), [Grid([0, 1], []).value(.int32)],
      gives: [Grid([1, 1], [Double(Int32.min)]).value(.int32)]),
    OperatorCase(
      "Reduce/min/bool", Reduce(.min, axes: [1]), [Grid([2, 2], [1, 1, 0, 1]).value(.bool)],
      gives: [Grid([2, 1], [1, 0]).value(.bool)]),
    OperatorCase(
      "Reduce/logSumExp/large", Reduce(.logSumExp, axes: [0]), [Grid([2], [1000, 1000]).value()],
      gives: [Grid([1], [1000 + log(2)]).value()], .float32),
    OperatorCase(
      "Reduce/max/nan", Reduce(.max, axes: [0]), [Grid([3], [1, .nan, 2]).value()],
      gives: [Grid([1], [.nan]).value()]),
  ]

  private static func positionCase(
    _ function: ArgReduce.Function, _ sizes: [Int], axis: Int, keepDims: Bool = true, last: Bool = false,
    type: DataType = .float32
  ) -> OperatorCase {
    var name = "ArgReduce/\(function)/\(sizes)/axis\(axis)/\(type.rawValue)"
    if !keepDims { name += "/dropped" }
    if last { name += "/last" }
    var generator = SeededGenerator(name)
    let x = Grid.integers(sizes, bound: 2, &generator)
    let y = reduced(x, [axis], keepDims: keepDims) { (values: [Double]) -> Double in
      let best = (function == .max ? values.max() : values.min()) ?? 0
      return Double((last ? values.lastIndex(of: best) : values.firstIndex(of: best)) ?? 0)
    }
    return OperatorCase(
      name, ArgReduce(function, axis: axis, keepDims: keepDims, selectLast: last), [x.value(type)],
      gives: [y.value(.int64)])
  }

  private static let positions: [OperatorCase] = [ArgReduce.Function.max, .min].flatMap {
    (function) -> [OperatorCase] in
    [
      positionCase(function, [3, 7], axis: 1), positionCase(function, [3, 7], axis: 0),
      positionCase(function, [2, 5, 3], axis: -2, keepDims: false),
      positionCase(function, [9], axis: 0, last: true),
      positionCase(function, [2, 9], axis: 1, last: true), positionCase(function, [0, 3], axis: 1),
      positionCase(function, [3, 5], axis: 1, type: .int32),
      positionCase(function, [3, 5], axis: 1, type: .float64),
      positionCase(function, [3, 5], axis: 1, type: .int8),
      positionCase(function, [3, 5], axis: 1, type: .float16),
    ]
  }

  private static let noPositions: [OperatorCase] = [
    OperatorCase(
      "ArgReduce/max/nothing", ArgReduce(.max, axis: 0), [Grid([0, 2], []).value()],
      gives: [Grid([1, 2], [0, 0]).value(.int64)], fault: .indexOutOfRange(operand: 0))
  ]
}
