import IR
import Kernels
import Operators
@testable import SIMDKernels
import Tensors
import Testing

@Suite struct MatrixTests {
  /// One below, at and above tiles, panels and parts.
  static let sizes: [(Int, Int, Int)] = [
    (1, 1, 1), (1, 7, 8), (1, 784, 128), (1, 300, 1000), (2, 5, 17), (3, 64, 47), (5, 9, 48), (6, 16, 49),
    (7, 1, 95),
    (8, 33, 96), (9, 12, 24), (16, 31, 40), (17, 8, 65), (97, 128, 31), (53, 20, 129),
  ]

  static func product(_ a: [Double], _ b: [Double], _ m: Int, _ k: Int, _ n: Int) -> [Double] {
    var c = [Double](repeating: 0, count: m * n)
    for i in 0..<m { for p in 0..<k { for j in 0..<n { c[i * n + j] += a[i * k + p] * b[p * n + j] } } }
    return c
  }
  static func values(_ t: Tensor) throws -> [Double] { try t.elements(of: Float.self).map { Double($0) } }

  @Test(arguments: sizes.indices)
  func multipliesMatrices(_ index: Int) throws {
    let (m, k, n) = Self.sizes[index]
    var g = Generator(UInt64(index + 7))
    let a = try g.floats([m, k]), b = try g.floats([k, n])
    let expected = Self.product(try Self.values(a), try Self.values(b), m, k, n)
    for constants in [Set([1]), []] {
      let node = NodeCase(op: MatMul(), inputs: [a, b], constants: constants, output: [m, n])
      for backend in levels {
        for found in try results(node, backend) {
          #expect(worst(found, expected) < 4e-6 * Double(k).squareRoot(), "\(backend.isa) \(m)×\(k)×\(n)")
        }
      }
    }
  }

  @Test(arguments: sizes.indices)
  func fusesBiasResidualAndActivation(_ index: Int) throws {
    let (m, k, n) = Self.sizes[index]
    var g = Generator(UInt64(index + 77))
    let a = try g.floats([m, k]), b = try g.floats([k, n])
    var node = NodeCase(op: MatMul(), inputs: [a, b], constants: [1], output: [m, n])
    node.epilogueInputs = [try g.floats([n]), try g.floats([m, n]), try g.floats([m, 1])]
    node.epilogue = Epilogue([
      .binary(.add, 0, swapped: false), .binary(.add, 1, swapped: true), .unary(.relu), .unary(.gelu),
      .binary(.mul, 2, swapped: false),
    ])
    let plain = Self.product(try Self.values(a), try Self.values(b), m, k, n)
    let expected = try apply(node.epilogue, node.epilogueInputs, to: plain, sizes: [m, n])
    for backend in levels {
      for found in try results(node, backend) {
        #expect(
          worst(found, expected) < 4e-6 * Double(k).squareRoot() + 1e-6, "\(backend.isa) \(m)×\(k)×\(n)")
      }
    }
  }

  @Test func batches() throws {
    var g = Generator(3)
    let (m, k, n) = (9, 20, 33)
    let cases: [([Int], [Int])] = [
      ([2, 3], [2, 3]), ([2, 3], []), ([], [4]), ([1, 1], [2, 2]), ([3], [1, 3]), ([5], []),
    ]
    for (aBatch, bBatch) in cases {
      let a = try g.floats(aBatch + [m, k]), b = try g.floats(bBatch + [k, n])
      let rank = max(aBatch.count, bBatch.count)
      func padded(_ s: [Int]) -> [Int] { [Int](repeating: 1, count: rank - s.count) + s }
      let batch = zip(padded(aBatch), padded(bBatch)).map { max($0, $1) }
      let items = batch.reduce(1, *)
      let av = try Self.values(a), bv = try Self.values(b)
      let aItems = aBatch.reduce(1, *), bItems = bBatch.reduce(1, *)
      var expected: [Double] = []
      for i in 0..<items {
        let ai = aItems == 1 ? 0 : i, bi = bItems == 1 ? 0 : i
        expected += Self.product(
          Array(av[ai * m * k..<(ai + 1) * m * k]), Array(bv[bi * k * n..<(bi + 1) * k * n]), m, k, n)
      }
      var node = NodeCase(op: MatMul(), inputs: [a, b], output: batch + [m, n])
      node.epilogueInputs = [try g.floats(batch + [m, n])]
      node.epilogue = Epilogue([.binary(.sub, 0, swapped: false), .unary(.tanh)])
      expected = try apply(node.epilogue, node.epilogueInputs, to: expected, sizes: node.output)
      for constants in [Set([1]), []] {
        node.constants = constants
        for backend in levels {
          for found in try results(node, backend) {
            #expect(worst(found, expected) < 1e-5, "\(backend.isa) \(aBatch) \(bBatch)")
          }
        }
      }
    }
  }

  @Test func vectors() throws {
    var g = Generator(4)
    let a = try g.floats([5, 7]), v = try g.floats([7]), w = try g.floats([5])
    let left = Self.product(try Self.values(a), try Self.values(v), 5, 7, 1)
    let right = Self.product(try Self.values(w), try Self.values(a), 1, 5, 7)
    for backend in levels {
      for found in try results(NodeCase(op: MatMul(), inputs: [a, v], output: [5]), backend) {
        #expect(worst(found, left) < 1e-5)
      }
      for found in try results(NodeCase(op: MatMul(), inputs: [w, a], output: [7]), backend) {
        #expect(worst(found, right) < 1e-5)
      }
    }
  }

  @Test func gemmTransposesAndScales() throws {
    var g = Generator(5)
    for (transA, transB) in [(false, false), (true, false), (false, true), (true, true)] {
      for (m, k, n) in [(1, 30, 10), (13, 17, 50)] {
        for (alpha, beta, cSizes) in [
          (1.0, 1.0, [n]), (0.5, 2.0, [m, n]), (1.0, 1.0, [m, 1]), (-1.0, 1.0, []),
        ] {
          let a = try g.floats(transA ? [k, m] : [m, k]), b = try g.floats(transB ? [n, k] : [k, n])
          let c = try g.floats(cSizes)
          func turned(_ t: Tensor, _ isTurned: Bool) throws -> [Double] {
            let v = try Self.values(t)
            guard isTurned else { return v }
            let (rows, columns) = (t.sizes[0], t.sizes[1])
            return (0..<rows * columns).map { v[$0 % rows * columns + $0 / rows] }
          }
          let product = Self.product(try turned(a, transA), try turned(b, transB), m, k, n)
          let addend = broadcast(try Self.values(c), cSizes, to: [m, n])
          let expected = zip(product, addend).map { alpha * $0 + beta * $1 }
          let op = Gemm(transA: transA, transB: transB, alpha: Real(alpha), beta: Real(beta))
          for constants in beta == 1 ? [Set([1]), []] : [Set([1, 2])] {
            let node = NodeCase(op: op, inputs: [a, b, c], constants: constants, output: [m, n])
            for backend in levels {
              for found in try results(node, backend) {
                #expect(worst(found, expected) < 1e-5, "\(backend.isa) \(op) \(m)×\(k)×\(n) \(cSizes)")
              }
            }
          }
        }
      }
    }
  }
}
