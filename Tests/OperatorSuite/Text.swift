import IR
import Kernels
import Operators
import Tensors
import TestSupport

extension OperatorSuite {
  private static func words(_ words: [String], _ sizes: [Int]? = nil) -> RuntimeValue {
    // The number of words is the product of the sizes in every case.
    .tensor(try! Tensor(strings: words.map { Array($0.utf8) }, sizes: sizes ?? [words.count]))
  }

  private static func numbers(_ values: [Double], _ sizes: [Int]? = nil, _ type: DataType = .int64)
    -> RuntimeValue
  {
    Grid(sizes ?? [values.count], values).value(type)
  }

  private static func match(_ pattern: String, _ texts: [String], _ flags: [Double]) -> OperatorCase {
    OperatorCase(
      "RegexFullMatch/\(pattern)", RegexFullMatch(pattern: pattern), [words(texts)],
      gives: [numbers(flags, nil, .bool)])
  }

  private static let matches: [OperatorCase] = [
    match("a|bc", ["a", "bc", "ac", ""], [1, 1, 0, 0]),
    match("(a+)+b", [String(repeating: "a", count: 5000), "aab"], [0, 1]),
    match("[^0-9\\s]{2,3}", ["ab", "a1", "abc", "abcd", "ä€"], [1, 0, 1, 0, 1]),
    match("(?i)straße\\d?", ["STRAßE7", "strasse"], [1, 0]),
    match("x.*\\.y{2}?", ["x..yy", "x\n.yy", "x.y"], [1, 0, 0]),
    match("(?s:x.y)[[:alpha:]-]+", ["x\nya-b", "xxy"], [1, 0]),
    match("\\bfoo\\b.*$", ["foo bar", "foobar", "foo"], [1, 0, 1]),
    match("a{,2}", ["a{,2}", "aa"], [1, 0]),
    match("(?:ab?){0}", ["", "a"], [1, 0]),
    match("[\\x41-\\x{43}\\]]*", ["ABC]", "D"], [1, 0]),
    match("", ["", "a"], [1, 0]),
  ]

  private static let pool = words(["a", "b", "a", "b", "b", "c"])

  private static func grams(
    _ label: String, _ mode: TfIdfVectorizer.Mode, _ lengths: ClosedRange<Int>, skip: Int = 0,
    _ x: RuntimeValue,
    weights: [Double]? = nil, gives y: RuntimeValue
  ) -> OperatorCase {
    let op = TfIdfVectorizer(mode, lengths: lengths, maximumSkip: skip, starts: [0, 2], count: 4)
    let inputs: [RuntimeValue?] =
      [x, pool, numbers([0, 1, 3, 2])] + (weights.map { [numbers($0, nil, .float32)] } ?? [])
    return OperatorCase("TfIdfVectorizer/\(label)", op, inputs, gives: [y])
  }

  private static func counts(_ values: [Double], _ sizes: [Int]? = nil) -> RuntimeValue {
    numbers(values, sizes, .float32)
  }

  static let text: [OperatorCase] = all([
    matches,
    [
      OperatorCase(
        "StringConcat/broadcast", StringConcat(), [words(["a", "b"], [2, 1]), words(["x", "", "é"])],
        gives: [words(["ax", "a", "aé", "bx", "b", "bé"], [2, 3])]),
      OperatorCase(
        "StringConcat/empty", StringConcat(), [words([], [0]), words(["x"])], gives: [words([], [0])]),
      OperatorCase(
        "StringSplit/space", StringSplit(), [words([" a  b ", "", "c"])],
        gives: [words(["a", "b", "", "", "c", ""], [3, 2]), numbers([2, 0, 1])]),
      OperatorCase(
        "StringSplit/rest", StringSplit(maximumSplits: 1), [words([" a  b c "])],
        gives: [words(["a", "b c "], [1, 2]), numbers([2])]),
      OperatorCase(
        "StringSplit/delimiter", StringSplit(delimiter: "::"), [words(["a::b::", ":::"])],
        gives: [words(["a", "b", "", "", ":", ""], [2, 3]), numbers([3, 2])]),
      OperatorCase(
        "StringSplit/limit", StringSplit(delimiter: "-", maximumSplits: 1), [words(["a-b-c", "d"])],
        gives: [words(["a", "b-c", "d", ""], [2, 2]), numbers([2, 1])]),
      OperatorCase(
        "StringSplit/none", StringSplit(), [words([], [0])], gives: [words([], [0, 0]), numbers([])]),
      OperatorCase(
        "StringNormalizer/lower", StringNormalizer(.lower, stopWords: ["THE"]),
        [words(["The", "CÂT", "the", "sat"])],
        gives: [words(["cât", "sat"])]),
      OperatorCase(
        "StringNormalizer/exact", StringNormalizer(.upper, isCaseSensitive: true, stopWords: ["the"]),
        [words(["The", "the"], [1, 2])], gives: [words(["THE"], [1, 1])]),
      OperatorCase(
        "StringNormalizer/none", StringNormalizer(stopWords: ["a"]), [words(["a"])], gives: [words([""])]),
      grams("single", .frequency, 1...1, words(["a", "b", "c", "a"]), gives: counts([2, 1, 0, 0])),
      grams("pairs", .frequency, 2...2, words(["a", "b", "c"]), gives: counts([0, 0, 1, 1])),
      grams(
        "both", .frequency, 1...2, words(["a", "b", "b", "c"], [2, 2]),
        gives: counts([1, 1, 0, 1, 0, 1, 1, 0], [2, 4])),
      grams("skip", .frequency, 2...2, skip: 1, words(["a", "x", "b", "c"]), gives: counts([0, 0, 1, 1])),
      grams(
        "presence", .presence, 1...1, words(["a", "a"]), weights: [3, 1, 1, 1], gives: counts([3, 0, 0, 0])),
      grams(
        "weighted", .weighted, 1...1, words(["a", "a"]), weights: [3, 1, 1, 1], gives: counts([6, 0, 0, 0])),
      grams("nothing", .frequency, 1...2, words([]), gives: counts([0, 0, 0, 0])),
      OperatorCase(
        "TfIdfVectorizer/numbers",
        TfIdfVectorizer(.frequency, lengths: 1...2, maximumSkip: 0, starts: [0, 1], count: 2),
        [numbers([7, 7, 8]), numbers([7, 7, 8]), numbers([0, 1])], gives: [counts([2, 1])]),
    ],
  ])
}
