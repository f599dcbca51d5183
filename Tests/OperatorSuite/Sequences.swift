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
  ]

  private static func position(_ number: Double) -> RuntimeValue { Grid([], [number]).value(.int64) }
}
