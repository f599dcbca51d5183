import IR
import Kernels
import Operators
@testable import SIMDKernels
import Tensors
import Testing

/// A small generator with a seed that failures print.
struct Generator {
  var state: UInt64
  init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }
  mutating func float() -> Float { Float(Int(next() >> 40) - (1 << 23)) / Float(1 << 23) }
  mutating func floats(_ sizes: [Int]) throws -> Tensor {
    try Tensor((0..<sizes.reduce(1, *)).map { _ in float() }, sizes: sizes)
  }
}

/// A node to be run by a kernel: operands, which of them are constants, and what is expected.
struct NodeCase {
  var op: any Operator
  var inputs: [Tensor?]
  var constants: Set<Int> = []
  var epilogue = Epilogue()
  var epilogueInputs: [Tensor] = []
  var output: [Int]
  /// That the kernel is prepared for.
  var threads = 1

  var request: KernelRequest {
    var request = KernelRequest(
      op: op,
      inputs: inputs.enumerated().map { i, tensor in
        tensor.map {
          Slot(Placement(dataType: $0.dataType, sizes: $0.sizes), isConstant: constants.contains(i))
        }
      },
      epilogueInputs: epilogueInputs.map { Slot(Placement(dataType: $0.dataType, sizes: $0.sizes)) },
      outputs: [Placement(dataType: .float32, sizes: output)], epilogue: epilogue)
    request.threads = threads
    return request
  }
}

struct Declined: Error { var reason: String }

/// The kernel of `backend` that accepts the case first, and its offers.
func accepting(_ node: NodeCase, _ backend: SIMDBackend) throws -> (Kernel, [Offer]) {
  var reasons: [String] = []
  for kernel in backend.kernels where kernel.operatorName == type(of: node.op).name {
    switch kernel.consider(node.request) {
    case .accepts(let offers): return (kernel, offers)
    case .declines(let reason): reasons.append("\(kernel.name): \(reason)")
    }
  }
  throw Declined(reason: reasons.joined(separator: "; "))
}

/// Results of every offer, each in row-major order. Checks that one and two threads give the same bits and
/// that nothing is written beyond the result.
func results(_ node: NodeCase, _ backend: SIMDBackend, fusing: Int? = nil) throws -> [[Float]] {
  let (kernel, offers) = try accepting(node, backend)
  return try results(node, kernel, offers, fusing: fusing)
}

/// The same of a kernel that need not accept the case.
func results(_ node: NodeCase, _ kernel: Kernel, _ offers: [Offer], fusing: Int? = nil) throws -> [[Float]] {
  guard case .planned(let prepare) = kernel.implementation else { throw Declined(reason: "not planned") }
  return try offers.map { offer in
    #expect(offer.fusedSteps == fusing ?? node.epilogue.steps.count, "\(kernel.name)")
    let constants: [Constant?] = node.inputs.enumerated().map { i, tensor in
      guard let tensor, node.constants.contains(i) else { return nil }
      return Constant(id: ConstantID(high: 1, low: UInt64(i)), tensor)
    }
    let prepared = try prepare(
      node.request, offer, constants + node.epilogueInputs.map { _ in nil }, PackedWeights())
    let one = try execute(prepared, node, offer, threads: 1)
    let two = try execute(prepared, node, offer, threads: 2)
    #expect(one.map(\.bitPattern) == two.map(\.bitPattern), "\(kernel.name): threads change bits")
    return one
  }
}

private func execute(_ prepared: any PreparedKernel, _ node: NodeCase, _ offer: Offer, threads: Int) throws
  -> [Float]
{
  let canary: UInt32 = 0x7fc0_1234
  let guardCount = 64
  var held: [Tensor] = []
  var table: [MutableBytes] = []
  func add(_ tensor: Tensor?, _ format: Format?) throws {
    guard let tensor, let format else {
      let none = try TensorStorage.allocate(byteCount: 0)
      held.append(try Tensor(uninitialized: .float32, sizes: [0]))
      table.append(try #require(none.mutableBytes))
      return
    }
    let formatted = try tensor.reordered(to: format)
    held.append(formatted)
    table.append(
      MutableBytes(base: UnsafeMutableRawPointer(mutating: formatted.bytes.base), count: formatted.byteCount))
  }
  for (i, tensor) in node.inputs.enumerated() {
    let consumed = offer.consumedConstants.contains(i)
    try add(consumed ? nil : tensor, offer.inputs[i])
  }
  for (i, tensor) in node.epilogueInputs.enumerated() { try add(tensor, offer.epilogueInputs[i]) }
  let count = node.output.reduce(1, *)
  let memory = try Tensor(uninitialized: .uint32, sizes: [count + guardCount])
  let bytes = try #require(memory.mutableBytes)
  for i in 0..<count + guardCount { bytes.pointer(to: UInt32.self)[i] = canary }
  table.append(MutableBytes(base: bytes.base, count: count * 4))
  let scratch = try Tensor(uninitialized: .uint32, sizes: [prepared.scratchByteCount / 4 + guardCount])
  let scratchBytes = try #require(scratch.mutableBytes)
  for i in 0..<scratch.elementCount { scratchBytes.pointer(to: UInt32.self)[i] = canary }

  let team = threads > 1 ? Team(threads: threads) : nil
  team?.lease()
  try table.withUnsafeBufferPointer { table in
    let call = KernelCall(
      table: try #require(table.baseAddress), inputCount: node.inputs.count,
      epilogueCount: node.epilogueInputs.count,
      outputCount: 1, scratch: MutableBytes(base: scratchBytes.base, count: prepared.scratchByteCount),
      workers: Workers(team: team))
    try prepared.run(call)
  }
  team?.release()
  for i in 0..<guardCount {
    #expect(bytes.pointer(to: UInt32.self)[count + i] == canary, "written beyond the result")
    #expect(
      scratchBytes.pointer(to: UInt32.self)[prepared.scratchByteCount / 4 + i] == canary,
      "written beyond the scratch")
  }
  let result = try Tensor(
    dataType: .float32, sizes: node.output, format: offer.outputs[0] ?? .rowMajor(.float32),
    storage: memory.storage)
  withExtendedLifetime(held) {}
  return try result.elements(of: Float.self)
}

/// The largest |difference| against `expected`, NaN equal to NaN.
func worst(_ found: [Float], _ expected: [Double]) -> Double {
  var worst = found.count == expected.count ? 0.0 : Double.infinity
  for (a, b) in zip(found, expected) {
    if a.isNaN && b.isNaN || Double(a) == b { continue }
    let d = abs(Double(a) - b)
    worst = d.isNaN ? .infinity : max(worst, d)
  }
  return worst
}

/// Backends of every instruction set that this processor has.
let levels: [SIMDBackend] = InstructionSet.available.map { SIMDBackend(isa: $0) }
