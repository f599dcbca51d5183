import IR
import Operators
import Tensors

extension ExportRules {
  static let text: [ExportRule] = [
    plain(StringConcat.self, since: 20),
    rule(StringSplit.self) { (op, n) throws(Unwritable.Reason) in
      try n.emitAll(
        "StringSplit", n.inputs, since: 20,
        [
          op.delimiter.isEmpty ? nil : .text("delimiter", op.delimiter),
          op.maximumSplits.map { .int("maxsplit", $0) },
        ])
    },
    rule(ImageDecoder.self) { (op, n) throws(Unwritable.Reason) in
      let format =
        switch op.pixelFormat {
        case .rgb: "RGB"
        case .bgr: "BGR"
        case .grayscale: "Grayscale"
        }
      try n.emit("ImageDecoder", since: 20, [.text("pixel_format", format)])
    },
    rule(StringNormalizer.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit(
        "StringNormalizer",
        [
          .text("case_change_action", op.change.rawValue.uppercased()),
          .flag("is_case_sensitive", op.isCaseSensitive),
          op.stopWords.isEmpty ? nil : .texts("stopwords", op.stopWords),
        ])
    },
    rule(RegexFullMatch.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit("RegexFullMatch", since: 20, [.text("pattern", op.pattern)])
    },
    rule(TfIdfVectorizer.self) { (op, n) throws(Unwritable.Reason) in
      let modes: [TfIdfVectorizer.Mode: String] = [.frequency: "TF", .presence: "IDF", .weighted: "TFIDF"]
      try n.emit(
        "TfIdfVectorizer", [n.input(0)],
        [
          .text("mode", modes[op.mode] ?? ""), .int("min_gram_length", op.minimumLength),
          .int("max_gram_length", op.maximumLength), .int("max_skip_count", op.maximumSkip),
          .ints("ngram_counts", op.starts), try n.list("ngram_indexes", 2),
          try n.labels("pool_int64s", "pool_strings", 1), n.has(3) ? try n.list("weights", 3) : nil,
        ])
    },
  ]

  static let training: [ExportRule] = [
    rule(TrainingStep.self) { (op, n) throws(Unwritable.Reason) in
      let domain = "ai.onnx.preview.training"
      switch op.method {
      case .adagrad:
        try n.emit(
          "Adagrad", domain: domain,
          [
            .real("epsilon", op.epsilon), .real("norm_coefficient", op.penalty),
            .real("decay_factor", op.decay),
          ])
      case .adam:
        try n.emit(
          "Adam", domain: domain,
          [
            .real("alpha", op.alpha), .real("beta", op.beta), .real("epsilon", op.epsilon),
            .real("norm_coefficient", op.penalty), .real("norm_coefficient_post", op.penaltyAfter),
          ])
      case .momentum, .nesterov:
        try n.emit(
          "Momentum", domain: domain,
          [
            .real("alpha", op.alpha), .real("beta", op.beta), .real("norm_coefficient", op.penalty),
            .text("mode", op.method == .momentum ? "standard" : "nesterov"),
          ])
      }
    }
  ]
}

extension ExportContext {
  /// A constant operand as a list of numbers.
  func list(_ name: String, _ index: Int) throws(Unwritable.Reason) -> ExportAttribute {
    let tensor = try tensor(index)
    do throws(TensorError) {
      if tensor.dataType.isFloatingPoint {
        return ExportAttribute(name: name, value: .floats(try tensor.floats()))
      }
      return ExportAttribute(name: name, value: .ints(try tensor.int64s()))
    } catch { throw .form("\(name): \(error)") }
  }

  /// A constant operand as a list of integers, or of strings.
  func labels(_ integers: String, _ strings: String, _ index: Int) throws(Unwritable.Reason)
    -> ExportAttribute
  {
    let tensor = try tensor(index)
    if tensor.dataType == .string { return ExportAttribute(name: strings, value: .strings(tensor.strings)) }
    guard tensor.dataType == .int64 else { throw .form("labels of type \(tensor.dataType.rawValue)") }
    return try list(integers, index)
  }
}
