import IR
import Kernels
import Operators
import Tensors

extension OperatorCase {
  package enum Outcome: Sendable {
    case declined(String)
    case results([RuntimeValue?])
    case fault(KernelFault)
  }

  /// The request that a compiler would make of this case. nil: not plannable.
  package func request(frozen: Bool, threads: Int = 1) -> KernelRequest? {
    guard isPlannable else { return nil }
    func slot(_ tensor: Tensor) -> Slot { Slot(tensor.placement, isConstant: frozen) }
    return KernelRequest(
      op: op, inputs: inputs.map { $0?.tensor.map(slot) }, epilogueInputs: epilogueInputs.map(slot),
      outputs: expected.map { $0?.tensor?.placement }, epilogue: epilogue, threads: threads)
  }

  /// Runs every offer of a planned kernel, or an evaluated kernel once.
  ///
  /// Operands are brought into the offered formats, results lie between guard bytes and start as 0xFF…, and steps that
  /// the kernel does not fuse are finished by `finish`, Naive's meaning of an epilogue.
  package func run(
    _ kernel: Kernel, frozen: Bool, workers: Workers = .none,
    finish: (Epilogue, Tensor, [Tensor]) throws -> Tensor
  ) throws -> [Outcome] {
    switch kernel.implementation {
    case .evaluated(let evaluate):
      if !epilogue.isEmpty { return [.declined("an epilogue")] }
      do throws(KernelFault) {
        return [.results(try evaluate(op, inputs, wanted))]
      } catch { return [.fault(error)] }
    case .planned(let prepare):
      guard let request = request(frozen: frozen, threads: workers.count) else {
        return [.declined("not plannable")]
      }
      let offers: [Offer]
      switch kernel.consider(request) {
      case .declines(let reason): return [.declined(reason)]
      case .accepts(let accepted): offers = accepted
      }
      let constants = (inputs.map { $0?.tensor } + epilogueInputs.map { $0 }).enumerated().map { i, tensor in
        frozen ? tensor.map { Constant(id: ConstantID(of: "\(name) \(i)"), $0) } : nil
      }
      return try offers.map { offer in
        let prepared = try prepare(request, offer, constants, PackedWeights())
        return try run(prepared, request, offer, workers, finish)
      }
    }
  }

  private func run(
    _ prepared: any PreparedKernel, _ request: KernelRequest, _ offer: Offer, _ workers: Workers,
    _ finish: (Epilogue, Tensor, [Tensor]) throws -> Tensor
  ) throws -> Outcome {
    let all = inputs.map { $0?.tensor } + epilogueInputs.map { $0 }
    let formats: [Format?] =
      offer.inputs
      + request.epilogueInputs.indices.map {
        $0 < offer.epilogueInputs.count
          ? offer.epilogueInputs[$0] : request.epilogueInputs[$0].placement.format
      }
    var kept: [Tensor] = []
    var table: [MutableBytes] = []
    for (i, tensor) in all.enumerated() {
      guard let tensor, let format = formats[i], !offer.consumedConstants.contains(i) else {
        // Nothing may be read here: the address is one that faults when it is.
        table.append(MutableBytes(base: UnsafeMutableRawPointer(bitPattern: 64)!, count: 0))
        continue
      }
      let ordered = try tensor.reordered(to: format).unshared()
      kept.append(ordered)
      table.append(
        MutableBytes(base: UnsafeMutableRawPointer(mutating: ordered.bytes.base), count: ordered.byteCount))
    }
    var outputs: [GuardedOutput?] = []
    // The results before unfused steps have the type that the fused ones give.
    let fused = epilogue.prefix(offer.fusedSteps)
    for (i, placement) in request.outputs.enumerated() {
      guard var placement, let format = offer.outputs[i] else {
        outputs.append(nil)
        table.append(MutableBytes(base: UnsafeMutableRawPointer(bitPattern: 64)!, count: 0))
        continue
      }
      if fused.steps.count < epilogue.steps.count { placement.dataType = format.storage }
      let overlay = offer.overlays.first { $0.output == i && $0.required }
      let output = try GuardedOutput(
        placement.with(format), startingAs: overlay.map { table[$0.operand].bytes })
      outputs.append(output)
      table.append(output.bytes)
    }
    let scratch = try GuardedOutput(Placement(dataType: .uint8, sizes: [prepared.scratchByteCount]))
    do throws(KernelFault) {
      try table.withUnsafeBufferPointer { (table) throws(KernelFault) in
        // A kernel has a result at least, so the table is not empty.
        try prepared.run(
          KernelCall(
            table: table.baseAddress!, inputCount: inputs.count, epilogueCount: epilogueInputs.count,
            outputCount: outputs.count, scratch: scratch.bytes, workers: workers))
      }
    } catch { return .fault(error) }
    withExtendedLifetime(kept) {}
    if !scratch.isIntact { throw RunError("wrote outside of its scratch") }
    var results: [RuntimeValue?] = []
    for (i, output) in outputs.enumerated() {
      guard let output else {
        results.append(nil)
        continue
      }
      if !output.isIntact { throw RunError("wrote outside of result \(i)") }
      var tensor = try output.tensor()
      if i == 0, fused.steps.count < epilogue.steps.count {
        tensor = try finish(
          Epilogue(Array(epilogue.steps.dropFirst(fused.steps.count))), tensor, epilogueInputs)
      }
      results.append(.tensor(tensor))
    }
    return .results(results)
  }
}

package struct RunError: Error, CustomStringConvertible {
  package let description: String
  package init(_ description: String) { self.description = description }
}

/// Memory for a result with guard bytes on both sides.
private struct GuardedOutput {
  private static let margin = 256
  private static let mark: UInt8 = 0xA5
  let placement: Placement
  let bytes: MutableBytes
  private let storage: TensorStorage

  init(_ placement: Placement, startingAs start: Bytes? = nil) throws {
    self.placement = placement
    let count = placement.byteCount
    storage = try TensorStorage.allocate(byteCount: count + 2 * Self.margin)
    let base = UnsafeMutableRawPointer(mutating: storage.bytes.base)
    base.initializeMemory(as: UInt8.self, repeating: Self.mark, count: count + 2 * Self.margin)
    bytes = MutableBytes(base: base + Self.margin, count: count)
    if let start {
      bytes.base.copyMemory(from: start.base, byteCount: min(count, start.count))
    } else if count > 0 {
      bytes.base.initializeMemory(as: UInt8.self, repeating: 0xFF, count: count)
    }
  }

  var isIntact: Bool {
    let all = storage.bytes.elements(of: UInt8.self)
    return all.prefix(Self.margin).allSatisfy { $0 == Self.mark }
      && all.suffix(Self.margin).allSatisfy { $0 == Self.mark }
  }

  /// A row-major copy.
  func tensor() throws -> Tensor {
    let view = try Tensor(
      dataType: placement.dataType, sizes: placement.sizes, format: placement.format, storage: storage,
      byteOffset: Self.margin)
    return try view.reordered(to: .rowMajor(placement.format.storage)).unshared()
  }
}

extension Tensor {
  /// A copy with storage of its own.
  fileprivate func unshared() throws -> Tensor {
    let copy = try Tensor(uninitialized: dataType, sizes: sizes, format: format)
    UnsafeMutableRawPointer(mutating: copy.bytes.base).copyMemory(from: bytes.base, byteCount: byteCount)
    return copy
  }
}
