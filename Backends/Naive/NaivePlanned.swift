import IR
import Kernels
import Operators
import Tensors

/// An operator made ready for sizes that are known: it reads the plan's memory and writes into it.
///
/// Unlike other kernels it allocates, for its bookkeeping and for results that cannot be written in place.
struct NaivePlanned: PreparedKernel {
  let op: any NaiveOperator
  let request: KernelRequest
  let epilogue: Epilogue
  let wanted: [Bool]
  let scratchByteCount = 0

  init(op: any NaiveOperator, request: KernelRequest, fusedSteps: Int) {
    self.op = op
    self.request = request
    epilogue = request.epilogue.prefix(fusedSteps)
    wanted = request.outputs.map { $0 != nil }
  }

  func run(_ call: borrowing KernelCall) throws(KernelFault) {
    var operands: [RuntimeValue?] = []
    for (i, slot) in request.inputs.enumerated() {
      operands.append(
        try slot.map { (slot) throws(KernelFault) in .tensor(try borrow(call.input(i), slot.placement)) })
    }
    var outputs: [Tensor?] = []
    for (i, placement) in request.outputs.enumerated() {
      outputs.append(
        try placement.map { (placement) throws(KernelFault) in try borrow(call.output(i).bytes, placement) })
    }
    // The result before the epilogue may have another type, and then memory of its own.
    let destinations = epilogue.changesType ? [] : outputs
    var results = try op.results(
      operands, wanted: wanted, destinations: destinations, byteLimit: Evaluation.byteLimit)
    if !epilogue.isEmpty, let first = results.first, let x = first?.tensor, let output = outputs.first {
      var epilogueOperands: [Tensor] = []
      for (i, slot) in request.epilogueInputs.enumerated() {
        epilogueOperands.append(try borrow(call.epilogueInput(i), slot.placement))
      }
      results[0] = .tensor(try applyEpilogue(epilogue, x, epilogueOperands, destination: output))
    }
    for (i, output) in outputs.enumerated() {
      guard let output else { continue }
      guard i < results.count, let result = results[i]?.tensor, result.dataType == output.dataType,
        result.sizes == output.sizes
      else { throw .sizeMismatch(output: i) }
      if result.storage !== output.storage, output.byteCount > 0 {
        try result.plain().withBytes { output.base.copyMemory(from: $0.base, byteCount: $0.count) }
      }
    }
  }

  /// A tensor over memory that the plan owns.
  private func borrow(_ bytes: Bytes, _ placement: Placement) throws(KernelFault) -> Tensor {
    try faulting { () throws(TensorError) in
      try Tensor(
        dataType: placement.dataType, sizes: placement.sizes,
        storage: TensorStorage(bytes: bytes, owner: .caller(Plan.shared)))
    }
  }

  /// Stands for the owner of the plan's memory, which outlives every run.
  private final class Plan: Sendable {
    static let shared = Plan()
  }
}
