import Glibc
import Kernels
import Operators
import Tensors

extension Softmax: NaiveOperator {
  static let naiveName = "softmax"
  static let elements = Elements.floats

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    try softmax(axis: axis, flattens: flattens, logarithm: false, in: &call)
  }
}

extension LogSoftmax: NaiveOperator {
  static let naiveName = "log-softmax"
  static let elements = Elements.floats

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    try softmax(axis: axis, flattens: flattens, logarithm: true, in: &call)
  }
}

private func softmax(axis: Int, flattens: Bool, logarithm: Bool, in call: inout Evaluation)
  throws(KernelFault)
{
  let x = try call.operand(0)
  let y = try call.result(0, x.dataType, x.sizes)
  let outer: Int
  let count: Int
  let inner: Int
  if flattens {
    // The axis may be the rank: then each element is a row of its own.
    guard axis >= -x.rank, axis <= x.rank else { throw .malformed }
    let axis = axis < 0 ? axis + x.rank : axis
    outer = try x.sizes[..<axis].product
    count = try x.sizes[axis...].product
    inner = 1
  } else {
    let axis = try normalized(axis, rank: x.rank)
    outer = try x.sizes[..<axis].product
    count = x.sizes[axis]
    inner = try x.sizes[(axis + 1)...].product
  }
  switch x.dataType {
  case .float32: normalize(x.pointer(Float.self), y.pointer(Float.self), outer, count, inner, logarithm)
  case .float64: normalize(x.pointer(Double.self), y.pointer(Double.self), outer, count, inner, logarithm)
  default: throw .notRepresentable
  }
}

/// exp(x − max) ÷ Σ exp(x − max), or x − max − log of that sum.
private func normalize<T: FloatNumber>(
  _ x: UnsafePointer<T>, _ y: UnsafeMutablePointer<T>, _ outer: Int, _ count: Int, _ inner: Int,
  _ logarithm: Bool
) {
  for o in 0..<outer {
    for i in 0..<inner {
      let from = x + o * count * inner + i
      let to = y + o * count * inner + i
      var highest = -Double.infinity
      for c in 0..<count { highest = max(highest, from[c * inner].real) }
      var sum = 0.0
      for c in 0..<count { sum += exp(from[c * inner].real - highest) }
      let logSum = log(sum)
      for c in 0..<count {
        let shifted = from[c * inner].real - highest
        to[c * inner] = T(real: logarithm ? shifted - logSum : exp(shifted) / sum)
      }
    }
  }
}
