import Host
import IR
import Kernels
import Runtime
import Synchronization
import Tensors

/// Measures candidates and keeps the times: the noisy half of choosing. The solver reads the table and nothing else.
package final class Tuner: Sendable {
  private let state: Mutex<TuningTable>
  private let threads: Int
  private let deadline = Atomic<UInt64>(0)
  /// Of measurements that are not under way.
  private let memories = Mutex<[MeasuringMemory]>([])
  private let planning = Mutex(Planning())
  private let began: @Sendable (_ isFirst: Bool) -> TuningTable?
  private let ended: @Sendable (_ measured: [TuningTable.Key: Double], _ known: Set<TuningTable.Key>) -> Void

  /// What happened since planning began.
  private struct Planning {
    var before: [TuningTable.Key: Double]?
    var known: Set<TuningTable.Key> = []
    var hasBegun = false
  }

  /// `began` is called when a plan is about to be measured, and may then give times of earlier processes; `ended` when it
  /// is made, with what was measured for it and what was known before.
  package init(
    threads: Int, table: TuningTable = TuningTable(),
    began: @escaping @Sendable (_ isFirst: Bool) -> TuningTable? = { _ in nil },
    ended:
      @escaping @Sendable (_ measured: [TuningTable.Key: Double], _ known: Set<TuningTable.Key>) -> Void = {
        _, _ in
      }
  ) {
    self.threads = threads
    state = Mutex(table)
    self.began = began
    self.ended = ended
  }

  package var table: TuningTable { state.withLock { $0 } }

  /// Grants `nanoseconds` of measuring from now on.
  func start(budget nanoseconds: UInt64) {
    let isFirst = planning.withLock { planning in
      defer { planning.hasBegun = true }
      return !planning.hasBegun
    }
    if let earlier = began(isFirst) { state.withLock { $0.times.merge(earlier.times) { own, _ in own } } }
    let before = table.times
    planning.withLock { $0.before = before }
    deadline.store(monotonicNanoseconds() &+ nanoseconds, ordering: .relaxed)
  }

  /// Gives the memory of measurements back, and tells what was measured.
  func finish() {
    memories.withLock { $0 = [] }
    let (before, known) = planning.withLock { planning in
      defer { (planning.before, planning.known) = (nil, []) }
      return (planning.before, planning.known)
    }
    if let before { ended(table.times.filter { before[$0.key] == nil }, known) }
  }

  private func use(_ keys: some Sequence<TuningTable.Key>) {
    planning.withLock { planning in
      for key in keys where planning.before?[key] != nil { planning.known.insert(key) }
    }
  }

  var isSpent: Bool { monotonicNanoseconds() >= deadline.load(ordering: .relaxed) }

  /// Times by position of the candidate; those that the budget or a refusal left out are missing.
  ///
  /// A node with a single way to run is not measured. Either all its candidates are, or none: a guess beside a
  /// measurement would decide by the guess. They are tried in the order of their `predicted` times, so that those which
  /// are slow are seen to be at once. When the budget is spent, what was measured of the nearest sizes serves.
  func times(
    of candidates: [Candidate], _ request: KernelRequest, text: String, _ constants: [Constant?],
    predicted: [Double]
  ) -> [Int: Double] {
    let kernels = candidates.indices.filter { candidates[$0].backend != nil }
    guard candidates.count > 1, !kernels.isEmpty else { return [:] }
    let family = request.familyText
    var offers: [String: Int] = [:]
    var keys: [Int: TuningTable.Key] = [:]
    for i in kernels {
      guard case .kernel(let kernel) = candidates[i].method else { continue }
      let offer = offers[kernel.name, default: 0]
      offers[kernel.name] = offer + 1
      keys[i] = TuningTable.Key(request: text, kernel: kernel.name, version: kernel.version, offer: offer)
    }
    var times = state.withLock { table in keys.compactMapValues { table.times[$0] } }
    use(keys.values)
    for i in kernels.sorted(by: { (predicted[$0], $0) < (predicted[$1], $1) }) where times[i] == nil {
      guard case .kernel(let kernel) = candidates[i].method, let key = keys[i] else { continue }
      if isSpent {
        guard let time = state.withLock({ $0.nearest(to: key, family, request.work) }) else { return [:] }
        times[i] = time
        continue
      }
      let best = times.values.min() ?? .infinity
      let time =
        measured { $0.time(kernel, candidates[i].offer, request, constants, best: best) } ?? .infinity
      state.withLock { $0.record(time, key, family, request.work) }
      times[i] = time
    }
    return times
  }

  /// Times of what is raced as a whole, such as a chain of steps by the rows of its bands; nil where they are not known
  /// and the `budget` is nothing.
  func times(
    of request: String, _ kernel: String, variants: [Int], budget: UInt64,
    _ race: (_ budget: UInt64) -> [Double]
  ) -> [Double]? {
    let keys = variants.map { TuningTable.Key(request: request, kernel: kernel, version: 1, offer: $0) }
    let known = state.withLock { table in keys.compactMap { table.times[$0] } }
    use(keys)
    if known.count == keys.count { return known }
    if budget == 0 { return nil }
    let times = race(budget)
    state.withLock { for (key, time) in zip(keys, times) { $0.times[key] = time } }
    return times
  }

  private func measured(_ body: (KernelMeasurement) -> Double?) -> Double? {
    let memory = memories.withLock { $0.popLast() } ?? MeasuringMemory()
    defer { memories.withLock { $0.append(memory) } }
    memory.reset()
    return body(KernelMeasurement(memory: memory, threads: threads))
  }
}
