import Operators
import Tensors
import Testing

@Suite struct SliceInferenceTests {
  static let cases: [Case] = [
    Case(Slice(starts: [1], ends: [3]), "float32[5,N]", gives: "float32[2,N]"),
    Case(Slice(starts: [0, 1], ends: [.max, -1], axes: [-1, 0]), "float32[5,N]", gives: "float32[3,N]"),
    Case(Slice(starts: [1], ends: [Int(Int32.max)]), "float32[N]", gives: "float32[-1+N]"),
    Case(Slice(starts: [0], ends: [-1]), "float32[N]", gives: "float32[-1+N]"),
    Case(Slice(starts: [-1], ends: [.max]), "float32[N]", gives: "float32[1]"),
    Case(Slice(starts: [-1], ends: [.min], steps: [-1]), "float32[N]", gives: "float32[N]"),
    Case(Slice(starts: [0], ends: [.max], steps: [2]), "float32[N]", gives: "float32[floor(1+N/2)]"),
    Case(
      Slice(), "float32[1,512]", "int64[1]{0}", "int64[1]{N}", "int64[1]{1}", gives: "float32[1,min(512,N)]"),
    Case(Slice(), "float32[M,N]", "int64[1]{0}", "int64[1]{N}", "int64[1]{1}", gives: "float32[M,N]"),
    Case(Slice(), "float32[4,5]", "int64[1]", "int64[1]", "int64[1]{1}", gives: "float32[4,n#1]"),
    Case(Slice(), "float32[4,5]", "int64[1]", "int64[1]", "int64[1]", gives: "float32[n#0,n#1]"),
    Case(Slice(starts: [0], ends: [1]), "float32[?]", gives: "float32[?]"),
    Case(Slice(starts: [1], ends: [.max]), "int64[3]{N,3,5}", gives: "int64[2]{3,5}"),
    Case(Slice(starts: [-1], ends: [.min], steps: [-2]), "int64[3]{N,3,5}", gives: "int64[2]{5,N}"),
    Case(Slice(starts: [5], ends: [2]), "float32[5]", gives: "float32[0]"),
  ]

  @Test(arguments: cases) func types(_ row: Case) throws { try row.check() }

  static let refusals: [Refusal] = [
    Refusal(Slice(starts: [0], ends: [1], steps: [0]), "float32[5]", says: "steps is 0"),
    Refusal(Slice(starts: [0], ends: [1], steps: [0]), "float32[N]", says: "steps is 0"),
    Refusal(Slice(starts: [0], ends: [1, 2]), "float32[5,5]", says: "ends is"),
    Refusal(Slice(starts: [0, 1], ends: [1, 2], axes: [0]), "float32[5,5]", says: "starts is"),
    Refusal(Slice(starts: [0], ends: [1], axes: [2]), "float32[5,5]", says: "axes is 2"),
    Refusal(Slice(starts: [0, 0], ends: [1, 1], axes: [0, 0]), "float32[5,5]", says: "axes that differ"),
    Refusal(Slice(starts: [0, 0, 0], ends: [1, 1, 1]), "float32[5,5]", says: "axes is 2"),
    Refusal(Slice(starts: [0], ends: [1], steps: [1, 1]), "float32[5]", says: "steps is"),
    Refusal(Slice(), "float32[5]", "float32[1]", "int64[1]", says: "operand 1 is float32"),
  ]

  @Test(arguments: refusals) func refuses(_ row: Refusal) { row.check() }

  @Test("Positions are those of the standard, for every small slice")
  func everySmallSlice() throws {
    for size in 0...4 {
      for start in -6...6 {
        for end in -6...6 {
          for step in [-3, -2, -1, 1, 2, 3] {
            let range = try Slice(starts: [start], ends: [end], steps: [step]).resolved(sizes: [size])
            let found = (0..<range.counts[0]).map { range.starts[0] + $0 * range.steps[0] }
            #expect(found == positions(size, start, end, step), "[\(start):\(end):\(step)] of \(size)")
            let type = try infer(Slice(starts: [start], ends: [end], steps: [step]), ["float32[\(size)]"])[0]
            #expect(type.text == "float32[\(found.count)]")
          }
        }
      }
    }
  }

  @Test("Extreme bounds do not trap")
  func extremes() throws {
    for start in [Int.min, -1, 0, .max] {
      for end in [Int.min, -1, 0, .max] {
        for step in [Int.min, -1, 1, .max] {
          for size in [0, 1, 5, 1 << 40] {
            let range = try Slice(starts: [start], ends: [end], steps: [step]).resolved(sizes: [size])
            #expect(range.counts[0] >= 0 && range.counts[0] <= size)
            #expect(size == 0 || (0..<size).contains(range.starts[0]))
          }
          _ = try? infer(Slice(starts: [start], ends: [end], steps: [step]), ["float32[N]"])
        }
      }
    }
  }

  @Test("Symbolic counts agree with numbers where positions lie within the size")
  func symbolic() throws {
    let size = 20
    for (start, end, step) in [(2, 9, 1), (0, -3, 2), (-5, Int.max, 1), (-1, -8, -1), (9, 2, -3), (1, -1, 4)]
    {
      let slice = Slice(starts: [start], ends: [end], steps: [step])
      let formula = try #require(try infer(slice, ["float32[N]"])[0].shape?[0])
      #expect(
        try formula.bound([Symbol("N"): size]).fixed == slice.resolved(sizes: [size]).counts[0], "\(slice)")
    }
  }

  /// Python's definition, but that a backward slice starts at 0 at the least.
  private func positions(_ size: Int, _ start: Int, _ end: Int, _ step: Int) -> [Int] {
    if size == 0 { return [] }
    func clamped(_ bound: Int, from low: Int) -> Int {
      let position = bound < 0 ? bound + size : bound
      let high = step > 0 ? size : size - 1
      return position < low ? low : position > high ? high : position
    }
    return Array(stride(from: clamped(start, from: 0), to: clamped(end, from: step > 0 ? 0 : -1), by: step))
  }
}
