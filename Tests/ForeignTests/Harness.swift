import IR
import Kernels
import NaiveKernels
import Operators
import Tensors
import Testing

/// A small generator with a seed that failures print.
struct Generator {
  private var state: UInt64
  init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }
  mutating func int(_ range: ClosedRange<Int>) -> Int { range.lowerBound + Int(next() % UInt64(range.count)) }
  mutating func pick<T>(_ values: [T]) -> T { values[Int(next() % UInt64(values.count))] }
  mutating func floats(_ sizes: [Int], from low: Float = -1) throws -> Tensor {
    let count = sizes.reduce(1, *)
    var values: [Float] = []
    for _ in 0..<count { values.append(low + (1 - low) * Float(next() >> 40) / Float(1 << 24)) }
    return try Tensor(values, sizes: sizes)
  }
}

/// A node to be run: operands, and which of them are constants.
struct NodeCase {
  var op: any Operator
  var inputs: [Tensor?]
  var constants: Set<Int> = []
  var epilogue = Epilogue()
  var epilogueInputs: [Tensor] = []
  var output: [Int]
  /// What the operand lies in, of a Reorder.
  var inputFormat: Format?

  func request(threads: Int) -> KernelRequest {
    KernelRequest(
      op: op,
      inputs: inputs.enumerated().map { i, tensor in
        tensor.map {
          Slot(
            Placement(dataType: $0.dataType, sizes: $0.sizes, format: inputFormat),
            isConstant: constants.contains(i))
        }
      },
      epilogueInputs: epilogueInputs.map { Slot($0.placement) },
      outputs: [Placement(dataType: .float32, sizes: output)], epilogue: epilogue, threads: threads)
  }
}

struct Declined: Error { var reason: String }

/// The kernel that accepts the case first, and its offers.
func accepting(_ node: NodeCase, _ backend: any Backend, threads: Int = 1) throws -> (Kernel, [Offer]) {
  var reasons: [String] = []
  for kernel in backend.kernels where kernel.operatorName == type(of: node.op).name {
    switch kernel.consider(node.request(threads: threads)) {
    case .accepts(let offers): return (kernel, offers)
    case .declines(let reason): reasons.append("\(kernel.name): \(reason)")
    }
  }
  throw Declined(reason: reasons.joined(separator: "; "))
}

/// The result of one offer in row-major order, twice by the same prepared kernel. Checks that nothing is
/// written beyond result and scratch.
func run(_ node: NodeCase, _ kernel: Kernel, _ offer: Offer, threads: Int) throws -> [Float] {
  guard case .planned(let prepare) = kernel.implementation else { throw Declined(reason: "not planned") }
  let constants: [Constant?] = try node.inputs.enumerated().map { i, tensor in
    guard let tensor, node.constants.contains(i) else { return nil }
    return Constant(id: ConstantID(high: 1, low: UInt64(i)), try misaligned(tensor))
  }
  let prepared = try prepare(
    node.request(threads: threads), offer, constants + node.epilogueInputs.map { _ in nil }, PackedWeights())
  let first = try execute(prepared, node, offer, threads: threads)
  let second = try execute(prepared, node, offer, threads: threads)
  #expect(first.map(\.bitPattern) == second.map(\.bitPattern), "\(kernel.name): two runs differ")
  return first
}

/// The same tensor at an odd address, as a mapped file may have it.
private func misaligned(_ tensor: Tensor) throws -> Tensor {
  let storage = try TensorStorage.allocate(byteCount: tensor.byteCount + 1)
  let bytes = try #require(storage.mutableBytes)
  (bytes.base + 1).copyMemory(from: tensor.bytes.base, byteCount: tensor.byteCount)
  return try Tensor(dataType: tensor.dataType, sizes: tensor.sizes, storage: storage, byteOffset: 1)
}

private func execute(_ prepared: any PreparedKernel, _ node: NodeCase, _ offer: Offer, threads: Int) throws
  -> [Float]
{
  let canary: UInt32 = 0x7fc0_1234
  let guardCount = 64
  var held: [Tensor] = []
  var table: [MutableBytes] = []
  func add(_ tensor: Tensor?, _ format: Format?) throws {
    let formatted = try tensor.map { try $0.reordered(to: format ?? .rowMajor(.float32)) }
    let copy = try Tensor(uninitialized: .float32, sizes: [max(formatted?.elementCount ?? 0, 1)])
    let target = try #require(copy.mutableBytes)
    if let formatted { target.base.copyMemory(from: formatted.bytes.base, byteCount: formatted.byteCount) }
    held.append(copy)
    table.append(MutableBytes(base: target.base, count: formatted?.byteCount ?? 0))
  }
  for (i, tensor) in node.inputs.enumerated() {
    try add(offer.consumedConstants.contains(i) ? nil : tensor, offer.inputs[i])
  }
  for (i, tensor) in node.epilogueInputs.enumerated() { try add(tensor, offer.epilogueInputs[i]) }
  let count = node.output.reduce(1, *)
  let memory = try Tensor(uninitialized: .uint32, sizes: [count + guardCount])
  let bytes = try #require(memory.mutableBytes)
  for i in 0..<count + guardCount { bytes.pointer(to: UInt32.self)[i] = canary }
  if let overlay = offer.overlays.first(where: \.required) {
    bytes.base.copyMemory(from: table[overlay.operand].base, byteCount: count * 4)
    table[overlay.operand] = MutableBytes(base: bytes.base, count: count * 4)
  }
  table.append(MutableBytes(base: bytes.base, count: count * 4))
  let scratch = try Tensor(uninitialized: .uint32, sizes: [prepared.scratchByteCount / 4 + guardCount])
  let scratchBytes = try #require(scratch.mutableBytes)
  for i in 0..<scratch.elementCount { scratchBytes.pointer(to: UInt32.self)[i] = canary }

  let team = threads > 1 ? Team(threads: threads) : nil
  team?.lease()
  defer { team?.release() }
  try table.withUnsafeBufferPointer { table in
    let call = KernelCall(
      table: try #require(table.baseAddress), inputCount: node.inputs.count,
      epilogueCount: node.epilogueInputs.count,
      outputCount: 1, scratch: MutableBytes(base: scratchBytes.base, count: prepared.scratchByteCount),
      workers: Workers(team: team))
    try prepared.run(call)
  }
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

private let naive = NaiveBackend()

/// The reference with the first `steps` of the epilogue.
func expected(_ node: NodeCase, steps: Int) throws -> [Float] {
  var reference = node
  reference.epilogue = node.epilogue.prefix(steps)
  reference.constants = []
  reference.inputFormat = nil
  let (kernel, offers) = try accepting(reference, naive)
  return try run(reference, kernel, offers[0], threads: 1)
}

/// The largest |difference|, NaN equal to NaN.
func worst(_ found: [Float], _ expected: [Float]) -> Float {
  var worst: Float = found.count == expected.count ? 0 : .infinity
  for (a, b) in zip(found, expected) {
    if a.isNaN && b.isNaN || a == b { continue }
    let d = abs(a - b)
    worst = d.isNaN ? .infinity : max(worst, d)
  }
  return worst
}

/// Runs every offer of the first kernel that accepts, alone and in parts for three threads, against
/// the naive backend. Returns the steps that were fused, one entry per offer.
@discardableResult
func check(_ node: NodeCase, _ backend: any Backend, tolerance: Float, _ label: String) throws -> [Int] {
  let (kernel, offers) = try accepting(node, backend)
  var references: [Int: [Float]] = [:]
  for offer in offers {
    let reference = try references[offer.fusedSteps] ?? expected(node, steps: offer.fusedSteps)
    references[offer.fusedSteps] = reference
    for threads in [1, 3] {
      let found = try run(node, kernel, offer, threads: threads)
      let difference = worst(found, reference)
      #expect(
        difference <= (offer.numerics == .exact ? 0 : tolerance),
        "\(label), \(kernel.name), \(offer.outputs), \(offer.fusedSteps) steps, \(threads) threads: \(difference)"
      )
    }
  }
  return offers.map(\.fusedSteps)
}
