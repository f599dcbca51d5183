import Glibc
import Kernels
import Operators
import Tensors

extension RandomTensor: NaiveOperator {
  static let naiveName = "random"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    var shape = sizes ?? []
    if sizes == nil { shape = try call.operand(0).sizes }
    guard shape.allSatisfy({ $0 >= 0 }), let codec = ElementCodec(dataType), dataType.isFloatingPoint else {
      throw .malformed
    }
    let y = try call.result(0, dataType, shape)
    var generator = MersenneTwister(seed: seed)
    switch distribution {
    case .uniform(let low, let high):
      for i in 0..<y.elementCount {
        codec.store(low.value + (high.value - low.value) * generator.uniform(), at: i, in: y.base)
      }
    case .normal(let mean, let deviation):
      var pair = (0.0, 0.0)
      for i in 0..<y.elementCount {
        if i % 2 == 0 { pair = Self.pair(&generator) }
        let value = i % 2 == 0 ? pair.0 : pair.1
        codec.store(mean.value + deviation.value * value, at: i, in: y.base)
      }
    }
  }

  /// Two numbers of the normal distribution by the polar method (Marsaglia and Bray, 1964).
  private static func pair(_ generator: inout MersenneTwister) -> (Double, Double) {
    while true {
      let (a, b) = (2 * generator.uniform() - 1, 2 * generator.uniform() - 1)
      let square = a * a + b * b
      if square >= 1 || square == 0 { continue }
      let factor = (-2 * log(square) / square).squareRoot()
      return (factor * b, factor * a)
    }
  }
}

extension Bernoulli: NaiveOperator {
  static let naiveName = "bernoulli"
  static let elements = Elements.floats

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    guard let codec = ElementCodec(dataType) else { throw .malformed }
    let values = try call.reals(x)
    let y = try call.result(0, dataType, x.sizes)
    y.clear()
    var generator = MersenneTwister(seed: seed)
    for (i, probability) in values.enumerated() where generator.uniform() < probability {
      dataType.isFloatingPoint
        ? codec.store(1.0, at: i, in: y.base) : codec.store(Int64(1), at: i, in: y.base)
    }
  }
}

extension Multinomial: NaiveOperator {
  static let naiveName = "multinomial"
  static let elements = Elements.floats

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    guard x.rank == 2, count >= 0, let codec = ElementCodec(dataType) else { throw .malformed }
    let classes = x.sizes[1]
    let y = try call.result(0, dataType, [x.sizes[0], count])
    if y.elementCount == 0 { return }
    if classes == 0 { throw .notRepresentable }
    try call.takeScratch(classes)
    let values = try call.reals(x)
    var generator = MersenneTwister(seed: seed)
    for n in 0..<x.sizes[0] {
      let row = values[n * classes..<(n + 1) * classes]
      let highest = row.reduce(-Double.infinity, max)
      var sums: [Double] = []
      sums.reserveCapacity(classes)
      for value in row { sums.append((sums.last ?? 0) + exp(value - highest)) }
      for i in 0..<count {
        let place = generator.uniform() * (sums.last ?? 0)
        // The first sum above the place: sums do not decrease.
        var (label, end) = (0, classes - 1)
        while label < end {
          let middle = (label + end) / 2
          if place < sums[middle] { end = middle } else { label = middle + 1 }
        }
        codec.store(Int64(label), at: n * count + i, in: y.base)
      }
    }
  }
}

extension TrainingDropout: NaiveOperator {
  static let naiveName = "training-dropout"
  static let elements = Elements.floats

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    let ratio = try call.reals(call.optional(1))?.first ?? 0.5
    guard let training = try call.optional(2), training.dataType == .bool, training.elementCount == 1,
      0..<1 ~= ratio
    else { throw .malformed }
    let isTraining = training.pointer(UInt8.self)[0] != 0 && ratio > 0
    let y = try call.result(0, x.dataType, x.sizes)
    let mask = try call.isWanted(1) ? call.result(1, .bool, x.sizes) : nil
    var generator = MersenneTwister(seed: seed)
    var values = try call.reals(x)
    for i in values.indices {
      let stays = !isTraining || generator.uniform() >= ratio
      if isTraining { values[i] = stays ? values[i] / (1 - ratio) : 0 }
      mask?.pointer(UInt8.self)[i] = stays ? 1 : 0
    }
    try y.write(values)
  }
}
