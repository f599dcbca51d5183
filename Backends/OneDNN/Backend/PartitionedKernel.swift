import COneDNN
import Kernels
import Synchronization
import Tensors

/// What one primitive computes of a result: where its operands start, in elements from those of the whole.
struct PartPlan {
  var problem: onednn_problem
  var source = 0
  var weights = 0
  var bias = 0
  var destination = 0
  /// One entry per step of the problem.
  var operands: [Int] = []
  /// How the constant weights of this part lie, when they are packed.
  var weightsView: View?
}

/// Which operands of the node play which part. Indices count inputs, then epilogue inputs; −1: none.
struct Roles {
  var source = 0
  var weights = -1
  var bias = -1
  /// One entry per step of the problem; −1 for steps without an operand.
  var operands: [Int] = []
}

private struct Part: BitwiseCopyable {
  var primitive: OpaquePointer
  var packedWeights: UnsafeRawPointer?
  var source, weights, bias, destination, scratch: Int
  var operands: InlineArray<6, Int>
}

/// Primitives that make one result together, each run whole by one thread.
///
/// Unchecked: `parts` is written by the initializer only, and the packed bytes it points to are kept by
/// `packs`.
final class PartitionedKernel: PreparedKernel, @unchecked Sendable {
  let scratchByteCount: Int
  let implementation: String
  private let parts: UnsafeMutableBufferPointer<Part>
  private let primitives: [Primitive]
  private let packs: [TensorStorage]
  private let roles: Roles
  private let inputCount: Int
  private let operandIndices: InlineArray<6, Int>
  fileprivate let failed = Atomic<Bool>(false)

  /// `constant`: the weights, when they are packed instead of being read from `roles.weights`.
  init(
    _ plans: [PartPlan], _ roles: Roles, inputCount: Int, constant: ConstantWeights? = nil,
    packedWeights: PackedWeights
  ) throws(KernelError) {
    var primitives: [Primitive] = []
    var packs: [TensorStorage] = []
    var made: [Part] = []
    var scratch = 0
    for plan in plans {
      let primitive = try Primitive(plan.problem)
      var pack: TensorStorage?
      if let constant, let view = plan.weightsView {
        pack = try constant.packed(for: primitive, from: view, elementOffset: plan.weights, in: packedWeights)
      }
      var operands = InlineArray<6, Int>(repeating: 0)
      for (i, offset) in plan.operands.enumerated() { operands[i] = offset * 4 }
      made.append(
        Part(
          primitive: primitive.handle, packedWeights: pack?.bytes.base, source: plan.source * 4,
          weights: plan.weights * 4, bias: plan.bias * 4, destination: plan.destination * 4, scratch: scratch,
          operands: operands))
      primitives.append(primitive)
      if let pack { packs.append(pack) }
      scratch += primitive.scratchByteCount
    }
    var indices = InlineArray<6, Int>(repeating: -1)
    for (i, index) in roles.operands.enumerated() { indices[i] = index }
    operandIndices = indices
    parts = .allocate(capacity: made.count)
    _ = parts.initialize(from: made)
    scratchByteCount = scratch
    implementation = primitives.first?.implementation ?? ""
    self.primitives = primitives
    self.packs = packs
    self.roles = roles
    self.inputCount = inputCount
  }

  deinit { parts.deallocate() }

  var partCount: Int { parts.count }

  func run(_ call: borrowing KernelCall) throws(KernelFault) {
    func address(_ index: Int) -> UnsafeRawPointer? {
      index < 0
        ? nil : index < inputCount ? call.input(index).base : call.epilogueInput(index - inputCount).base
    }
    guard let source = address(roles.source) else { return }
    var operands = InlineArray<6, UnsafeRawPointer?>(repeating: nil)
    for i in 0..<6 { operands[i] = address(operandIndices[i]) }
    let work = PartWork(
      kernel: self, parts: UnsafePointer(parts.baseAddress!), source: source, weights: address(roles.weights),
      bias: address(roles.bias), destination: call.output(0).base, scratch: call.scratch.base,
      operands: operands)
    call.workers.forEach(parts.count, work)
    // The library fails in a run only when it finds no memory for its arguments.
    if failed.load(ordering: .relaxed) { throw .budget }
  }
}

private struct PartWork: ParallelWork {
  unowned(unsafe) let kernel: PartitionedKernel
  let parts: UnsafePointer<Part>
  let source: UnsafeRawPointer
  let weights, bias: UnsafeRawPointer?
  let destination, scratch: UnsafeMutableRawPointer
  let operands: InlineArray<6, UnsafeRawPointer?>

  func run(chunk: Int) {
    let part = parts[chunk]
    var addresses = InlineArray<6, UnsafeRawPointer?>(repeating: nil)
    for i in 0..<6 { addresses[i] = operands[i].map { $0 + part.operands[i] } }
    let done = addresses.span.withUnsafeBufferPointer { list in
      onednn_run(
        part.primitive, source + part.source, part.packedWeights ?? weights.map { $0 + part.weights },
        bias.map { $0 + part.bias }, destination + part.destination, scratch + part.scratch, list.baseAddress)
    }
    if !done { kernel.failed.store(true, ordering: .relaxed) }
  }
}
