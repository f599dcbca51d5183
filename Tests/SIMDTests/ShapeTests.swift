import Glibc
import IR
import Kernels
import NaiveKernels
import Operators
@testable import SIMDKernels
import Tensors
import Testing

/// Pooling, softmax, normalization, reductions, concatenation, reordering.
@Suite struct ShapeTests {
  static func values(_ t: Tensor) throws -> [Double] { try t.elements(of: Float.self).map { Double($0) } }

  @Test func pools() throws {
    struct Case {
      var c: Int; var h: Int; var w: Int; var k: [Int]; var s: [Int]; var d = [1, 1]; var b = [0, 0];
      var e = [0, 0]
    }
    let cases = [
      Case(c: 64, h: 9, w: 9, k: [3, 3], s: [2, 2], b: [1, 1], e: [1, 1]),
      Case(c: 17, h: 8, w: 6, k: [2, 2], s: [2, 2]),
      Case(c: 5, h: 7, w: 7, k: [3, 2], s: [1, 2], d: [2, 1], b: [1, 0], e: [1, 1]),
      Case(c: 130, h: 5, w: 5, k: [5, 5], s: [1, 1]),
      // The last window of ceil mode leaves the padded image.
      Case(c: 3, h: 6, w: 6, k: [3, 3], s: [2, 2], e: [1, 1]),
    ]
    var g = Generator(11)
    for p in cases {
      let x = try g.floats([2, p.c, p.h, p.w])
      let v = try Self.values(x)
      let window = Window(kernel: p.k, strides: p.s, dilations: p.d, padsBegin: p.b, padsEnd: p.e)
      let oh = (p.h + p.b[0] + p.e[0] - p.d[0] * (p.k[0] - 1) - 1) / p.s[0] + 1
      let ow = (p.w + p.b[1] + p.e[1] - p.d[1] * (p.k[1] - 1) - 1) / p.s[1] + 1
      for kind in 0..<3 {
        var expected: [Double] = []
        for plane in 0..<2 * p.c {
          for y in 0..<oh {
            for xx in 0..<ow {
              var seen: [Double] = []
              for ky in 0..<p.k[0] {
                for kx in 0..<p.k[1] {
                  let iy = y * p.s[0] - p.b[0] + ky * p.d[0], ix = xx * p.s[1] - p.b[1] + kx * p.d[1]
                  if iy >= 0, iy < p.h, ix >= 0, ix < p.w { seen.append(v[(plane * p.h + iy) * p.w + ix]) }
                }
              }
              let sum = seen.reduce(0, +)
              expected.append(
                kind == 0 ? seen.max() ?? -.infinity : sum / Double(kind == 1 ? seen.count : p.k[0] * p.k[1]))
            }
          }
        }
        let op: any Operator =
          kind == 0 ? MaxPool(window: window) : AveragePool(window: window, countIncludePad: kind == 2)
        var node = NodeCase(op: op, inputs: [x], output: [2, p.c, oh, ow])
        node.epilogue = Epilogue([.unary(.relu), .unary(.neg)])
        expected = try apply(node.epilogue, [], to: expected, sizes: node.output)
        for backend in levels {
          for found in try results(node, backend) {
            #expect(worst(found, expected) < 2e-6, "\(backend.isa) \(kind) \(p)")
          }
        }
      }
    }
  }

  @Test func softmaxes() throws {
    var g = Generator(12)
    let cases: [([Int], Int, Bool)] = [
      ([10], 0, false), ([3, 1000], 1, false), ([2, 17], -1, false), ([2, 21, 3, 4], 1, false),
      ([2, 3, 33], 2, false),
      ([2, 3, 4], 1, true), ([1, 10, 1, 1], 1, false), ([4, 1], 1, false),
    ]
    for (sizes, axis, flattens) in cases {
      let source = try g.floats(sizes).elements(of: Float.self).map { $0 * 30 }
      let x = try Tensor(source, sizes: sizes)
      let at = axis < 0 ? axis + sizes.count : axis
      let n = flattens ? sizes[at...].reduce(1, *) : sizes[at]
      let inner = flattens ? 1 : sizes[(at + 1)...].reduce(1, *)
      for logarithm in [false, true] {
        var expected = [Double](repeating: 0, count: source.count)
        for i in 0..<source.count / n {
          let base = i / inner * n * inner + i % inner
          let row = (0..<n).map { Double(source[base + $0 * inner]) }
          let top = row.max() ?? 0
          let total = row.map { exp($0 - top) }.reduce(0, +)
          for j in 0..<n {
            expected[base + j * inner] = logarithm ? row[j] - top - log(total) : exp(row[j] - top) / total
          }
        }
        let op: any Operator =
          logarithm ? LogSoftmax(axis: axis, flattens: flattens) : Softmax(axis: axis, flattens: flattens)
        let node = NodeCase(op: op, inputs: [x], output: sizes)
        for backend in levels {
          for found in try results(node, backend) {
            #expect(worst(found, expected) < (logarithm ? 1e-5 : 1e-6), "\(backend.isa) \(sizes) \(axis)")
          }
        }
      }
    }
  }

  @Test func normalizesLayers() throws {
    var g = Generator(13)
    for (sizes, axis) in [([2, 5, 384], -1), ([3, 7], 1), ([2, 3, 5], 1), ([1, 16], -1)] {
      let at = axis < 0 ? axis + sizes.count : axis
      let n = sizes[at...].reduce(1, *)
      let x = try g.floats(sizes), scale = try g.floats(Array(sizes[at...])),
        bias = try g.floats(Array(sizes[at...]))
      let v = try Self.values(x), s = try Self.values(scale), b = try Self.values(bias)
      for hasBias in [true, false] {
        var expected: [Double] = []
        for r in 0..<v.count / n {
          let row = v[r * n..<(r + 1) * n]
          let mean = row.reduce(0, +) / Double(n)
          let variance = row.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(n)
          expected += row.enumerated().map { i, x in
            (x - mean) / (variance + 1e-5).squareRoot() * s[i] + (hasBias ? b[i] : 0)
          }
        }
        let node = NodeCase(
          op: LayerNormalization(axis: axis, epsilon: 1e-5), inputs: [x, scale, hasBias ? bias : nil],
          output: sizes)
        for backend in levels {
          for found in try results(node, backend) {
            #expect(worst(found, expected) < 1e-5, "\(backend.isa) \(sizes)")
          }
        }
      }
    }
  }

  @Test func normalizesInstances() throws {
    var g = Generator(19)
    for sizes in [[2, 3, 5, 7], [1, 17, 33], [2, 4, 1, 1]] {
      let x = try g.floats(sizes), scale = try g.floats([sizes[1]]), bias = try g.floats([sizes[1]])
      let v = try Self.values(x), s = try Self.values(scale), b = try Self.values(bias)
      let n = sizes[2...].reduce(1, *)
      var expected: [Double] = []
      for r in 0..<v.count / n {
        let row = v[r * n..<(r + 1) * n]
        let mean = row.reduce(0, +) / Double(n)
        let variance = row.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(n)
        expected += row.map {
          ($0 - mean) / (variance + 1e-3).squareRoot() * s[r % sizes[1]] + b[r % sizes[1]]
        }
      }
      var node = NodeCase(op: InstanceNormalization(epsilon: 1e-3), inputs: [x, scale, bias], output: sizes)
      node.epilogueInputs = [try g.floats([sizes[1]] + sizes[2...].map { _ in 1 })]
      node.epilogue = Epilogue([.binary(.mul, 0, swapped: false), .unary(.relu)])
      expected = try apply(node.epilogue, node.epilogueInputs, to: expected, sizes: sizes)
      for backend in levels {
        for found in try results(node, backend) {
          #expect(worst(found, expected) < 1e-5, "\(backend.isa) \(sizes)")
        }
      }
    }
  }

  /// Windows that overlap share the maxima of columns: what is not a number or infinite in one reaches all that hold it,
  /// and no other.
  @Test func overlappingMaximaKeepNotANumber() throws {
    var g = Generator(23)
    for (side, stride, pad) in [(3, 2, 0), (3, 2, 1), (3, 1, 1), (2, 1, 0)] {
      for (channels, height, width) in [(5, 9, 6), (16, 6, 9), (100, 7, 8)] {
        var values = (0..<channels * height * width).map { _ in g.float() }
        for special in [Float.nan, .nan, .infinity, -.infinity] {
          values[Int(g.next() % UInt64(values.count))] = special
        }
        let window = Window(
          kernel: [side, side], strides: [stride, stride], padsBegin: [pad, pad], padsEnd: [pad, pad])
        let x = try Tensor(values, sizes: [1, channels, height, width])
        let op = MaxPool(window: window)
        let y = try #require(try evaluate(op, [.tensor(x)], wanted: [true])[0]?.tensor)
        let expected = try y.doubles()
        let node = NodeCase(op: op, inputs: [x], output: y.sizes)
        for backend in levels {
          for found in try results(node, backend) {
            #expect(worst(found, expected) == 0, "\(backend.isa) \(side) by \(stride), \(channels)")
          }
        }
      }
    }
  }

  @Test func maximaKeepNotANumber() throws {
    for (channels, side) in [(3, 4), (16, 4), (100, 4), (3, 2), (36, 2), (100, 2), (16, 3), (100, 3)] {
      let pixels = side * side
      var values = [Float](repeating: 1, count: channels * pixels)
      values[pixels - 1] = .nan
      values[pixels + 1] = .infinity
      values[pixels + 2] = -.infinity
      let x = try Tensor(values, sizes: [1, channels, side, side])
      let node = NodeCase(
        op: MaxPool(window: Window(kernel: [side, side])), inputs: [x], output: [1, channels, 1, 1])
      for backend in levels {
        for found in try results(node, backend) {
          #expect(
            found[0].isNaN && found[1] == .infinity && found[2...].allSatisfy { $0 == 1 },
            "\(backend.isa) \(side)")
        }
      }
    }
  }

  @Test func reduces() throws {
    var g = Generator(14)
    let cases: [([Int], [Int])] = [
      ([2, 5, 7, 7], [2, 3]), ([3, 100], [1]), ([2, 3, 70], [-1]), ([2, 9, 70], [1]), ([4, 5], []),
      ([2, 65, 3, 3], [1]),
      ([1, 1280, 7, 7], [2, 3]),
    ]
    for (sizes, axes) in cases {
      let x = try g.floats(sizes)
      let v = try Self.values(x)
      let reduced = axes.isEmpty ? Array(sizes.indices) : axes.map { $0 < 0 ? $0 + sizes.count : $0 }
      let kept = sizes.indices.map { reduced.contains($0) ? 1 : sizes[$0] }
      let count = Double(reduced.map { sizes[$0] }.reduce(1, *))
      for function in [Reduce.Function.sum, .mean, .max] {
        let positions = broadcast((0..<kept.reduce(1, *)).map { Double($0) }, kept, to: sizes).map { Int($0) }
        var expected = [Double](repeating: function == .max ? -.infinity : 0, count: kept.reduce(1, *))
        for (at, value) in zip(positions, v) {
          expected[at] = function == .max ? max(expected[at], value) : expected[at] + value
        }
        if function == .mean { expected = expected.map { $0 / count } }
        for keepDims in [true, false] {
          let output = keepDims ? kept : sizes.indices.filter { !reduced.contains($0) }.map { sizes[$0] }
          let node = NodeCase(
            op: Reduce(function, axes: axes, keepDims: keepDims), inputs: [x], output: output)
          for backend in levels {
            for found in try results(node, backend) {
              #expect(worst(found, expected) < 2e-5, "\(backend.isa) \(sizes) \(axes)")
            }
          }
        }
        guard reduced == [2, 3], function != .sum else { continue }
        let op: any Operator = function == .mean ? GlobalAveragePool() : GlobalMaxPool()
        for backend in levels {
          for found in try results(NodeCase(op: op, inputs: [x], output: kept), backend) {
            #expect(worst(found, expected) < 1e-6)
          }
        }
      }
    }
  }

  @Test func concatenates() throws {
    var g = Generator(15)
    for (axis, parts) in [(1, [3, 16, 1]), (0, [1, 2]), (2, [4, 5]), (-1, [1, 1, 7])] {
      let at = axis < 0 ? axis + 4 : axis
      func sizes(_ n: Int) -> [Int] { var s = [2, 3, 4, 5]; s[at] = n; return s }
      let operands = try parts.map { try g.floats(sizes($0)) }
      let total = sizes(parts.reduce(0, +))
      let outer = total[..<at].reduce(1, *), inner = total[(at + 1)...].reduce(1, *)
      var expected: [Double] = []
      for o in 0..<outer {
        for (n, t) in zip(parts, operands) {
          expected += try Self.values(t)[o * n * inner..<(o + 1) * n * inner]
        }
      }
      let node = NodeCase(op: Concat(axis: axis), inputs: operands, output: total)
      for backend in levels {
        for found in try results(node, backend) { #expect(worst(found, expected) == 0) }
      }
    }
  }

  @Test func movesBlocks() throws {
    var g = Generator(17)
    for (b, c, h, w) in [(2, 3, 4, 5), (3, 1, 6, 7), (2, 16, 1, 3), (1, 4, 2, 2)] {
      let deep = try g.floats([2, c * b * b, h, w]), wide = try g.floats([2, c, h * b, w * b])
      let d = try Self.values(deep), v = try Self.values(wide)
      for mode in [DepthToSpace.Mode.dcr, .crd] {
        var up = v, down = d
        for n in 0..<2 {
          for k in 0..<c {
            for y in 0..<h * b {
              for x in 0..<w * b {
                let phase = y % b * b + x % b
                let channel = mode == .dcr ? phase * c + k : k * b * b + phase
                let at = ((n * c * b * b + channel) * h + y / b) * w + x / b
                let to = ((n * c + k) * h * b + y) * w * b + x
                up[to] = d[at]
                down[at] = v[to]
              }
            }
          }
        }
        let expand = NodeCase(
          op: DepthToSpace(blockSize: b, mode: mode), inputs: [deep], output: [2, c, h * b, w * b])
        let fold = NodeCase(op: SpaceToDepth(blockSize: b), inputs: [wide], output: [2, c * b * b, h, w])
        for backend in levels {
          for found in try results(expand, backend) { #expect(worst(found, up) == 0, "\(mode) \(b)") }
          if mode == .dcr {
            for found in try results(fold, backend) { #expect(worst(found, down) == 0, "\(b)") }
          }
        }
      }
    }
  }

  @Test func transposes() throws {
    var g = Generator(16)
    let cases: [([Int], [Int])] = [
      ([5, 7], [1, 0]), ([64, 300], [1, 0]), ([2, 3, 50, 60], [0, 2, 3, 1]), ([2, 9, 8, 33], [0, 3, 1, 2]),
      ([2, 12, 8, 16], [0, 2, 1, 3]), ([3, 4, 5, 6], [3, 2, 1, 0]), ([1, 6, 1, 7], [3, 0, 1, 2]), ([4], [0]),
      ([], []),
      ([2, 3, 4, 5, 6], [4, 0, 3, 1, 2]),
    ]
    for (sizes, permutation) in cases {
      let x = try g.floats(sizes)
      let output = permutation.map { sizes[$0] }
      let strides = Layout.rowMajor.strides(of: sizes) ?? []
      let v = try Self.values(x)
      let expected = (0..<v.count).map { flat -> Double in
        var rest = flat, offset = 0
        for axis in output.indices.reversed() {
          offset += rest % output[axis] * strides[permutation[axis]]
          rest /= output[axis]
        }
        return v[offset]
      }
      let node = NodeCase(op: Transpose(permutation: permutation), inputs: [x], output: output)
      for backend in levels {
        for found in try results(node, backend) {
          #expect(worst(found, expected) == 0, "\(sizes) \(permutation)")
        }
      }
      guard sizes.count >= 3 else { continue }
      let reorder = NodeCase(
        op: Reorder(to: .channelsLast(.float32, rank: sizes.count)), inputs: [x], output: sizes)
      for backend in levels { for found in try results(reorder, backend) { #expect(worst(found, v) == 0) } }
    }
  }
}
