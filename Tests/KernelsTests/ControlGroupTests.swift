import Foundation
import Host
import Kernels
import Testing

/// Reads made-up trees of files.
@Suite struct ControlGroupTests {
  private func read(_ files: [String: String]) throws -> ControlGroup {
    let root = FileManager.default.temporaryDirectory.appendingPathComponent("groups-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: root) }
    for (path, text) in files {
      let file = root.appendingPathComponent(path)
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try text.write(to: file, atomically: false, encoding: .utf8)
    }
    return ControlGroup.read(root: root.path)
  }

  @Test func nestedGroupOfVersion2() throws {
    let group = try read([
      "proc/self/cgroup": "0::/outer/inner\n",
      "proc/self/mountinfo": "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n",
      "sys/fs/cgroup/outer/memory.max": "max\n", "sys/fs/cgroup/outer/cpu.max": "150000 100000\n",
      "sys/fs/cgroup/outer/inner/memory.max": "60000000\n",
      "sys/fs/cgroup/outer/inner/cpu.max": "50000 100000\n",
    ])
    #expect(group == ControlGroup(memoryLimit: 60_000_000, quota: 0.5))
  }

  @Test func groupAboveHasTheSmallerLimit() throws {
    let group = try read([
      "proc/self/cgroup": "0::/outer/inner\n",
      "sys/fs/cgroup/outer/memory.max": "1000000\n", "sys/fs/cgroup/outer/cpu.max": "100000 100000\n",
      "sys/fs/cgroup/outer/inner/memory.max": "2000000\n",
      "sys/fs/cgroup/outer/inner/cpu.max": "max 100000\n",
    ])
    #expect(group == ControlGroup(memoryLimit: 1_000_000, quota: 1))
  }

  @Test func nestedGroupsOfVersion1() throws {
    let none = "9223372036854771712\n"
    let group = try read([
      "proc/self/cgroup": "4:memory:/outer/inner\n1:cpu,cpuacct:/outer/inner\n0::/\n",
      "sys/fs/cgroup/memory/memory.limit_in_bytes": none,
      "sys/fs/cgroup/memory/outer/memory.limit_in_bytes": none,
      "sys/fs/cgroup/memory/outer/inner/memory.limit_in_bytes": "60000000\n",
      "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
      "sys/fs/cgroup/cpu/outer/inner/cpu.cfs_quota_us": "250000\n",
      "sys/fs/cgroup/cpu/outer/inner/cpu.cfs_period_us": "100000\n",
    ])
    #expect(group == ControlGroup(memoryLimit: 60_000_000, quota: 2.5))
  }

  @Test func containerSeesItsGroupAtTheMount() throws {
    let group = try read([
      "proc/self/cgroup": "3:memory:/docker/abc\n2:cpu,cpuacct:/docker/abc\n",
      "proc/self/mountinfo": """
      33 24 0:28 /docker/abc /mnt/groups/memory ro shared:9 - cgroup cgroup rw,memory
      34 24 0:29 /docker/abc /mnt/cpu ro - cgroup cgroup rw,cpu,cpuacct
      """,
      "mnt/groups/memory/memory.limit_in_bytes": "70000000\n",
      "mnt/cpu/cpu.cfs_quota_us": "150000\n", "mnt/cpu/cpu.cfs_period_us": "100000\n",
    ])
    #expect(group == ControlGroup(memoryLimit: 70_000_000, quota: 1.5))
  }

  @Test func noLimits() throws {
    #expect(try read([:]) == ControlGroup())
    #expect(try read(["proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"]) == ControlGroup())
  }

  @Test func budgetIsAShareOfTheSmallerLimit() {
    #expect(MemoryBudget.bytes(total: 1_000, limit: nil) == 750)
    #expect(MemoryBudget.bytes(total: 1_000, limit: 400) == 300)
    #expect(MemoryBudget.bytes(total: 1_000, limit: 4_000) == 750)
  }

  @Test(.timeLimit(.minutes(1))) func pipesAndDevicesAreNotRead() throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("pipe-\(UUID().uuidString)").path
    defer { unlink(path) }
    #expect(mkfifo(path, 0o600) == 0)
    #expect(readSmallFile(path) == nil)
    #expect(throws: FileError.self) { try readFile(path) }
    #expect(throws: FileError.self) { try readFile("/dev/zero") }
    #expect(throws: FileError.self) { try readFile("/") }
    #expect(readSmallFile("/proc/self/status")?.contains("Cpus_allowed_list") == true)
  }
}
