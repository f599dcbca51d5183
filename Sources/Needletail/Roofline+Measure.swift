import CCeilings
import Glibc
import Host
import Kernels
import SIMDKernels
import Synchronization

extension Ceilings {
  /// Measures the ceilings of `threads` threads of the pool in some 0.2 s, for the instruction set that the
  /// kernels use. The first call of a process takes up to half a second more, to wake the vector units.
  ///
  /// Each figure is the best of a few short turns: what else the machine does can only lower them.
  package static func measure(threads: Int) throws(EngineError) -> Ceilings {
    let isa = Backends.shared.instructions.set ?? .portable
    let team = Team(threads: threads)
    team.lease()
    defer { team.release() }
    let workers = Workers(team: team)
    let count = workers.count
    wakeOnce(isa, workers)

    var operationsPerSecond = 0.0
    // 2 ms a turn: long beside waking a worker.
    let rounds = roundsOfMultiplyAdd(isa, nanoseconds: 2_000_000)
    for _ in 0..<10 {
      let start = monotonicNanoseconds()
      workers.forEach(count, MultiplyAdd(isa: isa.rawValue, rounds: rounds))
      let seconds = Double(monotonicNanoseconds() - start) / 1e9
      let operations = nt_ceiling_multiply_add(isa.rawValue, 1) * Double(rounds * count)
      operationsPerSecond = max(operationsPerSecond, operations / seconds)
    }
    return Ceilings(
      threads: count, isa: isa.description, operationsPerSecond: operationsPerSecond,
      levels: try readLevels(isa, workers, HostFacts.read().caches))
  }

  // MARK: Reading

  private static func readLevels(
    _ isa: InstructionSet, _ workers: Workers, _ caches: [HostFacts.Cache]
  ) throws(EngineError) -> [Level] {
    let threads = workers.count
    let data = caches.filter { $0.kind != "instruction" }.sorted { $0.level < $1.level }
    let sizes = data.map { $0.byteCount * instances($0, threads: threads) }
    // Eight times the last cache, so that it holds hardly anything; no more than a machine can spare.
    let total = min(512 << 20, max(64 << 20, 8 * (sizes.last ?? 0)))
    let share = total / threads & ~4095
    guard let buffer = ReadBuffer(byteCount: share * threads) else {
      throw EngineError(
        .runFailed, subject: "ceilings", expectation: "\(share * threads) bytes to read from",
        finding: "no such memory")
    }
    workers.forEach(threads, Touch(base: buffer.base, byteCount: share))
    var levels: [Level] = []
    for (cache, size) in zip(data, sizes) {
      // Half of it: the other half is for what else lives there.
      let bytes = min(share, max(4096, size / threads / 2 & ~4095))
      let rate = readRate(
        isa, workers, buffer, stride: share, byteCount: bytes, turns: 4, turnBytes: 64 << 20)
      levels.append(Level("L\(cache.level)", byteCount: size, bytesPerSecond: rate))
    }
    let rate = readRate(isa, workers, buffer, stride: share, byteCount: share, turns: 3, turnBytes: share)
    return levels + [Level("DRAM", byteCount: nil, bytesPerSecond: rate)]
  }

  /// The best rate of some turns, all threads together; each reads at least `turnBytes` of its own part in a turn.
  private static func readRate(
    _ isa: InstructionSet, _ workers: Workers, _ buffer: ReadBuffer, stride: Int, byteCount: Int, turns: Int,
    turnBytes: Int
  ) -> Double {
    let passes = max(1, turnBytes / byteCount)
    let work = Read(
      isa: isa.rawValue, base: buffer.base, stride: stride, byteCount: byteCount, passes: passes)
    var best = 0.0
    for _ in 0..<turns {
      let start = monotonicNanoseconds()
      workers.forEach(workers.count, work)
      let seconds = Double(monotonicNanoseconds() - start) / 1e9
      best = max(best, Double(byteCount * passes * workers.count) / seconds)
    }
    return best
  }

  /// How many caches of a kind so many threads have, when each runs on a processor of its own.
  private static func instances(_ cache: HostFacts.Cache, threads: Int) -> Int {
    let sharing = max(1, ThreadBudget.parseAllowedCPUs("Cpus_allowed_list:\(cache.sharedBy)") ?? 1)
    return (threads + sharing - 1) / sharing
  }

  // MARK: Waking

  private static let isAwake = Atomic<Bool>(false)

  /// Computes until it goes no faster: after a process starts, wide vectors run at a lower rate for some 0.3 s.
  private static func wakeOnce(_ isa: InstructionSet, _ workers: Workers) {
    if isAwake.exchange(true, ordering: .relaxed) { return }
    let rounds = roundsOfMultiplyAdd(isa, nanoseconds: 5_000_000)
    var best = UInt64.max
    var settled = 0
    let end = monotonicNanoseconds() + 500_000_000
    while settled < 40, monotonicNanoseconds() < end {
      let start = monotonicNanoseconds()
      workers.forEach(workers.count, MultiplyAdd(isa: isa.rawValue, rounds: rounds))
      let time = monotonicNanoseconds() - start
      settled = time < best - best / 50 ? 0 : settled + 1
      best = min(best, time)
    }
  }

  /// Rounds that take about so long on one thread.
  private static func roundsOfMultiplyAdd(_ isa: InstructionSet, nanoseconds: UInt64) -> Int {
    var rounds = 1000
    while true {
      let start = monotonicNanoseconds()
      _ = nt_ceiling_multiply_add(isa.rawValue, rounds)
      let time = monotonicNanoseconds() - start
      if time > nanoseconds / 8 { return max(1, Int(Double(rounds) * Double(nanoseconds) / Double(time))) }
      rounds *= 4
    }
  }
}

private struct MultiplyAdd: ParallelWork {
  let isa: Int32
  let rounds: Int

  func run(chunk: Int) { _ = nt_ceiling_multiply_add(isa, rounds) }
}

private struct Read: ParallelWork {
  let isa: Int32
  let base: UnsafeMutableRawPointer
  let stride: Int
  let byteCount: Int
  let passes: Int

  func run(chunk: Int) { nt_ceiling_read(isa, base + chunk * stride, byteCount, passes) }
}

/// Pages that nobody has written to are all the same page of zeros.
private struct Touch: ParallelWork {
  let base: UnsafeMutableRawPointer
  let byteCount: Int

  func run(chunk: Int) { memset(base + chunk * byteCount, 1, byteCount) }
}

/// Mapped memory, given back at the end.
private final class ReadBuffer {
  let base: UnsafeMutableRawPointer
  private let byteCount: Int

  /// nil when the system has no such memory.
  init?(byteCount: Int) {
    let flags = MAP_PRIVATE | MAP_ANONYMOUS
    guard let base = mmap(nil, byteCount, PROT_READ | PROT_WRITE, flags, -1, 0), base != MAP_FAILED else {
      return nil
    }
    // Huge pages, where there are any: what is measured is the memory, not the walk through the tables of pages.
    madvise(base, byteCount, MADV_HUGEPAGE)
    self.base = base
    self.byteCount = byteCount
  }

  deinit { munmap(base, byteCount) }
}
