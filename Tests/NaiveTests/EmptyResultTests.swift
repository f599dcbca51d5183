import IR
import Kernels
import NaiveKernels
import OperatorSuite
import Operators
import Tensors
import TestSupport
import Testing

/// A tensor without elements may have axes of any size: no operator counts them, and no size overflows.
@Suite struct EmptyResultTests {
  private static let long = 1 << 40

  /// Every case of an operator, with one size that its operands have replaced by 0, and another by a long one.
  @Test(.timeLimit(.minutes(1)), arguments: Catalog.operators.map { $0.name })
  func everyOperatorEnds(operatorName: String) throws {
    for test in OperatorSuite.cases(of: operatorName).prefix(24) {
      let sizes = Set(test.inputs.flatMap { $0?.tensor?.sizes ?? [] })
      for empty in sizes {
        for extended in sizes.union([-1]) where extended != empty {
          for size in [Self.long, 1 << 62, .max] {
            guard let operands = Self.operands(test, empty: empty, extended: extended, to: size) else {
              continue
            }
            let budget = RunBudget(byteLimit: 1 << 24, stepLimit: 1 << 24)
            // Results and refusals are right; a trap or a loop over rows is not.
            RunBudget.$current.withValue(budget) {
              _ = try? evaluate(test.op, operands, wanted: test.wanted)
            }
          }
        }
      }
    }
  }

  /// nil: some operand would need memory, or does not fit.
  private static func operands(_ test: OperatorCase, empty: Int, extended: Int, to size: Int)
    -> [RuntimeValue?]?
  {
    var operands: [RuntimeValue?] = []
    for input in test.inputs {
      guard let tensor = input?.tensor else {
        operands.append(input)
        continue
      }
      let sizes = tensor.sizes.map { $0 == empty ? 0 : $0 == extended ? size : $0 }
      if sizes == tensor.sizes {
        operands.append(input)
        continue
      }
      guard let count = try? Tensor.elementCount(of: sizes), count < 1 << 12 else { return nil }
      if tensor.dataType == .string {
        guard let made = try? Tensor(strings: [[UInt8]](repeating: [97], count: count), sizes: sizes) else {
          return nil
        }
        operands.append(.tensor(made))
      } else {
        let zeros = [Double](repeating: 0, count: count)
        guard let made = try? Tensor.fromDoubles(zeros, dataType: tensor.dataType, sizes: sizes) else {
          return nil
        }
        operands.append(.tensor(made))
      }
    }
    return operands
  }

  private static func empty(_ sizes: [Int], _ type: DataType = .float32) throws -> RuntimeValue {
    .tensor(try Tensor(uninitialized: type, sizes: sizes))
  }

  private static func integers(_ numbers: [Int64]) throws -> RuntimeValue {
    .tensor(try Tensor(numbers, sizes: [numbers.count]))
  }

  @Test(.timeLimit(.minutes(1))) func emptyResultsHaveTheirSizes() throws {
    let far = 1 << 62
    let cases: [(any Operator, [RuntimeValue?], [Int])] = [
      (MatMul(), [try Self.empty([far, 0, 1]), try Self.empty([1, 1])], [far, 0, 1]),
      (Gemm(), [try Self.empty([far, 0]), try Self.empty([0, 0])], [far, 0]),
      (Softmax(axis: 1), [try Self.empty([far, 0])], [far, 0]),
      (LayerNormalization(axis: 1, epsilon: 0), [try Self.empty([far, 0]), try Self.empty([0])], [far, 0]),
      (QuantizeLinear(), [try Self.empty([far, 0]), try Self.empty([0])], [far, 0]),
      (Slice(starts: [-1], ends: [.max], axes: [1]), [try Self.empty([2, far - 1, 0])], [2, 1, 0]),
      (
        GatherND(), [try Self.empty([far, 0]), .tensor(try Tensor([Int64(far - 1)], sizes: [1, 1]))], [1, 0]
      ),
      (Concat(axis: 0), [try Self.empty([1 << 61, 0]), try Self.empty([1 << 61, 0])], [far, 0]),
      (Split(axis: 0), [try Self.empty([far, 0])], [far, 0]),
      (Transpose(permutation: [1, 0]), [try Self.empty([far, 0])], [0, far]),
      (CenterCropPad(), [try Self.empty([1, 0]), try Self.integers([Int64(far), 0])], [far, 0]),
      (Pad(pads: [1 << 39, 0, 1 << 39, 0]), [try Self.empty([1, 0])], [1 + 1 << 40, 0]),
      (ConstantOfShape(dataType: .float32, fill: .real(1), target: [far, 0]), [nil], [far, 0]),
      (Expand(target: [far, 0]), [Grid([], [1]).value()], [far, 0]),
      (Reduce(.sum, axes: [1]), [try Self.empty([0, far])], [0, 1]),
      (Unique(axis: 0), [try Self.empty([far, 0])], [1, 0]),
    ]
    for (op, operands, sizes) in cases {
      do throws(KernelFault) {
        let result = try evaluate(op, operands, wanted: [true])[0]?.tensor
        #expect(result?.sizes == sizes, "\(op)")
      } catch { Issue.record("\(op): \(error)") }
    }
  }

  /// Sums over nothing are results with elements.
  @Test func sumsOverNothing() throws {
    let sum = try evaluate(Reduce(.sum, axes: [1]), [try Self.empty([3, 0])], wanted: [true])[0]?.tensor
    #expect(try sum?.doubles() == [0, 0, 0])
    let product = try evaluate(
      MatMul(), [try Self.empty([2, 0]), try Self.empty([0, 2])], wanted: [true])[0]?.tensor
    #expect(try product?.doubles() == [0, 0, 0, 0])
    // The axis that is summed last is long, and the other has no elements.
    let contracted = try evaluate(
      Einsum(equation: "abc->b"), [try Self.empty([Self.long, 2, 0])], wanted: [true])[0]?.tensor
    #expect(try contracted?.doubles() == [0, 0])
    let padded = try evaluate(Pad(pads: [1, 1]), [try Self.empty([0])], wanted: [true])[0]?.tensor
    #expect(try padded?.doubles() == [0, 0])
  }

  @Test func sizesThatDoNotFitAreRefused() throws {
    let one = Grid([1, 1], [1]).value()
    let far: Int64 = 1 << 40
    let calls: [(any Operator, [RuntimeValue?])] = [
      (Tile(), [one, try Self.integers([far, far])]), (Expand(), [one, try Self.integers([far, far])]),
      (ConstantOfShape(dataType: .float32, fill: .real(0)), [try Self.integers([far, far])]),
      (Concat(axis: 1), [try Self.empty([1 << 31, 0, 1 << 31]), try Self.empty([1 << 31, 1 << 31, 0])]),
      (DepthToSpace(blockSize: 8), [try Self.empty([1, 0, 1 << 61, 1])]),
      (SpaceToDepth(blockSize: 1 << 15), [try Self.empty([0, 1 << 40, 0, 0])]),
      (
        Where(),
        [try Self.empty([1 << 40, 1, 0], .bool), try Self.empty([1 << 40, 0]), try Self.empty([0])]
      ),
      (CenterCropPad(), [one, try Self.integers([far, far])]),
      (Resize(sizes: [1 << 39, 1 << 39]), [one]), (Pad(pads: [1 << 39, 1 << 39, 0, 0]), [one]),
    ]
    for (op, operands) in calls {
      #expect(throws: KernelFault.self, "\(op)") { _ = try evaluate(op, operands, wanted: [true]) }
    }
  }
}
