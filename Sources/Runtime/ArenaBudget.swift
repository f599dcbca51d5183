import Synchronization

/// The bytes that the arenas of all requests of a model may take together.
///
/// A request that needs a new arena beyond the limit gives up its own arenas first, then takes those of requests that
/// do not run. The arena of a run itself is always made: a model runs however low the limit is.
package final class ArenaBudget: Sendable {
  private struct Member {
    weak var shelf: ArenaShelf?
  }

  package let byteLimit: Int
  private let used = Atomic<Int>(0)
  private let members = Mutex<[Member]>([])

  package init(byteLimit: Int = PlanBudget.defaultByteLimit) { self.byteLimit = byteLimit }

  /// Bytes of the arenas that are held.
  package var byteCount: Int { used.load(ordering: .relaxed) }

  func add(_ shelf: ArenaShelf) {
    members.withLock { members in
      // Shelves of requests that ended leave their places.
      if members.count == members.capacity { members.removeAll { $0.shelf == nil } }
      members.append(Member(shelf: shelf))
    }
  }

  func take(_ byteCount: Int) { used.add(byteCount, ordering: .relaxed) }
  func giveBack(_ byteCount: Int) { used.subtract(byteCount, ordering: .relaxed) }

  /// Whether `byteCount` more bytes fit.
  func hasRoom(for byteCount: Int) -> Bool { byteCount <= byteLimit - min(byteLimit, self.byteCount) }

  /// Empties shelves that are not in use until `byteCount` bytes fit.
  func makeRoom(for byteCount: Int, apartFrom shelf: ArenaShelf) {
    for other in members.withLock({ $0.compactMap(\.shelf) }) where other !== shelf {
      if hasRoom(for: byteCount) { return }
      other.emptyIfIdle()
    }
  }
}

/// The arenas of one request, each with its plan: the one used last is the last.
///
/// Unchecked: `instances` belongs to the thread that changed `isBusy` from false to true, until it changes it back.
final class ArenaShelf: @unchecked Sendable {
  private var instances: [(plan: ObjectIdentifier, instance: PlanInstance)] = []
  private let isBusy = Atomic<Bool>(false)
  private let budget: ArenaBudget

  /// The most instances that are kept.
  private static let capacity = 64

  init(_ budget: ArenaBudget) {
    self.budget = budget
    budget.add(self)
  }

  deinit { budget.giveBack(byteCount) }

  private var byteCount: Int { instances.reduce(0) { $0 + $1.instance.arenaByteCount } }

  /// Begins a run. Only a request that empties this shelf at this moment makes it wait.
  func enter() {
    while !isBusy.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing).exchanged
    {}
  }

  func leave() { isBusy.store(false, ordering: .releasing) }

  func emptyIfIdle() {
    guard isBusy.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing).exchanged
    else { return }
    budget.giveBack(byteCount)
    instances = []
    leave()
  }

  /// The memory for a run of `plan`, made now if it is not held. Only between `enter()` and `leave()`.
  func instance(of plan: ExecutionPlan) throws(RunError) -> PlanInstance {
    if let i = instances.lastIndex(where: { $0.plan == ObjectIdentifier(plan) }) {
      if i != instances.count - 1 { instances.append(instances.remove(at: i)) }
      return instances[instances.count - 1].instance
    }
    // Room is made before the new arena is: both at once could be too much.
    while !instances.isEmpty, instances.count >= Self.capacity || !budget.hasRoom(for: plan.arenaByteCount) {
      budget.giveBack(instances.removeFirst().instance.arenaByteCount)
    }
    budget.makeRoom(for: plan.arenaByteCount, apartFrom: self)
    let instance: PlanInstance
    do { instance = try PlanInstance(plan) } catch { throw RunError("arena", .tensor(error)) }
    budget.take(plan.arenaByteCount)
    instances.append((ObjectIdentifier(plan), instance))
    return instance
  }
}
