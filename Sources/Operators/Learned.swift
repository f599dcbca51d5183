import IR
import Tensors

// Operators of `ai.onnx.ml`: trees, support vectors and what prepares their features. Tables of a model are operands,
// constants as a rule, and not attributes: they may be large.

/// How scores become what is given out.
package enum ScoreTransform: String, Hashable, Codable, Sendable, CaseIterable {
  case none, logistic, softmax
  /// Softmax in which a score of zero stays zero.
  case softmaxZero
}

/// Trees of decisions: the core of `ai.onnx.ml` `TreeEnsemble`, `TreeEnsembleRegressor` and `TreeEnsembleClassifier`.
///
/// Operands: x [N, F], nodes int64 [K, 5] (feature, comparison, child where it holds, child where not, whether a
/// missing feature counts as holding), splits [K], roots int64 [trees], starts of leaves int64 [L + 1] in the two tables
/// that follow, targets int64 [W], weights [W], base values [targets]?, starts of sets int64 [K + 1]?, members of sets?.
/// A child below 0 is leaf −1 − child. Result: sums [N, targets].
package struct TreeEnsemble: Operator {
  package enum Aggregate: String, Hashable, Codable, Sendable { case sum, average, min, max }
  /// Numbers of comparisons as TreeEnsemble has them.
  package enum Comparison: Int64, Sendable, CaseIterable {
    case lessOrEqual, less, greaterOrEqual, greater, equal, notEqual, member
  }

  package static let name = "TreeEnsemble"
  package var targets: Int
  package var aggregate: Aggregate
  package var to: DataType

  package init(targets: Int, aggregate: Aggregate = .sum, to: DataType = .float32) {
    self.targets = targets
    self.aggregate = aggregate
    self.to = to
  }

  package var traits: OperatorTraits { [.pure] }
}

/// Support vectors: the core of `ai.onnx.ml` `SVMRegressor` and `SVMClassifier`.
///
/// Operands: x [N, F], vectors [V, F], coefficients, rho, and of a classifier of C classes with probabilities two
/// parameters [C·(C − 1)/2] of sigmoids. Result of a regressor, whose coefficients are [V]: values [N, 1]. Results of a
/// classifier, whose coefficients are [C − 1, V]: decisions [N, C·(C − 1)/2] or probabilities [N, C], and votes [N, C].
package struct SupportVectors: Operator {
  package enum Kernel: String, Hashable, Codable, Sendable { case linear, poly, rbf, sigmoid }
  package static let name = "SupportVectors"
  package var kernel: Kernel
  package var gamma: Real
  package var coefficient: Real
  package var degree: Real
  /// Vectors of each class; nil: a regressor.
  package var perClass: [Int]?

  package init(_ kernel: Kernel, gamma: Real, coefficient: Real, degree: Real, perClass: [Int]? = nil) {
    self.kernel = kernel
    self.gamma = gamma
    self.coefficient = coefficient
    self.degree = degree
    self.perClass = perClass
  }

  package var traits: OperatorTraits { [.pure] }
}

/// Labels by scores: the end of the classifiers of `ai.onnx.ml`.
///
/// Operands: scores [N, E], labels [C], decisive scores [N, C]? (the scores themselves). Results: label [N], and scores
/// [N, E] after the transformation, or [N, 2] where one score has a complement.
package struct Classify: Operator {
  /// What stands for the first of two classes where there is one score s.
  package enum Complement: String, Hashable, Codable, Sendable {
    case none
    /// 1 − s
    case probability
    /// −s
    case negative
  }

  package static let name = "Classify"
  package var complement: Complement
  /// The second of two classes is chosen above it; nil: the class with the largest score is chosen.
  package var threshold: Real?
  package var transform: ScoreTransform

  package init(complement: Complement = .none, threshold: Real? = nil, transform: ScoreTransform = .none) {
    self.complement = complement
    self.threshold = threshold
    self.transform = transform
  }

  package var traits: OperatorTraits { [.pure] }
}

/// A transformation of the last axis: the end of the regressors of `ai.onnx.ml`.
package struct TransformScores: Operator {
  package static let name = "TransformScores"
  package var transform: ScoreTransform
  package init(_ transform: ScoreTransform) { self.transform = transform }
  package var traits: OperatorTraits { [.pure] }
}

/// `ai.onnx.ml` `LabelEncoder` and `CategoryMapper`: each element is looked up. Operands: x, keys [K], values [K],
/// the value of what is not among the keys.
package struct LabelEncoder: Operator {
  package static let name = "LabelEncoder"
  package init() {}
  package var traits: OperatorTraits { [.pure] }
}

/// `ai.onnx.ml` `OneHotEncoder`. Operands: x, categories [C]. Result: float32 [shape of x, C].
package struct OneHotEncoder: Operator {
  package static let name = "OneHotEncoder"
  /// Whether an element of no category gives zeros, or is an error.
  package var zeros: Bool
  package init(zeros: Bool = true) { self.zeros = zeros }
  package var traits: OperatorTraits { [.pure] }
}

/// `ai.onnx.ml` `ZipMap`. Operands: scores [N, C] or [C], labels [C]. Result: a sequence of N maps.
package struct ZipMap: Operator {
  package static let name = "ZipMap"
  package init() {}
  package var traits: OperatorTraits { [.pure] }
}
