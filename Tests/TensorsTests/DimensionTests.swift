import Tensors
import Testing

@Suite struct DimensionTests {
  let n = Dimension(Symbol("N"))
  let m = Dimension(Symbol("M"))
  let h = Dimension(Symbol("H"))

  @Test("Formulas that are equal are equal values")
  func normalForm() throws {
    #expect(try n + m == m + n)
    #expect(try n * m == m * n)
    #expect(try (n + 1) * (n - 1) == n * n - 1)
    #expect(try n - n == 0)
    #expect(try (n + n).text == "2*N")
    #expect(try (n + 1).text == "1+N")
    #expect(try (n * 12 * 64).text == "768*N")
    #expect(try (n * 0) == 0)
    #expect(Dimension(7).fixed == 7 && Dimension(0).fixed == 0 && n.fixed == nil)
  }

  @Test("Quotients take out what is whole")
  func floors() throws {
    #expect(try Dimension.floor(h, 2).text == "floor(H/2)")
    #expect(try Dimension.floor(2 * h, 2) == h)
    #expect(try Dimension.floor(n * 12 * 64, 2 * n) == 384)
    #expect(try Dimension.floor(2 * h + 5, 2) == h + 2)
    #expect(try Dimension.floor(4 * n + h, 2) == 2 * n + Dimension.floor(h, 2))
    #expect(try Dimension.floor(h - 1, 2) + 1 == Dimension.ceil(h, 2))
    #expect(try Dimension.floor(-7, 2) == -4)
    #expect(try Dimension.floor(Dimension(.min), 2) == Dimension(.min / 2))
    #expect(try Dimension.floor(Dimension(.min), 3).fixed == .min / 3 - 1)
    // Two windows of stride 2 are one of stride 4.
    #expect(try Dimension.ceil(Dimension.ceil(h, 2), 2) == Dimension.ceil(h, 4))
    #expect(try Dimension.floor(Dimension.floor(h, 3), 5) == Dimension.floor(h, 15))
    #expect(throws: SizeOverflow.self) { try Dimension.floor(h, 0) }
    #expect(throws: SizeOverflow.self) { try Dimension.floor(h, -2) }
  }

  @Test func broadcasting() throws {
    #expect(try Dimension.broadcast(n, 1) == n && Dimension.broadcast(1, n) == n)
    #expect(try Dimension.broadcast(n, n) == n)
    #expect(try Dimension.broadcast(n, 5) == 5 && Dimension.broadcast(5, n) == 5)
    #expect(try Dimension.broadcast(n, m) == Dimension.broadcast(m, n))
    #expect(try Dimension.broadcast(Dimension.broadcast(n, m), n) == Dimension.broadcast(n, m))
    #expect(throws: SizeOverflow.self) { try Dimension.broadcast(2, 3) }
    let both = try Dimension.broadcast(n, m)
    #expect(try both.bound([Symbol("N"): 1, Symbol("M"): 4]) == 4)
    #expect(try both.bound([Symbol("N"): 0, Symbol("M"): 1]) == 0)
    #expect(throws: SizeOverflow.self) { try both.bound([Symbol("N"): 2, Symbol("M"): 4]) }
  }

  @Test func extremes() throws {
    #expect(try Dimension.maximum(n, 0) == n && Dimension.minimum(n, 0) == 0)
    #expect(try Dimension.maximum(n, n + 3) == n + 3 && Dimension.minimum(n, n + 3) == n)
    #expect(try Dimension.maximum(3, 8) == 8 && Dimension.minimum(3, 8) == 3)
    #expect(try Dimension.maximum(n, m) == Dimension.maximum(m, n))
    #expect(try Dimension.minimum(n, 5).bound([Symbol("N"): 9]) == 5)
  }

  @Test func bounds() throws {
    #expect(n.lowerBound == 0 && Dimension(-3).lowerBound == -3)
    #expect(try (2 * n + 3).lowerBound == 3)
    #expect(try (3 - n).lowerBound == nil)
    #expect(try Dimension.floor(h, 3).lowerBound == 0)
    #expect(try Dimension.floor(h - 5, 3).lowerBound == -2)
  }

  @Test("Overflow is thrown, never trapped")
  func overflow() throws {
    let huge = Dimension(.max)
    #expect(throws: SizeOverflow.self) { try huge + 1 }
    #expect(throws: SizeOverflow.self) { try huge * 2 }
    #expect(throws: SizeOverflow.self) { try Dimension(.min) - 1 }
    #expect(throws: SizeOverflow.self) { try 0 - Dimension(.min) }
    #expect(throws: SizeOverflow.self) { try n * huge * 2 }
    #expect(throws: SizeOverflow.self) { try (n * huge).bound([Symbol("N"): 2]) }
    #expect(try Dimension.floor(huge, huge) == 1)
    #expect(try Dimension.floor(n * huge, huge) == n)
  }

  @Test("Formulas that would grow without end are refused")
  func growth() throws {
    #expect(throws: SizeOverflow.self) {
      var size = n
      for _ in 0..<100 { size = try size * (n + m) }
    }
    #expect(throws: SizeOverflow.self) {
      var size = n
      for i in 0..<100_000 { size = try Dimension.maximum(size * Dimension(Symbol("s\(i)")), m) }
    }
    #expect(throws: SizeOverflow.self) {
      var sum = Dimension(0)
      for i in 0..<100 { sum = try sum + Dimension(Symbol(String(repeating: "s", count: 100) + "\(i)")) }
    }
  }

  @Test("Binding commutes with arithmetic")
  func bindingCommutes() throws {
    let seed = UInt64.random(in: 0..<1 << 32)
    var random = SplitMix(seed)
    for _ in 0..<400 {
      let sizes = [
        Symbol("N"): Int.random(in: 0...9, using: &random),
        Symbol("M"): Int.random(in: 0...9, using: &random),
      ]
      var formula = n
      var number = sizes[Symbol("N")] ?? 0
      for _ in 0..<6 {
        let k = Int.random(in: 1...5, using: &random)
        switch Int.random(in: 0..<7, using: &random) {
        case 0: (formula, number) = (try formula + Dimension(k), number + k)
        case 1: (formula, number) = (try formula - Dimension(k), number - k)
        case 2: (formula, number) = (try formula * Dimension(k), number * k)
        case 3:
          let quotient = number >= 0 || number % k == 0 ? number / k : number / k - 1
          (formula, number) = (try Dimension.floor(formula, Dimension(k)), quotient)
        case 4: (formula, number) = (try formula + m, number + (sizes[Symbol("M")] ?? 0))
        case 5: (formula, number) = (try Dimension.maximum(formula, m), max(number, sizes[Symbol("M")] ?? 0))
        default: (formula, number) = (try Dimension.minimum(formula, Dimension(k)), min(number, k))
        }
      }
      #expect(try formula.bound(sizes).fixed == number, "seed \(seed): \(formula) with \(sizes)")
    }
  }

  @Test func partialBinding() throws {
    let size = try Dimension.floor(n * 3 + m, 2)
    #expect(try size.bound([Symbol("N"): 2]) == Dimension.floor(m, 2) + 3)
    #expect(size.symbols == [Symbol("N"), Symbol("M")] || size.symbols == [Symbol("M"), Symbol("N")])
    #expect(try size.bound([:]) == size)
  }
}

struct SplitMix: RandomNumberGenerator {
  private var state: UInt64
  init(_ seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
