import Synchronization

/// Work that is split into chunks: a small struct of pointers and sizes that lives on the caller's stack.
///
/// A closure would be allocated on the heap at every call; a run must not.
package protocol ParallelWork {
  /// Does one chunk; chunks run in any order and on any thread.
  func run(chunk: Int)
  /// Does one chunk of the work at an address. A requirement, so that the type alone says what to call: a generic
  /// closure would carry the type in a context on the heap wherever the compiler does not specialize it.
  static func run(_ work: UnsafeRawPointer, chunk: Int)
}

extension ParallelWork {
  @inlinable
  package static func run(_ work: UnsafeRawPointer, chunk: Int) {
    work.assumingMemoryBound(to: Self.self).pointee.run(chunk: chunk)
  }
}

/// The threads that one run may use.
///
/// The number of chunks depends on shapes alone, so the result has the same bits on any number of threads; the lease
/// only decides who runs them.
package struct Workers: Sendable {
  @usableFromInline package let team: Team?

  package init(team: Team?) { self.team = team }

  /// Only the calling thread.
  package static let none = Workers(team: nil)

  /// Threads that run chunks, the caller among them.
  package var count: Int { (team?.leasedCount ?? 0) + 1 }

  /// Runs every chunk in `0..<chunks` and returns when all are done.
  @inlinable
  package func forEach<Work: ParallelWork>(_ chunks: Int, _ work: Work) {
    guard let team, chunks > 1, team.leasedCount > 0 else {
      var chunk = 0
      while chunk < chunks {
        work.run(chunk: chunk)
        chunk += 1
      }
      return
    }
    withUnsafePointer(to: work) { pointer in
      team.dispatch(chunks, UnsafeRawPointer(pointer), of: Work.self)
    }
  }
}
