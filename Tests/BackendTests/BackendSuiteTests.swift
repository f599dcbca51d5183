import IR
import Kernels
import NaiveKernels
import OneDNNKernels
import OpenBLASKernels
import OperatorSuite
import Operators
import SIMDKernels
import Tensors
import TestSupport
import Testing

/// Every case of the suite on every planned kernel of the fast backends, each offer by itself: as it is and with its
/// operands frozen to constants. A kernel may decline; what it accepts must be right and stay within its memory.
@Suite struct BackendSuiteTests {
  /// oneDNN 2.6 drops NaN where it compares elements: its maximum of NaN and 1 is 1.
  static let casesWithNaN: Set<String> = [
    "Unary/relu/special", "MaxPool/nan-wins", "Clip/nan", "Binary/min/float32/nan", "Binary/max/float32/nan",
  ]

  private static func record(_ text: String, _ test: OperatorCase, _ backend: any Backend) {
    if backend.id == .oneDNN, casesWithNaN.contains(test.name) {
      withKnownIssue { _ = Issue.record("\(text)") }
    } else {
      Issue.record("\(text)")
    }
  }

  private static func check(_ backend: any Backend, threads: Int) throws {
    let team = Team(threads: threads)
    team.lease()
    defer { team.release() }
    var ran = 0
    for test in OperatorSuite.cases where test.fault == nil {
      for kernel in backend.kernels where kernel.operatorName == test.op.name {
        for frozen in [false, true] {
          let outcomes: [OperatorCase.Outcome]
          do {
            outcomes = try test.run(kernel, frozen: frozen, workers: Workers(team: team)) {
              try applyEpilogue($0, $1, $2)
            }
          } catch {
            record("\(test.name) on \(kernel.name)\(frozen ? ", frozen" : ""): \(error)", test, backend)
            continue
          }
          for (i, outcome) in outcomes.enumerated() {
            switch outcome {
            case .declined: continue
            case .fault(let fault): record("\(test.name) on \(kernel.name): \(fault)", test, backend)
            case .results(let results):
              ran += 1
              if let reason = test.mismatch(results, tolerance: test.backendTolerance),
                test.mismatch(results) != nil
              {
                record(
                  "\(test.name) on \(kernel.name), offer \(i)\(frozen ? ", frozen" : ""): \(reason)", test,
                  backend)
              }
            }
          }
        }
      }
    }
    #expect(ran > 0, "\(backend.id.name) accepts nothing")
  }

  @Test(arguments: [1, 3])
  func simd(threads: Int) throws { try Self.check(try SIMDBackend.load(), threads: threads) }

  @Test(arguments: [1, 3])
  func openBLAS(threads: Int) throws {
    do { try Self.check(try OpenBLASBackend.load(), threads: threads) } catch let missing
      as BackendUnavailable
    {
      print("OpenBLAS is not tested: \(missing.reason)")
    }
  }

  @Test(arguments: [1, 3])
  func oneDNN(threads: Int) throws {
    do { try Self.check(try OneDNNBackend.load(), threads: threads) } catch let missing as BackendUnavailable
    {
      print("oneDNN is not tested: \(missing.reason)")
    }
  }
}

extension OperatorCase {
  /// Of other algorithms, and of approximations of functions. A case's own tolerance holds where it is wider. Winograd's
  /// convolution has an error in proportion to the largest result.
  var backendTolerance: Tolerance {
    let scale =
      op is Convolution ? expected.first??.tensor.flatMap { try? $0.doubles() }?.map(\.magnitude).max() : nil
    return .close(relative: 2e-5, absolute: max(1e-4, 3e-5 * (scale ?? 0)))
  }
}
