import IR
import Kernels
import Operators
@testable import SIMDKernels
import Tensors
import Testing

/// Every tile of Winograd's convolution at every level against double precision, on images that tiles do not divide.
@Suite struct WinogradTests {
  static let shapes: [ConvolutionTests.Shape] = [
    .init(channels: 8, out: 8, size: [1, 1], kernel: [3, 3], begin: [1, 1], end: [1, 1]),
    .init(channels: 16, out: 16, size: [3, 3], kernel: [3, 3]),
    .init(channels: 9, out: 33, size: [7, 5], kernel: [3, 3], begin: [1, 1], end: [1, 1]),
    .init(channels: 32, out: 48, size: [14, 14], kernel: [3, 3], begin: [1, 1], end: [1, 1]),
    .init(batch: 3, channels: 17, out: 70, size: [13, 10], kernel: [3, 3], begin: [0, 1], end: [1, 0]),
    .init(batch: 2, channels: 24, out: 20, size: [6, 31], kernel: [3, 3], begin: [2, 2], end: [2, 2]),
    .init(channels: 100, out: 130, size: [9, 9], kernel: [3, 3], begin: [1, 1], end: [1, 1]),
    .init(channels: 64, out: 64, size: [56, 23], kernel: [3, 3], begin: [1, 1], end: [1, 1]),
  ]

  /// The largest error as a share of the largest result, of sums of products of numbers in [−1, 1): four times what was
  /// seen.
  static let bounds = [2: 1.4e-6, 3: 1.1e-5, 4: 7e-6, 5: 4.2e-5, 6: 4.4e-5]

  private func kernel(_ m: Int, _ backend: SIMDBackend) throws -> Kernel {
    let micro = Microkernels(backend.isa)
    return try #require(WinogradKernel.rows(micro).first { $0.name.contains("winograd\(m).") })
  }

  private func offers(_ node: NodeCase) -> [Offer] {
    let request = node.request
    return convolutionOffers(request, rank: 4) { space, steps in
      ConvolutionKernel.epilogue(request, fusedSteps: steps, space: space)
    }
  }

  private func share(_ found: [Float], _ expected: [Double]) -> Double {
    worst(found, expected) / max(1e-30, expected.map(\.magnitude).max() ?? 0)
  }

  @Test(arguments: WinogradTiling.sides)
  func matchesReference(_ m: Int) throws {
    let bound = try #require(Self.bounds[m])
    for (i, shape) in Self.shapes.enumerated() {
      for (constant, bias, threads) in [(true, true, 1), (true, false, 3), (false, false, 2)] {
        var (node, expected) = try ConvolutionTests.node(
          shape, seed: UInt64(i + 7), bias: bias, constant: constant)
        node.threads = threads
        for backend in levels {
          for found in try results(node, kernel(m, backend), offers(node)) {
            let d = share(found, expected)
            #expect(d <= bound, "\(backend.isa) F(\(m)) \(shape) threads \(threads): \(d)")
          }
        }
      }
    }
  }

  @Test(arguments: WinogradTiling.sides)
  func fusesEpilogues(_ m: Int) throws {
    let bound = try #require(Self.bounds[m])
    for (i, shape) in Self.shapes.prefix(6).enumerated() {
      var (node, values) = try ConvolutionTests.node(shape, seed: UInt64(i + 70), bias: true, constant: true)
      var generator = Generator(UInt64(i + 700))
      node.epilogueInputs = [
        try generator.floats(node.output), try generator.floats([shape.batch, shape.out, 1, 1]),
      ]
      node.epilogue = Epilogue([
        .binary(.add, 0, swapped: false), .clamp(lower: -3, upper: 6), .binary(.mul, 1, swapped: false),
        .unary(.silu),
      ])
      let scale = values.map(\.magnitude).max() ?? 0
      values = try apply(node.epilogue, node.epilogueInputs, to: values, sizes: node.output)
      for backend in levels {
        for found in try results(node, kernel(m, backend), offers(node)) {
          let d = worst(found, values) / scale
          #expect(d <= bound * 2, "\(backend.isa) F(\(m)) \(shape): \(d)")
        }
      }
    }
  }

  /// Padding of a hostile file makes more pixels than any memory holds: costs are still numbers.
  @Test func costsOfAnythingAreNumbers() throws {
    var window = try #require(
      ImageWindow(
        Window(kernel: [3, 3], padsBegin: [1, 1], padsEnd: [1, 1]), input: [1, 16, 8, 8],
        output: [1, 16, 8, 8]))
    (window.outHeight, window.outWidth) = (1 << 30, 1 << 28)
    for m in WinogradTiling.sides {
      let cost = WinogradTiling(window, m: m, threads: 1).cost
      #expect(cost > 1e15 && cost.isFinite)
      #expect(Duration.seconds(cost / 1e9) > .seconds(1e6))
    }
  }

  /// Where it is expected to pay it is offered, with its numerics, and else it says why not.
  @Test func isOfferedWhereItPays() throws {
    let paying = try ConvolutionTests.node(Self.shapes[7], seed: 1, bias: true, constant: true).0
    let few = try ConvolutionTests.node(
      .init(channels: 3, out: 64, size: [20, 20], kernel: [3, 3]), seed: 1, bias: true, constant: true
    ).0
    let strided = try ConvolutionTests.node(
      .init(channels: 16, out: 16, size: [20, 20], kernel: [3, 3], strides: [2, 2]), seed: 1, bias: true,
      constant: true
    ).0
    for backend in levels {
      let rows = WinogradKernel.rows(Microkernels(backend.isa))
      var accepted = 0
      for row in rows {
        if case .accepts(let offers) = row.consider(paying.request) {
          accepted += 1
          #expect(offers.allSatisfy { $0.numerics == .transformed && $0.predicted != nil })
        }
        for node in [few, strided] {
          guard case .declines = row.consider(node.request) else {
            Issue.record("\(row.name) accepts \(node.op)")
            continue
          }
        }
      }
      #expect(accepted > 0)
    }
  }
}
