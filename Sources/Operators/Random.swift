import IR
import Tensors

// Numbers drawn at random. With a seed they are those of the Mersenne Twister MT19937 (Matsumoto and Nishimura,
// 1998), the same in every run; without one every run draws others, so these operators are not pure.

/// ONNX `RandomUniform`, `RandomNormal` and their `Like` forms. Operand: a tensor of the sizes wanted, absent when
/// `sizes` is given.
package struct RandomTensor: Operator {
  package enum Distribution: Hashable, Codable, Sendable {
    case uniform(low: Real, high: Real)
    case normal(mean: Real, deviation: Real)
  }

  package static let name = "RandomTensor"
  package var distribution: Distribution
  package var dataType: DataType
  package var seed: Int?
  package var sizes: [Int]?

  package init(_ distribution: Distribution, dataType: DataType, seed: Int? = nil, sizes: [Int]? = nil) {
    self.distribution = distribution
    self.dataType = dataType
    self.seed = seed
    self.sizes = sizes
  }

  package var traits: OperatorTraits { seed == nil ? [] : [.pure] }
}

/// ONNX `Bernoulli`: 1 with the probability that the operand says, element by element.
package struct Bernoulli: Operator {
  package static let name = "Bernoulli"
  package var dataType: DataType
  package var seed: Int?

  package init(dataType: DataType, seed: Int? = nil) {
    self.dataType = dataType
    self.seed = seed
  }

  package var traits: OperatorTraits { seed == nil ? [] : [.pure] }
}

/// ONNX `Multinomial`: classes drawn by their unnormalized logarithms of probabilities [N, classes]. Result: [N,
/// count] of int32 or int64.
package struct Multinomial: Operator {
  package static let name = "Multinomial"
  package var count: Int
  package var dataType: DataType
  package var seed: Int?

  package init(count: Int, dataType: DataType, seed: Int? = nil) {
    self.count = count
    self.dataType = dataType
    self.seed = seed
  }

  package var traits: OperatorTraits { seed == nil ? [] : [.pure] }
}

/// ONNX `Dropout` that may train. Operands: x, ratio?, training mode (false: nothing is dropped). Results: y,
/// mask?.
package struct TrainingDropout: Operator {
  package static let name = "TrainingDropout"
  package var seed: Int?
  package init(seed: Int? = nil) { self.seed = seed }
  package var traits: OperatorTraits { seed == nil ? [] : [.pure] }
}
