import IR
import Operators
import Tensors

extension ImportRules {
  static let text: [ImportRule] = [
    ImportRule("StringConcat", since: 20, inputs: 2...2) { n throws(Unsupported.Reason) in
      try n.add(StringConcat())
    },
    ImportRule("StringSplit", since: 20, inputs: 1...1, outputs: 1...2) { n throws(Unsupported.Reason) in
      try n.add(
        StringSplit(
          delimiter: try n.optionalText("delimiter") ?? "", maximumSplits: try n.optionalInt("maxsplit")))
    },
    ImportRule("StringNormalizer", since: 10, inputs: 1...1) { n throws(Unsupported.Reason) in
      // Case is changed as Unicode says; languages whose letters change otherwise are refused.
      if let locale = try n.optionalText("locale"), ["tr", "az", "lt"].contains(String(locale.prefix(2))) {
        throw .attribute(name: "locale", expected: "a language whose case is Unicode's", found: locale)
      }
      try n.add(
        StringNormalizer(
          try n.word(
            "case_change_action", default: "NONE", ["LOWER": .lower, "UPPER": .upper, "NONE": .none]),
          isCaseSensitive: try n.flag("is_case_sensitive", default: false),
          stopWords: try n.texts("stopwords") ?? []))
    },
    ImportRule("RegexFullMatch", since: 20, inputs: 1...1) { n throws(Unsupported.Reason) in
      guard let pattern = try n.optionalText("pattern") else { throw .missingAttribute("pattern") }
      do throws(RegularExpression.SyntaxError) { _ = try RegularExpression(pattern) } catch {
        throw .attribute(
          name: "pattern", expected: "a regular expression of RE2 (\(error.reason))", found: pattern)
      }
      try n.add(RegexFullMatch(pattern: pattern))
    },
    ImportRule("TfIdfVectorizer", since: 9, inputs: 1...1) { n throws(Unsupported.Reason) in
      let lengths = (try n.positive("min_gram_length"), try n.positive("max_gram_length"))
      guard lengths.0 <= lengths.1 else {
        throw .attribute(name: "max_gram_length", expected: "at least \(lengths.0)", found: "\(lengths.1)")
      }
      guard let starts = try n.ints("ngram_counts") else { throw .missingAttribute("ngram_counts") }
      guard let places = try n.ints("ngram_indexes") else { throw .missingAttribute("ngram_indexes") }
      let skip = try n.int("max_skip_count")
      try n.check("max_skip_count", [skip], count: 1, minimum: 0)
      try n.check("ngram_indexes", places, count: places.count, minimum: 0)
      let pool: Tensor?
      if let words = try n.byteStrings("pool_strings") {
        pool = try? Tensor(strings: words, sizes: [words.count])
      } else if let numbers = try n.ints("pool_int64s") {
        pool = try? Tensor(numbers.map { Int64($0) }, sizes: [numbers.count])
      } else {
        throw .missingAttribute("pool_strings")
      }
      let mode = try n.word(
        "mode", default: "", ["TF": TfIdfVectorizer.Mode.frequency, "IDF": .presence, "TFIDF": .weighted])
      let op = TfIdfVectorizer(
        mode, lengths: lengths.0...lengths.1, maximumSkip: skip, starts: starts,
        count: (places.max() ?? -1) + 1)
      let weights = try n.reals("weights")
      guard let pool, let placeTensor = try? Tensor(places.map { Int64($0) }, sizes: [places.count]) else {
        throw .form("its pool cannot be held in memory")
      }
      var grams = 0
      for length in 1...max(starts.count, 1) {
        guard let found = op.grams(ofLength: length, poolCount: pool.elementCount) else {
          throw .attribute(
            name: "ngram_counts", expected: "starts of n-grams in the pool", found: "\(starts)")
        }
        grams += found.count
      }
      if grams != places.count {
        throw .attribute(name: "ngram_indexes", expected: "\(grams) places", found: "\(places.count)")
      }
      var operands = [
        n.inputs[0], n.constant(pool, suffix: "pool"), n.constant(placeTensor, suffix: "places"),
      ]
      if mode != .frequency, let weights {
        guard weights.count == op.count,
          let tensor = try? Tensor(weights.map(\.float), sizes: [weights.count])
        else {
          throw .attribute(name: "weights", expected: "\(op.count) numbers", found: "\(weights.count)")
        }
        operands.append(n.constant(tensor, suffix: "weights"))
      }
      try n.add(op, operands)
    },
  ]
}
