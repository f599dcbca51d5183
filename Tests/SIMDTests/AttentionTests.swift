import IR
import Kernels
import NaiveKernels
import Operators
@testable import SIMDKernels
import Tensors
import Testing

@Suite struct AttentionTests {
  struct Shape: Sendable {
    var batch = 1
    var heads = 2
    var keyHeads = 2
    var queries: Int
    var keys: Int
    var size: Int
    var valueSize: Int
    var past = 0
    var merged = true

    var op: Attention { merged ? Attention(queryHeads: heads, keyHeads: keyHeads) : Attention() }
    func sizes(_ heads: Int, _ rows: Int, _ size: Int) -> [Int] {
      merged ? [batch, rows, heads * size] : [batch, heads, rows, size]
    }
  }

  /// One below, at and above tiles, panels and blocks.
  static let shapes = [
    Shape(queries: 1, keys: 1, size: 1, valueSize: 1), Shape(queries: 1, keys: 130, size: 32, valueSize: 32),
    Shape(queries: 7, keys: 47, size: 16, valueSize: 8),
    Shape(queries: 33, keys: 48, size: 17, valueSize: 31),
    Shape(queries: 32, keys: 49, size: 8, valueSize: 50),
    Shape(queries: 31, keys: 128, size: 32, valueSize: 32),
    Shape(batch: 2, heads: 6, keyHeads: 3, queries: 65, keys: 15, size: 5, valueSize: 96),
    Shape(batch: 2, heads: 4, keyHeads: 1, queries: 9, keys: 33, size: 64, valueSize: 16, merged: false),
    Shape(queries: 5, keys: 12, size: 24, valueSize: 20, past: 43),
    Shape(batch: 2, queries: 19, keys: 3, size: 12, valueSize: 7, past: 90, merged: false),
    Shape(queries: 40, keys: 1100, size: 16, valueSize: 16),
  ]

  private static let ops: [@Sendable (inout Attention) -> Void] = [
    { _ in }, { $0.isCausal = true }, { $0.scale = -0.5 },
    { ($0.leftWindow, $0.rightWindow, $0.softcap) = (3, 9, 1.5) },
    { ($0.isCausal, $0.leftWindow) = (true, 20) },
  ]

  /// The naive result of the same operands.
  private func expected(_ node: NodeCase, results: Int) throws -> [[Double]] {
    let operands: [RuntimeValue?] = node.inputs.map { $0.map { .tensor($0) } }
    let wanted = (0..<results).map { _ in true }
    return try evaluate(node.op, operands, wanted: wanted).map { value in
      guard case .tensor(let tensor)? = value else { return [] }
      return try tensor.doubles()
    }
  }

  private func check(_ node: NodeCase, _ what: String) throws {
    let reference = try expected(node, results: 1)[0]
    for threads in [1, 2] {
      var node = node
      node.threads = threads
      for backend in levels {
        for found in try results(node, backend) {
          #expect(worst(found, reference) < 3e-6, "\(backend.isa) \(what), \(threads) threads")
        }
      }
    }
  }

  private func node(_ s: Shape, _ op: Attention, _ g: inout Generator) throws -> NodeCase {
    var inputs: [Tensor?] = [
      try g.floats(s.sizes(s.heads, s.queries, s.size)), try g.floats(s.sizes(s.keyHeads, s.keys, s.size)),
      try g.floats(s.sizes(s.keyHeads, s.keys, s.valueSize)), nil,
    ]
    if s.past > 0 {
      inputs.append(try g.floats([s.batch, s.keyHeads, s.past, s.size]))
      inputs.append(try g.floats([s.batch, s.keyHeads, s.past, s.valueSize]))
    }
    return NodeCase(op: op, inputs: inputs, output: s.sizes(s.heads, s.queries, s.valueSize))
  }

  @Test(arguments: shapes.indices)
  func keepsToNaive(_ index: Int) throws {
    let s = Self.shapes[index]
    var g = Generator(UInt64(index + 5))
    for change in Self.ops {
      var op = s.op
      change(&op)
      try check(try node(s, op, &g), "\(s) \(op)")
    }
  }

  @Test(arguments: shapes.indices)
  func masksScores(_ index: Int) throws {
    let s = Self.shapes[index]
    var g = Generator(UInt64(index + 50))
    let keys = s.past + s.keys
    for sizes in [[keys], [s.queries, keys], [s.batch, 1, s.queries, (keys + 1) / 2], [s.heads, 1, keys]] {
      var node = try node(s, s.op, &g)
      node.inputs[3] = try g.floats(sizes)
      try check(node, "\(s) addends \(sizes)")
      node.inputs[3] = try Tensor.fromDoubles(
        (0..<sizes.reduce(1, *)).map { $0 % 3 == 1 ? 0 : 1 }, dataType: .bool, sizes: sizes)
      try check(node, "\(s) flags \(sizes)")
    }
  }

  @Test func leavesOutWhatIsMasked() throws {
    var g = Generator(9)
    let s = Shape(batch: 2, queries: 6, keys: 20, size: 8, valueSize: 8, merged: false)
    // Infinity as an addend, no key at all for a row, and numbers of valid keys beyond all bounds.
    var node = try node(s, s.op, &g)
    node.inputs[3] = try Tensor.fromDoubles(
      (0..<120).map { $0 / 20 == 2 || $0 % 3 == 0 ? -.infinity : 0.25 }, dataType: .float32, sizes: [6, 20])
    try check(node, "infinite addends")
    for valid: [Int64] in [[3, 20], [0, 25], [.min, .max]] {
      for op in [Attention(), Attention(isCausal: true), Attention(leftWindow: 2, rightWindow: .max)] {
        node.op = op
        node.inputs =
          Array(node.inputs.prefix(3)) + [
            nil, nil, nil, try Tensor.fromInt64s(valid, dataType: .int64, sizes: [2]),
          ]
        try check(node, "valid \(valid) \(op)")
      }
    }
  }
}
