import Glibc
import IR
import Operators
import Tensors
import TestSupport

extension OperatorSuite {
  static let softmax: [OperatorCase] = softmaxCases

  private static func pair(
    _ label: String, _ sizes: [Int], axis: Int, flattens: Bool = false, type: DataType = .float32,
    range: ClosedRange<Float> = -4...4
  ) -> [OperatorCase] {
    var generator = SeededGenerator(label)
    let x = Grid.reals(sizes, in: range, &generator)
    let first = axis < 0 ? axis + sizes.count : axis
    let isReduced = sizes.indices.map { flattens ? $0 >= first : $0 == first }
    func logSum(_ index: [Int]) -> Double {
      var terms: [Double] = []
      Grid.forEachIndex(zip(sizes, isReduced).map { $1 ? $0 : 1 }) { inner in
        terms.append(x.at(index.indices.map { isReduced[$0] ? inner[$0] : index[$0] }))
      }
      let highest = terms.max() ?? 0
      return highest + log(terms.reduce(0) { $0 + exp($1 - highest) })
    }
    let tolerance = OperatorCase.Tolerance.close(
      relative: type == .float16 ? 6e-3 : 2e-6, absolute: type == .float16 ? 4e-3 : 1e-6)
    let logarithms = Grid(sizes) { x.at($0) - logSum($0) }
    return [
      OperatorCase(
        "Softmax/\(label)", Softmax(axis: axis, flattens: flattens), [x.value(type)],
        gives: [logarithms.map { exp($0) }.value(type)], tolerance),
      OperatorCase(
        "LogSoftmax/\(label)", LogSoftmax(axis: axis, flattens: flattens), [x.value(type)],
        gives: [logarithms.value(type)], tolerance),
    ]
  }

  private static let softmaxCases: [OperatorCase] =
    all([
      pair("last", [2, 3, 5], axis: -1), pair("middle", [2, 7, 3], axis: 1), pair("first", [5, 2], axis: 0),
      pair("vector", [17], axis: 0), pair("one", [3, 1], axis: 1),
      pair("large", [2, 5], axis: 1, range: 80...1000),
      pair("flattened", [2, 3, 5], axis: 1, flattens: true),
      pair("flattened/all", [2, 3], axis: 0, flattens: true),
      pair("batch0", [0, 3], axis: 1), pair("float64", [2, 5], axis: 1, type: .float64),
      pair("float16", [2, 5], axis: 1, type: .float16),
    ])
}
