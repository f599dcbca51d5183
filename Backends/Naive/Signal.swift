import Glibc
import Kernels
import Operators
import Tensors

/// Longer transforms are refused: a number in the data could ask for any length.
private let lengthLimit = 1 << 24

extension DFT: NaiveOperator {
  static let naiveName = "dft"
  static let elements = Elements.floats

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    guard x.rank >= 2, let parts = x.sizes.last, parts == 1 || parts == 2 else { throw .malformed }
    let axis = try normalized(try call.integers(axis.map { [$0] }, orOperand: 2)?.first ?? -2, rank: x.rank)
    let size = x.sizes[axis]
    let isRealResult = inverse && onesided
    let wholeLength = isRealResult ? try multiplied(2, size - 1) : size
    let length = try call.integers(1)?.first ?? wholeLength
    guard axis < x.rank - 1, length >= (call.operands.count > 1 && call.operands[1] != nil ? 1 : 0) else {
      throw .malformed
    }
    if length > lengthLimit { throw .budget }
    var sizes = x.sizes
    sizes[axis] = onesided && !inverse ? length / 2 + 1 : length
    sizes[x.rank - 1] = isRealResult ? 1 : 2
    let y = try call.result(0, x.dataType, sizes)
    if y.elementCount == 0 { return }
    guard let codec = ElementCodec(x.dataType) else { throw .notRepresentable }
    let inner = try x.sizes[(axis + 1)..<(x.rank - 1)].product
    let outer = try x.sizes[..<axis].product
    let transform = try FourierTransform(count: length, inverse: inverse, call)
    try call.takeSteps(product: [outer, inner, transform.stepCount], beyond: x.elementCount + y.elementCount)
    let memory = try Scratch<Double>(count: 2 * length)
    defer { withExtendedLifetime(memory) {} }
    let (real, imaginary) = (memory.base, memory.base + length)
    let resultParts = sizes[x.rank - 1]
    let scale = inverse ? 1 / Double(length) : 1
    for o in 0..<outer {
      for i in 0..<inner {
        real.update(repeating: 0, count: 2 * length)
        // Of one half of a spectrum the other follows.
        for n in 0..<min(size, isRealResult ? length / 2 + 1 : length) {
          let at = ((o * size + n) * inner + i) * parts
          real[n] = codec.double(at: at, in: x.bytes.base)
          imaginary[n] = parts == 2 ? codec.double(at: at + 1, in: x.bytes.base) : 0
          if isRealResult, n > 0, length - n > n {
            real[length - n] = real[n]
            imaginary[length - n] = -imaginary[n]
          }
        }
        if isRealResult {
          imaginary[0] = 0
          if length % 2 == 0 { imaginary[length / 2] = 0 }
        }
        transform(real, imaginary)
        for k in 0..<sizes[axis] {
          let at = ((o * sizes[axis] + k) * inner + i) * resultParts
          codec.store(real[k] * scale, at: at, in: y.base)
          if resultParts == 2 { codec.store(imaginary[k] * scale, at: at + 1, in: y.base) }
        }
      }
    }
  }
}

extension STFT: NaiveOperator {
  static let naiveName = "stft"
  static let elements = Elements.floats

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    guard x.rank == 3, 1...2 ~= x.sizes[2], let step = try call.integers(1)?.first, step >= 1 else {
      throw .malformed
    }
    let window = try call.optional(2).map { (window) throws(KernelFault) in try call.reals(window) }
    let frame = try call.integers(3)?.first ?? window?.count ?? x.sizes[1]
    guard frame >= 1, frame <= x.sizes[1], window.map({ $0.count == frame }) ?? true else { throw .malformed }
    if frame > lengthLimit { throw .budget }
    let (frames, bins) = ((x.sizes[1] - frame) / step + 1, onesided ? frame / 2 + 1 : frame)
    let y = try call.result(0, x.dataType, [x.sizes[0], frames, bins, 2])
    guard y.elementCount > 0, let codec = ElementCodec(x.dataType) else { return }
    let transform = try FourierTransform(count: frame, inverse: false, call)
    try call.takeSteps(
      product: [x.sizes[0], frames, transform.stepCount], beyond: x.elementCount + y.elementCount)
    let memory = try Scratch<Double>(count: 2 * frame)
    defer { withExtendedLifetime(memory) {} }
    let (real, imaginary) = (memory.base, memory.base + frame)
    let parts = x.sizes[2]
    var next = 0
    for n in 0..<x.sizes[0] {
      for f in 0..<frames {
        for i in 0..<frame {
          let at = (n * x.sizes[1] + f * step + i) * parts
          let weight = window?[i] ?? 1
          real[i] = codec.double(at: at, in: x.bytes.base) * weight
          imaginary[i] = parts == 2 ? codec.double(at: at + 1, in: x.bytes.base) * weight : 0
        }
        transform(real, imaginary)
        for k in 0..<bins {
          codec.store(real[k], at: next, in: y.base)
          codec.store(imaginary[k], at: next + 1, in: y.base)
          next += 2
        }
      }
    }
  }
}

extension CosineWindow: NaiveOperator {
  static let naiveName = "cosine-window"

  private var weights: (Double, Double, Double) {
    switch kind {
    case .hann: (0.5, 0.5, 0)
    case .hamming: (25.0 / 46, 21.0 / 46, 0)
    case .blackman: (0.42, 0.5, 0.08)
    }
  }

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    guard let size = try call.integers(0)?.first, size >= 0 else { throw .malformed }
    let y = try call.result(0, dataType, [size])
    guard let codec = ElementCodec(dataType) else { throw .notRepresentable }
    let (a0, a1, a2) = weights
    let period = Double(periodic ? size : size - 1)
    for i in 0..<size {
      // A symmetric window of one element is its middle.
      let angle = period > 0 ? 2 * .pi * Double(i) / period : .pi
      codec.store(a0 - a1 * cos(angle) + a2 * cos(2 * angle), at: i, in: y.base)
    }
  }
}

extension MelWeightMatrix: NaiveOperator {
  static let naiveName = "mel-weight-matrix"

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    guard let bands = try call.integers(0)?.first, let length = try call.integers(1)?.first,
      let rate = try call.integers(2)?.first, let low = try call.reals(call.operand(3)).first,
      let high = try call.reals(call.operand(4)).first, bands >= 0, length >= 0, rate > 0, low > -700,
      high > -700
    else { throw .malformed }
    let bins = length / 2 + 1
    let y = try call.result(0, dataType, [bins, bands])
    guard let codec = ElementCodec(dataType) else { throw .notRepresentable }
    y.clear()
    let (first, last) = (2595 * log10(1 + low / 700), 2595 * log10(1 + high / 700))
    let step = (last - first) / Double(bands + 2)
    func bin(_ i: Int) throws(KernelFault) -> Int {
      let frequency = 700 * (pow(10, (first + Double(i) * step) / 2595) - 1)
      let place = (Double(length + 1) * frequency / Double(rate)).rounded(.down)
      guard 0..<Double(bins) ~= place else { throw .indexOutOfRange(operand: 4) }
      return Int(place)
    }
    for band in 0..<(y.elementCount == 0 ? 0 : bands) {
      let (left, center, right) = (try bin(band), try bin(band + 1), try bin(band + 2))
      if left == center { codec.store(1.0, at: center * bands + band, in: y.base) }
      for j in left..<max(center + 1, left) where left < center {
        codec.store(Double(j - left) / Double(center - left), at: j * bands + band, in: y.base)
      }
      for j in center..<max(center, right) {
        codec.store(Double(right - j) / Double(right - center), at: j * bands + band, in: y.base)
      }
    }
  }
}
