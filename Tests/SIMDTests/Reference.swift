import IR
import Operators
import Tensors

/// Elements of a broadcast operand in the row-major order of `sizes`.
func broadcast(_ values: [Double], _ own: [Int], to sizes: [Int]) -> [Double] {
  let lead = sizes.count - own.count
  var strides = [Int](repeating: 0, count: sizes.count)
  var step = 1
  for i in own.indices.reversed() {
    strides[lead + i] = own[i] == 1 ? 0 : step
    step *= own[i]
  }
  return (0..<sizes.reduce(1, *)).map { flat in
    var rest = flat
    var offset = 0
    for axis in sizes.indices.reversed() {
      offset += rest % sizes[axis] * strides[axis]
      rest /= sizes[axis]
    }
    return values[offset]
  }
}

/// A convolution in double precision, 1-D or 2-D.
func referenceConvolution(
  _ x: Tensor, _ w: Tensor, bias: Tensor?, _ window: Window, groups: Int
) throws -> (sizes: [Int], values: [Double]) {
  let flat = x.rank == 3
  func two(_ v: [Int], _ none: Int) -> (Int, Int) { flat ? (none, v[0]) : (v[0], v[1]) }
  let (n, c) = (x.sizes[0], x.sizes[1])
  let (h, wide) = flat ? (1, x.sizes[2]) : (x.sizes[2], x.sizes[3])
  let (kh, kw) = two(window.kernel, 1), (sy, sx) = two(window.strides, 1), (dy, dx) = two(window.dilations, 1)
  let (top, left) = two(window.padsBegin, 0), (bottom, right) = two(window.padsEnd, 0)
  let oh = (h + top + bottom - dy * (kh - 1) - 1) / sy + 1
  let ow = (wide + left + right - dx * (kw - 1) - 1) / sx + 1
  let o = w.sizes[0], cg = c / groups, og = o / groups
  let input = try x.elements(of: Float.self), weights = try w.elements(of: Float.self)
  let shift = try bias?.elements(of: Float.self)
  var out = [Double](repeating: 0, count: n * o * oh * ow)
  for image in 0..<n {
    for oc in 0..<o {
      for y in 0..<oh {
        for xx in 0..<ow {
          var sum = Double(shift?[oc] ?? 0)
          for ic in 0..<cg {
            for ky in 0..<kh {
              for kx in 0..<kw {
                let iy = y * sy - top + ky * dy, ix = xx * sx - left + kx * dx
                guard iy >= 0, iy < h, ix >= 0, ix < wide else { continue }
                let channel = oc / og * cg + ic
                sum +=
                  Double(input[((image * c + channel) * h + iy) * wide + ix])
                  * Double(weights[((oc * cg + ic) * kh + ky) * kw + kx])
              }
            }
          }
          out[((image * o + oc) * oh + y) * ow + xx] = sum
        }
      }
    }
  }
  return (flat ? [n, o, ow] : [n, o, oh, ow], out)
}

/// The epilogue in double precision.
func apply(_ epilogue: Epilogue, _ operands: [Tensor], to values: [Double], sizes: [Int]) throws -> [Double] {
  var values = values
  for step in epilogue.steps {
    switch step {
    case .unary(let f): values = values.map { reference(f, $0) }
    case .clamp(let lower, let upper): values = values.map { min(max($0, lower.value), upper.value) }
    case .binary(let f, let i, let swapped):
      let other = broadcast(
        try operands[i].elements(of: Float.self).map { Double($0) }, operands[i].sizes, to: sizes)
      values = zip(values, other).map { swapped ? reference(f, $1, $0) : reference(f, $0, $1) }
    case .quantize, .convert: fatalError("no such step in these tests")
    }
  }
  return values
}
