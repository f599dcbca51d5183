import Host
import Kernels
import Needletail
import Operators
import RecordedData
import Tensors
import Testing

@Suite struct RooflineTests {
  static func slot(_ sizes: Int...) -> Slot { Slot(Placement(dataType: .float32, sizes: sizes)) }
  static func result(_ sizes: Int...) -> Placement { Placement(dataType: .float32, sizes: sizes) }

  @Test func convolutionOfResNet() {
    // 3×3 over 56² with 64 channels in and out: 56·56·64 results of 64·9 multiply-adds.
    let request = KernelRequest(
      op: Convolution(window: Window(kernel: [3, 3], padsBegin: [1, 1], padsEnd: [1, 1])),
      inputs: [Self.slot(1, 64, 56, 56), Self.slot(64, 64, 3, 3), Self.slot(64)],
      outputs: [Self.result(1, 64, 56, 56)])
    #expect(request.work.operations == 231_211_008)
    #expect(request.work.bytes == Double(4 * (200_704 + 36_864 + 64 + 200_704)))
  }

  @Test func groupsDivideTheWork() {
    let depthwise = KernelRequest(
      op: Convolution(window: Window(kernel: [3, 3]), groups: 96),
      inputs: [Self.slot(1, 96, 16, 16), Self.slot(96, 1, 3, 3)], outputs: [Self.result(1, 96, 14, 14)])
    #expect(depthwise.work.operations == Double(2 * 96 * 14 * 14 * 9))
    // 8 channels in two groups to 6: every operand meets 3 channels of 2×2.
    let transposed = KernelRequest(
      op: ConvTranspose(window: Window(kernel: [2, 2], strides: [2, 2]), groups: 2),
      inputs: [Self.slot(1, 8, 5, 5), Self.slot(8, 3, 2, 2)], outputs: [Self.result(1, 6, 10, 10)])
    #expect(transposed.work.operations == Double(2 * 8 * 25 * 3 * 4))
  }

  @Test func products() {
    let matrix = KernelRequest(
      op: MatMul(), inputs: [Self.slot(12, 128, 32), Self.slot(12, 32, 128)],
      outputs: [Self.result(12, 128, 128)])
    #expect(
      matrix.work
        == Work(operations: 2 * 12 * 128 * 128 * 32, bytes: 4 * (2 * 12 * 128 * 32 + 12 * 128 * 128)))
    let gemm = KernelRequest(
      op: Gemm(transA: true), inputs: [Self.slot(784, 5), Self.slot(784, 10), Self.slot(10)],
      outputs: [Self.result(5, 10)])
    #expect(gemm.work.operations == 2 * 784 * 50)
  }

  @Test func movingComputesNothing() {
    let concat = KernelRequest(
      op: Concat(axis: 1), inputs: [Self.slot(1, 2, 3), Self.slot(1, 4, 3)], outputs: [Self.result(1, 6, 3)])
    #expect(concat.work == Work(operations: 0, bytes: 2 * 18 * 4))
    // Of a table of a thousand rows, four are read.
    let gather = KernelRequest(
      op: Gather(axis: 0), inputs: [Self.slot(1000, 8), Slot(Placement(dataType: .int64, sizes: [4]))],
      outputs: [Self.result(4, 8)])
    #expect(gather.work == Work(operations: 0, bytes: 4 * 32 + 32 + 4 * 32))
    let sum = KernelRequest(
      op: Binary(.add), inputs: [Self.slot(3, 5), Self.slot(5)], outputs: [Self.result(3, 5)])
    #expect(sum.work == Work(operations: 15, bytes: 35 * 4))
  }

  static let made = Ceilings(
    threads: 1, isa: "made up", operationsPerSecond: 100,
    levels: [
      Ceilings.Level("L1", byteCount: 1000, bytesPerSecond: 50),
      Ceilings.Level("DRAM", byteCount: nil, bytesPerSecond: 10),
    ])

  @Test func roofIsTheLongerOfBoth() {
    #expect(Self.made.roofSeconds(Work(operations: 400, bytes: 100)) == 4)
    #expect(Self.made.isComputeBound(Work(operations: 400, bytes: 100)))
    #expect(Self.made.roofSeconds(Work(operations: 400, bytes: 1000)) == 20)
    #expect(!Self.made.isComputeBound(Work(operations: 400, bytes: 1000)))
    // One byte more no longer fits.
    #expect(Self.made.roofSeconds(Work(operations: 0, bytes: 1001)) == 100.1)
    #expect(Self.made.share(Work(operations: 400, bytes: 0), seconds: 8) == 0.5)
    #expect(Self.made.share(Work(), seconds: 8) == nil)
    #expect(
      Self.made.figures.map(\.name) == [
        "f32_operations_per_s", "l1_read_bytes_per_s", "dram_read_bytes_per_s",
      ])
  }

  /// Bounds that any machine of the last fifteen years keeps, however busy it is.
  @Test func measuresWhatAMachineCanDo() throws {
    let ceilings = try Ceilings.measure(threads: 1)
    #expect(ceilings.threads == 1)
    #expect((1e8...1e12).contains(ceilings.operationsPerSecond))
    #expect((1e8...1e12).contains(ceilings.bytesPerSecond))
    #expect(ceilings.levels.last?.name == "DRAM" && ceilings.levels.last?.byteCount == nil)
    let sizes = ceilings.levels.compactMap(\.byteCount)
    #expect(sizes == sizes.sorted() && sizes.count == ceilings.levels.count - 1)
    if let first = ceilings.levels.first { #expect(first.bytesPerSecond >= ceilings.bytesPerSecond) }
  }

  @Test func stepsOfAPlanKnowTheirWork() throws {
    let path = Folders.bundled + "/mnist_cnn_bn/mnist_cnn_bn.onnx"
    let model = try Model(contentsOf: path)
    let values = try InputMaker().values(for: model)
    let request = try model.compile().makeRequest(backend: .simd, threads: 1)
    let facts = try request.planFacts(for: values)
    let convolutions = facts.labels.filter { $0.operatorName == "Conv" }
    #expect(!convolutions.isEmpty)
    for label in convolutions { #expect(try #require(label.work).operations > 1e5) }
    #expect(facts.labels.allSatisfy { $0.work.map { $0.bytes > 0 } ?? false })
  }
}
