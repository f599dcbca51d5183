import Host
import IR
import Kernels
import Runtime
import Tensors

/// The time of one kernel alone, on operands and weights of no meaning.
struct KernelMeasurement {
  let memory: MeasuringMemory
  let threads: Int

  /// Constants that a run reads as they are, such as indices, are copied up to here; larger ones stand for themselves.
  private static let largestCopy = 1 << 20

  /// The lower quartile of a few runs, in nanoseconds; nil when the kernel cannot be prepared.
  ///
  /// What is behind `best`, the fastest so far, is not looked at for longer than it takes to say so.
  func time(
    _ kernel: Kernel, _ offer: Offer, _ request: KernelRequest, _ constants: [Constant?], best: Double
  ) -> Double? {
    let weights = PackedWeights { [memory] in memory.zeros($0) }
    guard case .planned(let prepare) = kernel.implementation,
      let prepared = try? prepare(request, offer, constants, weights),
      let addresses = addresses(request, offer, constants),
      let scratch = memory.take(prepared.scratchByteCount)
    else { return nil }
    let team = Team(threads: threads)
    team.lease()
    defer { team.release() }
    return addresses.withUnsafeBufferPointer { table in
      guard let base = table.baseAddress else { return nil }
      return time(best) {
        let call = KernelCall(
          table: base, inputCount: request.inputs.count, epilogueCount: request.epilogueInputs.count,
          outputCount: request.outputs.count, scratch: scratch, workers: Workers(team: team))
        return (try? prepared.run(call)) != nil
      }
    }
  }

  /// Nanoseconds that a run may lose when the scheduler takes a processor from it: what is said after few runs is said
  /// in spite of it, for it is kept.
  private static let interruption = 4e6

  /// What takes longer in the fastest of so many runs is behind `best`.
  private static func hopeless(_ best: Double, after runs: Int) -> Double {
    switch runs {
    case 1: 1.4 * best + interruption / 4
    case 2: 1.15 * best + interruption / 40
    default: 1.15 * best
    }
  }

  /// nil when a run fails.
  private func time(_ best: Double, _ run: () -> Bool) -> Double? {
    var times: [Double] = []
    var spent = 0.0
    // One run to warm up, then enough to see through the noise of a small kernel.
    for round in 0..<12 {
      let start = monotonicNanoseconds()
      if !run() { return nil }
      let time = Double(monotonicNanoseconds() - start)
      spent += time
      if round == 0 {
        if time > 3 * best + Self.interruption { return time }
        continue
      }
      times.append(time)
      let least = times.min() ?? time
      if least > Self.hopeless(best, after: times.count) { return least }
      if times.count >= 3 && spent > 3_000_000 { break }
    }
    times.sort()
    return times[times.count / 4]
  }

  private func addresses(_ request: KernelRequest, _ offer: Offer, _ constants: [Constant?])
    -> [MutableBytes]?
  {
    let (operandFormats, resultFormats) = offer.complete(for: request)
    let slots: [Slot?] = request.inputs + request.epilogueInputs.map { $0 }
    var addresses: [MutableBytes] = []
    for (i, slot) in slots.enumerated() {
      guard let placement = slot?.placement, let format = operandFormats[i],
        !offer.consumedConstants.contains(i)
      else {
        // Never read.
        addresses.append(MutableBytes(base: UnsafeMutableRawPointer(bitPattern: 64)!, count: 0))
        continue
      }
      guard let bytes = memory.operand(placement.with(format).byteCount, format.storage) else { return nil }
      if let constant = constants[i], format.storage != .float32 || bytes.count <= Self.largestCopy {
        guard let tensor = try? constant.tensor().reordered(to: format) else { return nil }
        tensor.withBytes { bytes.base.copyMemory(from: $0.base, byteCount: min(bytes.count, $0.count)) }
      }
      addresses.append(bytes)
    }
    for (placement, format) in zip(request.outputs, resultFormats) {
      guard let placement, let format else {
        // Never written.
        addresses.append(MutableBytes(base: UnsafeMutableRawPointer(bitPattern: 64)!, count: 0))
        continue
      }
      guard let bytes = memory.operand(placement.with(format).byteCount, format.storage) else { return nil }
      addresses.append(bytes)
    }
    return addresses
  }
}
