import IR
import Kernels
import Operators
import SIMDMicrokernels
import Tensors

/// Attention, a block of queries of one head at a time.
///
/// The keys of a head are turned and its values laid side by side once, as right operands of products. Scores and
/// weights of a block stay in the first-level cache; weights are normalized after they have met the values, where
/// fewer numbers are left. Keys that no query of a block may see are left out of both products.
struct AttentionKernel: PreparedKernel {
  /// Where items, heads and rows of a mask start, in elements.
  struct Mask: Sendable {
    let isFlags: Bool
    let batch, head, row: Int
    let columns: Int
  }

  let kernels: Microkernels
  let op: Attention
  let geometry: AttentionGeometry
  let scale: Float
  let mask: Mask?
  let countsValidKeys, wantsKeys, wantsValues: Bool
  /// Blocks of a head, and query rows of each at most.
  let blocks, blockRows: Int
  /// Work beside each other, each part with scratch of its own.
  let parts: Int

  init(_ request: KernelRequest, op: Attention, geometry g: AttentionGeometry, kernels: Microkernels) {
    self.kernels = kernels
    self.op = op
    geometry = g
    scale = op.scale.map(\.float) ?? Float(1 / Double(g.headSize).squareRoot())
    mask = Self.mask(request)
    countsValidKeys = request.inputs.count > 6 && request.inputs[6] != nil
    wantsKeys = request.outputs.count > 1 && request.outputs[1] != nil
    wantsValues = request.outputs.count > 2 && request.outputs[2] != nil
    let tile = kernels.tileRows
    blocks = (g.queries - 1) / max(tile, 4096 / g.keys / tile * tile) + 1
    blockRows = (g.queries - 1) / blocks + 1
    parts = max(1, min(request.threads, g.batch * g.queryHeads * blocks))
  }

  private static func mask(_ request: KernelRequest) -> Mask? {
    guard request.inputs.count > 3, let slot = request.inputs[3] else { return nil }
    let sizes = [Int](repeating: 1, count: max(0, 4 - slot.placement.rank)) + slot.placement.sizes
    func step(_ axis: Int) -> Int { sizes[axis] == 1 ? 0 : sizes[(axis + 1)...].reduce(1, *) }
    return Mask(
      isFlags: slot.placement.dataType == .bool, batch: step(0), head: step(1), row: step(2),
      columns: sizes[3])
  }

  /// Floats between rows of scores: an odd number of cache lines, so that rows do not fall on the same sets of the
  /// cache.
  var scoreStride: Int { ((geometry.keys + 15) / 16 | 1) * 16 }
  var packedKeyCount: Int { nt_packed_count(geometry.headSize, geometry.keys) }
  var packedValueCount: Int { nt_packed_count(geometry.keys, geometry.valueSize) }
  /// Floats of scratch of one part, whole cache lines.
  var partCount: Int {
    (packedKeyCount + packedValueCount + blockRows * (scoreStride + 1) + 15) / 16 * 16
  }
  var scratchByteCount: Int { parts * partCount * 4 }

  func run(_ call: borrowing KernelCall) {
    let hasPast = geometry.past > 0
    let work = AttentionWork(
      kernel: self, query: call.input(0).pointer(to: Float.self), key: call.input(1).pointer(to: Float.self),
      value: call.input(2).pointer(to: Float.self), mask: mask == nil ? nil : call.input(3).base,
      pastKey: hasPast ? call.input(4).pointer(to: Float.self) : nil,
      pastValue: hasPast ? call.input(5).pointer(to: Float.self) : nil,
      valid: countsValidKeys ? call.input(6).pointer(to: Int64.self) : nil,
      output: call.output(0).pointer(to: Float.self),
      presentKey: wantsKeys ? call.output(1).pointer(to: Float.self) : nil,
      presentValue: wantsValues ? call.output(2).pointer(to: Float.self) : nil,
      scratch: call.scratch.base.assumingMemoryBound(to: Float.self))
    call.workers.forEach(parts, work)
  }

  // MARK: The row of the table

  static func row(_ kernels: Microkernels) -> Kernel {
    Kernel(
      name: "simd.attention.f32.rowmajor.blocks.\(kernels.isa)", operatorName: Attention.name,
      consider: { consider($0) },
      implementation: .planned { (request, _, _, _) throws(KernelError) in
        guard let op = request.op.base as? Attention, let geometry = request.attention(op) else {
          throw KernelError("another request than considered")
        }
        return AttentionKernel(request, op: op, geometry: geometry, kernels: kernels)
      })
  }

  private static func consider(_ request: KernelRequest) -> Verdict {
    guard let op = request.op.base as? Attention, let geometry = request.attention(op) else {
      return .declines("sizes that do not fit each other")
    }
    let types = request.inputs.enumerated().map { i, slot in
      slot.map { i == 6 ? $0.placement.dataType == .int64 : $0.placement.dataType == .float32 } ?? true
    }
    let isFlags = request.inputs.count > 3 && request.inputs[3]?.placement.dataType == .bool
    guard types.enumerated().allSatisfy({ $1 || $0 == 3 && isFlags }) else { return .declines("not float32") }
    guard op.softmaxPrecision != .float64 else { return .declines("a softmax in float64") }
    guard request.outputs.count < 4 || request.outputs[3] == nil else {
      return .declines("scores are wanted")
    }
    guard request.outputs.first.flatMap({ $0?.isEmpty }) == false, geometry.keys > 0, geometry.headSize > 0
    else {
      return .declines("nothing to compute")
    }
    var offer = Offer.rowMajor(request)
    offer.numerics = .reassociated
    return .accepts([offer])
  }
}
