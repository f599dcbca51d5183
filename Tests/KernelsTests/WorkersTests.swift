import Host
import Kernels
import Synchronization
import Testing

private struct Count: ParallelWork {
  let counts: UnsafeMutablePointer<Int>
  func run(chunk: Int) { counts[chunk] += 1 }
}

@Suite struct WorkersTests {
  @Test(arguments: [1, 2, 3, 8])
  func everyChunkRunsOnce(threads: Int) {
    let team = Team(threads: threads)
    let counts = UnsafeMutablePointer<Int>.allocate(capacity: 100)
    defer { counts.deallocate() }
    counts.initialize(repeating: 0, count: 100)
    team.lease()
    defer { team.release() }
    for _ in 0..<1000 {
      for chunks in [0, 1, 2, 7, 100] { Workers(team: team).forEach(chunks, Count(counts: counts)) }
    }
    #expect(counts[0] == 4000)
    #expect(counts[1] == 3000)
    #expect(counts[6] == 2000)
    #expect(counts[99] == 1000)
  }

  @Test func leasesAreExclusive() {
    let pool = WorkerPool()
    let teams = (0..<40).map { _ in Team(threads: 3, pool: pool) }
    for team in teams { team.lease() }
    // 63 workers serve 31 teams of three threads, one gets a single worker, the rest run alone.
    #expect(teams.map(\.leasedCount).reduce(0, +) == 63)
    for team in teams { team.release() }
    #expect(teams.allSatisfy { $0.leasedCount == 0 })
  }

  @Test func budgetIsTheSmallestLimit() {
    #expect(ThreadBudget(affinity: 8, quota: nil, requested: nil).threads == 8)
    #expect(ThreadBudget(affinity: 8, quota: 1.5, requested: nil).threads == 2)
    #expect(ThreadBudget(affinity: 8, quota: 4, requested: 3).threads == 3)
    #expect(ThreadBudget(affinity: 2, quota: nil, requested: 0).threads == 1)
    #expect(ControlGroup.parseCPUMax("150000 100000\n") == 1.5)
    #expect(ControlGroup.parseCPUMax("max 100000\n") == nil)
    #expect(ThreadBudget.parseAllowedCPUs("Name:\tx\nCpus_allowed_list:\t0-3,8\n") == 5)
    #expect(ThreadBudget.parseAllowedCPUs("Name:\tx\n") == nil)
  }
}
