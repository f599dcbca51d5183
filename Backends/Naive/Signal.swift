import Glibc
import Kernels
import Operators
import Tensors

/// A discrete Fourier transform of one length.
private struct Transform {
  let count: Int
  private let cosines, sines: [Double]

  init(count: Int, inverse: Bool) {
    self.count = count
    let sign = inverse ? 1.0 : -1.0
    // Angles of less than a turn, so that they are exact.
    cosines = (0..<count).map { cos(2 * .pi * Double($0) / Double(count)) }
    sines = (0..<count).map { sign * sin(2 * .pi * Double($0) / Double(count)) }
  }

  /// y[k] = Σ x[n] · e^(∓2πi·k·n/count), split at the smallest factors of the count (Cooley and Tukey, 1965).
  func callAsFunction(_ real: inout [Double], _ imaginary: inout [Double]) {
    var (yr, yi) = (real, imaginary)
    run(real, imaginary, 0, 1, &yr, &yi, 0, count)
    (real, imaginary) = (yr, yi)
  }

  private func run(
    _ xr: [Double], _ xi: [Double], _ first: Int, _ stride: Int, _ yr: inout [Double], _ yi: inout [Double],
    _ at: Int, _ n: Int
  ) {
    if n == 1 {
      yr[at] = xr[first]
      yi[at] = xi[first]
      return
    }
    var factor = 2
    while factor * factor <= n, n % factor != 0 { factor += 1 }
    if n % factor != 0 { factor = n }
    let part = n / factor
    for p in 0..<factor { run(xr, xi, first + p * stride, stride * factor, &yr, &yi, at + p * part, part) }
    // The sum over parts, for results that share their elements of the parts.
    var (tr, ti) = ([Double](repeating: 0, count: factor), [Double](repeating: 0, count: factor))
    let turn = count / n
    for k in 0..<part {
      for p in 0..<factor {
        tr[p] = yr[at + p * part + k]
        ti[p] = yi[at + p * part + k]
      }
      for q in 0..<factor {
        let index = k + q * part
        var (sr, si) = (0.0, 0.0)
        for p in 0..<factor {
          let angle = p * index % n * turn
          sr += tr[p] * cosines[angle] - ti[p] * sines[angle]
          si += tr[p] * sines[angle] + ti[p] * cosines[angle]
        }
        yr[at + index] = sr
        yi[at + index] = si
      }
    }
  }
}

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
    let length = try call.integers(1)?.first ?? (isRealResult ? 2 * (size - 1) : size)
    guard axis < x.rank - 1, length >= (call.operands.count > 1 && call.operands[1] != nil ? 1 : 0) else {
      throw .malformed
    }
    if length > lengthLimit { throw .budget }
    var sizes = x.sizes
    sizes[axis] = onesided && !inverse ? length / 2 + 1 : length
    sizes[x.rank - 1] = isRealResult ? 1 : 2
    let y = try call.result(0, x.dataType, sizes)
    if y.elementCount == 0 { return }
    let values = try x.reals()
    var results = [Double](repeating: 0, count: y.elementCount)
    let transform = Transform(count: length, inverse: inverse)
    let inner = try x.sizes[(axis + 1)..<(x.rank - 1)].product
    let resultParts = sizes[x.rank - 1]
    let scale = inverse ? 1 / Double(length) : 1
    for o in 0..<(try x.sizes[..<axis].product) {
      for i in 0..<inner {
        var real = [Double](repeating: 0, count: length)
        var imaginary = real
        // Of one half of a spectrum the other follows.
        for n in 0..<min(size, isRealResult ? length / 2 + 1 : length) {
          let at = ((o * size + n) * inner + i) * parts
          real[n] = values[at]
          imaginary[n] = parts == 2 ? values[at + 1] : 0
          if isRealResult, n > 0, length - n > n {
            real[length - n] = real[n]
            imaginary[length - n] = -imaginary[n]
          }
        }
        if isRealResult {
          imaginary[0] = 0
          if length % 2 == 0 { imaginary[length / 2] = 0 }
        }
        transform(&real, &imaginary)
        for k in 0..<sizes[axis] {
          let at = ((o * sizes[axis] + k) * inner + i) * resultParts
          results[at] = real[k] * scale
          if resultParts == 2 { results[at + 1] = imaginary[k] * scale }
        }
      }
    }
    try y.write(results)
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
    let window = try call.optional(2)?.reals()
    let frame = try call.integers(3)?.first ?? window?.count ?? x.sizes[1]
    guard frame >= 1, frame <= x.sizes[1], window.map({ $0.count == frame }) ?? true else { throw .malformed }
    if frame > lengthLimit { throw .budget }
    let (frames, bins) = ((x.sizes[1] - frame) / step + 1, onesided ? frame / 2 + 1 : frame)
    let y = try call.result(0, x.dataType, [x.sizes[0], frames, bins, 2])
    let values = try x.reals()
    var results: [Double] = []
    results.reserveCapacity(y.elementCount)
    let transform = Transform(count: frame, inverse: false)
    let parts = x.sizes[2]
    for n in 0..<x.sizes[0] {
      for f in 0..<frames {
        var real = [Double](repeating: 0, count: frame)
        var imaginary = real
        for i in 0..<frame {
          let at = (n * x.sizes[1] + f * step + i) * parts
          real[i] = values[at] * (window?[i] ?? 1)
          imaginary[i] = parts == 2 ? values[at + 1] * (window?[i] ?? 1) : 0
        }
        transform(&real, &imaginary)
        for k in 0..<bins { results += [real[k], imaginary[k]] }
      }
    }
    try y.write(results)
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
      let rate = try call.integers(2)?.first, let low = try call.operand(3).reals().first,
      let high = try call.operand(4).reals().first, bands >= 0, length >= 0, rate > 0, low > -700, high > -700
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
    for band in 0..<bands {
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
