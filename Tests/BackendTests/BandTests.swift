import Compiler
import IR
import Kernels
import NaiveKernels
import Operators
import Passes
import Runtime
import SIMDKernels
import Tensors
import TestSupport
import Testing

/// Chains of nodes in row bands give the bits of a run on whole images.
@Suite struct BandTests {
  /// A chain of image operators over random windows.
  private struct Chain {
    var graph = Graph(name: "chain")
    var input: Tensor
    var text: String

    init(_ random: inout SeededGenerator) throws {
      var sizes = [
        random.pick([1, 1, 2, 3]), random.pick([1, 3, 5, 16, 20]), random.pick([5, 7, 12, 17]),
        random.pick([3, 6, 9, 16]),
      ]
      input = try random.tensor(sizes)
      text = "\(sizes)"
      var value = graph.addInput("x", .tensor(TensorType(.float32, sizes: sizes)))
      var count = 0
      func constant(_ sizes: [Int], _ random: inout SeededGenerator) throws -> ValueID {
        count += 1
        return graph.addConstant(
          "c\(count)", Constant(id: ConstantID(of: "\(random.next()) \(count)"), try random.tensor(sizes)))
      }
      func add(_ op: any Operator, _ operands: [ValueID?], to result: [Int]) throws {
        text += " \(op.name)\(op)"
        count += 1
        value = try #require(
          try graph.addNode(op, operands, outputs: ["y\(count)"], named: "node\(count)").first ?? nil)
        sizes = result
      }
      for _ in 0..<random.pick([2, 3, 4, 5]) {
        let kind = random.pick(["conv", "conv", "depthwise", "depthwise", "group", "pool", "relu", "scale"])
        let kernel = random.pick(kind == "conv" ? [1, 1, 3] : [2, 3, 5])
        let dilation = kind == "pool" ? 1 : random.pick([1, 1, 1, 2])
        let stride = random.pick([1, 1, 2])
        let pads = (0..<4).map { _ in random.pick([0, kernel / 2, min(kernel - 1, 2)]) }
        let window = Window(
          kernel: [kernel, kernel], strides: [stride, random.pick([1, stride])],
          dilations: [dilation, dilation],
          padsBegin: [pads[0], pads[1]], padsEnd: [pads[2], pads[3]])
        func outSize(_ axis: Int) -> Int {
          let free =
            sizes[axis + 2] + window.padsBegin[axis] + window.padsEnd[axis] - (kernel - 1) * dilation - 1
          return free < 0 ? 0 : free / window.strides[axis] + 1
        }
        let spatial = [outSize(0), outSize(1)]
        let isWindow = kind != "relu" && kind != "scale"
        // What is left must have rows to cut.
        if isWindow && (spatial[0] < 2 || spatial[1] < 1) { continue }
        switch kind {
        case "conv":
          let channels = random.pick([1, 8, 17, 24, 50])
          try add(
            Convolution(window: window),
            [value, constant([channels, sizes[1], kernel, kernel], &random), constant([channels], &random)],
            to: [sizes[0], channels] + spatial)
        case "group":
          let groups = sizes[1] % 2 == 0 ? 2 : 1
          try add(
            Convolution(window: window, groups: groups),
            [value, constant([4 * groups, sizes[1] / groups, kernel, kernel], &random)],
            to: [sizes[0], 4 * groups] + spatial)
        case "depthwise":
          try add(
            Convolution(window: window, groups: sizes[1]),
            [value, constant([sizes[1], 1, kernel, kernel], &random)],
            to: [sizes[0], sizes[1]] + spatial)
        case "pool":
          let op: any Operator =
            random.pick([true, false]) ? MaxPool(window: window) : AveragePool(window: window)
          try add(op, [value], to: [sizes[0], sizes[1]] + spatial)
        case "relu": try add(Unary(random.pick([UnaryFunction.relu, .silu, .sigmoid])), [value], to: sizes)
        default: try add(Binary(.mul), [value, constant([sizes[0], sizes[1], 1, 1], &random)], to: sizes)
        }
      }
      graph.addOutput("y", value)
    }
  }

  private static func run(
    _ chain: Chain, _ backends: BackendSet, _ bands: RowBands, threads: Int
  ) throws -> (Tensor, chains: Int) {
    var options = PlanOptions(selection: .backend(.simd), threads: threads)
    options.rowBands = bands
    let specializer = Specializer(
      backends: backends, options: options, packed: PackedWeights(),
      context: PassContext { (node, inputs) throws(GraphError) in try backends.evaluate(node, inputs) },
      pipeline: PassCatalog.specialize, tuner: Tuner(threads: threads))
    let executable = Executable(graph: chain.graph, path: "", source: specializer)
    let results = try Interpreter(team: Team(threads: threads)).run(executable, [.tensor(chain.input)])
    guard case .tensor(let result)? = results.first ?? nil else {
      throw TensorError.outOfMemory(byteCount: 0)
    }
    return (result, specializer.reports.count { $0.bands != nil })
  }

  private static func bits(_ tensor: Tensor) throws -> [UInt32] {
    try tensor.elements(of: Float.self).map(\.bitPattern)
  }

  @Test(arguments: InstructionSet.available)
  func bandsKeepBits(_ isa: InstructionSet) throws {
    let backends = BackendSet([SIMDBackend(isa: isa), NaiveBackend()])
    var banded = 0
    for seed in 0..<200 {
      var random = SeededGenerator(seed: UInt64(seed))
      let chain = try Chain(&random)
      let whole = try Self.run(chain, backends, .never, threads: 1)
      #expect(whole.chains == 0)
      for (rows, threads) in [(1, 1), (2, 2), (3, 1), (5, 2), (100, 1)] {
        let result = try Self.run(chain, backends, .always(rows: rows), threads: threads)
        banded += result.chains
        #expect(
          try Self.bits(result.0) == Self.bits(whole.0),
          "\(isa), seed \(seed), \(rows) rows, \(threads) threads: \(chain.text)")
      }
    }
    #expect(banded > 500)
  }
}

extension SeededGenerator {
  fileprivate mutating func pick<T>(_ values: [T]) -> T {
    values[Int.random(in: 0..<values.count, using: &self)]
  }

  fileprivate mutating func tensor(_ sizes: [Int]) throws -> Tensor {
    try Tensor((0..<sizes.reduce(1, *)).map { _ in Float.random(in: -1..<1, using: &self) }, sizes: sizes)
  }
}
