import Host
import IR
import Kernels
import Runtime
import Synchronization
import Tensors

/// Measures candidates and keeps the times: the noisy half of choosing. The solver reads the table and nothing else.
package final class Tuner: Sendable {
  private let state = Mutex<TuningTable>(TuningTable())
  private let threads: Int
  private let deadline: Atomic<UInt64>

  package init(threads: Int, table: TuningTable = TuningTable()) {
    self.threads = threads
    deadline = Atomic(0)
    state.withLock { $0 = table }
  }

  package var table: TuningTable { state.withLock { $0 } }

  /// Grants `nanoseconds` of measuring from now on.
  func start(budget nanoseconds: UInt64) {
    deadline.store(monotonicNanoseconds() &+ nanoseconds, ordering: .relaxed)
  }

  /// Times by position of the candidate; those that the budget or a refusal left out are missing.
  ///
  /// A node with a single way to run is not measured. Either all its candidates are, or none: a guess beside a
  /// measurement would decide by the guess.
  func times(of candidates: [Candidate], _ request: KernelRequest, _ constants: [Constant?]) -> [Int: Double] {
    let kernels = candidates.indices.filter { candidates[$0].backend != nil }
    guard candidates.count > 1, !kernels.isEmpty else { return [:] }
    let text = request.costText
    var offers: [String: Int] = [:]
    var times: [Int: Double] = [:]
    for i in kernels {
      guard case .kernel(let kernel) = candidates[i].method else { continue }
      let offer = offers[kernel.name, default: 0]
      offers[kernel.name] = offer + 1
      let key = TuningTable.Key(request: text, kernel: kernel.name, version: kernel.version, offer: offer)
      if let known = state.withLock({ $0.times[key] }) {
        times[i] = known
        continue
      }
      if monotonicNanoseconds() >= deadline.load(ordering: .relaxed) { return [:] }
      let best = times.values.min() ?? .infinity
      let time = measure(kernel, candidates[i].offer, request, constants, best: best) ?? .infinity
      state.withLock { $0.times[key] = time }
      times[i] = time
    }
    return times
  }

  /// Times of a chain of steps by the rows of its bands, 0 for whole images; nil when the budget is spent.
  func times(ofBands request: String, rows: [Int], _ race: (_ budget: UInt64) -> [Double]) -> [Double]? {
    let keys = rows.map { TuningTable.Key(request: request, kernel: "bands", version: 1, offer: $0) }
    let known = state.withLock { table in keys.compactMap { table.times[$0] } }
    if known.count == keys.count { return known }
    if monotonicNanoseconds() >= deadline.load(ordering: .relaxed) { return nil }
    let times = race(40_000_000)
    state.withLock { for (key, time) in zip(keys, times) { $0.times[key] = time } }
    return times
  }

  /// The lower quartile of a few runs on random data, in nanoseconds; nil when the kernel cannot be prepared.
  ///
  /// What is far behind `best`, the fastest so far, is not looked at for longer than it takes to say so.
  private func measure(
    _ kernel: Kernel, _ offer: Offer, _ request: KernelRequest, _ constants: [Constant?], best: Double
  ) -> Double? {
    guard case .planned(let prepare) = kernel.implementation,
      let prepared = try? prepare(request, offer, constants, PackedWeights())
    else { return nil }
    let (operandFormats, resultFormats) = offer.complete(for: request)
    let slots: [Slot?] = request.inputs + request.epilogueInputs.map { $0 }
    var kept: [Tensor] = []
    var addresses: [MutableBytes] = []
    func add(_ placement: Placement?, _ format: Format?, filled: Bool, constant: Constant? = nil) -> Bool {
      guard let placement, let format else {
        addresses.append(MutableBytes(base: UnsafeMutableRawPointer(bitPattern: 64)!, count: 0))  // never read
        return true
      }
      guard let tensor = try? Tensor(uninitialized: placement.dataType, sizes: placement.sizes, format: format),
        let bytes = tensor.mutableBytes
      else { return false }
      if filled { fillForMeasuring(bytes, format.storage) }
      if let known = try? constant?.tensor().reordered(to: format) {
        known.withBytes { bytes.base.copyMemory(from: $0.base, byteCount: min(bytes.count, $0.count)) }
      }
      kept.append(tensor)
      addresses.append(bytes)
      return true
    }
    for (i, slot) in slots.enumerated() {
      let constant = offer.consumedConstants.contains(i) ? nil : constants[i]
      let isConsumed = offer.consumedConstants.contains(i)
      guard add(isConsumed ? nil : slot?.placement, operandFormats[i], filled: true, constant: constant) else { return nil }
    }
    for (i, placement) in request.outputs.enumerated() {
      guard add(placement, resultFormats[i], filled: false) else { return nil }
    }
    guard let scratch = try? TensorStorage.allocate(byteCount: prepared.scratchByteCount),
      let scratchBytes = scratch.mutableBytes
    else { return nil }
    let team = Team(threads: threads)
    team.lease()
    defer { team.release() }
    var times: [Double] = []
    let result: Double? = addresses.withUnsafeBufferPointer { table in
      guard let base = table.baseAddress else { return nil }
      var spent = 0.0
      // One run to warm up, then enough to see through the noise of a small kernel.
      for round in 0..<12 {
        let start = monotonicNanoseconds()
        let call = KernelCall(
          table: base, inputCount: request.inputs.count, epilogueCount: request.epilogueInputs.count,
          outputCount: request.outputs.count, scratch: scratchBytes, workers: Workers(team: team))
        do { try prepared.run(call) } catch { return nil }
        let time = Double(monotonicNanoseconds() - start)
        spent += time
        if round > 0 { times.append(time) }
        if round == 0 && time > 4 * best || round == 1 && time > 1.5 * best { return time }
        if times.count >= 3 && spent > 4_000_000 { break }
      }
      times.sort()
      return times[times.count / 4]
    }
    withExtendedLifetime((kept, scratch)) {}
    return result
  }
}

/// Small numbers of both signs: no denormals, no overflow, and integers that are valid indices.
private func fillForMeasuring(_ bytes: MutableBytes, _ type: DataType) {
  if type == .float32 {
    var state: UInt32 = 12345
    for i in 0..<bytes.count / 4 {
      state = state &* 1_664_525 &+ 1_013_904_223
      (bytes.base + i * 4).storeBytes(of: Float(state >> 8) / Float(1 << 24) - 0.5, as: Float.self)
    }
  } else {
    bytes.base.initializeMemory(as: UInt8.self, repeating: 0, count: bytes.count)
  }
}
