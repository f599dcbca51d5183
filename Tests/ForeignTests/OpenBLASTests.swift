import IR
import Kernels
@testable import OpenBLASKernels
import Operators
import Tensors
import Testing

/// Nil on a machine without the library: the tests then have nothing to say.
private let backend: OpenBLASBackend? = try? OpenBLASBackend.load()

@Suite(.enabled(if: backend != nil, "OpenBLAS is not installed")) struct OpenBLASTests {
  private var openBLAS: OpenBLASBackend { get throws { try #require(backend) } }

  @Test(arguments: 1...60) func product(_ seed: Int) throws {
    try check(try productCase(UInt64(seed)), openBLAS, tolerance: 3e-5, "seed \(seed)")
  }

  @Test func productOfVectors() throws {
    var random = Generator(3)
    for (a, b, y) in [
      ([40], [40], []), ([40], [40, 7], [7]), ([3, 5, 40], [40], [3, 5]), ([40], [2, 40, 7], [2, 7]),
    ] {
      let node = NodeCase(op: MatMul(), inputs: [try random.floats(a), try random.floats(b)], output: y)
      try check(node, openBLAS, tolerance: 1e-5, "\(a) × \(b)")
    }
  }

  @Test func longRowIsCut() throws {
    var random = Generator(5)
    for transB in [false, true] {
      let weights = try random.floats(transB ? [1_000, 700] : [700, 1_000])
      let node = NodeCase(
        op: Gemm(transB: transB),
        inputs: [try random.floats([1, 700]), weights, try random.floats([1_000])],
        constants: [1, 2], epilogue: Epilogue([.unary(.relu)]), output: [1, 1_000])
      #expect(try check(node, openBLAS, tolerance: 1e-4, "transB \(transB)") == [1])
    }
  }

  @Test(arguments: 1...60) func convolution(_ seed: Int) throws {
    let node = try convolutionCase(UInt64(seed))
    for kernel in try openBLAS.kernels where kernel.operatorName == Convolution.name {
      switch kernel.consider(node.request(threads: 1)) {
      case .declines(let reason):
        #expect(
          ["depthwise", "spatial", "groups"].contains { reason.contains($0) }, "seed \(seed): \(reason)")
      case .accepts(let offers):
        let offer = try #require(offers.first)
        let reference = try expected(node, steps: offer.fusedSteps)
        var bits: [UInt32] = []
        for threads in [1, 3] {
          let found = try run(node, kernel, offer, threads: threads)
          let difference = worst(found, reference)
          #expect(
            difference <= 5e-5, "seed \(seed), \(kernel.name), \(offer.fusedSteps) steps, \(threads) threads")
          if threads > 1 {
            #expect(found.map(\.bitPattern) == bits, "seed \(seed), \(kernel.name): threads change bits")
          }
          bits = found.map(\.bitPattern)
        }
      }
    }
  }

  @Test func largeConvolutionIsGatheredInBands() throws {
    var random = Generator(9)
    let node = NodeCase(
      op: Convolution(
        window: Window(kernel: [5, 5], strides: [1, 2], padsBegin: [2, 2], padsEnd: [2, 2])),
      inputs: [
        try random.floats([2, 20, 90, 60]), try random.floats([8, 20, 5, 5]), try random.floats([8]),
      ],
      constants: [1, 2], epilogue: Epilogue([.clamp(lower: -1, upper: 1)]), output: [2, 8, 90, 30])
    for kernel in try openBLAS.kernels where kernel.operatorName == Convolution.name {
      guard case .accepts(let offers) = kernel.consider(node.request(threads: 2)) else {
        Issue.record("\(kernel.name) declines")
        continue
      }
      let reference = try expected(node, steps: offers[0].fusedSteps)
      #expect(worst(try run(node, kernel, offers[0], threads: 2), reference) <= 1e-4, "\(kernel.name)")
    }
  }

  @Test func missingLibrary() {
    #expect {
      _ = try OpenBLASBackend.load(names: ["libopenblas-that-is-not-there.so.0"])
    } throws: { error in
      let reason = (error as? BackendUnavailable)?.reason ?? ""
      return reason.contains("libopenblas-that-is-not-there.so.0") && reason.contains("libopenblas-dev")
    }
  }
}
