import IR
import Operators
import Tensors
import TestSupport

extension OperatorSuite {
  // The logical value stays; that the bytes are in the order asked for is tested with the kernel.
  static let storage: [OperatorCase] =
    [permuted]
    + reordered.map { (sizes: [Int]) -> OperatorCase in
      OperatorCase(
        "Reorder/channelsLast/\(sizes)", Reorder(to: .channelsLast(.float32, rank: sizes.count)),
        [counting(sizes).value()], gives: [counting(sizes).value()])
    }

  private static let reordered: [[Int]] = [
    [1, 3, 4, 5], [2, 17, 3, 3], [1, 1, 2, 7], [0, 2, 3, 3], [2, 3, 5],
  ]
  private static let permuted = OperatorCase(
    "Reorder/permuted", Reorder(to: Format(storage: .int64, layout: .permuted([1, 0]))),
    [counting([3, 5]).value(.int64)], gives: [counting([3, 5]).value(.int64)])
}
