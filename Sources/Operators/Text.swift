import IR
import Tensors

// Operators on strings. Vocabularies and weights are operands, since they may be long; words of a few are attributes.

/// ONNX `StringConcat`, of two operands that broadcast to each other.
package struct StringConcat: Operator {
  package static let name = "StringConcat"
  package init() {}
  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `StringSplit`. Results: parts [shape of x, most parts], filled up with empty ones, and their numbers as int64.
package struct StringSplit: Operator {
  package static let name = "StringSplit"
  /// Empty: runs of white space.
  package var delimiter: String
  /// nil: wherever the delimiter is.
  package var maximumSplits: Int?

  package init(delimiter: String = "", maximumSplits: Int? = nil) {
    self.delimiter = delimiter
    self.maximumSplits = maximumSplits
  }

  package var traits: OperatorTraits { [.pure, .dataDependent] }
}

/// ONNX `StringNormalizer`, of a vector or one row: stop words are taken out, and case is changed.
package struct StringNormalizer: Operator {
  package enum Case: String, Hashable, Codable, Sendable { case lower, upper, none }
  package static let name = "StringNormalizer"
  package var change: Case
  /// Whether a stop word must have the same case.
  package var isCaseSensitive: Bool
  package var stopWords: [String]

  package init(_ change: Case = .none, isCaseSensitive: Bool = false, stopWords: [String] = []) {
    self.change = change
    self.isCaseSensitive = isCaseSensitive
    self.stopWords = stopWords
  }

  package var traits: OperatorTraits { [.pure, .dataDependent] }
}

/// ONNX `RegexFullMatch`: whether the pattern matches all of a string.
package struct RegexFullMatch: Operator {
  package static let name = "RegexFullMatch"
  package var pattern: String
  package init(pattern: String) { self.pattern = pattern }
  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `TfIdfVectorizer`: counts of n-grams of a vector or of each row.
///
/// Operands: x [C] or [N, C], pool of all n-grams, their places in the result as int64, weights of places?.
package struct TfIdfVectorizer: Operator {
  package enum Mode: String, Hashable, Codable, Sendable {
    case frequency, presence
    /// The frequency times the weight.
    case weighted
  }
  package static let name = "TfIdfVectorizer"
  package var mode: Mode
  package var minimumLength: Int
  package var maximumLength: Int
  /// Items that may lie between two of an n-gram.
  package var maximumSkip: Int
  /// Where the n-grams of each length, from 1 on, begin in the pool.
  package var starts: [Int]
  /// Places of the result.
  package var count: Int

  package init(_ mode: Mode, lengths: ClosedRange<Int>, maximumSkip: Int, starts: [Int], count: Int) {
    self.mode = mode
    minimumLength = lengths.lowerBound
    maximumLength = lengths.upperBound
    self.maximumSkip = maximumSkip
    self.starts = starts
    self.count = count
  }

  package var traits: OperatorTraits { [.pure] }

  /// Where the n-grams of a length lie in a pool, and how many there are; nil where that makes no sense.
  package func grams(ofLength n: Int, poolCount: Int) -> (start: Int, count: Int)? {
    guard n >= 1, n <= starts.count else { return (0, 0) }
    let end = n < starts.count ? starts[n] : poolCount
    guard starts[n - 1] >= 0, starts[n - 1] <= end, end <= poolCount, (end - starts[n - 1]) % n == 0 else {
      return nil
    }
    return (starts[n - 1], (end - starts[n - 1]) / n)
  }
}
