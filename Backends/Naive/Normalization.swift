import Glibc
import Kernels
import Operators
import Tensors

/// The elements along one axis of a tensor: `outer` blocks of `count` rows of `inner` elements.
private struct Channels {
  let outer, count, inner: Int

  init(_ sizes: [Int], axis: Int) throws(KernelFault) {
    outer = try sizes[..<axis].product
    count = sizes[axis]
    inner = try sizes[(axis + 1)...].product
  }
}

extension Evaluation {
  /// A vector operand with one number per channel.
  fileprivate func perChannel(_ index: Int, count: Int) throws(KernelFault) -> [Double] {
    let tensor = try operand(index)
    guard tensor.elementCount == count else { throw .malformed }
    return try reals(tensor)
  }
}

/// y = x · scale + shift, with one scale and shift per channel.
private func scaleAndShift(
  _ x: Tensor, _ scale: [Double], _ shift: [Double], axis: Int, into y: Tensor
) throws(KernelFault) {
  let channels = try Channels(x.sizes, axis: axis)
  func run<T: FloatNumber>(_: T.Type) {
    var (from, to) = (x.pointer(T.self), y.pointer(T.self))
    for _ in 0..<channels.outer {
      for c in 0..<channels.count {
        for i in 0..<channels.inner { to[i] = T(real: from[i].real * scale[c] + shift[c]) }
        from += channels.inner
        to += channels.inner
      }
    }
  }
  switch x.dataType {
  case .float32: run(Float.self)
  case .float64: run(Double.self)
  default: throw .notRepresentable
  }
}

extension BatchNormalization: NaiveOperator {
  static let naiveName = "batch-normalization"
  static let elements = Elements.floats

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    guard x.rank >= 1 else { throw .malformed }
    // A vector is a batch of one channel.
    let axis = x.rank == 1 ? 0 : 1
    let count = x.rank == 1 ? 1 : x.sizes[1]
    let scale = try call.perChannel(1, count: count)
    let bias = try call.perChannel(2, count: count)
    let mean = try call.perChannel(3, count: count)
    let variance = try call.perChannel(4, count: count)
    let y = try call.result(0, x.dataType, x.sizes)
    let factors = scale.indices.map { scale[$0] / (variance[$0] + epsilon.value).squareRoot() }
    let shifts = bias.indices.map { bias[$0] - mean[$0] * factors[$0] }
    if x.rank == 1 {
      let flat = try x.reshape([1, 1, x.sizes[0]])
      try scaleAndShift(flat, factors, shifts, axis: 1, into: y)
    } else {
      try scaleAndShift(x, factors, shifts, axis: axis, into: y)
    }
  }
}

extension ScaleShift: NaiveOperator {
  static let naiveName = "scale-shift"
  static let elements = Elements.floats

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    let axis = try normalized(axis, rank: x.rank)
    let scale = try call.perChannel(1, count: x.sizes[axis])
    let shift = try call.perChannel(2, count: x.sizes[axis])
    let y = try call.result(0, x.dataType, x.sizes)
    try scaleAndShift(x, scale, shift, axis: axis, into: y)
  }
}

/// The mean and the variance of `count` elements.
private func moments<T: FloatNumber>(_ x: UnsafePointer<T>, _ count: Int) -> (mean: Double, variance: Double)
{
  var sum = 0.0
  for i in 0..<count { sum += x[i].real }
  let mean = sum / Double(count)
  var squares = 0.0
  for i in 0..<count {
    let deviation = x[i].real - mean
    squares += deviation * deviation
  }
  return (mean, squares / Double(count))
}

extension InstanceNormalization: NaiveOperator {
  static let naiveName = "instance-normalization"
  static let elements = Elements.floats

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    guard x.rank >= 2 else { throw .malformed }
    let scale = try call.perChannel(1, count: x.sizes[1])
    let bias = try call.perChannel(2, count: x.sizes[1])
    let y = try call.result(0, x.dataType, x.sizes)
    let plane = try x.sizes[2...].product
    func run<T: FloatNumber>(_: T.Type) {
      for p in 0..<x.sizes[0] * x.sizes[1] {
        let (from, to) = (x.pointer(T.self) + p * plane, y.pointer(T.self) + p * plane)
        let (mean, variance) = moments(from, plane)
        let factor = scale[p % x.sizes[1]] / (variance + epsilon.value).squareRoot()
        let shift = bias[p % x.sizes[1]]
        for i in 0..<plane { to[i] = T(real: (from[i].real - mean) * factor + shift) }
      }
    }
    switch x.dataType {
    case .float32: run(Float.self)
    case .float64: run(Double.self)
    default: throw .notRepresentable
    }
  }
}

extension LayerNormalization: NaiveOperator {
  static let naiveName = "layer-normalization"
  static let elements = Elements.floats

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    let axis = try normalized(axis, rank: x.rank)
    let rows = try x.sizes[..<axis].product
    let count = try x.sizes[axis...].product
    let normalizedSizes = Array(x.sizes[axis...])
    let scale = try call.spread(call.operand(1), over: normalizedSizes)
    let bias = try call.optional(2).map { (bias) throws(KernelFault) in
      try call.spread(bias, over: normalizedSizes)
    }
    let y = try call.result(0, x.dataType, x.sizes)
    let statistics = x.sizes[..<axis] + [Int](repeating: 1, count: x.rank - axis)
    // Statistics are float32 whatever the operand is, unless it is wider.
    let statisticsType: DataType = x.dataType == .float64 ? .float64 : .float32
    let mean = call.isWanted(1) ? try call.result(1, statisticsType, Array(statistics)) : nil
    let inverse = call.isWanted(2) ? try call.result(2, statisticsType, Array(statistics)) : nil
    func run<T: FloatNumber>(_: T.Type) {
      for row in 0..<rows {
        let (from, to) = (x.pointer(T.self) + row * count, y.pointer(T.self) + row * count)
        let (average, variance) = moments(from, count)
        let factor = 1 / (variance + epsilon.value).squareRoot()
        for i in 0..<count { to[i] = T(real: (from[i].real - average) * factor * scale[i] + (bias?[i] ?? 0)) }
        mean?.pointer(T.self)[row] = T(real: average)
        inverse?.pointer(T.self)[row] = T(real: factor)
      }
    }
    switch x.dataType {
    case .float32: run(Float.self)
    case .float64: run(Double.self)
    default: throw .notRepresentable
    }
  }
}

extension LRN: NaiveOperator {
  static let naiveName = "local-response-normalization"
  static let elements = Elements.floats

  /// y = x ÷ (bias + alpha ÷ size · Σ x²)^beta over `size` neighbouring channels.
  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    guard x.rank >= 2, size >= 1 else { throw .malformed }
    let y = try call.result(0, x.dataType, x.sizes)
    let channels = try Channels(x.sizes, axis: 1)
    try call.takeSteps(product: [x.elementCount, min(size, channels.count)], beyond: x.elementCount)
    let before = (size - 1) / 2
    let after = size - 1 - before
    func run<T: FloatNumber>(_: T.Type) {
      for o in 0..<channels.outer {
        let from = x.pointer(T.self) + o * channels.count * channels.inner
        let to = y.pointer(T.self) + o * channels.count * channels.inner
        for c in 0..<channels.count {
          for i in 0..<channels.inner {
            var squares = 0.0
            for d in max(0, c - before)...min(channels.count - 1, after < channels.count ? c + after : .max) {
              let value = from[d * channels.inner + i].real
              squares += value * value
            }
            let base = bias.value + alpha.value / Double(size) * squares
            to[c * channels.inner + i] = T(real: from[c * channels.inner + i].real / pow(base, beta.value))
          }
        }
      }
    }
    switch x.dataType {
    case .float32: run(Float.self)
    case .float64: run(Double.self)
    default: throw .notRepresentable
    }
  }
}

extension LpNormalization: NaiveOperator {
  static let naiveName = "lp-normalization"
  static let elements = Elements.floats

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    guard p == 1 || p == 2 else { throw .malformed }
    let rows = try AxisRows(x.sizes, axis: axis)
    let y = try call.result(0, x.dataType, x.sizes)
    var values = try call.reals(x)
    rows.forEach { first in
      var sum = 0.0
      for c in 0..<rows.count {
        let value = values[first + c * rows.inner]
        sum += p == 1 ? abs(value) : value * value
      }
      let norm = p == 1 ? sum : sum.squareRoot()
      for c in 0..<rows.count {
        values[first + c * rows.inner] = norm == 0 ? 0 : values[first + c * rows.inner] / norm
      }
    }
    try y.write(values)
  }
}
