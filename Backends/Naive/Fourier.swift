import Glibc
import Kernels

/// A discrete Fourier transform of one length: y[k] = Σ x[n] · e^(∓2πi·k·n/count).
///
/// Lengths of small prime factors are split at them (Cooley and Tukey, 1965, in the order of Stockham, which needs no
/// permutation). Any other length is a convolution of a length that is a power of two (Bluestein, 1970).
struct FourierTransform {
  let count: Int
  private let plan: MixedRadix
  private let chirp: Chirp?

  /// Steps of one transform.
  var stepCount: Int { plan.stepCount * (chirp == nil ? 1 : 3) }

  init(count: Int, inverse: Bool, _ call: Evaluation) throws(KernelFault) {
    self.count = count
    let factors = MixedRadix.factors(of: count)
    guard (factors.max() ?? 1) > MixedRadix.factorLimit else {
      plan = try MixedRadix(count: count, factors: factors, inverse: inverse)
      chirp = nil
      return
    }
    var padded = 1
    while padded < 2 * count - 1 { padded *= 2 }
    plan = try MixedRadix(count: padded, factors: MixedRadix.factors(of: padded), inverse: false)
    // A transform to make ready, and its tables.
    try call.takeSteps(plan.stepCount)
    chirp = try Chirp(count: count, padded: padded, inverse: inverse, plan)
  }

  /// Replaces `count` numbers by their transform.
  func callAsFunction(_ real: UnsafeMutablePointer<Double>, _ imaginary: UnsafeMutablePointer<Double>) {
    if let chirp { chirp.transform(real, imaginary, plan) } else { plan.transform(real, imaginary) }
  }
}

/// e^(∓2πi·k/count) for k from 0 to before `count`, each the product of two numbers from small tables.
private struct RootsOfUnity {
  private let coarse, fine: [(Double, Double)]
  private static let bits = 10

  init(count: Int, inverse: Bool) {
    let sign = inverse ? 1.0 : -1.0
    func root(_ k: Int) -> (Double, Double) {
      let angle = 2 * .pi * Double(k) / Double(count)
      return (cos(angle), sign * sin(angle))
    }
    fine = (0..<min(count, 1 << Self.bits)).map(root)
    coarse = (0...count >> Self.bits).map { root($0 << Self.bits) }
  }

  @inline(__always)
  subscript(k: Int) -> (Double, Double) {
    let (a, b) = fine[k & (1 << Self.bits - 1)]
    if k < 1 << Self.bits { return (a, b) }
    let (c, d) = coarse[k >> Self.bits]
    return (a * c - b * d, a * d + b * c)
  }
}

/// A length of small prime factors.
private struct MixedRadix {
  private let count: Int
  private let factors: [Int]
  private let roots: RootsOfUnity
  /// A quarter of a turn is i, or −i.
  private let quarter: Double
  private let memory: Scratch<Double>

  /// Larger prime factors cost more than a transform of several times the length.
  static let factorLimit = 61

  var stepCount: Int { saturatingProduct([2, count, factors.reduce(1, +)]) }

  init(count: Int, factors: [Int], inverse: Bool) throws(KernelFault) {
    self.count = count
    self.factors = factors
    roots = RootsOfUnity(count: count, inverse: inverse)
    quarter = inverse ? 1 : -1
    memory = try Scratch(count: try multiplied(2, count))
  }

  /// Fours and primes.
  static func factors(of count: Int) -> [Int] {
    var factors: [Int] = []
    var rest = count
    while rest % 4 == 0, rest > 0 {
      factors.append(4)
      rest /= 4
    }
    var factor = 2
    while factor * factor <= rest {
      while rest % factor == 0 {
        factors.append(factor)
        rest /= factor
      }
      factor += 1
    }
    return rest > 1 ? factors + [rest] : factors
  }

  func transform(_ real: UnsafeMutablePointer<Double>, _ imaginary: UnsafeMutablePointer<Double>) {
    var (xr, xi, yr, yi) = (real, imaginary, memory.base, memory.base + count)
    // Parts of length `n`, `stride` of them interleaved.
    var (n, stride) = (count, 1)
    for factor in factors {
      switch factor {
      case 2: split2(xr, xi, yr, yi, n / 2, stride)
      case 4: split4(xr, xi, yr, yi, n / 4, stride)
      default: split(xr, xi, yr, yi, n / factor, stride, factor)
      }
      swap(&xr, &yr)
      swap(&xi, &yi)
      n /= factor
      stride *= factor
    }
    if xr != real {
      real.update(from: xr, count: count)
      imaginary.update(from: xi, count: count)
    }
  }

  private typealias Numbers = UnsafeMutablePointer<Double>

  private func split2(_ xr: Numbers, _ xi: Numbers, _ yr: Numbers, _ yi: Numbers, _ m: Int, _ s: Int) {
    for p in 0..<m {
      let (wr, wi) = roots[p * s]
      let (a, b, to) = (s * p, s * (p + m), 2 * s * p)
      for q in 0..<s {
        let (r, i) = (xr[a + q] - xr[b + q], xi[a + q] - xi[b + q])
        yr[to + q] = xr[a + q] + xr[b + q]
        yi[to + q] = xi[a + q] + xi[b + q]
        yr[to + s + q] = r * wr - i * wi
        yi[to + s + q] = r * wi + i * wr
      }
    }
  }

  private func split4(_ xr: Numbers, _ xi: Numbers, _ yr: Numbers, _ yi: Numbers, _ m: Int, _ s: Int) {
    for p in 0..<m {
      let (w1, w2, w3) = (roots[p * s], roots[2 * p * s], roots[3 * p * s])
      let (a, b, c, d, to) = (s * p, s * (p + m), s * (p + 2 * m), s * (p + 3 * m), 4 * s * p)
      for q in 0..<s {
        let (sr, si) = (xr[a + q] + xr[c + q], xi[a + q] + xi[c + q])
        let (dr, di) = (xr[a + q] - xr[c + q], xi[a + q] - xi[c + q])
        let (tr, ti) = (xr[b + q] + xr[d + q], xi[b + q] + xi[d + q])
        let (er, ei) = (quarter * -(xi[b + q] - xi[d + q]), quarter * (xr[b + q] - xr[d + q]))
        yr[to + q] = sr + tr
        yi[to + q] = si + ti
        let (r1, i1) = (dr + er, di + ei)
        let (r2, i2) = (sr - tr, si - ti)
        let (r3, i3) = (dr - er, di - ei)
        yr[to + s + q] = r1 * w1.0 - i1 * w1.1
        yi[to + s + q] = r1 * w1.1 + i1 * w1.0
        yr[to + 2 * s + q] = r2 * w2.0 - i2 * w2.1
        yi[to + 2 * s + q] = r2 * w2.1 + i2 * w2.0
        yr[to + 3 * s + q] = r3 * w3.0 - i3 * w3.1
        yi[to + 3 * s + q] = r3 * w3.1 + i3 * w3.0
      }
    }
  }

  private func split(
    _ xr: Numbers, _ xi: Numbers, _ yr: Numbers, _ yi: Numbers, _ m: Int, _ s: Int, _ factor: Int
  ) {
    let turns = (0..<factor).map { roots[$0 * (count / factor)] }
    for p in 0..<m {
      for k in 0..<factor {
        let (wr, wi) = roots[p * k * s]
        let to = s * (factor * p + k)
        for q in 0..<s {
          var (sr, si) = (0.0, 0.0)
          var turn = 0
          for j in 0..<factor {
            let (r, i) = (xr[s * (p + m * j) + q], xi[s * (p + m * j) + q])
            sr += r * turns[turn].0 - i * turns[turn].1
            si += r * turns[turn].1 + i * turns[turn].0
            turn += k
            if turn >= factor { turn -= factor }
          }
          yr[to + q] = sr * wr - si * wi
          yi[to + q] = sr * wi + si * wr
        }
      }
    }
  }
}

/// What Bluestein's method multiplies with: c[k] = e^(∓πi·k²/count), and the transform of its conjugate.
private struct Chirp {
  private let count, padded: Int
  /// c, real and imaginary; the transform of the conjugate; the padded numbers.
  private let memory: Scratch<Double>

  init(count: Int, padded: Int, inverse: Bool, _ plan: MixedRadix) throws(KernelFault) {
    self.count = count
    self.padded = padded
    memory = try Scratch(count: try multiplied(2, try added(count, 2 * padded)))
    let sign = inverse ? 1.0 : -1.0
    let (cr, ci) = (memory.base, memory.base + count)
    let (fr, fi) = (memory.base + 2 * count, memory.base + 2 * count + padded)
    fr.update(repeating: 0, count: 2 * padded)
    for k in 0..<count {
      // The square modulo a full turn, so that the angle is exact.
      let angle = .pi * Double(k * k % (2 * count)) / Double(count)
      (cr[k], ci[k]) = (cos(angle), sign * sin(angle))
      for at in [k, k == 0 ? 0 : padded - k] { (fr[at], fi[at]) = (cr[k], -ci[k]) }
    }
    plan.transform(fr, fi)
  }

  /// y[k] = c[k] · Σ (x[n] · c[n]) · conjugate(c[k − n]).
  func transform(
    _ real: UnsafeMutablePointer<Double>, _ imaginary: UnsafeMutablePointer<Double>, _ plan: MixedRadix
  ) {
    let (cr, ci) = (memory.base, memory.base + count)
    let (fr, fi) = (memory.base + 2 * count, memory.base + 2 * count + padded)
    let (ar, ai) = (fr + 2 * padded, fi + 2 * padded)
    ar.update(repeating: 0, count: 2 * padded)
    for n in 0..<count {
      ar[n] = real[n] * cr[n] - imaginary[n] * ci[n]
      ai[n] = real[n] * ci[n] + imaginary[n] * cr[n]
    }
    plan.transform(ar, ai)
    for k in 0..<padded {
      (ar[k], ai[k]) = (ar[k] * fr[k] - ai[k] * fi[k], ar[k] * fi[k] + ai[k] * fr[k])
    }
    // With its parts exchanged, a transform is the inverse one.
    plan.transform(ai, ar)
    let scale = 1 / Double(padded)
    for k in 0..<count {
      real[k] = (ar[k] * cr[k] - ai[k] * ci[k]) * scale
      imaginary[k] = (ar[k] * ci[k] + ai[k] * cr[k]) * scale
    }
  }
}
