import Synchronization

/// The bytes that all programs of a model may take together: those of its graph, of graphs inside it, and of every
/// backend. Beyond them the least recently used goes first.
///
/// A program is weighed by what it alone holds: steps, addresses, constants and packed weights that were made for its
/// sizes. Arenas belong to requests, which have a bound of their own.
package final class PlanBudget: Sendable {
  private struct Member {
    weak var executable: Executable?
  }

  private struct Held {
    var executable: Executable
    var key: [InputKey]
    var byteCount: Int
    var lastUse: UInt64
  }

  package let byteLimit: Int
  private let used = Atomic<Int>(0)
  private let clock = Atomic<UInt64>(0)
  private let evictions = Atomic<Int>(0)
  private let members = Mutex<[Member]>([])

  package static let defaultByteLimit = 256 << 20

  package init(byteLimit: Int = PlanBudget.defaultByteLimit) { self.byteLimit = byteLimit }

  /// Bytes of the programs that are held.
  package var byteCount: Int { used.load(ordering: .relaxed) }
  /// Programs given up so far.
  package var evictionCount: Int { evictions.load(ordering: .relaxed) }

  /// Counts uses: later ones are greater.
  func now() -> UInt64 { clock.add(1, ordering: .relaxed).newValue }

  func add(_ executable: Executable) {
    members.withLock { members in
      // Executables of programs that went away leave their places.
      if members.count == members.capacity { members.removeAll { $0.executable == nil } }
      members.append(Member(executable: executable))
    }
  }

  func release(_ byteCount: Int) { used.subtract(byteCount, ordering: .relaxed) }

  /// Takes the bytes of a new program, and makes room for them.
  func charge(_ byteCount: Int) {
    used.add(byteCount, ordering: .relaxed)
    if self.byteCount > byteLimit { makeRoom() }
  }

  /// Gives up programs, the least recently used first, until an eighth of the limit is free: so their order is looked
  /// for once for many. The last one used stays, however large.
  private func makeRoom() {
    // Programs, and the executables inside them, end after the locks are released.
    var released: [Executable.Entry] = []
    var held: [Held] = []
    for executable in members.withLock({ $0.compactMap(\.executable) }) {
      held += executable.weigh().map {
        Held(executable: executable, key: $0.key, byteCount: $0.byteCount, lastUse: $0.lastUse)
      }
    }
    held.sort { $0.lastUse < $1.lastUse }
    for item in held.dropLast() where byteCount > byteLimit - byteLimit / 8 {
      guard let entry = item.executable.remove(item.key, unusedSince: item.lastUse) else { continue }
      release(entry.byteCount)
      released.append(entry)
    }
    evictions.add(released.count, ordering: .relaxed)
  }
}
