import IR
import Kernels
import Operators
@testable import SIMDKernels
import Tensors
import Testing

/// Strassen's product at every level against double precision: odd rows, columns and k, images and batches, epilogues,
/// and every split over threads.
@Suite struct StrassenTests {
  /// The largest error as a share of the largest result, of sums of products of numbers in [−1, 1): four times what was
  /// seen.
  static let bound = 8.4e-6

  /// Rows, k and n: one below, at and above pairs, tiles, panels and their halves.
  static let sizes: [(Int, Int, Int)] = [
    (1, 1, 1), (2, 1, 8), (3, 2, 9), (5, 7, 16), (13, 17, 33), (16, 31, 97), (17, 64, 120), (31, 33, 130),
    (40, 128, 200), (97, 66, 47), (33, 259, 145),
  ]

  private func kernel(_ word: String, _ backend: SIMDBackend) throws -> Kernel {
    try #require(StrassenKernel.rows(Microkernels(backend.isa)).first { $0.name.contains(".\(word).") })
  }

  private func share(_ found: [Float], _ expected: [Double]) -> Double {
    worst(found, expected) / max(1e-30, expected.map(\.magnitude).max() ?? 0)
  }

  private func offers(_ node: NodeCase) throws -> [Offer] {
    guard case .accepts(let offers) = MatrixKernel.consider(node.request) else {
      Issue.record("the plain product declines")
      return []
    }
    return offers
  }

  private func check(_ node: NodeCase, _ expected: [Double], _ word: String, bound: Double = Self.bound)
    throws
  {
    for threads in [1, 2, 3] {
      var node = node
      node.threads = threads
      for backend in levels {
        for found in try results(node, kernel(word, backend), offers(node)) {
          let d = share(found, expected)
          #expect(d <= bound, "\(backend.isa) \(word) \(node.output) threads \(threads): \(d)")
        }
      }
    }
  }

  @Test(arguments: sizes.indices)
  func multipliesMatrices(_ index: Int) throws {
    let (m, k, n) = Self.sizes[index]
    var g = Generator(UInt64(index + 17))
    let a = try g.floats([m, k]), b = try g.floats([k, n])
    var node = NodeCase(op: MatMul(), inputs: [a, b], constants: [1], output: [m, n])
    let plain = MatrixTests.product(try MatrixTests.values(a), try MatrixTests.values(b), m, k, n)
    try check(node, plain, "matmul")
    node.epilogueInputs = [try g.floats([n]), try g.floats([m, n]), try g.floats([m, 1])]
    node.epilogue = Epilogue([
      .binary(.add, 0, swapped: false), .binary(.add, 1, swapped: true), .unary(.relu), .unary(.gelu),
      .binary(.mul, 2, swapped: false),
    ])
    try check(node, apply(node.epilogue, node.epilogueInputs, to: plain, sizes: [m, n]), "matmul")
  }

  /// Large enough for several groups, and for groups of each thread's own.
  @Test func takesRowsInGroups() throws {
    let (m, k, n) = (301, 512, 72)
    var g = Generator(5)
    let a = try g.floats([m, k]), b = try g.floats([k, n])
    let node = NodeCase(op: MatMul(), inputs: [a, b], constants: [1], output: [m, n])
    try check(
      node, MatrixTests.product(try MatrixTests.values(a), try MatrixTests.values(b), m, k, n), "matmul")
  }

  /// Items of an odd number of rows: no pair crosses from one to the next, so that what is no number stays where it is.
  @Test func keepsItemsApart() throws {
    let (items, m, k, n) = (3, 5, 20, 40)
    var g = Generator(6)
    let b = try g.floats([k, n]), one = try g.floats([1, m, k])
    let values = try one.elements(of: Float.self)
    let poisoned = [Float](repeating: .infinity, count: m * k)
    let a = try Tensor(poisoned + values + poisoned, sizes: [items, m, k])
    for backend in levels {
      let alone = NodeCase(op: MatMul(), inputs: [one, b], constants: [1], output: [1, m, n])
      let together = NodeCase(op: MatMul(), inputs: [a, b], constants: [1], output: [items, m, n])
      let expected = try results(alone, kernel("matmul", backend), offers(alone))
      let found = try results(together, kernel("matmul", backend), offers(together))
      for (x, y) in zip(found, expected) { #expect(Array(x[m * n..<2 * m * n]) == y) }
    }
  }

  @Test func gemmTransposesAndScales() throws {
    var g = Generator(7)
    let (m, k, n) = (21, 75, 50)
    for transB in [false, true] {
      let a = try g.floats([m, k]), b = try g.floats(transB ? [n, k] : [k, n]), c = try g.floats([n])
      var weights = try MatrixTests.values(b)
      if transB { weights = (0..<k * n).map { weights[$0 % n * k + $0 / n] } }
      let product = MatrixTests.product(try MatrixTests.values(a), weights, m, k, n)
      let addend = broadcast(try MatrixTests.values(c), [n], to: [m, n])
      let node = NodeCase(
        op: Gemm(transA: false, transB: transB, alpha: 0.5, beta: 2), inputs: [a, b, c], constants: [1, 2],
        output: [m, n])
      try check(node, zip(product, addend).map { 0.5 * $0 + 2 * $1 }, "gemm")
    }
  }

  @Test func convolves() throws {
    let shapes: [ConvolutionTests.Shape] = [
      .init(channels: 64, out: 72, size: [7, 7], kernel: [1, 1]),
      .init(batch: 3, channels: 33, out: 100, size: [5, 9], kernel: [1, 1]),
      .init(batch: 2, channels: 130, out: 65, size: [9, 8], kernel: [1, 1], strides: [2, 2]),
    ]
    for (i, shape) in shapes.enumerated() {
      for threads in [1, 2] {
        var (node, expected) = try ConvolutionTests.node(
          shape, seed: UInt64(i + 7), bias: true, constant: true)
        node.threads = threads
        node.epilogueInputs = [try Generator.residual(node, seed: UInt64(i))]
        node.epilogue = Epilogue([
          .binary(.add, 0, swapped: false), .clamp(lower: -3, upper: 6), .unary(.silu),
        ])
        expected = try apply(node.epilogue, node.epilogueInputs, to: expected, sizes: node.output)
        for backend in levels {
          let request = node.request
          let offers = convolutionOffers(request, rank: 4) { space, steps in
            ConvolutionKernel.epilogue(request, fusedSteps: steps, space: space)
          }
          for found in try results(node, kernel("nhwc", backend), offers) {
            let d = share(found, expected)
            #expect(d <= Self.bound, "\(backend.isa) \(shape) threads \(threads): \(d)")
          }
        }
      }
    }
  }

  /// Where it is expected to pay it is offered, with its numerics, and else it says why not.
  @Test func isOfferedWhereItPays() throws {
    func request(_ a: [Int], _ b: [Int], constants: Set<Int> = [1]) throws -> KernelRequest {
      var g = Generator(8)
      let output = a.dropLast() + [b[1]]
      return NodeCase(
        op: MatMul(), inputs: [try g.floats(a), try g.floats(b)], constants: constants, output: Array(output)
      ).request
    }
    for backend in levels {
      let row = try kernel("matmul", backend)
      guard case .accepts(let offers) = row.consider(try request([1, 128, 384], [384, 384])) else {
        Issue.record("\(row.name) declines a product that should pay")
        continue
      }
      #expect(offers.allSatisfy { $0.numerics == .transformed && $0.predicted != nil })
      for declined in [
        try request([1, 384], [384, 384]), try request([128, 32], [32, 384]),
        try request([3136, 64], [64, 64]),
        try request([128, 384], [384, 384], constants: []),
      ] {
        guard case .declines = row.consider(declined) else {
          Issue.record("\(row.name) accepts \(declined.outputs)")
          continue
        }
      }
    }
  }
}

extension Generator {
  fileprivate static func residual(_ node: NodeCase, seed: UInt64) throws -> Tensor {
    var generator = Generator(seed + 900)
    return try generator.floats(node.output)
  }
}
