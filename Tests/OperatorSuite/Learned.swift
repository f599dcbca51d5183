import Glibc
import IR
import Kernels
import Operators
import Tensors
import TestSupport

extension OperatorSuite {
  private static func int64s(_ sizes: [Int], _ values: [Double]) -> RuntimeValue {
    Grid(sizes, values).value(.int64)
  }
  private static func labels(_ words: [String]) -> RuntimeValue {
    // As many words as the size says.
    .tensor(try! Tensor(strings: words.map { Array($0.utf8) }, sizes: [words.count]))
  }

  private static func word(_ word: String) -> RuntimeValue {
    .tensor(try! Tensor(strings: [Array(word.utf8)], sizes: []))
  }

  /// x[0] ≤ 1 ? (x[1] > 0 ? leaf 0 : leaf 1) : leaf 2, and a tree that is leaf 3. Leaf 2 weighs both targets.
  private static func forest(
    _ label: String, _ aggregate: TreeEnsemble.Aggregate, _ x: Grid, base: [Double]? = nil, gives y: Grid
  ) -> OperatorCase {
    let nodes: [Double] = [0, 0, 1, -3, 0, 1, 3, -1, -2, 1]
    var inputs: [RuntimeValue?] = [
      x.value(), int64s([2, 5], nodes), Grid([2], [1, 0]).value(), int64s([2], [0, -4]),
      int64s([5], [0, 1, 2, 4, 5]), int64s([5], [0, 0, 0, 1, 1]), Grid([5], [1, 2, 3, 4, 8]).value(),
    ]
    if let base { inputs.append(Grid([2], base).value()) }
    return OperatorCase(
      "TreeEnsemble/\(label)", TreeEnsemble(targets: 2, aggregate: aggregate), inputs, gives: [y.value()])
  }

  private static let rows = Grid([4, 2], [0, 1, 1, -1, 2, 0, 0, .nan])

  private static let ensembles: [OperatorCase] = [
    forest("sum", .sum, rows, gives: Grid([4, 2], [1, 8, 2, 8, 3, 12, 1, 8])),
    forest("average", .average, rows, gives: Grid([4, 2], [0.5, 4, 1, 4, 1.5, 6, 0.5, 4])),
    forest("min", .min, rows, base: [1, 0], gives: Grid([4, 2], [2, 8, 3, 8, 4, 4, 2, 8])),
    forest("max", .max, rows, gives: Grid([4, 2], [1, 8, 2, 8, 3, 8, 1, 8])),
    forest("rows0", .sum, Grid([0, 2], []), gives: Grid([0, 2], [])),
    OperatorCase(
      "TreeEnsemble/member", TreeEnsemble(targets: 1),
      [
        Grid([3, 1], [1, 4, 5]).value(), int64s([1, 5], [0, 6, -1, -2, 0]), Grid([1], [0]).value(),
        int64s([1], [0]),
        int64s([3], [0, 1, 2]), int64s([2], [0, 0]), Grid([2], [10, 20]).value(), nil, int64s([2], [0, 2]),
        Grid([2], [1, 5]).value(),
      ], gives: [Grid([3, 1], [10, 20, 10]).value()]),
    OperatorCase(
      "TreeEnsemble/circle", TreeEnsemble(targets: 1),
      [
        Grid([1, 1], [1]).value(), int64s([1, 5], [0, 0, 0, 0, 0]), Grid([1], [0]).value(), int64s([1], [0]),
        int64s([1], [0]), int64s([0], []), Grid([0], []).value(),
      ], gives: [Grid([1, 1], [0]).value()], fault: .notRepresentable),
    OperatorCase(
      "TreeEnsemble/feature", TreeEnsemble(targets: 1),
      [
        Grid([1, 1], [1]).value(), int64s([1, 5], [7, 0, -1, -1, 0]), Grid([1], [0]).value(),
        int64s([1], [0]),
        int64s([2], [0, 0]), int64s([0], []), Grid([0], []).value(),
      ], gives: [Grid([1, 1], [0]).value()], fault: .indexOutOfRange(operand: 1)),
  ]

  private static let vectors: [RuntimeValue?] = [
    Grid([1, 2], [1, 2]).value(), Grid([2, 2], [1, 0, 3, 1]).value(), Grid([2], [2, -1]).value(),
    Grid([1], [0.5]).value(),
  ]

  private static let machines: [OperatorCase] = [
    OperatorCase(
      "SupportVectors/linear", SupportVectors(.linear, gamma: 0, coefficient: 0, degree: 0), vectors,
      gives: [Grid([1, 1], [2 - 5 + 0.5]).value()]),
    OperatorCase(
      "SupportVectors/poly", SupportVectors(.poly, gamma: 2, coefficient: 1, degree: 2), vectors,
      gives: [Grid([1, 1], [2 * 9 - 121 + 0.5]).value()]),
    OperatorCase(
      "SupportVectors/rbf", SupportVectors(.rbf, gamma: 0.5, coefficient: 0, degree: 0), vectors,
      gives: [Grid([1, 1], [2 * exp(-2) - exp(-2.5) + 0.5]).value()], .float32),
    OperatorCase(
      "SupportVectors/classes",
      SupportVectors(.linear, gamma: 0, coefficient: 0, degree: 0, perClass: [1, 1, 0]),
      [
        Grid([1, 2], [1, 2]).value(), Grid([2, 2], [1, 0, 3, 1]).value(), Grid([4], [1, 2, 3, 4]).value(),
        Grid([3], [-12, 0, 1]).value(),
      ], gives: [Grid([1, 3], [-12 + 1 + 10, 3, 1 + 20]).value(), Grid([1, 3], [1, 2, 0]).value()]),
    OperatorCase(
      "SupportVectors/probabilities",
      SupportVectors(.linear, gamma: 0, coefficient: 0, degree: 0, perClass: [1, 1]),
      [
        Grid([1, 2], [1, 2]).value(), Grid([2, 2], [1, 0, 3, 1]).value(), Grid([2], [1, -1]).value(),
        Grid([1], [4]).value(), Grid([1], [1]).value(), Grid([1], [0]).value(),
      ], gives: [Grid([1, 2], [0.5, 0.5]).value(), Grid([1, 2], [0, 1]).value()], .float32),
  ]

  private static let decisions: [OperatorCase] = [
    OperatorCase(
      "Classify/largest", Classify(),
      [Grid([3, 3], [1, 3, 2, 0, -1, 0, 2, 2, 2]).value(), int64s([3], [7, 8, 9])],
      gives: [int64s([3], [8, 7, 7]), Grid([3, 3], [1, 3, 2, 0, -1, 0, 2, 2, 2]).value()]),
    OperatorCase(
      "Classify/probability", Classify(complement: .probability, threshold: 0.5),
      [Grid([2, 1], [0.75, 0.5]).value(), labels(["no", "yes"])],
      gives: [labels(["yes", "no"]), Grid([2, 2], [0.25, 0.75, 0.5, 0.5]).value()]),
    OperatorCase(
      "Classify/negative", Classify(complement: .negative, threshold: 0),
      [Grid([2, 1], [-1, 2]).value(), int64s([2], [4, 5])],
      gives: [int64s([2], [4, 5]), Grid([2, 2], [1, -1, -2, 2]).value()]),
    OperatorCase(
      "Classify/logistic", Classify(complement: .probability, threshold: 0, transform: .logistic),
      [Grid([1, 1], [0]).value(), int64s([2], [4, 5])],
      gives: [int64s([1], [4]), Grid([1, 2], [0.5, 0.5]).value()]),
    OperatorCase(
      "Classify/votes", Classify(),
      [Grid([1, 1], [0.5]).value(), int64s([2], [4, 5]), Grid([1, 2], [0, 3]).value()],
      gives: [int64s([1], [5]), Grid([1, 1], [0.5]).value()]),
    OperatorCase(
      "TransformScores/softmax", TransformScores(.softmax), [Grid([2, 2], [1, 1, 0, log(3)]).value()],
      gives: [Grid([2, 2], [0.5, 0.5, 0.25, 0.75]).value()], .float32),
    OperatorCase(
      "TransformScores/zero", TransformScores(.softmaxZero), [Grid([1, 3], [0, 2, 2]).value()],
      gives: [Grid([1, 3], [0, 0.5, 0.5]).value()], .float32),
    OperatorCase(
      "TransformScores/logistic", TransformScores(.logistic), [Grid([2], [0, -log(3)]).value()],
      gives: [Grid([2], [0.5, 0.25]).value()], .float32),
    OperatorCase(
      "TransformScores/none", TransformScores(.none), [Grid([0, 2], []).value()],
      gives: [Grid([0, 2], []).value()]),
  ]

  private static let categories: [OperatorCase] = [
    OperatorCase(
      "LabelEncoder/words", LabelEncoder(),
      [labels(["b", "x", "a"]), labels(["a", "b"]), int64s([2], [1, 2]), int64s([], [-1])],
      gives: [int64s([3], [2, -1, 1])]),
    OperatorCase(
      "LabelEncoder/numbers", LabelEncoder(),
      [
        int64s([2, 2], [5, 6, 7, 5]), int64s([3], [5, 6, 5]), labels(["five", "six", "again"]), word("?"),
      ],
      gives: [
        .tensor(try! Tensor(strings: ["five", "six", "?", "five"].map { Array($0.utf8) }, sizes: [2, 2]))
      ]),
    OperatorCase(
      "LabelEncoder/reals", LabelEncoder(),
      [
        Grid([4], [.nan, -0.0, 2, 1]).value(), Grid([3], [0, .nan, 2]).value(),
        Grid([3], [10, 20, 30]).value(),
        Grid([], [-1]).value(),
      ], gives: [Grid([4], [20, 10, 30, -1]).value()]),
    OperatorCase(
      "OneHotEncoder/numbers", OneHotEncoder(), [Grid([3], [4, 9, 2]).value(), int64s([2], [2, 4])],
      gives: [Grid([3, 2], [0, 1, 0, 0, 1, 0]).value()]),
    OperatorCase(
      "OneHotEncoder/words", OneHotEncoder(zeros: false), [labels(["b"]), labels(["a", "b"])],
      gives: [Grid([1, 2], [0, 1]).value()]),
    OperatorCase(
      "OneHotEncoder/unknown", OneHotEncoder(zeros: false), [labels(["c"]), labels(["a", "b"])],
      gives: [Grid([1, 2], [0, 0]).value()], fault: .indexOutOfRange(operand: 0)),
    OperatorCase(
      "ZipMap/rows", ZipMap(), [Grid([2, 2], [1, 2, 3, 4]).value(), labels(["a", "b"])],
      gives: [
        .sequence([
          .map(keys: labels(["a", "b"]).tensor!, values: Grid([2], [1, 2]).tensor()),
          .map(keys: labels(["a", "b"]).tensor!, values: Grid([2], [3, 4]).tensor()),
        ])
      ]),
  ]

  static let learned: [OperatorCase] = all([ensembles, machines, decisions, categories])
}
