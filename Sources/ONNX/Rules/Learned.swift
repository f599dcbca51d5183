import IR
import Operators
import Tensors

/// Operators of `ai.onnx.ml` but trees; many of them are a few operators of ONNX.
extension ImportRules {
  private static func rule(
    _ name: String, since version: Int64 = 1, inputs: ClosedRange<Int> = 1...1,
    outputs: ClosedRange<Int> = 1...1,
    build: @escaping @Sendable (NodeContext) throws(Unsupported.Reason) -> Void
  ) -> ImportRule {
    ImportRule(name, domain: "ai.onnx.ml", since: version, inputs: inputs, outputs: outputs, build: build)
  }

  static let learned: [ImportRule] = [
    rule("Scaler") { n throws(Unsupported.Reason) in
      let shifted = n.insert(
        Binary(.sub), [n.floats(), try n.vector(try n.reals("offset") ?? [0], suffix: "offset")],
        suffix: "shifted")
      try n.add(Binary(.mul), [shifted, try n.vector(try n.reals("scale") ?? [1], suffix: "scale")])
    },
    rule("Binarizer") { n throws(Unsupported.Reason) in
      guard let type = n.operand(0)?.tensor?.dataType else {
        throw .form("needs the type of its operand to be known")
      }
      let threshold = try n.real("threshold", default: 0).value
      // Of integers, those above the threshold are those above its whole part.
      let bound = type.isFloatingPoint ? threshold : threshold.rounded(.down)
      guard let tensor = try? Tensor.fromDoubles([bound], dataType: type, sizes: []) else {
        throw .attribute(name: "threshold", expected: "a number", found: "\(threshold)")
      }
      let flags = n.insert(
        Binary(.greater), [n.inputs[0], n.constant(tensor, suffix: "threshold")], suffix: "flags")
      try n.add(Cast(to: type), [flags])
    },
    rule("Normalizer") { n throws(Unsupported.Reason) in
      let x = n.floats()
      let kind = try n.word("norm", default: "MAX", ["MAX": Reduce.Function.max, "L1": .l1, "L2": .l2])
      // Engines differ on rows whose largest element is negative: the magnitude counts here.
      let measured = kind == .max ? n.insert(Unary(.abs), [x], suffix: "magnitudes") : x
      let norm = n.insert(Reduce(kind, axes: [-1], keepDims: true), [measured], suffix: "norm")
      let kept = n.insert(
        Variadic(.max), [norm, try n.vector([Real(1e-30 as Float)], suffix: "least")], suffix: "kept")
      try n.add(Binary(.div), [x, kept])
    },
    rule("ArrayFeatureExtractor", inputs: 2...2) { n throws(Unsupported.Reason) in
      let places = n.insert(Reshape(target: [-1]), [n.inputs[1]], suffix: "places")
      if n.rank(0) == 1 {
        let gathered = n.insert(Gather(axis: 0), [n.inputs[0], places], suffix: "gathered")
        return try n.add(Unsqueeze(axes: [0]), [gathered])
      }
      _ = try n.requiredRank(0)
      try n.add(Gather(axis: -1), [n.inputs[0], places])
    },
    rule("FeatureVectorizer", inputs: 1...Int.max) { n throws(Unsupported.Reason) in
      let sizes = try n.ints("inputdimensions")
      var parts: [ValueID?] = []
      for i in n.inputs.indices {
        let isVector = n.rank(i) == 1
        let width = isVector ? 1 : n.operand(i)?.shape?.last?.fixed
        if let sizes, i >= sizes.count || (width.map { $0 != sizes[i] } ?? true) {
          throw .attribute(name: "inputdimensions", expected: "sizes of the operands", found: "\(sizes)")
        }
        let part = n.floats(i)
        parts.append(isVector ? n.insert(Unsqueeze(axes: [1]), [part], suffix: "column_\(i)") : part)
      }
      try n.add(Concat(axis: 1), parts)
    },
    rule("Imputer") { n throws(Unsupported.Reason) in
      guard let type = n.operand(0)?.tensor?.dataType else {
        throw .form("needs the type of its operand to be known")
      }
      let isFloat = type.isFloatingPoint
      let replaced =
        isFloat
        ? try n.real("replaced_value_float", default: 0).value
        : Double(try n.int("replaced_value_int64", default: 0))
      let floats = try n.reals("imputed_value_floats")?.map(\.value)
      let integers = try n.ints("imputed_value_int64s")?.map { Double($0) }
      if isFloat { n.ignore("replaced_value_int64") } else { n.ignore("replaced_value_float") }
      guard let values = isFloat ? floats : integers, !values.isEmpty,
        let filling = try? Tensor.fromDoubles(values, dataType: type, sizes: [values.count]),
        let old = try? Tensor.fromDoubles([replaced], dataType: type, sizes: [])
      else { throw .missingAttribute(isFloat ? "imputed_value_floats" : "imputed_value_int64s") }
      let isMissing =
        replaced.isNaN
        ? n.insert(Unary(.isNaN), n.inputs, suffix: "missing")
        : n.insert(Binary(.equal), [n.inputs[0], n.constant(old, suffix: "replaced")], suffix: "missing")
      try n.add(Where(), [isMissing, n.constant(filling, suffix: "values"), n.inputs[0]])
    },
    rule("OneHotEncoder") { n throws(Unsupported.Reason) in
      guard let categories = try n.labels("cats_int64s", "cats_strings") else {
        throw .missingAttribute("cats_int64s")
      }
      try n.add(
        OneHotEncoder(zeros: try n.flag("zeros", default: true)),
        [n.inputs[0], n.constant(categories, suffix: "cats")])
    },
    rule("CategoryMapper") { n throws(Unsupported.Reason) in
      let words = try n.byteStrings("cats_strings") ?? []
      let numbers = try n.ints("cats_int64s") ?? []
      let (text, number) = (
        try n.optionalText("default_string") ?? "_Unused", try n.int("default_int64", default: -1)
      )
      try n.lookup(words: words, numbers: numbers, text, number)
    },
    ImportRule("LabelEncoder", domain: "ai.onnx.ml", 1...1, inputs: 1...1) { n throws(Unsupported.Reason) in
      let words = try n.byteStrings("classes_strings") ?? []
      let (text, number) = (
        try n.optionalText("default_string") ?? "_Unused", try n.int("default_int64", default: -1)
      )
      try n.lookup(words: words, numbers: Array(words.indices), text, number)
    },
    rule("LabelEncoder", since: 2) { n throws(Unsupported.Reason) in try n.labelEncoder() },
    rule("LinearRegressor") { n throws(Unsupported.Reason) in
      let targets = try n.positive("targets", default: 1)
      let scores = try n.linearScores(targets)
      try n.add(TransformScores(try n.transform()), [scores])
    },
    rule("LinearClassifier", outputs: 1...2) { n throws(Unsupported.Reason) in
      n.ignore("multi_class")
      guard let labels = try n.labels("classlabels_ints", "classlabels_strings") else {
        throw .missingAttribute("classlabels_ints")
      }
      let rows = try n.reals("intercepts")?.count ?? labels.elementCount
      try n.classify(try n.linearScores(rows), columns: rows, labels, isProbability: true, threshold: 0)
    },
    rule("SVMRegressor") { n throws(Unsupported.Reason) in
      let isOneClass = try n.flag("one_class", default: false)
      let values = try n.supportVectors(count: try n.int("n_supports", default: 0), perClass: nil)
      let transform = try n.transform()
      guard isOneClass else { return try n.add(TransformScores(transform), [values[0]]) }
      // Inside or outside of what was learned.
      if transform != .none {
        throw .attribute(name: "post_transform", expected: "NONE for one class", found: "others")
      }
      let isInside = n.insert(
        Binary(.greater), [values[0], try n.vector([0], [], suffix: "border")], suffix: "inside")
      try n.add(
        Where(), [isInside, try n.vector([1], [], suffix: "one"), try n.vector([-1], [], suffix: "minus")])
    },
    rule("SVMClassifier", outputs: 1...2) { n throws(Unsupported.Reason) in
      guard let labels = try n.labels("classlabels_ints", "classlabels_strings") else {
        throw .missingAttribute("classlabels_ints")
      }
      guard let perClass = try n.ints("vectors_per_class"), perClass.count == labels.elementCount,
        perClass.count > 1,
        perClass.allSatisfy({ 0...1 << 30 ~= $0 })
      else {
        throw .attribute(name: "vectors_per_class", expected: "a number for each class", found: "others")
      }
      let hasProbabilities = n.has("prob_a")
      if perClass.count == 2, !hasProbabilities {
        throw .form("two classes without probabilities are not supported: engines differ on their scores")
      }
      let values = try n.supportVectors(count: perClass.reduce(0, +), perClass: perClass)
      let transform = try n.transform()
      let constant = n.constant(labels, suffix: "labels")
      try n.add(Classify(transform: transform), [values[0], constant, values[1]])
    },
    rule("ZipMap") { n throws(Unsupported.Reason) in
      guard let labels = try n.labels("classlabels_int64s", "classlabels_strings") else {
        throw .missingAttribute("classlabels_int64s")
      }
      try n.add(ZipMap(), [n.inputs[0], n.constant(labels, suffix: "labels")])
    },
  ]
}

extension NodeContext {
  /// An operand as float32.
  func floats(_ index: Int = 0) -> ValueID? {
    if operand(index)?.tensor?.dataType == .float32 { return inputs[index] }
    return insert(Cast(to: .float32), [inputs[index]], suffix: "floats_\(index)")
  }

  func vector(_ values: [Real], _ sizes: [Int]? = nil, suffix: String) throws(Unsupported.Reason) -> ValueID {
    guard let tensor = try? Tensor(values.map(\.float), sizes: sizes ?? [values.count]) else {
      throw .attribute(name: suffix, expected: "\(sizes ?? []) numbers", found: "\(values.count)")
    }
    return constant(tensor, suffix: suffix)
  }

  /// Labels as integers or strings, whichever the file gives; nil: neither.
  func labels(_ integers: String, _ strings: String) throws(Unsupported.Reason) -> Tensor? {
    let words = try byteStrings(strings) ?? []
    let numbers = try ints(integers) ?? []
    if !words.isEmpty { return try? Tensor(strings: words, sizes: [words.count]) }
    return numbers.isEmpty ? nil : try? Tensor(numbers.map { Int64($0) }, sizes: [numbers.count])
  }

  func transform() throws(Unsupported.Reason) -> ScoreTransform {
    try word(
      "post_transform", default: "NONE",
      ["NONE": .none, "LOGISTIC": .logistic, "SOFTMAX": .softmax, "SOFTMAX_ZERO": .softmaxZero])
  }

  /// x · coefficientsᵀ + intercepts.
  fileprivate func linearScores(_ rows: Int) throws(Unsupported.Reason) -> ValueID? {
    guard let coefficients = try reals("coefficients") else { throw .missingAttribute("coefficients") }
    guard rows > 0, coefficients.count % rows == 0 else {
      throw .attribute(
        name: "coefficients", expected: "a multiple of \(rows) numbers", found: "\(coefficients.count)")
    }
    var operands = [
      floats(), try vector(coefficients, [rows, coefficients.count / rows], suffix: "coefficients"),
    ]
    if let intercepts = try reals("intercepts"), !intercepts.isEmpty {
      operands.append(try vector(intercepts, [rows], suffix: "intercepts"))
    }
    return insert(Gemm(transB: true), operands, suffix: "scores")
  }

  /// Labels and scores. One score of two classes is a probability, or else a decision.
  func classify(
    _ scores: ValueID?, columns: Int, _ labels: Tensor, isProbability: Bool, threshold: Double
  ) throws(Unsupported.Reason) {
    let transform = try transform()
    let isPair = columns == 1 && labels.elementCount == 2
    if columns != labels.elementCount && !isPair {
      throw .form("has \(columns) scores for \(labels.elementCount) classes")
    }
    if labels.elementCount == 1 { throw .form("one class is not supported: engines differ on its labels") }
    if isPair, transform == .softmax || transform == .softmaxZero {
      throw .attribute(name: "post_transform", expected: "NONE or LOGISTIC for one score", found: "SOFTMAX")
    }
    let op =
      isPair
      ? Classify(
        complement: isProbability ? .probability : .negative, threshold: Real(threshold), transform: transform
      )
      : Classify(transform: transform)
    try add(op, [scores, constant(labels, suffix: "labels")])
  }

  /// A table between strings and numbers, looked up in the direction of the operand.
  fileprivate func lookup(words: [[UInt8]], numbers: [Int], _ text: String, _ number: Int) throws(Unsupported
    .Reason)
  {
    guard let type = operand(0)?.tensor?.dataType else {
      throw .form("needs the type of its operand to be known")
    }
    guard words.count == numbers.count, type == .string || type == .int64,
      let strings = try? Tensor(strings: words, sizes: [words.count]),
      let integers = try? Tensor(numbers.map { Int64($0) }, sizes: [numbers.count]),
      let noString = try? Tensor(strings: [Array(text.utf8)], sizes: []),
      let noInteger = try? Tensor(scalar: Int64(number))
    else { throw .form("its categories do not pair strings with integers") }
    let isText = type == .string
    try add(
      LabelEncoder(),
      [
        inputs[0], constant(isText ? strings : integers, suffix: "keys"),
        constant(isText ? integers : strings, suffix: "values"),
        constant(isText ? noInteger : noString, suffix: "default"),
      ])
  }

  fileprivate func labelEncoder() throws(Unsupported.Reason) {
    func table(_ side: String) throws(Unsupported.Reason) -> Tensor {
      if version >= 4, let tensor = try tensor("\(side)_tensor")?.tensor { return tensor }
      if let words = try byteStrings("\(side)_strings"),
        let tensor = try? Tensor(strings: words, sizes: [words.count])
      {
        return tensor
      }
      if let numbers = try ints("\(side)_int64s"),
        let tensor = try? Tensor(numbers.map { Int64($0) }, sizes: [numbers.count])
      {
        return tensor
      }
      if let numbers = try reals("\(side)_floats"),
        let tensor = try? Tensor(numbers.map(\.float), sizes: [numbers.count])
      {
        return tensor
      }
      throw .missingAttribute("\(side)_strings")
    }
    let (keys, values) = (try table("keys"), try table("values"))
    let text = try optionalText("default_string") ?? "_Unused"
    let integer = try int("default_int64", default: -1)
    let real = try real("default_float", default: -0.0)
    var fallback = version >= 4 ? try tensor("default_tensor")?.tensor : nil
    switch (fallback, values.dataType) {
    case (.some, _): break
    case (nil, .string): fallback = try? Tensor(strings: [Array(text.utf8)], sizes: [])
    case (nil, let type) where type.isFloatingPoint:
      fallback = try? Tensor.fromDoubles([real.value], dataType: type, sizes: [])
    case (nil, let type): fallback = try? Tensor.fromInt64s([Int64(integer)], dataType: type, sizes: [])
    }
    guard keys.elementCount == values.elementCount, let fallback, fallback.elementCount == 1,
      fallback.dataType == values.dataType
    else {
      throw .attribute(
        name: "values", expected: "\(keys.elementCount) of them and a default",
        found: "\(values.elementCount)")
    }
    try add(
      LabelEncoder(),
      [
        inputs[0], constant(keys, suffix: "keys"), constant(values, suffix: "values"),
        constant(fallback, suffix: "default"),
      ])
  }

  /// Results: values, and of a classifier votes.
  fileprivate func supportVectors(count: Int, perClass: [Int]?) throws(Unsupported.Reason) -> [ValueID?] {
    let kernel = try word(
      "kernel_type", default: "LINEAR",
      ["LINEAR": SupportVectors.Kernel.linear, "POLY": .poly, "RBF": .rbf, "SIGMOID": .sigmoid])
    let parameters = try reals("kernel_params") ?? []
    guard parameters.isEmpty || parameters.count == 3 else {
      throw .attribute(name: "kernel_params", expected: "3 numbers", found: "\(parameters.count)")
    }
    let coefficients = try reals("coefficients") ?? []
    var vectors = try reals("support_vectors") ?? []
    let rho = try reals("rho") ?? []
    let (a, b) = (try reals("prob_a") ?? [], try reals("prob_b") ?? [])
    var count = count
    var weights = coefficients
    if count == 0, perClass == nil {
      // Without vectors the coefficients are those of a plane: one vector that is taken as it is.
      if kernel != .linear {
        throw .attribute(name: "kernel_type", expected: "LINEAR without vectors", found: "others")
      }
      (vectors, weights, count) = (coefficients, [1], 1)
    }
    guard count > 0, !vectors.isEmpty, vectors.count % count == 0 else {
      throw .attribute(
        name: "support_vectors", expected: "a multiple of \(count) numbers", found: "\(vectors.count)")
    }
    let rows = perClass.map { $0.count - 1 } ?? 1
    let pairs = perClass.map { $0.count * ($0.count - 1) / 2 } ?? 1
    guard weights.count == rows * count, rho.count == pairs || (perClass == nil && !rho.isEmpty),
      a.count == b.count,
      a.isEmpty || a.count == pairs
    else {
      throw .attribute(name: "coefficients", expected: "\(rows * count) numbers", found: "\(weights.count)")
    }
    var operands: [ValueID?] = [
      floats(), try vector(vectors, [count, vectors.count / count], suffix: "vectors"),
      try vector(weights, suffix: "coefficients"), try vector(rho, suffix: "rho"),
    ]
    if !a.isEmpty { operands += [try vector(a, suffix: "prob_a"), try vector(b, suffix: "prob_b")] }
    let op = SupportVectors(
      kernel, gamma: parameters.first ?? 0, coefficient: parameters.dropFirst().first ?? 0,
      degree: parameters.last ?? 0, perClass: perClass)
    return insertAll(op, operands, count: perClass == nil ? 1 : 2, suffix: "vectors")
  }
}
