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

/// A Concat of channels whose operands are convolutions is no step of the plan, and changes no bit.
@Suite struct ConcatPartTests {
  /// Convolutions of one image beside each other, of any kind of kernel, concatenated and read by one more.
  private struct Module {
    var graph = Graph(name: "module")
    var input: Tensor
    var parts: [ValueID] = []

    init(
      _ random: inout SeededGenerator, outputs: [Int], sizes: [Int], kernels: [Int], readsPart: Bool = false
    ) throws {
      input = try Tensor(
        (0..<sizes.reduce(1, *)).map { _ in Float.random(in: -1..<1, using: &random) }, sizes: sizes)
      let x = graph.addInput("x", .tensor(TensorType(.float32, sizes: sizes)))
      var names = 0
      func constant(_ sizes: [Int]) throws -> ValueID {
        names += 1
        let tensor = try Tensor(
          (0..<sizes.reduce(1, *)).map { _ in Float.random(in: -1..<1, using: &random) }, sizes: sizes)
        return graph.addConstant("c\(names)", Constant(id: ConstantID(of: "\(names) \(sizes)"), tensor))
      }
      func add(_ op: any Operator, _ operands: [ValueID?]) throws -> ValueID {
        names += 1
        return try #require(
          try graph.addNode(op, operands, outputs: ["y\(names)"], named: "node\(names)").first ?? nil)
      }
      func convolve(_ x: ValueID, _ channels: Int, _ out: Int, _ kernel: Int) throws -> ValueID {
        let pads = [kernel / 2, kernel / 2]
        let y = try add(
          Convolution(window: Window(kernel: [kernel, kernel], padsBegin: pads, padsEnd: pads)),
          [x, constant([out, channels, kernel, kernel]), constant([out])])
        return try add(Unary(.relu), [y])
      }
      for (out, kernel) in zip(outputs, kernels) { parts.append(try convolve(x, sizes[1], out, kernel)) }
      let whole = try add(Concat(axis: 1), parts.map { $0 })
      graph.addOutput("y", try convolve(whole, outputs.reduce(0, +), 20, 1))
      if readsPart { graph.addOutput("z", parts[0]) }
    }
  }

  private static func run(_ module: Module, _ backends: BackendSet, threads: Int) throws -> (
    [[Float]], [String]
  ) {
    let specializer = Specializer(
      backends: backends, options: PlanOptions(selection: .backend(.simd), threads: threads),
      packed: PackedWeights(),
      context: PassContext { (node, inputs) throws(GraphError) in try backends.evaluate(node, inputs) },
      pipeline: PassCatalog.specialize, tuner: Tuner(threads: threads))
    let executable = Executable(graph: module.graph, path: "", source: specializer)
    let results = try Interpreter(team: Team(threads: threads)).run(executable, [.tensor(module.input)])
    let values = try results.map { result in
      guard case .tensor(let tensor)? = result else { return [Float]() }
      return try tensor.elements(of: Float.self)
    }
    let plan = try #require(
      try executable.program(for: executable.key(of: [.tensor(module.input)])).singlePlan)
    return (values, plan.labels.map(\.operatorName))
  }

  /// The same graph with an operand that is read elsewhere too keeps its Concat.
  @Test(arguments: InstructionSet.available)
  func copiesNothing(_ isa: InstructionSet) throws {
    let backends = BackendSet([SIMDBackend(isa: isa), NaiveBackend()])
    let modules: [(outputs: [Int], sizes: [Int], kernels: [Int])] = [
      ([64, 64], [1, 16, 14, 14], [1, 3]), ([7, 20, 33], [2, 9, 11, 6], [3, 1, 5]),
      ([130, 40], [3, 256, 13, 13], [1, 1]), ([24, 17], [1, 32, 3, 1], [1, 1]),
    ]
    for (i, shape) in modules.enumerated() {
      func module(readsPart: Bool) throws -> Module {
        var random = SeededGenerator(seed: UInt64(i))
        return try Module(
          &random, outputs: shape.outputs, sizes: shape.sizes, kernels: shape.kernels, readsPart: readsPart)
      }
      for threads in [1, 2] {
        let (found, steps) = try Self.run(module(readsPart: false), backends, threads: threads)
        let (expected, plainSteps) = try Self.run(module(readsPart: true), backends, threads: threads)
        #expect(found[0].map(\.bitPattern) == expected[0].map(\.bitPattern), "\(isa), module \(i)")
        #expect(
          !steps.contains(Concat.name) && plainSteps.contains(Concat.name), "\(isa), module \(i): \(steps)")
      }
    }
  }
}
