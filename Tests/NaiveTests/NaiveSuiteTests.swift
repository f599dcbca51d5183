import IR
import Kernels
import NaiveKernels
import OperatorSuite
import Operators
import Tensors
import TestSupport
import Testing

@Suite struct NaiveSuiteTests {
  private static let kernels = NaiveBackend().kernels

  /// Every case on every naive kernel of its operator, as it is and with its operands frozen to constants.
  @Test(arguments: Catalog.operators.map { $0.name })
  func everyCase(operatorName: String) throws {
    for test in OperatorSuite.cases(of: operatorName) {
      var isServed = false
      for kernel in Self.kernels where kernel.operatorName == operatorName {
        for frozen in [false, true] {
          for outcome in try test.run(kernel, frozen: frozen, finish: { try applyEpilogue($0, $1, $2) }) {
            switch outcome {
            case .declined: continue
            case .fault(let fault):
              // A plan for other sizes may find the difference before the cause.
              let isExpected = fault == test.fault || (test.fault != nil && fault == .sizeMismatch(output: 0))
              if !isExpected { Issue.record("\(test.name) on \(kernel.name): \(fault)") }
            case .results(let results):
              if test.fault != nil {
                Issue.record("\(test.name) on \(kernel.name) did not fail")
              } else if let reason = test.mismatch(results) {
                Issue.record("\(test.name) on \(kernel.name)\(frozen ? ", frozen" : ""): \(reason)")
              }
            }
            isServed = true
          }
        }
      }
      #expect(isServed, "no kernel accepts \(test.name)")
    }
  }

  @Test func namesAreUnique() {
    var seen: Set<String> = []
    for test in OperatorSuite.cases { #expect(seen.insert(test.name).inserted, "\(test.name) twice") }
  }

  /// If, Loop and Group have regions: whoever runs regions gives them their meaning, and tests it.
  private static let withRegions: Set<String> = [If.name, Loop.name, Group.name]

  @Test(arguments: Catalog.operators.map { $0.name })
  func everyOperatorHasKernelAndCases(operatorName: String) {
    if Self.withRegions.contains(operatorName) { return }
    let kernels = Self.kernels.filter { $0.operatorName == operatorName }
    #expect(!kernels.isEmpty, "\(operatorName) has no naive kernel")
    #expect(kernels.allSatisfy { $0.backend == .naive && $0.name.hasPrefix("naive.") })
    #expect(!OperatorSuite.cases(of: operatorName).isEmpty, "\(operatorName) has no case")
  }

  @Test func kernelNamesAreUnique() {
    #expect(Set(Self.kernels.map(\.name)).count == Self.kernels.count)
  }
}
