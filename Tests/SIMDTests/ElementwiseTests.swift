import IR
import Kernels
import Operators
@testable import SIMDKernels
import Tensors
import Testing

@Suite struct ElementwiseTests {
  static let functions: [UnaryFunction] = [
    .relu, .sigmoid, .tanh, .softplus, .softsign, .mish, .silu, .hardSwish, .gelu, .geluTanh, .exp, .log,
    .sqrt,
    .reciprocal, .erf, .abs, .neg, .sign, .floor, .ceil, .round, .leakyRelu(0.1), .elu(1.5), .celu(0.7),
    .selu(alpha: 1.67, gamma: 1.05), .hardSigmoid(alpha: 0.2, beta: 0.5), .thresholdedRelu(0.3),
  ]

  /// Units in the last place of the result, or of the largest operand where terms cancel.
  static func error(_ function: UnaryFunction, _ x: Float, _ found: Float, _ expected: Double) -> Double {
    if expected.isNaN || found.isNaN { return expected.isNaN && found.isNaN ? 0 : .infinity }
    let rounded = Float(expected)
    if rounded.isInfinite || found.isInfinite { return rounded == found ? 0 : .infinity }
    let scale: Float
    switch function {
    case .gelu, .geluTanh, .hardSwish, .hardSigmoid, .mish, .celu, .softplus:
      scale = max(abs(rounded), abs(x), 1)
    // Below the smallest normal sigmoid may be 0.
    case .sigmoid: scale = max(abs(rounded), Float.leastNormalMagnitude * 8_388_608 * 4)
    // Below 1e-28 only the absolute error counts.
    case .silu: scale = max(abs(rounded), 1e-28)
    default: scale = max(abs(rounded), Float.leastNormalMagnitude)
    }
    return abs(Double(found) - expected) / Double(scale.ulp)
  }

  @Test(arguments: functions.indices)
  func functionsStayWithinTheirBounds(_ index: Int) throws {
    let function = Self.functions[index]
    var g = Generator(UInt64(index + 1))
    var x: [Float] = [
      0, -0.0, 1, -1, .leastNormalMagnitude, .leastNonzeroMagnitude, 0.5, -0.5, 1.5, 2.5, 88, -88, 100, -100,
    ]
    for scale: Float in [1e-3, 1, 4, 20, 80, 1000] { x += (0..<400).map { _ in g.float() * scale } }
    let expected = x.map { reference(function, Double($0)) }
    for backend in levels {
      // exp and what is made of it overflow to infinity a little early or late.
      let node = NodeCase(op: Unary(function), inputs: [try Tensor(x, sizes: [x.count])], output: [x.count])
      for found in try results(node, backend) {
        for i in x.indices {
          let e = Self.error(function, x[i], found[i], expected[i])
          let isTail = function == .silu && x[i] < -20
          #expect(
            e <= (isTail ? 6 : 4.5),
            "\(backend.isa) \(function) of \(x[i]): \(found[i]), expected \(expected[i])")
        }
      }
    }
  }

  @Test(arguments: functions.indices)
  func notANumberPasses(_ index: Int) throws {
    let function = Self.functions[index]
    for count in [1, 3, 16, 17] {
      let x = [Float](repeating: .nan, count: count)
      for backend in levels {
        let node = NodeCase(op: Unary(function), inputs: [try Tensor(x, sizes: [count])], output: [count])
        for found in try results(node, backend) {
          #expect(found.allSatisfy { $0.isNaN }, "\(backend.isa) \(function)")
        }
      }
    }
  }

  @Test func infinities() throws {
    let limits: [(UnaryFunction, Float, Float)] = [
      (.relu, 0, .infinity), (.sigmoid, 0, 1), (.tanh, -1, 1), (.exp, 0, .infinity), (.erf, -1, 1),
      (.softplus, 0, .infinity), (.abs, .infinity, .infinity), (.neg, .infinity, -.infinity),
      (.elu(1), -1, .infinity),
      (.reciprocal, -0.0, 0), (.leakyRelu(0.1), -.infinity, .infinity),
      (.hardSigmoid(alpha: 0.2, beta: 0.5), 0, 1),
    ]
    for (function, below, above) in limits {
      let node = NodeCase(
        op: Unary(function), inputs: [try Tensor([-Float.infinity, .infinity], sizes: [2])], output: [2])
      for backend in levels {
        for found in try results(node, backend) {
          #expect(found == [below, above], "\(backend.isa) \(function)")
        }
      }
    }
  }

  @Test func broadcasts() throws {
    var g = Generator(9)
    let cases: [([Int], [Int])] = [
      ([7], [7]), ([2, 3, 4, 5], [2, 3, 4, 5]), ([2, 3, 4, 5], []), ([2, 3, 4, 5], [3, 1, 1]),
      ([2, 3, 4, 5], [2, 3, 1, 1]),
      ([1, 17, 3, 3], [17, 1, 1]), ([3, 5, 7], [7]), ([3, 5, 7], [1, 5, 1]), ([4, 33], [4, 1]),
      ([2, 16, 4, 4], [1, 16, 4, 4]),
      ([6, 1], [6, 1]), ([2, 3, 4, 5], [1, 1, 4, 5]),
    ]
    for function in [BinaryFunction.add, .sub, .mul, .div, .max, .min, .prelu] {
      for (full, part) in cases {
        for swapped in [false, true] where !(swapped && function == .prelu) {
          let x = try g.floats(full), y = try g.floats(part)
          let node = NodeCase(op: Binary(function), inputs: swapped ? [y, x] : [x, y], output: full)
          let a = try MatrixTests.values(x), b = broadcast(try MatrixTests.values(y), part, to: full)
          let expected = zip(a, b).map { swapped ? reference(function, $1, $0) : reference(function, $0, $1) }
          for backend in levels {
            for found in try results(node, backend) {
              let same = zip(found, expected).allSatisfy { $0 == Float($1) }
              #expect(same, "\(backend.isa) \(function) \(full) \(part) swapped \(swapped)")
            }
          }
        }
      }
    }
  }

  @Test func programsFuse() throws {
    var g = Generator(10)
    let sizes = [2, 19, 5, 6]
    let x = try g.floats(sizes)
    var node = NodeCase(op: Unary(.sigmoid), inputs: [x], output: sizes)
    node.epilogueInputs = [x, try g.floats([19, 1, 1])]
    node.epilogue = Epilogue([
      .binary(.mul, 0, swapped: false), .binary(.add, 1, swapped: false), .clamp(lower: -0.25, upper: 0.5),
    ])
    let own = try MatrixTests.values(x).map { reference(.sigmoid, $0) }
    let expected = try apply(node.epilogue, node.epilogueInputs, to: own, sizes: sizes)
    for backend in levels {
      for found in try results(node, backend) { #expect(worst(found, expected) < 1e-6, "\(backend.isa)") }
    }
    let shift = NodeCase(
      op: ScaleShift(axis: 1), inputs: [x, try g.floats([19]), try g.floats([19])], output: sizes)
    let scales = broadcast(try MatrixTests.values(try #require(shift.inputs[1])), [19, 1, 1], to: sizes)
    let shifts = broadcast(try MatrixTests.values(try #require(shift.inputs[2])), [19, 1, 1], to: sizes)
    let moved = zip(zip(try MatrixTests.values(x), scales), shifts).map { $0.0 * $0.1 + $1 }
    for backend in levels {
      for found in try results(shift, backend) { #expect(worst(found, moved) < 1e-6, "\(backend.isa)") }
      let clip = NodeCase(op: Clip(lower: -0.1, upper: 0.2), inputs: [x], output: sizes)
      for found in try results(clip, backend) {
        #expect(found == (try x.elements(of: Float.self)).map { min(max($0, -0.1), 0.2) })
      }
    }
  }

  @Test func normalizesBatches() throws {
    var g = Generator(21)
    for sizes in [[2, 19, 3, 4], [3, 16], [1, 5, 7]] {
      let parameters = try (0..<4).map { _ in try g.floats([sizes[1]]) }
      let variance = try Tensor(
        parameters[3].elements(of: Float.self).map { abs($0) + 0.1 }, sizes: [sizes[1]])
      let x = try g.floats(sizes)
      var node = NodeCase(
        op: BatchNormalization(epsilon: 1e-3), inputs: [x] + parameters[..<3] + [variance],
        constants: [1, 2, 3, 4],
        output: sizes)
      node.epilogue = Epilogue([.unary(.relu)])
      let v = try MatrixTests.values(x)
      let p = try (parameters[..<3] + [variance]).map { try MatrixTests.values($0) }
      let inner = sizes.dropFirst(2).reduce(1, *)
      let expected = v.indices.map { i -> Double in
        let c = i / inner % sizes[1]
        return max(0, (v[i] - p[2][c]) / (p[3][c] + 1e-3).squareRoot() * p[0][c] + p[1][c])
      }
      for backend in levels {
        for found in try results(node, backend) {
          #expect(worst(found, expected) < 2e-5, "\(backend.isa) \(sizes)")
        }
      }
    }
  }
}
