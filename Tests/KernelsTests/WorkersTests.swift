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

  @Test func workIsTakenOverFromThreadsThatDoNotStart() {
    let pool = WorkerPool(holdsThreads: true)
    let counts = UnsafeMutablePointer<Int>.allocate(capacity: 100)
    defer { counts.deallocate() }
    counts.initialize(repeating: 0, count: 100)
    for turn in 1...200 {
      // Each team is gone before the threads look at what was published for them.
      let team = Team(threads: 4, pool: pool)
      team.lease()
      #expect(team.leasedCount == 3)
      for _ in 0..<3 { Workers(team: team).forEach(100, Count(counts: counts)) }
      team.release()
      if turn == 100 { pool.letGo(2) }
    }
    #expect((0..<100).allSatisfy { counts[$0] == 600 })
  }

  @Test func manyTeamsAtOnce() async {
    let pool = WorkerPool()
    let right = await withTaskGroup(of: Bool.self) { group in
      for seed in 0..<64 {
        group.addTask {
          let counts = UnsafeMutablePointer<Int>.allocate(capacity: 40)
          defer { counts.deallocate() }
          counts.initialize(repeating: 0, count: 40)
          for turn in 0..<50 {
            let team = Team(threads: 2 + (seed + turn) % 3, yields: turn % 2 == 0, pool: pool)
            team.lease()
            for chunks in [1, 3, 40] { Workers(team: team).forEach(chunks, Count(counts: counts)) }
            team.release()
          }
          return counts[0] == 150 && counts[2] == 100 && counts[39] == 50
        }
      }
      return await group.reduce(true) { $0 && $1 }
    }
    #expect(right)
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
