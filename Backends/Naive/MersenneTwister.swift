/// MT19937 (Matsumoto and Nishimura, "Mersenne Twister: A 623-dimensionally equidistributed uniform pseudo-random
/// number generator", 1998), which NumPy's `RandomState` draws from, too.
struct MersenneTwister {
  private var state: [UInt32]
  private var next = 624

  init(seed: UInt32) {
    state = [seed]
    for i in 1..<624 {
      let last = state[i - 1]
      state.append(1_812_433_253 &* (last ^ last >> 30) &+ UInt32(i))
    }
  }

  /// Of no seed, one of the system's random numbers.
  init(seed: Int?) {
    self.init(seed: seed.map { UInt32(truncatingIfNeeded: $0) } ?? .random(in: 0 ... .max))
  }

  private mutating func word() -> UInt32 {
    if next == 624 {
      for i in 0..<624 {
        let y = state[i] & 0x8000_0000 | state[(i + 1) % 624] & 0x7FFF_FFFF
        state[i] = state[(i + 397) % 624] ^ y >> 1 ^ (y & 1 == 0 ? 0 : 0x9908_B0DF)
      }
      next = 0
    }
    var y = state[next]
    next += 1
    y ^= y >> 11
    y ^= y << 7 & 0x9D2C_5680
    y ^= y << 15 & 0xEFC6_0000
    return y ^ y >> 18
  }

  /// From 0 to before 1, in steps of 2⁻⁵³.
  mutating func uniform() -> Double {
    let (a, b) = (word() >> 5, word() >> 6)
    return (Double(a) * 0x1p26 + Double(b)) * 0x1p-53
  }
}
