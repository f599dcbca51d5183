import IR
import Operators
import Tensors
import Testing

@Suite struct PatchTests {
  @Test("Replacing keeps names, mirrors and every origin, of constants too")
  func replacing() throws {
    var chain = Chain()
    let scale = try chain.constant("scale")
    let scaled = try chain.add(Binary(.mul), [chain.x, scale], "scaled")
    let y = try chain.add(Unary(.relu), [scaled], "y")
    let z = try chain.add(Unary(.exp), [y], "z")
    chain.graph.addOutput("z", z)
    var patch = Patch(for: chain.graph)
    let new = try patch.insert(Unary(.sigmoid), [chain.x], named: "new", in: chain.graph)[0]
    let mirrored = chain.graph[y].mirrors
    patch.replace(y, with: new)
    try chain.graph.apply(patch)
    try chain.graph.verify()
    #expect(chain.graph.nodeCount == 2)
    #expect(chain.graph[new].name == "y" && chain.graph[new].mirrors == mirrored)
    #expect(chain.graph.names(of: chain.graph[new].origins) == ["scale", "scaled", "y"])
    let node = try #require(chain.graph.producer(of: new))
    #expect(chain.graph.names(of: node.origins) == ["scale", "scaled", "y"])
    #expect(chain.graph.value(scale) == nil && chain.graph.value(y) == nil)
    #expect(chain.graph.uses(of: new) == [.operand(try #require(chain.graph.producer(of: z)).id, 0)])
  }

  @Test("A value may be wrapped by the node that replaces it")
  func wrapping() throws {
    var chain = Chain()
    let y = try chain.add(Unary(.relu), [chain.x], "y")
    let z = try chain.add(Unary(.exp), [y], "z")
    chain.graph.addOutput("y", y)
    chain.graph.addOutput("z", z)
    var patch = Patch(for: chain.graph)
    let wrapped = try patch.insert(Identity(), [y], named: "wrapped", in: chain.graph)[0]
    patch.replace(y, with: wrapped)
    try chain.graph.apply(patch)
    try chain.graph.verify()
    #expect(chain.graph.nodeCount == 3)
    #expect(chain.graph.outputs[0].value == wrapped)
    #expect(chain.graph[y].name == "y" && chain.graph[wrapped].name == "wrapped")
    #expect(chain.graph[wrapped].mirrors == chain.graph[y].mirrors)
    #expect(chain.graph.uses(of: y).count == 1 && chain.graph.uses(of: wrapped).count == 2)
  }

  @Test("An operand takes the place of the node that only passed it on")
  func removing() throws {
    var chain = Chain()
    let y = try chain.add(Unary(.relu), [chain.x], "y")
    let same = try chain.add(Identity(), [y], "same")
    chain.graph.addOutput("out", same)
    var patch = Patch(for: chain.graph)
    patch.replace(same, with: y)
    try chain.graph.apply(patch)
    try chain.graph.verify()
    #expect(chain.graph.nodeCount == 1 && chain.graph.outputs[0].value == y)
    #expect(chain.graph.names(of: chain.graph[y].origins) == ["y", "same"])
    #expect(chain.graph.names(of: try #require(chain.graph.producer(of: y)).origins) == ["y", "same"])
    #expect(chain.graph[y].name == "y")
  }

  @Test("Several results are replaced at once")
  func manyResults() throws {
    var chain = Chain([6, 4])
    let parts = try chain.graph.addNode(
      Split(axis: 0, sizes: [2, 4]), [chain.x], outputs: ["a", "b"], named: "split",
      origins: Origins([chain.graph.originIndex(of: "split")]))
    let (a, b) = (try #require(parts[0]), try #require(parts[1]))
    chain.graph.addOutput("a", a)
    chain.graph.addOutput("b", b)
    var patch = Patch(for: chain.graph)
    let first = try patch.insert(Slice(starts: [0], ends: [2]), [chain.x], named: "first", in: chain.graph)[0]
    let second = try patch.insert(Slice(starts: [2], ends: [6]), [chain.x], named: "second", in: chain.graph)[
      0]
    patch.replace(a, with: first)
    patch.replace(b, with: second)
    try chain.graph.apply(patch)
    try chain.graph.verify()
    #expect(chain.graph.nodeCount == 2)
    #expect(chain.graph.outputs.map(\.value) == [first, second])
    #expect(chain.graph.names(of: chain.graph[second].origins) == ["split"])
  }

  @Test("Constants of a patch are inferred with, and may replace")
  func constants() throws {
    var chain = Chain([2, 2])
    let shape = try chain.add(Shape(), [chain.x], "shape")
    let y = try chain.add(Reshape(), [chain.x, shape], "y")
    chain.graph.addOutput("y", y)
    var patch = Patch(for: chain.graph)
    let known = patch.constant(
      Constant(id: ConstantID(of: "k"), try Tensor([4, 1] as [Int64], sizes: [2])), named: "k")
    let flat = try patch.insert(Reshape(), [chain.x, known], named: "flat", in: chain.graph)[0]
    #expect(patch.operand(flat, in: chain.graph).type == .tensor(.float32, [4, 1]))
    // Its type differs: refused, and nothing has changed.
    patch.replace(y, with: flat)
    let before = chain.graph.nodeCount
    #expect(refuses(&chain.graph, patch))
    #expect(chain.graph.nodeCount == before)
    try chain.graph.verify()
  }

  @Test("What a replacement left without readers goes, what is read stays")
  func deadNodes() throws {
    var chain = Chain()
    let a = try chain.add(Unary(.relu), [chain.x], "a")
    let b = try chain.add(Unary(.exp), [a], "b")
    let c = try chain.add(Binary(.add), [a, b], "c")
    let d = try chain.add(Binary(.mul), [c, c], "d")
    chain.graph.addOutput("d", d)
    chain.graph.addOutput("a", a)
    var patch = Patch(for: chain.graph)
    patch.replace(d, with: chain.x)
    try chain.graph.apply(patch)
    try chain.graph.verify()
    #expect(chain.graph.liveNodes.map(\.name) == ["a"])
    // A node that nobody ever read.
    _ = try chain.add(Unary(.tanh), [a], "unread")
    #expect(chain.graph.removeDeadNodes() == 1)
    try chain.graph.verify()
  }

  @Test("A patch that closes a circle is refused, and changes nothing")
  func cycles() throws {
    var chain = Chain()
    let a = try chain.add(Unary(.relu), [chain.x], "a")
    let b = try chain.add(Unary(.exp), [a], "b")
    let c = try chain.add(Unary(.tanh), [b], "c")
    chain.graph.addOutput("c", c)
    var patch = Patch(for: chain.graph)
    let below = try patch.insert(Unary(.neg), [c], named: "below", in: chain.graph)[0]
    patch.replace(a, with: below)
    #expect(refuses(&chain.graph, patch))
    var other = Patch(for: chain.graph)
    other.replace(a, with: c)
    #expect(refuses(&chain.graph, other))
    #expect(chain.graph.nodeCount == 3)
    try chain.graph.verify()
  }

  @Test("Uses stay right through random patches")
  func randomPatches() throws {
    let seed = UInt64.random(in: 0..<1 << 32)
    var random = SplitMix(seed)
    var chain = Chain([4])
    var made: [ValueID] = [chain.x]
    for i in 0..<60 {
      let left = made[Int.random(in: 0..<made.count, using: &random)]
      let right = made[Int.random(in: 0..<made.count, using: &random)]
      made.append(try chain.add(Binary(.add), [left, right], "v\(i)"))
    }
    for i in 0..<4 { chain.graph.addOutput("o\(i)", made[made.count - 1 - i]) }
    for round in 0..<200 {
      let alive = chain.graph.valueIDs
      let old = alive[Int.random(in: 0..<alive.count, using: &random)]
      let new = alive[Int.random(in: 0..<alive.count, using: &random)]
      if chain.graph[old].producer == nil { continue }
      var patch = Patch(for: chain.graph)
      let target =
        round % 2 == 0 ? new : try patch.insert(Unary(.relu), [new], named: "r\(round)", in: chain.graph)[0]
      patch.replace(old, with: target)
      let before = chain.graph
      do {
        try chain.graph.apply(patch)
        try chain.graph.verify()
      } catch {
        guard case .cycle = error.reason else { throw error }
        chain.graph = before
      }
    }
    try chain.graph.verify()
    #expect(chain.graph.nodeCount == chain.graph.liveNodes.count, "seed \(seed)")
  }
}

private func refuses(_ graph: inout Graph, _ patch: consuming Patch) -> Bool {
  do {
    try graph.apply(patch)
    return false
  } catch {
    return true
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
