import Measurement

/// Series of times with a memory, around a level of 1.
struct Noise {
  private var random: SplitMix

  init(seed: UInt64) { random = SplitMix(seed: seed) }

  /// From 0 to 1.
  mutating func uniform() -> Double { Double(random.next() >> 11) / Double(1 << 53) }

  /// Of about a normal distribution: the sum of twelve uniform values.
  mutating func normal() -> Double { (0..<12).reduce(-6) { sum, _ in sum + uniform() } }

  mutating func independent(_ count: Int, deviation: Double = 0.02) -> [Double] {
    (0..<count).map { _ in 1 + deviation * normal() }
  }

  /// AR(1): each value keeps the share `memory` of the one before.
  mutating func autoregressive(_ count: Int, memory: Double, deviation: Double = 0.02) -> [Double] {
    var value = normal()
    return (0..<count).map { _ in
      value = memory * value + (1 - memory * memory).squareRoot() * normal()
      return 1 + deviation * value
    }
  }

  /// Levels that each last for `length` values in the mean.
  mutating func levels(_ count: Int, length: Double, deviation: Double = 0.05) -> [Double] {
    var level = normal()
    return (0..<count).map { _ in
      if uniform() < 1 / length { level = normal() }
      return 1 + deviation * level + 0.1 * deviation * normal()
    }
  }
}
