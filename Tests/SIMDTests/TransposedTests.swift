import IR
import Kernels
import Operators
@testable import SIMDKernels
import Tensors
import Testing

@Suite struct TransposedTests {
  struct Shape {
    var batch = 1
    var channels: Int
    var out: Int
    var size: [Int]
    var kernel: [Int]
    var strides: [Int]
    var begin = [0, 0]
    var end = [0, 0]
    var extra = [0, 0]
    var groups = 1
  }

  static let shapes: [Shape] = [
    Shape(channels: 3, out: 5, size: [4, 5], kernel: [2, 2], strides: [2, 2]),
    Shape(
      batch: 2, channels: 16, out: 50, size: [5, 3], kernel: [4, 4], strides: [2, 2], begin: [1, 1],
      end: [1, 1]),
    Shape(
      channels: 7, out: 9, size: [3, 3], kernel: [3, 3], strides: [1, 1], begin: [1, 1], end: [1, 1]),
    Shape(
      channels: 4, out: 8, size: [4, 4], kernel: [3, 3], strides: [2, 2], begin: [1, 1], end: [1, 1],
      extra: [1, 1]),
    Shape(
      channels: 6, out: 4, size: [3, 4], kernel: [3, 5], strides: [2, 3], begin: [0, 2], end: [1, 1],
      groups: 2),
    Shape(channels: 2, out: 3, size: [2, 3], kernel: [1, 2], strides: [3, 3], extra: [2, 0]),
  ]

  @Test(arguments: shapes.indices)
  func matchesScatter(_ index: Int) throws {
    let s = Self.shapes[index]
    var g = Generator(UInt64(index + 40))
    let oh = (s.size[0] - 1) * s.strides[0] + s.kernel[0] + s.extra[0] - s.begin[0] - s.end[0]
    let ow = (s.size[1] - 1) * s.strides[1] + s.kernel[1] + s.extra[1] - s.begin[1] - s.end[1]
    let x = try g.floats([s.batch, s.channels] + s.size)
    let w = try g.floats([s.channels, s.out / s.groups] + s.kernel)
    let bias = try g.floats([s.out])
    let xs = try MatrixTests.values(x), ws = try MatrixTests.values(w), bs = try MatrixTests.values(bias)
    var expected = (0..<s.batch * s.out * oh * ow).map { bs[$0 / (oh * ow) % s.out] }
    let (cg, og) = (s.channels / s.groups, s.out / s.groups)
    for n in 0..<s.batch {
      for c in 0..<s.channels {
        for iy in 0..<s.size[0] {
          for ix in 0..<s.size[1] {
            let value = xs[((n * s.channels + c) * s.size[0] + iy) * s.size[1] + ix]
            for o in 0..<og {
              for ky in 0..<s.kernel[0] {
                for kx in 0..<s.kernel[1] {
                  let y = iy * s.strides[0] - s.begin[0] + ky, xx = ix * s.strides[1] - s.begin[1] + kx
                  guard y >= 0, y < oh, xx >= 0, xx < ow else { continue }
                  let channel = c / cg * og + o
                  expected[((n * s.out + channel) * oh + y) * ow + xx] +=
                    value * ws[((c * og + o) * s.kernel[0] + ky) * s.kernel[1] + kx]
                }
              }
            }
          }
        }
      }
    }
    let window = Window(kernel: s.kernel, strides: s.strides, padsBegin: s.begin, padsEnd: s.end)
    var node = NodeCase(
      op: ConvTranspose(window: window, groups: s.groups, outputPadding: s.extra), inputs: [x, w, bias],
      output: [s.batch, s.out, oh, ow])
    node.epilogueInputs = [try g.floats([s.out, 1, 1])]
    node.epilogue = Epilogue([.binary(.mul, 0, swapped: false), .unary(.tanh)])
    expected = try apply(node.epilogue, node.epilogueInputs, to: expected, sizes: node.output)
    for constants in [Set([1]), []] {
      node.constants = constants
      for backend in levels {
        for found in try results(node, backend) {
          #expect(worst(found, expected) < 1e-5, "\(backend.isa) \(s)")
        }
      }
    }
  }

  @Test func repeatsElements() throws {
    var g = Generator(50)
    let x = try g.floats([2, 5, 3, 4])
    let v = try MatrixTests.values(x)
    for (coordinates, rounding) in [
      (Resize.Coordinates.asymmetric, Resize.Rounding.floor), (.halfPixel, .roundPreferFloor),
    ] {
      for (fy, fx) in [(2, 2), (3, 1), (1, 4)] {
        let op = Resize(
          mode: .nearest, coordinates: coordinates, rounding: rounding,
          scales: [1, 1, Real(Double(fy)), Real(Double(fx))])
        let node = NodeCase(op: op, inputs: [x], output: [2, 5, 3 * fy, 4 * fx])
        let expected = (0..<v.count * fy * fx).map { flat in
          let (row, column) = (flat / (4 * fx), flat % (4 * fx) / fx)
          return v[(row / (3 * fy) * 3 + row % (3 * fy) / fy) * 4 + column]
        }
        for backend in levels {
          for found in try results(node, backend) { #expect(worst(found, expected) == 0) }
        }
      }
    }
  }
}
