import IR
import Kernels
import Operators
import Tensors
import TestSupport

extension OperatorSuite {
  static let generation: [OperatorCase] = all([shapes, counts, ranges, fills])

  private static let shaped: [([Int], Int, Int?, [Int])] = [
    ([2, 3, 5], 0, nil, [2, 3, 5]), ([2, 3, 5], 1, nil, [3, 5]), ([2, 3, 5], 0, -1, [2, 3]),
    ([2, 3, 5], -2, 2, [3]),
    ([2, 3, 5], 2, 1, []), ([2, 3, 5], -9, 9, [2, 3, 5]), ([], 0, nil, []), ([0, 7], 0, nil, [0, 7]),
  ]

  private static let shapes: [OperatorCase] = shaped.map { (sizes, start, end, result) -> OperatorCase in
    OperatorCase(
      "Shape/\(sizes)/\(start)..\(String(describing: end))", Shape(start: start, end: end),
      [counting(sizes).value()],
      gives: [vector(result)])
  }

  private static let counted: [([Int], Double)] = [([2, 3], 6), ([], 1), ([0, 5], 0)]
  private static let ofStrings = OperatorCase(
    "Shape/strings", Shape(), [strings(["a", "b"])], gives: [vector([2])])

  private static let counts: [OperatorCase] =
    [ofStrings]
    + counted.map { (sizes, count) -> OperatorCase in
      OperatorCase(
        "Size/\(sizes)", Size(), [counting(sizes).value()], gives: [Grid([], [count]).value(.int64)])
    }

  private static func rangeCase(
    _ type: DataType, _ start: Double, _ limit: Double, _ delta: Double, gives values: [Double],
    fault: KernelFault? = nil
  ) -> OperatorCase {
    OperatorCase(
      "Range/\(type.rawValue)/\(start)/\(limit)/\(delta)", Operators.Range(),
      [start, limit, delta].map { Grid([], [$0]).value(type) },
      gives: [Grid([values.count], values).value(type)],
      .float32, fault: fault)
  }

  private static let ranges: [OperatorCase] = [
    rangeCase(.int64, 0, 5, 1, gives: [0, 1, 2, 3, 4]), rangeCase(.int64, 10, 4, -2, gives: [10, 8, 6]),
    rangeCase(.int32, 1, 8, 3, gives: [1, 4, 7]), rangeCase(.int32, 5, 5, 1, gives: []),
    rangeCase(.int64, 0, -3, 1, gives: []), rangeCase(.float32, 0, 1, 0.25, gives: [0, 0.25, 0.5, 0.75]),
    rangeCase(.float32, 1, 0, -0.5, gives: [1, 0.5]),
    rangeCase(.float64, 0, 1, 0.3, gives: [0, 0.3, 0.6, 0.9]),
    rangeCase(.int16, -2, 3, 2, gives: [-2, 0, 2]),
    rangeCase(.int64, 0, 5, 0, gives: [0], fault: .divisionByZero),
    rangeCase(.int64, 0, 0x1p62, 1, gives: [0], fault: .budget),
    rangeCase(.float32, 0, .infinity, 1, gives: [0], fault: .budget),
    rangeCase(.float32, 0, .nan, 1, gives: [0], fault: .notRepresentable),
  ]

  private static func fillCase(_ type: DataType, _ fill: Scalar, _ sizes: [Int], _ value: Double)
    -> [OperatorCase]
  {
    let y = Grid(sizes) { _ in value }
    return [
      OperatorCase(
        "ConstantOfShape/\(type.rawValue)\(sizes)",
        ConstantOfShape(dataType: type, fill: fill, target: sizes), [],
        gives: [y.value(type)]),
      OperatorCase(
        "ConstantOfShape/\(type.rawValue)\(sizes)/operand", ConstantOfShape(dataType: type, fill: fill),
        [vector(sizes)], gives: [y.value(type)]),
    ]
  }

  private static let fills: [OperatorCase] = all([
    fillCase(.float32, .real(0.5), [2, 3], 0.5), fillCase(.int64, .integer(-7), [3], -7),
    fillCase(.float32, .real(0), [], 0), fillCase(.int32, .integer(1), [0, 2], 1),
    fillCase(.bool, .integer(1), [4], 1), fillCase(.float16, .real(1.5), [3], 1.5),
    fillCase(.int4, .integer(-3), [5], -3), fillCase(.uint8, .integer(200), [2, 2], 200),
    [
      OperatorCase(
        "ConstantOfShape/bomb", ConstantOfShape(dataType: .float32, fill: .real(0)), [vector([1 << 40])],
        gives: [counting([1]).value()], fault: .budget),
      OperatorCase(
        "ConstantOfShape/overflow", ConstantOfShape(dataType: .float32, fill: .real(0)),
        [vector([1 << 40, 1 << 40])],
        gives: [counting([1]).value()], fault: .budget),
    ],
  ])
}
