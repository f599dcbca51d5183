import IR
import Kernels
import Operators
import Tensors
import TestSupport

extension OperatorSuite {
  private static let first = counting([2]).value()
  private static let second = counting([3, 2]).value()

  static let sequences: [OperatorCase] = [
    OperatorCase(
      "SequenceConstruct/two", SequenceConstruct(), [first, second], gives: [.sequence([first, second])]),
    OperatorCase(
      "SequenceAt/first", SequenceAt(), [.sequence([first, second]), position(0)], gives: [first]),
    OperatorCase(
      "SequenceAt/last", SequenceAt(), [.sequence([first, second]), position(-1)], gives: [second]),
    OperatorCase(
      "SequenceAt/beyond", SequenceAt(), [.sequence([first, second]), position(2)], gives: [first],
      fault: .indexOutOfRange(operand: 1)),
    OperatorCase("SequenceLength/two", SequenceLength(), [.sequence([first, second])], gives: [position(2)]),
    OperatorCase("SequenceLength/none", SequenceLength(), [.sequence([])], gives: [position(0)]),
    OperatorCase("SequenceEmpty", SequenceEmpty(dataType: .float32), [], gives: [.sequence([])]),
    OperatorCase(
      "SequenceInsert/end", SequenceInsert(), [.sequence([first]), second],
      gives: [.sequence([first, second])]),
    OperatorCase(
      "SequenceInsert/front", SequenceInsert(), [.sequence([first]), second, position(-1)],
      gives: [.sequence([second, first])]),
    OperatorCase(
      "SequenceInsert/behind", SequenceInsert(), [.sequence([first]), second, position(1)],
      gives: [.sequence([first, second])]),
    OperatorCase(
      "SequenceInsert/beyond", SequenceInsert(), [.sequence([first]), second, position(2)],
      gives: [.sequence([first])], fault: .indexOutOfRange(operand: 2)),
    OperatorCase(
      "SequenceErase/last", SequenceErase(), [.sequence([first, second])], gives: [.sequence([first])]),
    OperatorCase(
      "SequenceErase/first", SequenceErase(), [.sequence([first, second]), position(0)],
      gives: [.sequence([second])]),
    OperatorCase(
      "SequenceErase/none", SequenceErase(), [.sequence([])], gives: [.sequence([])],
      fault: .indexOutOfRange(operand: 1)),
    split(
      "ones", SplitToSequence(axis: 1, keepDims: false), nil,
      [part([2], [1, 4]), part([2], [2, 5]), part([2], [3, 6])]),
    split("kept", SplitToSequence(), nil, [part([1, 3], [1, 2, 3]), part([1, 3], [4, 5, 6])]),
    split(
      "twos", SplitToSequence(axis: -1), Grid([], [2]),
      [part([2, 2], [1, 2, 4, 5]), part([2, 1], [3, 6])]),
    split(
      "sizes", SplitToSequence(axis: 1), Grid([3], [1, 0, 2]),
      [part([2, 1], [1, 4]), part([2, 0], []), part([2, 2], [2, 3, 5, 6])]),
    OperatorCase(
      "ConcatFromSequence/axis", ConcatFromSequence(axis: 0),
      [.sequence([part([1, 2], [1, 2]), part([2, 2], [3, 4, 5, 6])])],
      gives: [part([3, 2], [1, 2, 3, 4, 5, 6])]),
    OperatorCase(
      "ConcatFromSequence/new", ConcatFromSequence(axis: -1, newAxis: true),
      [.sequence([part([2], [1, 2]), part([2], [3, 4])])], gives: [part([2, 2], [1, 3, 2, 4])]),
    OperatorCase(
      "ConcatFromSequence/none", ConcatFromSequence(axis: 0), [.sequence([])], gives: [first],
      fault: .notRepresentable),
    OperatorCase("Optional/some", OptionalOf(), [first], gives: [first]),
    OperatorCase("Optional/none", OptionalOf(dataType: .float32), [], gives: [.absent]),
    OperatorCase("OptionalHasElement/some", OptionalHasElement(), [first], gives: [flag(1)]),
    OperatorCase("OptionalHasElement/none", OptionalHasElement(), [.absent], gives: [flag(0)]),
    OperatorCase("OptionalHasElement/left-out", OptionalHasElement(), [], gives: [flag(0)]),
    OperatorCase("OptionalGetElement/some", OptionalGetElement(), [first], gives: [first]),
    OperatorCase(
      "OptionalGetElement/none", OptionalGetElement(), [.absent], gives: [first], fault: .notRepresentable),
  ]

  private static func flag(_ number: Double) -> RuntimeValue { Grid([], [number]).value(.bool) }
  private static func part(_ sizes: [Int], _ values: [Double]) -> RuntimeValue { Grid(sizes, values).value() }

  /// Parts of the matrix [[1, 2, 3], [4, 5, 6]].
  private static func split(
    _ label: String, _ op: SplitToSequence, _ sizes: Grid?, _ parts: [RuntimeValue]
  ) -> OperatorCase {
    OperatorCase(
      "SplitToSequence/\(label)", op,
      [part([2, 3], [1, 2, 3, 4, 5, 6])] + (sizes.map { [$0.value(.int64)] } ?? []),
      gives: [.sequence(parts)])
  }

  private static func position(_ number: Double) -> RuntimeValue { Grid([], [number]).value(.int64) }
}
