import IR
import Kernels
import NaiveKernels
import Operators
import Tensors
import TestSupport
import Testing

/// Work and memory beyond what a run may take are refused before they are begun.
@Suite struct BudgetTests {
  private static func zeros(_ sizes: [Int], _ type: DataType = .float32) throws -> RuntimeValue {
    .tensor(
      try Tensor.fromDoubles([Double](repeating: 0, count: sizes.reduce(1, *)), dataType: type, sizes: sizes))
  }

  private static func strings(_ texts: [String], _ sizes: [Int]) throws -> RuntimeValue {
    .tensor(try Tensor(strings: texts.map { Array($0.utf8) }, sizes: sizes))
  }

  /// What the evaluation throws; nil: it gives results.
  private static func fault(
    of op: any Operator, _ operands: [RuntimeValue?], in budget: RunBudget
  ) -> KernelFault? {
    RunBudget.$current.withValue(budget) {
      do throws(KernelFault) {
        _ = try evaluate(op, operands, wanted: [true])
        return nil
      } catch { return error }
    }
  }

  /// Steps of what is not linear in operands and results.
  @Test func steps() throws {
    // Every node of the tree is the next one's parent.
    let chain = (0..<1000).flatMap { [0, 0, $0 + 1, $0 + 1, 0] as [Int64] }
    let nodes = chain.dropLast(3) + [-1, -1, 0]
    let calls: [(any Operator, [RuntimeValue?])] = [
      (
        NonMaxSuppression(),
        [
          try Self.zeros([1, 3000, 4]), try Self.zeros([1, 1, 3000]), Grid([], [3000]).value(.int64),
          Grid([], [1]).value(),
        ]
      ),
      (DFT(axis: 0), [try Self.zeros([65521, 1])]), (Det(), [try Self.zeros([400, 400])]),
      (Einsum(equation: "ab,bc->ac"), [try Self.zeros([400, 400]), try Self.zeros([400, 400])]),
      (Unique(), [try Self.zeros([1 << 17])]),
      (
        MaxPool(window: Window(kernel: [4096], padsBegin: [2048], padsEnd: [2048])),
        [try Self.zeros([1, 1, 4096])]
      ),
      (
        LpPool(window: Window(kernel: [4096], padsBegin: [2048], padsEnd: [2048])),
        [try Self.zeros([1, 1, 4096])]
      ),
      (LRN(size: 1 << 12, alpha: 1, beta: 1, bias: 1), [try Self.zeros([1, 4096, 1])]),
      (
        GridSample(),
        [
          try Self.zeros([Int](repeating: 1, count: 34)),
          try Self.zeros([1] + [Int](repeating: 1, count: 32) + [32]),
        ]
      ),
      (
        RegexFullMatch(pattern: "(a?){100}"),
        [try Self.strings([String(repeating: "a", count: 100_000)], [1])]
      ),
      (
        TfIdfVectorizer(.frequency, lengths: 1...2, maximumSkip: 1 << 20, starts: [0, 0], count: 1),
        [
          Grid([3000]) { _ in 1 }.value(.int64), Grid([2], [7, 8]).value(.int64),
          Grid([1], [0]).value(.int64),
        ]
      ),
      (
        TreeEnsemble(targets: 1, aggregate: .sum, to: .float32),
        [
          try Self.zeros([1000, 1]), .tensor(try Tensor(Array(nodes), sizes: [1000, 5])),
          try Self.zeros([1000]),
          Grid([10]) { _ in 0 }.value(.int64), Grid([2], [0, 1]).value(.int64), Grid([1], [0]).value(.int64),
          Grid([1], [1]).value(),
        ]
      ),
    ]
    for (op, operands) in calls {
      let fault = Self.fault(of: op, operands, in: RunBudget(byteLimit: 1 << 28, stepLimit: 1 << 20))
      guard case .overBudget(.steps)? = fault else {
        Issue.record("\(op.name): \(fault.map { "\($0)" } ?? "no fault")")
        continue
      }
    }
  }

  /// A sequence of steps without inputs has no elements.
  @Test func stepsWithoutInputs() throws {
    let op = Recurrent(.rnn)
    let x = RuntimeValue.tensor(try Tensor(uninitialized: .float32, sizes: [1 << 62, 1, 0]))
    let w = RuntimeValue.tensor(try Tensor(uninitialized: .float32, sizes: [1, 1, 0]))
    #expect(throws: KernelFault.self) {
      _ = try evaluate(op, [x, w, Grid([1, 1, 1], [1]).value()], wanted: [false, true])
    }
  }

  @Test func bytes() throws {
    let wide = try Self.zeros([1 << 20], .uint8)
    let calls: [(any Operator, [RuntimeValue?])] = [
      (Resize(mode: .linear, sizes: [1 << 21]), [wide]),
      (Softmax(axis: 0), [try Self.zeros([1 << 21], .float16)]),
      (Unique(), [wide]), (LpNormalization(axis: 0), [try Self.zeros([1 << 20])]),
      (DFT(axis: 0), [try Self.zeros([1 << 19, 1])]), (TopK(), [wide, Grid([1], [100]).value(.int64)]),
    ]
    for (op, operands) in calls {
      let budget = RunBudget(byteLimit: 6 << 20)
      #expect(Self.fault(of: op, operands, in: budget) != nil, "\(op)")
      #expect(budget.byteCount == 0, "\(op)")
    }
  }

  /// What fits needs no table as long as the result.
  @Test func formulasInsteadOfTables() throws {
    let x = Grid([3], [1, 2, 3]).value(.uint8)
    let count = 1 << 20
    let calls: [(any Operator, [RuntimeValue?], [Double])] = [
      (Resize(coordinates: .asymmetric, rounding: .floor, sizes: [3 * count]), [x], [1, 2, 3]),
      (Pad(mode: .edge, pads: [count, 2 * count]), [x], [1, 3, 3]),
      (CenterCropPad(), [x, Grid([1], [Double(3 * count)]).value(.int64)], [0, 0, 0]),
    ]
    for (op, operands, expected) in calls {
      let budget = RunBudget(byteLimit: 4 * count)
      try RunBudget.$current.withValue(budget) {
        let y = try #require(try evaluate(op, operands, wanted: [true])[0]?.tensor)
        let elements = try y.elements(of: UInt8.self)
        // Elements in the middle of each third.
        let found = (0..<3).map { Double(elements[$0 * count + count / 2 - (expected[1] == 0 ? 5 : 0)]) }
        #expect(found == expected, "\(op)")
      }
    }
  }

  @Test func stringsWeighTheirBytes() throws {
    let long = String(repeating: "x", count: 1000)
    let calls: [(any Operator, [RuntimeValue?])] = [
      (
        StringConcat(),
        [
          try Self.strings([String](repeating: long, count: 30), [30, 1]),
          try Self.strings([String](repeating: long, count: 30), [30]),
        ]
      ),
      (
        StringSplit(delimiter: ","),
        [try Self.strings([String(repeating: ",", count: 300)] + [String](repeating: "", count: 300), [301])]
      ),
      (Tile(repeats: [2000]), [try Self.strings([long], [1])]),
      (Cast(to: .string), [try Self.zeros([20_000])]),
      (
        LabelEncoder(),
        [
          try Self.zeros([2000], .int64), Grid([1], [0]).value(.int64), try Self.strings([long], [1]),
          try Self.strings([""], [1]),
        ]
      ),
    ]
    for (op, operands) in calls {
      let budget = RunBudget(byteLimit: 1 << 28, listByteLimit: 1 << 20)
      #expect(Self.fault(of: op, operands, in: budget) != nil, "\(op)")
      // And without such a limit they run.
      _ = try evaluate(op, operands, wanted: [true])
    }
  }

  @Test func sequencesWeighTheirItems() throws {
    let long = RuntimeValue.tensor(try Tensor(uninitialized: .float32, sizes: [1 << 62, 0]))
    let many = try Self.zeros([20_000, 1])
    #expect(throws: KernelFault.self) { _ = try evaluate(SplitToSequence(axis: 0), [long], wanted: [true]) }
    try RunBudget.$current.withValue(RunBudget(byteLimit: 1 << 28, listByteLimit: 1 << 20)) {
      #expect(throws: KernelFault.self) { _ = try evaluate(SplitToSequence(axis: 0), [many], wanted: [true]) }
      let x = try Self.zeros([1 << 17])
      var items = try evaluate(SequenceConstruct(), [x], wanted: [true])[0]
      items = try evaluate(SequenceInsert(), [items, Grid([1], [1]).value()], wanted: [true])[0]
      #expect(throws: KernelFault.self) {
        for _ in 0..<3 { items = try evaluate(SequenceInsert(), [items, x], wanted: [true])[0] }
      }
    }
  }

  /// Without a run, one evaluation has the limits of a run.
  @Test func withoutARun() throws {
    #expect(throws: KernelFault.self) {
      _ = try evaluate(DFT(axis: 0), [try Self.zeros([16_777_213, 1])], wanted: [true])
    }
  }
}
